"""
Access: who may ask, from where, at which security level, and which view of which context they get (RFC 3415).

All views are read-only. The columns of a view are chosen when it is first asked for, so a varbind costs no check.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, NamedTuple, Protocol

from gateway.model.errors import ConfigError
from gateway.publishers.snmp.networks import Networks
from gateway.publishers.snmp.segments import ScalarColumn, ServedColumn
from gateway.publishers.snmp.settings import ALL, SnmpSettings, UserSettings
from gateway.publishers.snmp.walk import Tree
from gateway.schema.snmp.views import EVERYTHING, Subtrees
from gateway.schema.snmp.vm_mib import NETWORK_COLUMNS, STORAGE_COLUMNS, VM_COLUMNS
from gateway.wire.ber import Oid
from gateway.wire.errors import SecurityConfigError
from gateway.wire.oid import format_oid
from gateway.wire.usm import SecurityLevel, UsmUser

_MOST_VIEWS: Final = 1024


class View(NamedTuple):
    """What somebody sees of one context: with SNMPv1 no Counter64 (RFC 3584 section 4.2.2.1)."""

    v1: Tree
    v2: Tree
    subtrees: Subtrees


class Contexts(Protocol):
    """The contexts beside the default one."""

    def columns(self, name: str) -> Sequence[ServedColumn] | None:
        """What is in a context, the same object as long as it is the same; None: there is no such context now."""


class Community(NamedTuple):
    """What a community opens; None: it is right, and there is no such context, or not for it."""

    networks: Networks
    view: View | None


class User(NamedTuple):
    """What a v3 user sees, and the security level that it must use (RFC 3415: vacmAccessSecurityLevel)."""

    level: SecurityLevel
    networks: Networks
    view_name: str
    contexts: tuple[str, ...]
    view: View
    """Of the default context."""


class Access:
    """Communities and users (made by `usm_users`), with their views over `columns` and over those of `contexts`."""

    def __init__(
        self,
        settings: SnmpSettings,
        columns: Iterable[ServedColumn],
        users: Iterable[UsmUser],
        contexts: Contexts | None = None,
    ) -> None:
        """
        Raises:
            ConfigError: a view has a part of a column.
        """
        self._columns = tuple(columns)
        self._subtrees = {ALL: EVERYTHING} | _of_whole_columns(settings, self._columns)
        self._contexts = contexts
        self._views: dict[tuple[str, str], tuple[Sequence[ServedColumn], View]] = {}
        self._named = {each.community.get_secret_value().encode(): each for each in settings.communities.values()}
        self._networks = {name: Networks(each.allow) for name, each in self._named.items()}
        self.communities: Mapping[bytes, Community] = {
            name: Community(self._networks[name], self._default(each.view))
            for name, each in self._named.items()
            if not each.context
        }
        self.users: Mapping[bytes, User] = {usm.name: self._user(settings, usm) for usm in users}

    def community(self, name: bytes) -> Community | None:
        """
        A community that opens another context: mapped to one by its settings, or written COMMUNITY@CONTEXT.

        Both may have an "@": of several readings the one whose context there is counts. None: no such community.
        """
        each = self._named.get(name)
        if each is not None:
            return Community(self._networks[name], self.view(each.view, each.context))
        readings = [self._opened(known, name) for known in self._named if name.startswith(known + b"@")]
        return next((opened for opened in readings if opened.view is not None), readings[0] if readings else None)

    def _opened(self, community: bytes, name: bytes) -> Community:
        """What a community opens with the context that is written behind it."""
        each, context = self._named[community], name[len(community) + 1 :].decode("utf-8", "replace")
        granted = not each.context and _matches(context, each.contexts)
        return Community(self._networks[community], self.view(each.view, context) if granted else None)

    def user_view(self, user: User, context: bytes) -> View | None:
        """What a user sees of a context; None: there is none of this name, or not for this user."""
        if not context:
            return user.view
        name = context.decode("utf-8", "replace")
        return self.view(user.view_name, name) if _matches(name, user.contexts) else None

    def view(self, name: str, context: str) -> View | None:
        """A view of a context; None: there is no such context now."""
        if not context:
            return self._default(name)
        columns = self._contexts.columns(context) if self._contexts is not None else None
        return self._over(name, context, columns) if columns is not None else None

    def _default(self, name: str) -> View:
        return self._over(name, "", self._columns)

    def _over(self, name: str, context: str, columns: Sequence[ServedColumn]) -> View:
        known = self._views.get((name, context))
        if known is not None and known[0] is columns:
            return known[1]
        subtrees = self._subtrees[name]
        shown = columns_in(subtrees, columns)
        view = View(Tree(column for column in shown if column.in_v1), Tree(shown), subtrees)
        if len(self._views) >= _MOST_VIEWS:
            self._views.clear()
        self._views[name, context] = (columns, view)
        return view

    def _user(self, settings: SnmpSettings, usm: UsmUser) -> User:
        each = settings.users[usm.name.decode()]
        return User(usm.level, Networks(each.allow), each.view, each.contexts, self._default(each.view))


def usm_users(settings: SnmpSettings, engine_id: bytes) -> tuple[UsmUser, ...]:
    """
    The users with keys localized to our engine. Hashing a password takes milliseconds, on purpose.

    Raises:
        ConfigError: keys were made for another engine.
    """
    return tuple(_usm_user(name, user, engine_id) for name, user in settings.users.items())


def _usm_user(name: str, settings: UserSettings, engine_id: bytes) -> UsmUser:
    try:
        return settings.credentials().at(name, engine_id)
    except SecurityConfigError as error:
        why = "gateway.instance was changed, they were made with --for-traps, or the database is another one"
        remedy = f"Make them anew: gateway snmp user add {name} --force"
        raise ConfigError(f"publishers.snmp.users.{name}: {error}: {why}. {remedy}") from error


def _of_whole_columns(settings: SnmpSettings, columns: Iterable[ServedColumn]) -> dict[str, Subtrees]:
    """The views of the settings; the one instance of a scalar is the whole of it."""
    scalars = {column.prefix: isinstance(column, ScalarColumn) for column in columns}
    objects = (
        dict.fromkeys((*VM_COLUMNS.values(), *STORAGE_COLUMNS.values(), *NETWORK_COLUMNS.values()), False) | scalars
    )

    def whole(oid: Oid, key: str) -> Oid:
        above = next((oid[:size] for size in range(len(oid) - 1, 0, -1) if oid[:size] in objects), None)
        if above is None or (objects[above] and oid == (*above, 0)):
            return above or oid
        kind, named = ("object", "objects") if objects[above] else ("column", "columns")
        raise ConfigError(
            f"publishers.snmp.views.{key}: {format_oid(oid)} is a part of the {kind} {format_oid(above)}, and a view "
            f"consists of whole {named}. Write {format_oid(above)}, or leave it out"
        )

    found = {}
    for name, view in settings.views.items():
        parsed = Subtrees.parse(view.include, view.exclude, settings.root)
        found[name] = Subtrees(
            tuple(whole(oid, f"{name}.include") for oid in parsed.included),
            tuple(whole(oid, f"{name}.exclude") for oid in parsed.excluded),
        )
    return found


def columns_in(subtrees: Subtrees, columns: Iterable[ServedColumn]) -> list[ServedColumn]:
    """The columns of a view: those whose objects it includes."""
    return [column for column in columns if subtrees.includes(column.prefix)]


def _matches(context: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(context, pattern) for pattern in patterns)
