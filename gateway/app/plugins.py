"""Plug-in discovery: only what is configured is imported; a missing library is named with the line that installs it."""

import difflib
import importlib
import shlex
import sys
import tomllib
from contextlib import suppress
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules

import gateway.collectors
from gateway.config.settings import SourceSettings
from gateway.model.errors import ConfigError
from gateway.model.ports import CollectorPlugin
from gateway.support.resources import PACKAGE

GROUP = "gateway.collectors"
"""Entry-point group of third parties; also the package of the built-in ones."""
DISTRIBUTION = "cim-snmp-gateway"
BUILT_WITH = {"libvirt": "python3-dev gcc pkg-config libvirt-dev"}
"""Debian packages that a library is built with when pip installs it."""


def kinds() -> dict[str, str]:
    """Every kind of source that is installed, and where its PLUGIN is (`package.module:PLUGIN`)."""
    found = {entry.name: entry.value for entry in metadata.entry_points(group=GROUP)}
    for module in iter_modules(gateway.collectors.__path__):
        if module.ispkg and not module.name.startswith("_"):
            found[module.name] = f"{GROUP}.{module.name}:PLUGIN"
    return {kind: place for kind, place in sorted(found.items()) if _is_there(place)}


def collector_plugin(kind: str) -> CollectorPlugin:
    """
    Import the plug-in of one kind of source.

    Raises:
        ConfigError: unknown kind, or its library is not installed.
    """
    known = kinds()
    if kind not in known:
        close = difflib.get_close_matches(kind, known, n=1)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise ConfigError(f"unknown kind of source. {hint}Known: {', '.join(known) or 'none'}.")
    module, _, attribute = known[kind].partition(":")
    try:
        plugin = getattr(importlib.import_module(module), attribute or "PLUGIN", None)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "gateway":
            raise
        raise ConfigError(
            f"the library {missing!r} of this kind of source is not installed. {_installs(missing, extra_of(kind))}"
        ) from error
    if not isinstance(plugin, CollectorPlugin):
        raise ConfigError(f"{known[kind]} is no collector plug-in. Install a version of it that fits this gateway.")
    return plugin


def replayable() -> tuple[str, ...]:
    """The kinds whose recordings can be replayed. Imports every plug-in; one that cannot be imported has none."""
    found = []
    for kind in kinds():
        with suppress(ConfigError):
            if collector_plugin(kind).replay is not None:
                found.append(kind)
    return tuple(found)


def extra_of(kind: str) -> str:
    """The extra of this distribution that brings a kind's library: named like the kind, or `all`."""
    return kind if kind in _extras() else "all"


def source_settings(kind: str) -> type[SourceSettings]:
    """
    The settings class of a kind of source.

    Raises:
        ConfigError: as `collector_plugin`.
    """
    wanted = collector_plugin(kind).settings
    if not issubclass(wanted, SourceSettings):
        raise ConfigError(f"its settings class {wanted.__name__} is no SourceSettings. Install a version that fits.")
    return wanted


def _installs(library: str, extra: str) -> str:
    """What to type, in a checkout: this distribution is in no registry."""
    packages = f"apt-get install {BUILT_WITH[library]} && " if library in BUILT_WITH else ""
    pip = shlex.quote(str(Path(sys.prefix) / "bin" / "pip"))
    return f"In a checkout of {DISTRIBUTION} run: {packages}{pip} install '.[{extra}]'"


def _is_there(place: str) -> bool:
    """A package that an older or newer installation names but that is not there is no known kind."""
    try:
        return find_spec(place.partition(":")[0]) is not None
    except ModuleNotFoundError:
        return False


def _extras() -> frozenset[str]:
    """Those of the installation, and of the checkout that it runs from, which may be newer."""
    pyproject = PACKAGE.parent / "pyproject.toml"
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"] if pyproject.is_file() else {}
    found = set(project.get("optional-dependencies", {}))
    with suppress(metadata.PackageNotFoundError):
        found.update(metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or ())
    return frozenset(found)
