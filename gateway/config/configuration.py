"""The configuration: one TOML file and the environment, checked as a whole before anything starts."""

import os
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from pydantic import ValidationError

from gateway.config import environment
from gateway.config.problems import ConfigurationError, KeyPath, Problem, problems_of, unknown
from gateway.config.secrets import OTHERS
from gateway.config.settings import (
    GatewaySettings,
    Settings,
    SettleSettings,
    SocketSettings,
    SourceSettings,
    settle_times,
)
from gateway.model.conditions import SettleTimes
from gateway.model.errors import ConfigError

LARGEST = 4_000_000
"""Bytes; a larger file is no configuration of ours."""
SECTIONS = ("gateway", "sources", "publishers", "receivers", "settle")
_EXAMPLES = {"sources": "pacemaker", "receivers": "snmp"}
NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")

AnySettings = TypeVar("AnySettings", bound=Settings)


class SettingsClasses(Protocol):
    """Where the settings classes of plug-ins come from (`app` knows). Each raises ConfigError for an unknown kind."""

    def source(self, kind: str) -> type[SourceSettings]: ...
    def receiver(self, kind: str) -> type[Settings]: ...
    def publisher(self, name: str) -> type[Settings]: ...
    def publishers(self) -> tuple[str, ...]:
        """Names of all publishers; one without a table gets its defaults."""

    def problems(self, publishers: Mapping[str, Settings], receivers: Mapping[str, Settings]) -> Iterator[Problem]:
        """What does not fit between tables that are right by themselves."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the gateway shall do. `base`: the folder where relative paths start."""

    origin: str
    base: Path
    gateway: GatewaySettings
    settle: SettleTimes
    sources: Mapping[str, SourceSettings]
    publishers: Mapping[str, Settings]
    receivers: Mapping[str, Settings]
    warnings: tuple[str, ...] = ()
    path: Path | None = None


def load(
    path: Path,
    classes: SettingsClasses,
    environ: Mapping[str, str] = os.environ,
    only: Collection[KeyPath] | None = None,
) -> Configuration:
    """
    Read and check a configuration file; `only`: these tables or keys of it, as if the others were not there, so that no
    secret of theirs has to be at hand.

    Raises:
        ConfigError: with everything that is wrong.
    """
    base = path.resolve().parent
    return build(read_toml(path), classes, environ, origin=str(path), base=base, path=path, only=only)


@dataclass(frozen=True, slots=True)
class Installation:
    """What a command has to know of a configuration to find the gateway. `base`: where relative paths start."""

    base: Path
    gateway: GatewaySettings
    settle: SettleTimes
    unix_socket: Path | None
    sources: tuple[str, ...]
    """Names of the configured sources; their settings are not checked."""


def load_installation(path: Path, environ: Mapping[str, str] = os.environ) -> Installation:
    """
    Only `[gateway]`, `[settle]`, `publishers.rest.unix_socket` and the names of the sources: for commands that need no
    plug-in.

    Raises:
        ConfigError: with everything that is wrong there.
    """
    document = read_toml(path)
    origins, problems = environment.override(document, environ)
    base = path.resolve().parent
    check = _Check(base, problems)
    gateway = check.settings(GatewaySettings, ("gateway",), document.get("gateway", {}))
    settle = check.settings(SettleSettings, ("settle",), document.get("settle", {}))
    publishers = document.get("publishers", {})
    rest = publishers.get("rest", {}) if isinstance(publishers, Mapping) else {}
    socket = check.settings(SocketSettings, ("publishers", "rest"), rest)
    if problems or gateway is None or settle is None or socket is None:
        raise ConfigurationError(str(path), [_with_variable(problem, origins) for problem in problems])
    sources = document.get("sources", {})
    return Installation(
        base,
        gateway,
        settle_times(settle),
        base / socket.unix_socket if socket.unix_socket is not None else None,
        tuple(sources) if isinstance(sources, Mapping) else (),
    )


