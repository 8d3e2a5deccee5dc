"""Models of planned windows: what is asked for, and what is shown."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from gateway.model.entities import EntityKind
from gateway.model.windows import WindowState
from gateway.publishers.rest.models import Model, Ref


class WindowWanted(BaseModel):
    """A window that is to be declared."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: str = Field(min_length=1, max_length=255, examples=["kernel update of rack 3"])
    """What is done, for people."""
    entities: list[str] = Field(min_length=1, max_length=100, examples=[["h1", "rack:r3"]])
    """Indexes, ids, names or KIND:NAME; what depends on them is covered too."""
    kind: EntityKind | None = None
    """When several things have that name."""
    starts_at: str | None = Field(default=None, max_length=64, examples=["2026-11-21T03:00:00Z", "+1h"])
    """RFC 3339, seconds since 1970, or from now on (`1h`); left out: now."""
    ends_at: str = Field(max_length=64, examples=["2026-11-21T05:00:00Z", "+2h"])
    """RFC 3339, seconds since 1970, or from its start on (`2h30m`)."""
    reason: str = Field(default="", max_length=1000)
    by: str = Field(default="", max_length=255)
    """Who declares it, when that is no token: a token's name is taken for it."""


class WindowModel(Model):
    """A planned window."""

    index: int
    id: str
    name: str
    reason: str
    state: WindowState
    entities: list[Ref]
    """What it names; what depends on that is covered too. What is gone is left out."""
    starts_at: datetime
    ends_at: datetime
    declared_by: str
    declared_at: datetime
    begun_at: datetime | None
    """When its start was told."""
    ended_at: datetime | None
    event_id: str | None
    """Of the event of its start."""
    relocations: int
    """Told as planned by it, as `failures`."""
    failures: int


class WindowDetail(WindowModel):
    """A planned window, with all that it covers."""

    covers: list[Ref]
    """By index; the entities that it names among them. What is stopped and registered nowhere is left out."""


class WindowsModel(Model):
    """The planned windows that have not ended, by index."""

    items: list[WindowModel]
    revision: int
    at: datetime


class WindowDeclared(WindowModel):
    """A window that was declared."""

    notes: list[str]
    """Which thing a name was taken for, where it has several."""
