"""SNMP users: who is one, by which protocols and where that is written, and what refers to a file of keys. No key."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path
from typing import Any

from gateway.app.places import SECRETS
from gateway.app.receiver_desk import checked
from gateway.app.settings_classes import load_configuration
from gateway.app.snmp_secrets import LOCAL, LOCAL_TABLE, keys_file, with_local_user
from gateway.config import environment
from gateway.config.configuration import read_toml
from gateway.config.problems import ConfigurationError
from gateway.model.errors import ConfigError
from gateway.publishers.snmp import SnmpSettings

KEY = "keys_file"
"""The key of a configuration that names a file of keys."""


_SNMP = ("publishers", "snmp")
_USERS = (*_SNMP, "users")


@dataclass(frozen=True, slots=True)
class ListedUser:
    """A user of SNMPv3. `auth`, `priv`: protocols, empty: none. `secret`: what is kept of it. `defined`: where."""

    name: str
    use: str
    """What it may: ask, or be told as."""
    level: str
    auth: str
    priv: str
    view: str
    secret: str
    defined: str
    wrong: str = ""
    """Why the gateway cannot use it, such as a secret that cannot be read, and what to do; empty: nothing."""


def listed(config: Path | None, stored: Mapping[str, Mapping[str, Any]], state_dir: Path) -> Iterator[ListedUser]:
    """
    Users who may ask, as whom receivers are told, and whose keys are kept though nothing uses them. Blocking.

    Shown is what the tables say; of their secrets only whether they can be read. `stored`: the tables of receivers
    that were made at run time.

    Raises:
        ConfigError: the configuration is not TOML.
    """
    document: dict[str, Any] = {}
    if config is not None:
        document = read_toml(config)
        environment.override(document, os.environ)
        yield from _asking(config, _within(_within(document, "publishers"), "snmp"), state_dir)
    yield from _told(config, _within(document, "receivers"), stored, state_dir)
    folder = state_dir / SECRETS
    base = config.resolve().parent if config is not None else folder
    for file in sorted(folder.glob("*.keys")):
        used = [*references(document, base, file), *references({"receivers": stored}, folder, file)]
        if file.stem != LOCAL and not used:
            yield ListedUser(file.stem, "nothing", "", "", "", "", "keys", f"{file} only")


def references(document: Mapping[str, Any], base: Path, file: Path) -> Iterator[str]:
    """The tables of a configuration's document that name a file of keys; `base`: where its relative paths start."""
    for section in (("publishers", "snmp", "users"), ("receivers",)):
        for name, given in reduce(_within, section, document).items():
            path = given.get(KEY) if isinstance(given, Mapping) else None
            if isinstance(path, str) and (base / Path(path).expanduser()).resolve() == file.resolve():
                yield ".".join((*section, name, KEY))


def _within(tables: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = tables.get(key)
    return found if isinstance(found, Mapping) else {}


def _asking(config: Path, snmp: Mapping[str, Any], state_dir: Path) -> Iterator[ListedUser]:
    users = _within(snmp, "users")
    for name, table in users.items():
        wrong = _wrong(partial(load_configuration, config, only=[(*_USERS, name), (*_SNMP, "views")]))
        yield _listed(name, "asks", table, f"publishers.snmp.users.{name}", wrong)
    if not users and not _within(snmp, "communities") and (file := keys_file(state_dir, LOCAL)).exists():
        wrong = _wrong(partial(with_local_user, SnmpSettings(), state_dir))
        table = {**LOCAL_TABLE, KEY: file}
        yield _listed(LOCAL, "asks, from this machine", table, "made by the gateway: nobody else may ask", wrong)


def _told(
    config: Path | None, tables: Mapping[str, Any], stored: Mapping[str, Mapping[str, Any]], state_dir: Path
) -> Iterator[ListedUser]:
    for name, table in sorted({**stored, **tables}.items()):
        user = table.get("user") if isinstance(table, Mapping) and table.get("kind") == "snmp" else None
        if not isinstance(user, str):
            continue
        if config is not None and name in tables:
            wrong = _wrong(partial(load_configuration, config, only=[("receivers", name)]))
        else:
            wrong = _wrong(partial(checked, name, table, state_dir / SECRETS))
        yield _listed(user, "receives", table, f"receivers.{name}", wrong)


def _wrong(read: Callable[[], object]) -> str:
    try:
        read()
    except ConfigurationError as error:
        return " ".join(map(str, error.problems))
    except ConfigError as error:
        return str(error)
    return ""


def _listed(name: str, use: str, given: Any, defined: str, wrong: str) -> ListedUser:
    table: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    auth, priv = (str(table.get(key) or "") for key in ("auth", "priv"))
    level = "noAuthNoPriv" if not auth else "authNoPriv" if not priv else "authPriv"
    kept = (("keys", ("keys", KEY)), ("passwords", ("auth_password", "auth_password_file")))
    secret = next((kind for kind, keys in kept if not table.keys().isdisjoint(keys)), "none")
    return ListedUser(name, use, level, auth, priv, str(table.get("view") or "all"), secret, defined, wrong)
