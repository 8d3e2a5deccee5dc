"""Settings that every kind of receiver has: what it is told of, how long it is tried, how much it can take."""

from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator

from gateway.config.settings import Settings
from gateway.model.conditions import Severity
from gateway.model.events import EventKind
from gateway.model.notices import NoticeKind
from gateway.notifier.selection import Selection
from gateway.notifier.storm import StormTerms
from gateway.notifier.terms import Terms
from gateway.support.backoff import Backoff

_SEVERITIES = ("critical", "major", "minor", "warning")
_START = "every receiver is told of a start"
_NO_CHOICE = {
    NoticeKind.COLD_START: _START,
    NoticeKind.WARM_START: _START,
    NoticeKind.HEARTBEAT: "heartbeat_s asks for it",
    NoticeKind.TEST: "it is sent when somebody asks for it",
    NoticeKind.SUMMARY: "it stands for events of the kinds that are listed",
}
_KINDS = (*EventKind, *(kind for kind in NoticeKind if kind not in _NO_CHOICE))


def _listed(kind: object) -> object:
    for notice, said in _NO_CHOICE.items():
        if kind == notice:
            raise ValueError(f"is not chosen by its kind: {said}")
    if kind not in _KINDS:
        raise ValueError(f"must be {', '.join(repr(each.value) for each in _KINDS[:-1])} or {_KINDS[-1].value!r}")
    return kind


class ReceiverSettings(Settings):
    """`[receivers.NAME]`; a kind of receiver adds its own fields in a subclass."""

    kind: str = Field(description="Name the kind of receiver.")
    enabled: bool = Field(default=True, description="Give true or false.")

    kinds: tuple[Annotated[EventKind | NoticeKind, BeforeValidator(_listed)], ...] = Field(
        default=(), description="List kinds of events, or leave it out for all."
    )
    """Empty: all. Of notices only what is not chosen by other means."""
    severity: str | None = Field(default=None, description=f"Give one of {', '.join(_SEVERITIES)}.")
    """The least severity of alarms; relocations are sent whatever theirs is, `kinds` chooses them."""
    labels: dict[str, str] = Field(default_factory=dict, description='Give attributes, such as { team = "web" }.')
    sites: tuple[str, ...] = Field(default=(), description="List names of sites.")

    consequences: bool = Field(default=False, description="Give true or false.")
    """Also alarms that follow from another one that this receiver is told of, one by one."""

    give_up_after_s: float = Field(default=86_400.0, ge=1, le=31_536_000, description="Give 1 to 31536000 seconds.")
    """Age of an event that is not tried any more."""
    give_up_attempts: int = Field(default=0, ge=0, le=1_000_000, description="Give a number of tries; 0: any.")
    longest_pause_s: float = Field(default=300.0, ge=0.1, le=86_400, description="Give 0.1 to 86400 seconds.")
    """Pauses between tries begin at a second (or at this, when it is less) and double up to this."""
    relocations_per_cause: int = Field(default=20, ge=0, le=100_000, description="Give a number; 0: no limit.")
    """So many of one cause are sent one by one in ten seconds; the others come in a summary."""
    events_per_10s: int = Field(default=2_000, ge=0, le=1_000_000, description="Give a number; 0: no limit.")
    """Above that, what is not the end of an alarm comes in a summary."""
    heartbeat_s: float = Field(default=0.0, ge=0, le=86_400, description="Give seconds; 0: no heartbeats.")
    runbook_url: str = Field(
        default="", max_length=255, description='Give a URL; "{kind}" and "{condition}" are filled in.'
    )

    @field_validator("severity")
    @classmethod
    def _known(cls, severity: str | None) -> str | None:
        if severity is not None and severity not in _SEVERITIES:
            raise ValueError(f"{severity!r} is no severity")
        return severity

    def terms(self) -> Terms:
        """On which conditions the receiver is served."""
        least = Severity[self.severity.upper()] if self.severity is not None else None
        return Terms(
            give_up_after_s=self.give_up_after_s,
            give_up_attempts=self.give_up_attempts,
            deliver_timeout_s=self.deliver_timeout_s,
            patience=Backoff(min(1.0, self.longest_pause_s), self.longest_pause_s),
            selection=Selection(frozenset(self.kinds), least, self.labels, frozenset(self.sites), self.consequences),
            storm=StormTerms(self.relocations_per_cause, self.events_per_10s),
        )

    @property
    def address(self) -> str:
        """Where it is, for people."""
        return ""

    @property
    def protocol(self) -> str:
        """By what it is told, for people."""
        return self.kind

    @property
    def acknowledges(self) -> bool:
        """Whether it says that it got a notification."""
        return False

    @property
    def deliver_timeout_s(self) -> float:
        """Longest that one try may take: the kind of receiver knows."""
        return 30.0
