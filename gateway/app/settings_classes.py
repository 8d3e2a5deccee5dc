"""Settings classes: which class checks which table of the configuration (port of the loader)."""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from gateway.app.plugins import source_settings
from gateway.app.sinks import RECEIVER_KINDS
from gateway.app.views import view_problems
from gateway.config.configuration import Configuration, load
from gateway.config.problems import KeyPath, Problem
from gateway.config.settings import Settings, SourceSettings
from gateway.model.errors import ConfigError
from gateway.publishers.rest import RestSettings
from gateway.publishers.snmp import SnmpSettings

PUBLISHERS: Mapping[str, type[Settings]] = {"snmp": SnmpSettings, "rest": RestSettings}


class PluginClasses:
    """The settings classes of everything that is installed. Only the kinds that are asked for are imported."""

    def source(self, kind: str) -> type[SourceSettings]:
        return source_settings(kind)

    def receiver(self, kind: str) -> type[Settings]:
        if kind not in RECEIVER_KINDS:
            raise ConfigError(f"unknown kind of receiver. Known: {', '.join(RECEIVER_KINDS)}.")
        return RECEIVER_KINDS[kind].settings

    def publisher(self, name: str) -> type[Settings]:
        return PUBLISHERS[name]

    def publishers(self) -> tuple[str, ...]:
        return tuple(PUBLISHERS)

    def problems(self, publishers: Mapping[str, Settings], receivers: Mapping[str, Settings]) -> Iterator[Problem]:
        snmp = publishers.get("snmp")
        if isinstance(snmp, SnmpSettings):
            yield from view_problems(snmp, receivers)


def load_configuration(
    path: Path, environ: Mapping[str, str] = os.environ, only: Collection[KeyPath] | None = None
) -> Configuration:
    """
    Read and check a configuration file with the settings classes of all plug-ins; `only`: these tables or keys of it.

    Raises:
        ConfigError: with everything that is wrong.
    """
    return load(path, PluginClasses(), environ, only)
