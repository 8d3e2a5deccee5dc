"""
Statements of a commit, compiled once and handed to the driver as they are.

A relocation touches about ten tables; building, caching and post-processing each statement would cost more than the
transaction itself. Rows are tuples in the order of `Statement.columns`; JSON columns hold text already. Texts that one
of the products would refuse are cleaned here, whatever the product.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    Connection,
    Delete,
    Dialect,
    Insert,
    Table,
    Update,
    bindparam,
    delete,
    literal_column,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from gateway.model.texts import clean
from gateway.store import tables
from gateway.store.encoding import Row

_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL of one dialect and how a row becomes its parameters."""

    sql: str
    names: tuple[str, ...]
    encoded: frozenset[str]

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Execute for each row; returns how many rows of the table it touched (-1: the driver does not say)."""
        if not rows:
            return 0
        parameters = [self._parameters(row) for row in rows]
        return connection.exec_driver_sql(self.sql, parameters if len(parameters) > 1 else parameters[0]).rowcount

    def number(self, connection: Connection, row: Row) -> int:
        """Execute for one row; returns the number that it RETURNs."""
        return int(connection.exec_driver_sql(self.sql, self._parameters(row)).scalar_one())

    def _parameters(self, row: Row) -> tuple[Any, ...]:
        if not self.encoded:
            return tuple([_plain(row[name]) for name in self.names])
        return tuple([_json(row[name]) if name in self.encoded else _plain(row[name]) for name in self.names])


def _plain(value: Any) -> Any:
    return clean(value) if type(value) is str else value


def _json(value: Any) -> str:
    written = _encode(value)
    # Cheap to find and rare: an escape of a NUL, or of a surrogate (half of a pair, or alone).
    return _encode(_cleaned(value)) if "\\u0000" in written or "\\ud" in written else written


def _cleaned(value: Any) -> Any:
    """A JSON value with all its texts cleaned, keys too."""
    if isinstance(value, dict):
        return {clean(key): _cleaned(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(each) for each in value]
    return _plain(value)


class Statements:
    """All statements of a commit for one product. Names with `k_` are keys of the row to change."""

    def __init__(self, product: Dialect) -> None:
        # Positional parameters for both products; psycopg's own style has names.
        style: Any = "qmark" if product.name == "sqlite" else "format"
        make: Callable[..., Dialect] = type(product)
        dialect = make(paramstyle=style)

        def prepared(statement: Insert | Update | Delete) -> Statement:
            compiled = statement.compile(dialect=dialect)
            names = tuple(compiled.positiontup or ())
            return Statement(str(compiled), names, _json_names(statement.table))

        def inserted(table: Table) -> Statement:
            names = [column.name for column in table.c if column.autoincrement is not True]
            # inline: without asking for the id that the row got
            return prepared(table.insert().inline().values({name: bindparam(name) for name in names}))

        self.record_insert = inserted(tables.record)
        self.record_update = prepared(
            _changed(tables.record, ("index",), ("scope", "kind", "native", "entity", "first_seen", "gone"))
        )
        self.state_insert = inserted(tables.record_state)
        self.state_end = prepared(
            update(tables.record_state)
            .where(tables.record_state.c.record == bindparam("k_record"), tables.record_state.c.current)
            .values(current=bindparam("current"), valid_to=bindparam("valid_to"), closed_rev=bindparam("closed_rev"))
        )
        self.state_retire = prepared(
            update(tables.record_state)
            .where(tables.record_state.c.record == bindparam("k_record"), tables.record_state.c.current)
            .values(current=bindparam("current"))
        )
        self.alias_insert = inserted(tables.alias)
        self.alias_end = prepared(_ended(tables.alias, ("record", "namespace", "value")))
        self.claim_insert = inserted(tables.claim)
        self.claim_end = prepared(_ended(tables.claim, ("source", "scope", "kind", "upper", "lower", "role")))
        self.placement_insert = inserted(tables.placement)
        self.placement_update = prepared(_placement_change(*_KEPT))
        self.placement_end = prepared(_placement_change(*_KEPT, "valid_to", "closed_rev", "current"))
        self.placement_retire = prepared(_placement_change("current"))
        self.alarm_insert = inserted(tables.alarm)
        self.alarm_update = prepared(
            _changed(tables.alarm, ("index",), tuple(n for n in tables.alarm.c.keys() if n not in _ALARM_FIXED))  # noqa: SIM118
        )
        self.alarm_end = prepared(_changed(tables.alarm, ("index",), ("cleared_at", "closed_rev")))
        self.alarm_delete = prepared(delete(tables.alarm).where(tables.alarm.c.index == bindparam("k_index")))
        self.event_insert = prepared(
            tables.event.insert()
            .values({name: bindparam(name) for name in tables.event.c.keys() if name != "seq"})  # noqa: SIM118
            .returning(tables.event.c.seq)
        )
        self.event_amend = prepared(_changed(tables.event, ("id",), ("caused_by", "body")))
        self.source_upsert = prepared(_upsert(dialect, tables.source, ("name",)))
        self.freshness_upsert = prepared(_upsert(dialect, tables.freshness, ("source", "scope")))
        self.link_delete = prepared(
            delete(tables.declared_link).where(tables.declared_link.c.source == bindparam("k_source"))
        )
        self.link_insert = inserted(tables.declared_link)
        self.window_upsert = prepared(_upsert(dialect, tables.planned_window, ("index",)))
        self.revision_insert = inserted(tables.revision)
        self.meta_update = prepared(_changed(tables.meta, ("key",), ("value",)))
        self.revision_advance = prepared(
            update(tables.meta)
            .where(tables.meta.c.key == literal_column("'revision'"), tables.meta.c.value == bindparam("k_value"))
            .values(value=bindparam("value"))
        )


_KEPT = (
    "role", "source", "since", "certain", "left_at", "moved_from", "moved_at", "moved_since", "moved_left", "live",
    "storage_from", "storage_left",
)  # fmt: skip
"""Columns of a placement that may change while it is the same interval."""
_ALARM_FIXED = frozenset({"index", "cleared_at", "opened_rev", "closed_rev"})


def _changed(table: Table, keys: Iterable[str], values: Iterable[str]) -> Update:
    conditions = [table.c[key] == bindparam(f"k_{key}") for key in keys]
    return update(table).where(*conditions).values({name: bindparam(name) for name in values})


def _ended(table: Table, keys: Iterable[str]) -> Update:
    """Close the open interval of a key."""
    return _changed(table, keys, ("valid_to", "closed_rev")).where(table.c.valid_to.is_(None))


def _placement_change(*values: str) -> Update:
    return _changed(tables.placement, ("entity",), values).where(tables.placement.c.current)


def _upsert(dialect: Dialect, table: Table, keys: Sequence[str]) -> Insert:
    names = [column.name for column in table.c]
    make: Callable[..., Any] = sqlite_insert if dialect.name == "sqlite" else postgresql_insert
    insert = make(table).values({name: bindparam(name) for name in names})
    changed: Insert = insert.on_conflict_do_update(
        index_elements=list(keys), set_={name: insert.excluded[name] for name in names if name not in keys}
    )
    return changed


def _json_names(table: Any) -> frozenset[str]:
    return frozenset(column.name for column in table.c if isinstance(column.type, JSON))
