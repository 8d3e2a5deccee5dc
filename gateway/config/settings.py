"""Settings: the classes that check the tables of the configuration file. A plug-in subclasses SourceSettings."""

from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, model_validator

from gateway.config.secrets import Warn, read_secrets


def _silent(_message: str) -> None:
    """Warnings nobody asked for."""


class Settings(BaseModel):
    """
    One table of the configuration: frozen, unknown keys refused.

    A field of type SecretStr may also be given as `NAME_file = "path"` or as `NAME = "env:VARIABLE"`. The validation
    context may hold `base` (the folder where relative paths start) and `warn`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def secrets(cls) -> frozenset[str]:
        """Names of the fields that hold secrets."""
        return frozenset(n for n, f in cls.model_fields.items() if SecretStr in (f.annotation, *get_args(f.annotation)))

    @model_validator(mode="before")
    @classmethod
    def _read_secrets(cls, values: Any, info: ValidationInfo) -> Any:
        context = info.context or {}
        base: Path = context.get("base", Path())
        warn: Warn = context.get("warn", _silent)
        return read_secrets(values, cls.secrets(), base, warn)


class SourceSettings(Settings):
    """
    What every `[sources.NAME]` has; a plug-in adds its own fields in a subclass.

    Relative paths are kept as written: the collector resolves them against `CollectorContext.config_dir`.
    """

    kind: str
    enabled: bool = True
    interval_s: float = Field(default=20.0, ge=1, le=86_400)
    """How often the source is read at the least, in seconds; three without a success make it stale."""
