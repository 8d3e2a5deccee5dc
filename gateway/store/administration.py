"""Administration: API tokens, deliveries, and the identity of the installation (port `Administration`). Blocking."""

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, and_, func, select

from gateway.model.errors import StoreError
from gateway.model.ports import Delivery, Token
from gateway.store import tables
from gateway.store.connections import Connections

PREFIX = "cgw_"
"""How every secret begins: a leaked one is recognised by scanners."""
LARGEST_BOOTS = 2_147_483_647
"""snmpEngineBoots that is latched there needs a new engine ID (RFC 3414 2.3)."""
_ROLE = re.compile(r"read|admin|ingest:[^\s:]+")


class GatewayAdministration:
    """Tokens are stored as the SHA-256 of 32 random bytes: nothing in the database lets anybody in."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    # -- tokens ------------------------------------------------------------------------------------------------

    def create_token(self, name: str, role: str, now: int, expires_at: int | None = None) -> str:
        """
        A new secret (returned once, stored hashed).

        Raises:
            StoreError: the name is taken or unusable, or there is no such role.
        """
        if not name or len(name) > 255:
            raise StoreError("a token needs a name of 1 to 255 characters.")
        if not _ROLE.fullmatch(role):
            raise StoreError(f"role {role!r}: use read, admin, or ingest:SOURCE with the name of a source.")
        secret = PREFIX + secrets.token_urlsafe(32)
        row = {"name": name, "hash": _hash(secret), "role": role, "created_at": now, "expires_at": expires_at}
        with self._connections.write() as connection:
            if connection.execute(select(tables.token.c.name).where(tables.token.c.name == name)).first():
                raise StoreError(f"there is a token named {name!r} already. Revoke it first, or choose another name.")
            connection.execute(tables.token.insert(), row)
        return secret

    def tokens(self) -> tuple[Token, ...]:
        """All tokens, by name."""
        with self._connections.read() as connection:
            rows = connection.execute(select(tables.token).order_by(tables.token.c.name)).all()
        return tuple(Token(row.name, row.role, row.created_at, row.expires_at) for row in rows)

    def revoke_token(self, name: str) -> bool:
        """Make a token void at once; False when there is none of that name."""
        with self._connections.write() as connection:
            return connection.execute(tables.token.delete().where(tables.token.c.name == name)).rowcount > 0

    def authenticate(self, secret: str, now: int) -> Token | None:
        """The token of this secret; None when it is unknown, revoked or expired."""
        wanted = _hash(secret)
        with self._connections.read() as connection:
            row = connection.execute(select(tables.token).where(tables.token.c.hash == wanted)).first()
        # The look-up by hash tells nothing about the secret by its timing; the comparison does not either.
        if row is None or not secrets.compare_digest(bytes(row.hash), wanted):
            return None
        if row.expires_at is not None and row.expires_at <= now:
            return None
        return Token(row.name, row.role, row.created_at, row.expires_at)

    # -- deliveries --------------------------------------------------------------------------------------------

    def deliveries(self) -> tuple[Delivery, ...]:
        """How each receiver is doing, by name."""
        receiver, event, missed = tables.receiver, tables.event, tables.missed
        told = receiver.outerjoin(event, and_(event.c.seq > receiver.c.position, event.c.told))
        waiting = select(receiver, func.count(event.c.seq).label("pending"), func.min(event.c.at).label("oldest"))
        waiting = waiting.select_from(told).group_by(receiver.c.name).order_by(receiver.c.name)
        again = select(missed.c.receiver, missed.c.wanted, func.count().label("number"))
        with self._connections.read() as connection:
            rows = connection.execute(waiting).all()
            asked = connection.execute(again.group_by(missed.c.receiver, missed.c.wanted)).all()
        figures = {(row.receiver, bool(row.wanted)): row.number for row in asked}
        return tuple(
            Delivery(
                row.name,
                row.pending,
                row.delivered,
                row.given_up,
                row.oldest,
                row.error,
                row.summarised,
                figures.get((row.name, False), 0),
                figures.get((row.name, True), 0),
                row.delivered_at or None,
                row.position,
            )
            for row in rows
        )

    # -- receivers that were made at run time ------------------------------------------------------------------

    def stored_receivers(self) -> dict[str, dict[str, Any]]:
        """Their tables, by name."""
        table = tables.receiver_settings
        with self._connections.read() as connection:
            return {row.name: dict(row.settings) for row in connection.execute(select(table).order_by(table.c.name))}

    def store_receiver(self, name: str, settings: Mapping[str, Any], now: int) -> None:
        """Keep the table of a receiver, which must hold no secret in clear."""
        table = tables.receiver_settings
        with self._connections.write() as connection:
            connection.execute(table.delete().where(table.c.name == name))
            connection.execute(table.insert().values(name=name, settings=dict(settings), changed_at=now))

    def remove_receiver(self, name: str) -> bool:
        """Forget its table; False when there is none of that name."""
        table = tables.receiver_settings
        with self._connections.write() as connection:
            return connection.execute(table.delete().where(table.c.name == name)).rowcount > 0

    # -- identity ----------------------------------------------------------------------------------------------

    def engine_id(self, make: Callable[[], bytes], instance: str = "") -> bytes:
        """
        An SNMP engine ID; made once, and anew when its boots are used up.

        Args:
            instance: the name of a gateway among others, for the engine that answers there; else the installation's.
        """
        with self._connections.write() as connection:
            found = _get(connection, _of("engine_id", instance))
            if found is None or _boots(connection, instance) >= LARGEST_BOOTS:
                found = make().hex()
                _set(connection, _of("engine_id", instance), found)
                _set(connection, _of("engine_boots", instance), "0")
        return bytes.fromhex(found)

    def same_configuration(self, fingerprint: str) -> bool:
        """Whether the last start had this configuration too; notes this one."""
        with self._connections.write() as connection:
            before = _get(connection, "configuration")
            _set(connection, "configuration", fingerprint)
        return before == fingerprint

    def next_engine_boots(self, instance: str = "") -> int:
        """
        snmpEngineBoots of an engine for this start: committed before it is returned (RFC 3414 2.2).

        Raises:
            StoreError: this engine ID's boots are used up; `engine_id` makes a new one (RFC 3414 2.3).
        """
        with self._connections.write() as connection:
            boots = _boots(connection, instance) + 1
            if boots > LARGEST_BOOTS:
                raise StoreError(
                    f"snmpEngineBoots has reached {LARGEST_BOOTS}: a new SNMP engine ID is needed. "
                    f"Start the gateway again: it makes one, which the SNMP managers then learn."
                )
            _set(connection, _of("engine_boots", instance), str(boots))
        return boots


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _of(key: str, instance: str) -> str:
    return f"{key}:{instance}" if instance else key


def _boots(connection: Connection, instance: str) -> int:
    return int(_get(connection, _of("engine_boots", instance)) or 0)


def _get(connection: Connection, key: str) -> str | None:
    return connection.execute(select(tables.meta.c.value).where(tables.meta.c.key == key)).scalar()


def _set(connection: Connection, key: str, value: str) -> None:
    changed = connection.execute(tables.meta.update().where(tables.meta.c.key == key).values(value=value))
    if changed.rowcount == 0:
        connection.execute(tables.meta.insert().values(key=key, value=value))
