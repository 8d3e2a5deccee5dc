"""
Configured: who may ask, as the standard MIBs show it, read-only and without a secret.

SNMP-USER-BASED-SM-MIB (RFC 3414), SNMP-VIEW-BASED-ACM-MIB (RFC 3415). A community is shown by its label in the
configuration.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from gateway.publishers.snmp.segments import ScalarColumn, ServedColumn
from gateway.publishers.snmp.settings import ALL, SnmpSettings
from gateway.publishers.snmp.short_names import LONGEST_NAME, short_name
from gateway.publishers.snmp.static import StaticRow, static_columns
from gateway.schema.snmp.targets import SecurityModel
from gateway.schema.snmp.views import EVERYTHING, Subtrees
from gateway.wire.ber import Oid, encode_integer, encode_octets, encode_oid
from gateway.wire.oid import IndexPart, IndexType, IndexValue, encode_index
from gateway.wire.usm import AuthProtocol, PrivProtocol, SecurityLevel, UsmUser

_MODULES: Final[Oid] = (1, 3, 6, 1, 6, 3)
_USM_MIB: Final[Oid] = (*_MODULES, 15, 1)
_VACM_MIB: Final[Oid] = (*_MODULES, 16, 1)
_TARGET_MIB: Final[Oid] = (*_MODULES, 12, 1)
_NOTIFICATION_MIB: Final[Oid] = (*_MODULES, 13, 1)
_FRAMEWORK_PROTOCOLS: Final[Oid] = (*_MODULES, 10, 1)

_NO_PROTOCOL: Final = 1
_AUTH_PROTOCOLS: Final = {
    AuthProtocol.MD5: 2,
    AuthProtocol.SHA: 3,
    AuthProtocol.SHA224: 4,
    AuthProtocol.SHA256: 5,
    AuthProtocol.SHA384: 6,
    AuthProtocol.SHA512: 7,
}
"""Below snmpAuthProtocols, SNMP-USM-HMAC-SHA2-MIB (RFC 7860)."""
_PRIV_PROTOCOLS: Final[dict[PrivProtocol, Oid]] = {
    PrivProtocol.DES: (*_FRAMEWORK_PROTOCOLS, 2, 2),
    PrivProtocol.AES: (*_FRAMEWORK_PROTOCOLS, 2, 4),
    PrivProtocol.AES192: (1, 3, 6, 1, 4, 1, 14832, 1, 3),
    PrivProtocol.AES256: (1, 3, 6, 1, 4, 1, 14832, 1, 4),
    PrivProtocol.AES192_C: (1, 3, 6, 1, 4, 1, 9, 12, 6, 1, 1),
    PrivProtocol.AES256_C: (1, 3, 6, 1, 4, 1, 9, 12, 6, 1, 2),
}
"""RFC 3826; the longer keys have no OID of the IETF, these are the ones that agents and consoles use."""
_READ_ONLY: Final = encode_integer(5)
"""StorageType readOnly."""
_ACTIVE: Final = encode_integer(1)
"""RowStatus active."""
_EMPTY: Final = encode_octets(b"")
_ZERO_DOT_ZERO: Final = encode_oid((0, 0))
_INCLUDED, _EXCLUDED = encode_integer(1), encode_integer(2)
_EXACT: Final = encode_integer(1)
_PREFIX: Final = encode_integer(2)
_WILD: Final = frozenset("*?[")
"""What begins a wildcard of a pattern."""
_STRING: Final = IndexPart(IndexType.STRING)
_IMPLIED: Final = IndexPart(IndexType.IMPLIED_STRING)
_INTEGER: Final = IndexPart(IndexType.INTEGER)
_OID: Final = IndexPart(IndexType.OID)


def configured_columns(settings: SnmpSettings, users: Iterable[UsmUser]) -> list[ServedColumn]:
    """All of it."""
    return [
        *static_columns((*_USM_MIB, 2, 2, 1), map(_user, users)),
        *static_columns((*_VACM_MIB, 2, 1), _groups(settings)),
        *static_columns((*_VACM_MIB, 4, 1), _accesses(settings)),
        *static_columns((*_VACM_MIB, 5, 2, 1), _families(settings)),
        *(ScalarColumn(lock, lambda: encode_integer(0)) for lock in _LOCKS),
    ]


_LOCKS: Final[tuple[Oid, ...]] = ((*_USM_MIB, 2, 1), (*_VACM_MIB, 5, 1), (*_TARGET_MIB, 1))
"""usmUserSpinLock, vacmViewSpinLock, snmpTargetSpinLock: nothing can be set, so they stay 0."""


def _row(parts: tuple[IndexPart, ...], index: tuple[IndexValue, ...], *values: tuple[int, bytes]) -> StaticRow:
    return StaticRow(encode_index(parts, index), dict(values))


def _text(value: str) -> bytes:
    return encode_octets(value.encode())


def _user(user: UsmUser) -> StaticRow:
    """usmUserEntry. A key can be changed by SET only, and reads as nothing (RFC 3414 section 5)."""
    auth = (*_FRAMEWORK_PROTOCOLS, 1, _AUTH_PROTOCOLS[user.auth] if user.auth else _NO_PROTOCOL)
    priv = _PRIV_PROTOCOLS[user.priv] if user.priv else (*_FRAMEWORK_PROTOCOLS, 2, _NO_PROTOCOL)
    values = (encode_octets(user.name), _ZERO_DOT_ZERO, encode_oid(auth), _EMPTY, _EMPTY, encode_oid(priv))
    numbered = [*enumerate((*values, _EMPTY, _EMPTY, _EMPTY, _READ_ONLY, _ACTIVE), 3)]
    return _row((_STRING, _STRING), (user.engine_id, user.name), *numbered)


class _Asker(NamedTuple):
    """Somebody who may ask; `name`: the security name, and that of the group, too."""

    model: SecurityModel
    name: str
    level: SecurityLevel
    view: str
    contexts: Mapping[str, bytes]
    """vacmAccessContextPrefix -> vacmAccessContextMatch."""


def _askers(settings: SnmpSettings) -> Iterator[_Asker]:
    for label, each in settings.communities.items():
        contexts = {each.context: _EXACT} if each.context else _granted(each.contexts)
        for model in (SecurityModel.V1, SecurityModel.V2C):
            yield _Asker(model, short_name(label), SecurityLevel.NO_AUTH_NO_PRIV, each.view, contexts)
    for name, user in settings.users.items():
        level = SecurityLevel.AUTH_PRIV if user.priv else SecurityLevel.AUTH_NO_PRIV
        level = level if user.auth else SecurityLevel.NO_AUTH_NO_PRIV
        yield _Asker(SecurityModel.USM, name, level, user.view, _granted(user.contexts))


def _granted(patterns: Iterable[str]) -> Mapping[str, bytes]:
    """
    The default context, and those that VACM can express: a name, or what begins like one ("hv-*", "*").

    Other patterns are left out, so that nothing is shown which is not granted.
    """
    begins = {pattern.rstrip("*"): _PREFIX for pattern in patterns if pattern.endswith("*")}
    names = {pattern: _EXACT for pattern in patterns if not pattern.endswith("*")}
    return {"": _EXACT} | {name: match for name, match in (names | begins).items() if _WILD.isdisjoint(name)}


def _groups(settings: SnmpSettings) -> Iterator[StaticRow]:
    """vacmSecurityToGroupEntry: everybody is a group of its own."""
    for asker in _askers(settings):
        values = enumerate((_text(asker.name), _READ_ONLY, _ACTIVE), 3)
        yield _row((_INTEGER, _STRING), (int(asker.model), asker.name.encode()), *values)


def _accesses(settings: SnmpSettings) -> Iterator[StaticRow]:
    """vacmAccessEntry. No context is named by what is longer than such a name may be."""
    parts = (_STRING, _STRING, _INTEGER, _INTEGER)
    for asker in _askers(settings):
        for prefix, match in asker.contexts.items():
            if len(prefix.encode()) > LONGEST_NAME:
                continue
            values = enumerate((match, _text(short_name(asker.view)), _EMPTY, _EMPTY, _READ_ONLY, _ACTIVE), 4)
            index = (asker.name.encode(), prefix.encode(), int(asker.model), int(asker.level))
            yield _row(parts, index, *values)


def _families(settings: SnmpSettings) -> Iterator[StaticRow]:
    """vacmViewTreeFamilyEntry, without masks."""
    views = {ALL: EVERYTHING} | {
        name: Subtrees.parse(each.include, each.exclude, settings.root) for name, each in settings.views.items()
    }
    for name, view in views.items():
        for kind, oids in ((_INCLUDED, view.included), (_EXCLUDED, view.excluded)):
            for oid in oids:
                values = enumerate((_EMPTY, kind, _READ_ONLY, _ACTIVE), 3)
                yield _row((_STRING, _OID), (short_name(name).encode(), oid), *values)