def read_toml(path: Path) -> dict[str, Any]:
    """
    The document of a TOML file.

    Raises:
        ConfigError: it cannot be read, or is not TOML.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}. Give the right file with --config.") from error
    if len(raw) > LARGEST:
        raise ConfigError(f"{path}: {len(raw)} bytes are too many for a configuration (at most {LARGEST}).")
    return parse_toml(raw, str(path))


def parse_toml(raw: bytes, origin: str) -> dict[str, Any]:
    """
    The document of TOML bytes.

    Raises:
        ConfigError: it is not TOML; says in which line.
    """
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{origin}: line {line}: is not UTF-8 text. Save the file as UTF-8.") from error
    except RecursionError as error:
        raise ConfigError(f"{origin}: is nested too deeply. Use the tables of the reference.") from error
    except ValueError as error:
        raise ConfigError(f"{origin}: is not TOML: {error}. Correct that line.") from error


def build(
    document: dict[str, Any],
    classes: SettingsClasses,
    environ: Mapping[str, str],
    *,
    origin: str,
    base: Path,
    path: Path | None = None,
    only: Collection[KeyPath] | None = None,
) -> Configuration:
    """
    Check a document (changed in place by the environment's overrides); `only` as of `load`.

    Raises:
        ConfigError: with everything that is wrong.
    """
    origins, problems = environment.override(document, environ)
    if only is not None:
        document = _part(document, only)
    check = _Check(base, problems)
    check.sections(document)
    gateway = check.settings(GatewaySettings, ("gateway",), document.get("gateway", {}))
    settle = check.settings(SettleSettings, ("settle",), document.get("settle", {}))
    sources = check.named(document, "sources", classes.source)
    receivers = check.named(document, "receivers", classes.receiver)
    publishers = check.publishers(document.get("publishers", {}), classes)
    if only is None:
        problems += classes.problems(publishers, receivers)
    if problems or gateway is None or settle is None:
        raise ConfigurationError(origin, [_with_variable(problem, origins) for problem in problems])
    if check.literal and path is not None and path.stat().st_mode & OTHERS:
        named = ", ".join(sorted(set(check.literal)))
        check.warnings.append(f"{path} holds secrets ({named}) and others may read it. Run: chmod o= {path}")
    found = cast(Mapping[str, SourceSettings], sources)
    check.warnings += _read_twice(found)
    return Configuration(
        origin,
        base,
        gateway,
        settle_times(settle),
        found,
        publishers,
        receivers,
        tuple(check.warnings),
        path,
    )


def _part(document: Mapping[str, Any], only: Collection[KeyPath]) -> dict[str, Any]:
    """What of a document is at or below these keys. What is no table where one has to be stays: it is to be told."""
    found: dict[str, Any] = {}
    for key in {path[0] for path in only} & document.keys():
        below = [path[1:] for path in only if path[0] == key]
        value = document[key]
        found[key] = _part(value, below) if isinstance(value, Mapping) and () not in below else value
    return found


def _read_twice(sources: Mapping[str, SourceSettings]) -> Iterator[str]:
    """What is read by two sources would be there twice, and each of them tells what happens to it."""
    first: dict[str, str] = {}
    for name, settings in sources.items():
        for address, key in settings.addresses.items() if settings.enabled else ():
            here = f"sources.{name}.{key}"
            if (there := first.setdefault(address, here)) != here:
                yield f"{here} has the address of {there}: two sources read one host. Leave one of them out"


def _with_variable(problem: Problem, origins: Mapping[KeyPath, str]) -> Problem:
    """Say which environment variable brought the wrong value."""
    for path, variable in origins.items():
        if problem.path[: len(path)] == path:
            return Problem(problem.path, f"{problem.text} (set by the environment variable {variable})")
    return problem


@dataclass(slots=True)
class _Check:
    """Checks table by table and gathers what is wrong."""

    base: Path
    problems: list[Problem]
    warnings: list[str] = field(default_factory=list)
    literal: list[str] = field(default_factory=list)

    def sections(self, document: Mapping[str, Any]) -> None:
        self.problems += [unknown((name,), SECTIONS, "section") for name in document if name not in SECTIONS]

    def settings(self, wanted: type[AnySettings], path: KeyPath, table: Any) -> AnySettings | None:
        if not isinstance(table, Mapping):
            self.problems.append(Problem(path, f" = {table!r}: must be a table. Write [{'.'.join(path)}]."))
            return None
        context = {"base": self.base, "warn": self.warnings.append, "literal": self.literal.append}
        try:
            return wanted.model_validate(table, context=context)
        except ValidationError as error:
            self.problems += problems_of(error, path, wanted, table)
        return None

    def named(
        self, document: Mapping[str, Any], section: str, find: Callable[[str], type[Settings]]
    ) -> dict[str, Settings]:
        """`[SECTION.NAME] kind = ...`: each table is checked by the class of its kind."""
        tables = document.get(section, {})
        if not isinstance(tables, Mapping):
            self.problems.append(Problem((section,), f" = {tables!r}: must be a table. Write [{section}.NAME]."))
            return {}
        found = {name: self._one(find, (section, name), table) for name, table in tables.items()}
        return {name: settings for name, settings in found.items() if settings is not None}

    def _one(self, find: Callable[[str], type[Settings]], path: KeyPath, table: Any) -> Settings | None:
        if not NAME.match(path[-1]):
            text = ": is no usable name. Use letters, digits, '.', '_' and '-', at most 64."
            self.problems.append(Problem(path, text))
            return None
        kind = table.get("kind") if isinstance(table, Mapping) else None
        if not isinstance(kind, str):
            example = _EXAMPLES[path[0]]
            self.problems.append(Problem((*path, "kind"), f': is missing. Add a line such as kind = "{example}".'))
            return None
        wanted = self._class(find, (*path, "kind"), kind)
        return self.settings(wanted, path, table) if wanted is not None else None

    def publishers(self, tables: Any, classes: SettingsClasses) -> dict[str, Settings]:
        """`[publishers.NAME]`: those that are not named get their defaults."""
        known = classes.publishers()
        if not isinstance(tables, Mapping):
            self.problems.append(Problem(("publishers",), f" = {tables!r}: must be a table. Write [publishers.snmp]."))
            return {}
        self.problems += [unknown(("publishers", name), known, "publisher") for name in tables if name not in known]
        made: dict[str, Settings] = {}
        for name in known:
            path = ("publishers", name)
            wanted = self._class(classes.publisher, path, name)
            settings = self.settings(wanted, path, tables.get(name, {})) if wanted is not None else None
            if settings is not None:
                made[name] = settings
        return made

    def _class(self, find: Callable[[str], type[Settings]], path: KeyPath, kind: str) -> type[Settings] | None:
        try:
            return find(kind)
        except ConfigError as error:
            shown = f" = {kind!r}" if path[-1] == "kind" else ""
            self.problems.append(Problem(path, f"{shown}: {error}"))
        return None
