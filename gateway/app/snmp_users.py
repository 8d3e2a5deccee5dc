"""SNMP users: who is one, by which protocols and where that is written, and what refers to a file of keys. No key."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from gateway.app.places import SECRETS
from gateway.app.snmp_secrets import LOCAL, keys_file, nobody_may_ask, with_local_user
from gateway.config.configuration import Configuration
from gateway.notifier.settings import ReceiverSettings
from gateway.notifier.sinks.snmp_settings import SnmpTrapSettings
from gateway.publishers.snmp import SnmpSettings
from gateway.schema.snmp.user_fields import UserFields

KEY = "keys_file"
"""The key of a configuration that names a file of keys."""


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


def listed(
    configuration: Configuration | None, receivers: Mapping[str, ReceiverSettings], state_dir: Path
) -> Iterator[ListedUser]:
    """
    Users who may ask, as whom receivers are told, and whose keys are kept though nothing uses them. Blocking.

    Raises:
        ConfigError: the keys of the local user cannot be read.
    """
    named: set[str] = set()
    if configuration is not None:
        for user in _asking(configuration, state_dir):
            named.add(user.name)
            yield user
    for name, settings in receivers.items():
        if isinstance(settings, SnmpTrapSettings) and settings.user is not None:
            named.add(settings.user)
            yield _listed(settings.user, "receives", settings, settings.view or "all", f"receivers.{name}")
    for file in sorted((state_dir / SECRETS).glob("*.keys")):
        if file.stem not in {*named, LOCAL}:
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


def _asking(configuration: Configuration, state_dir: Path) -> Iterator[ListedUser]:
    settings = configuration.publishers["snmp"]
    assert isinstance(settings, SnmpSettings)
    for name, user in settings.users.items():
        yield _listed(name, "asks", user, user.view, f"publishers.snmp.users.{name}")
    if nobody_may_ask(settings) and keys_file(state_dir, LOCAL).exists():
        user = with_local_user(settings, state_dir).users[LOCAL]
        yield _listed(LOCAL, "asks, from this machine", user, user.view, "made by the gateway: nobody else may ask")


def _listed(name: str, use: str, given: UserFields, view: str, defined: str) -> ListedUser:
    level = "noAuthNoPriv" if given.auth is None else "authNoPriv" if given.priv is None else "authPriv"
    secret = "keys" if given.keys is not None else "passwords" if given.auth_password is not None else "none"
    return ListedUser(name, use, level, given.auth or "", given.priv or "", view, secret, defined)
