"""Settings: the classes that check the tables of the configuration file. A plug-in subclasses SourceSettings."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)

from gateway.config.misfits import misfits
from gateway.config.secrets import Unreadable, Warn, read_secrets
from gateway.model.conditions import SECOND, SettleTimes


def _silent(_message: str) -> None:
    """Warnings nobody asked for."""


class Settings(BaseModel):
    """
    One table of the configuration: frozen, unknown keys refused. A field's description is the remedy in its errors.

    A field of type SecretStr may also be given as `NAME_file = "path"` or as `NAME = "env:VARIABLE"`. The validation
    context may hold `base` (the folder where relative paths start), `warn`, and `literal` (told of each secret that
    stands in the table itself).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def secrets(cls) -> frozenset[str]:
        """Names of the fields that hold secrets."""
        return frozenset(n for n, f in cls.model_fields.items() if SecretStr in (f.annotation, *get_args(f.annotation)))

    @classmethod
    def unread(cls, name: str) -> str:
        """What to do when the file of this secret cannot be read."""
        return "Write the secret there, readable by the gateway"

    @model_validator(mode="before")
    @classmethod
    def _read_secrets(cls, values: Any, info: ValidationInfo) -> Any:
        context = info.context or {}
        base: Path = context.get("base", Path())
        warn: Warn = context.get("warn", _silent)
        literal: Warn = context.get("literal", _silent)
        return read_secrets(values, {name: cls.unread(name) for name in cls.secrets()}, base, warn, literal)

    @field_validator("*", mode="before")
    @classmethod
    def _readable(cls, value: Any) -> Any:
        if isinstance(value, Unreadable):
            raise misfits([((value.key,), value.said)])
        return value


class SourceSettings(Settings):
    """
    What every `[sources.NAME]` has; a plug-in adds its own fields in a subclass.

    Relative paths are kept as written: the collector resolves them against `CollectorContext.config_dir`.
    """

    kind: str = Field(description="Name the kind of source.")
    enabled: bool = Field(default=True, description="Give true or false.")
    interval_s: float = Field(
        default=20.0,
        ge=1,
        le=86_400,
        description="To stop polling set enabled = false.",
    )
    """How often the source is read at the least, in seconds; three without a success make it stale."""

    @property
    def addresses(self) -> Mapping[str, str]:
        """What it reads: address -> key below the source's table. Two sources with one address are warned of."""
        return {}


class GatewaySettings(Settings):
    """`[gateway]`: where it lives, and how it talks."""

    state_dir: Path | None = Field(default=None, description="Name a folder that the gateway may write to.")
    """Database, socket and lock file; default: $STATE_DIRECTORY, else `~/.local/state/cim-snmp-gateway`."""
    instance: str = Field(default="", max_length=48, pattern=r"^[A-Za-z0-9._-]*$", description="Give a short name.")
    """Name of this gateway among others; default: the host's name."""
    database: SecretStr | None = Field(
        default=None, description='Give a URL: "sqlite:////path/topology.db" or "postgresql://user@host/db".'
    )
    """URL of the topology database; default: SQLite in the state folder."""
    retention_days: int = Field(default=400, ge=1, le=36_500, description="Give the number of days to keep history.")
    log: Literal["text", "json"] = Field(default="text", description='Give "text" or "json".')
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description='Give "DEBUG", "INFO", "WARNING" or "ERROR".'
    )


class SocketSettings(Settings):
    """What the command line has to know of `[publishers.rest]`; all other keys are the publisher's to check."""

    model_config = ConfigDict(extra="ignore")

    unix_socket: Path | None = Field(default=None, description="Name a file in a folder only you may enter.")


_COUNTS = frozenset({"stale_intervals"})
_FIXED = frozenset({"at_once"})


def _settle_fields() -> dict[str, Any]:
    """A field for each settle time, with its default in seconds."""
    defaults = SettleTimes()
    made: dict[str, Any] = {}
    for name in (field.name for field in fields(SettleTimes) if field.name not in _FIXED):
        value = getattr(defaults, name)
        if name in _COUNTS:
            made[name] = (int, Field(default=value, ge=1, le=1000, description="Give a number of intervals."))
        else:
            made[name] = (
                float,
                Field(default=value / SECOND, ge=0, le=86_400, description="Give a number of seconds, 0 to 86400."),
            )
    return made


SettleSettings: type[Settings] = create_model("SettleSettings", __base__=Settings, **_settle_fields())
"""`[settle]` in seconds; `stale_intervals` is a count."""


def settle_times(settings: Settings) -> SettleTimes:
    """`[settle]` in the model's microseconds."""
    given = settings.model_dump()
    return SettleTimes(**{k: int(v) if k in _COUNTS else round(v * SECOND) for k, v in given.items()})
