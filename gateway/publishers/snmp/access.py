"""Access: who may ask, from where, and which view they get. All views are read-only."""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from gateway.publishers.snmp.segments import ServedColumn
from gateway.publishers.snmp.settings import ALL, LOOPBACK, SnmpSettings, ViewSettings
from gateway.publishers.snmp.walk import Tree
from gateway.wire.ber import Oid
from gateway.wire.oid import parse_oid
from gateway.wire.usm import SecurityLevel, UsmUser

_REMEMBERED: Final = 4096


class View(NamedTuple):
    """What somebody sees: with SNMPv1 no Counter64 (RFC 3584 section 4.2.2.1)."""

    v1: Tree
    v2: Tree


class Sources:
    """The networks from which a community may be used; remembers addresses that it has judged."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)
        self._judged: dict[str, bool] = {}
        self.anywhere = not self._networks

    def allow(self, address: str) -> bool:
        if self.anywhere:
            return True
        judged = self._judged.get(address)
        if judged is None:
            judged = self._judge(address)
            if len(self._judged) >= _REMEMBERED:
                self._judged.clear()
            self._judged[address] = judged
        return judged

    def _judge(self, address: str) -> bool:
        parsed = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self._networks)


class Community(NamedTuple):
    """What a community opens."""

    sources: Sources
    view: View


class User(NamedTuple):
    """What a v3 user sees, and the security level that it must use (RFC 3415: vacmAccessSecurityLevel)."""

    level: SecurityLevel
    view: View


class Access:
    """Communities and users (made by `usm_users`), with their views over `columns`."""

    def __init__(self, settings: SnmpSettings, columns: Iterable[ServedColumn], users: Iterable[UsmUser]) -> None:
        views = _views(settings.views, tuple(columns))
        self.communities: Mapping[bytes, Community] = {
            each.community.get_secret_value().encode(): Community(Sources(each.allow), views[each.view])
            for each in settings.communities.values()
        }
        if not settings.communities and not settings.users:
            self.communities = {b"public": Community(Sources(LOOPBACK), views[ALL])}
        self.users: Mapping[bytes, User] = {
            usm.name: User(usm.level, views[settings.users[usm.name.decode()].view]) for usm in users
        }


def usm_users(settings: SnmpSettings, engine_id: bytes) -> tuple[UsmUser, ...]:
    """The users with keys localized to our engine. Hashing a password takes milliseconds, on purpose."""
    return tuple(user.credentials().keys(name).localize(engine_id) for name, user in settings.users.items())


def _views(settings: Mapping[str, ViewSettings], columns: tuple[ServedColumn, ...]) -> dict[str, View]:
    views = {name: _view(columns_in(view, columns)) for name, view in settings.items()}
    return {ALL: _view(columns), **views}


def _view(columns: Iterable[ServedColumn]) -> View:
    shown = tuple(columns)
    return View(Tree(column for column in shown if column.in_v1), Tree(shown))


def columns_in(view: ViewSettings, columns: Iterable[ServedColumn]) -> list[ServedColumn]:
    """The columns of a view; of two subtrees the longer one decides (RFC 3415 section 5, vacmViewTreeFamilyTable)."""
    families = [(parse_oid(text), True) for text in view.include] + [(parse_oid(text), False) for text in view.exclude]
    return [column for column in columns if _included(column.prefix, families)]


def _included(prefix: Oid, families: Iterable[tuple[Oid, bool]]) -> bool:
    matching = [(len(oid), included) for oid, included in families if prefix[: len(oid)] == oid]
    return max(matching, default=(0, False))[1]
