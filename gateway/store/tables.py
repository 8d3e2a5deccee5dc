"""
The tables of the topology database. Only the store imports this module; migrations repeat it as DDL.

Times are integer microseconds UTC. Interval tables carry `valid_from`, `valid_to` (NULL: open), `learned_at`,
`opened_rev`, `closed_rev`; open intervals are unique by a partial index. Where the snapshot also holds what has ended
(a stopped entity's last place, the last state of a record that is gone), `current` marks that row. Words of a source
are Text: no product cuts or refuses what another takes.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)

metadata = MetaData()
Big = BigInteger().with_variant(Integer, "sqlite")

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
"""
next_index, next_alarm, revision, engine_id, engine_boots, instance, configuration (a fingerprint of it); engine_id and
engine_boots also of each instance with a name: engine_id:NAME.
"""

revision = Table(
    "revision",
    metadata,
    Column("number", Big, primary_key=True, autoincrement=False),
    Column("at", Big, nullable=False),
    Column("committed_at", Big, nullable=False),
)

source = Table(
    "source",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("index", Integer, nullable=False, unique=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("kind", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("interval_us", Big, nullable=False),
    Column("last_success", Big, nullable=False),
    Column("failing_since", Big, nullable=False),
    Column("last_error", Text, nullable=False),
)

freshness = Table(
    "freshness",
    metadata,
    Column("source", String(255), primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("at", Big, nullable=False),
)

record = Table(
    "record",
    metadata,
    Column("index", Integer, primary_key=True, autoincrement=False),
    Column("id", String(36), nullable=False, unique=True),
    Column("source", String(255), nullable=False),
    Column("scope", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("native", Text, nullable=False),
    Column("entity", Integer, nullable=False),
    Column("first_seen", Big, nullable=False),
    Column("gone", Boolean, nullable=False),
    Index("record_native", "source", "kind", "native", unique=True),
    Index("record_entity", "entity"),
)
"""Never deleted: an index or id is never reused."""

declared_link = Table(
    "declared_link",
    metadata,
    Column("source", String(255), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("left", Text, nullable=False),
    Column("right", Text, nullable=False),
    Column("same", Boolean, nullable=False),
)
"""What people declare to be the same or apart, in their order."""


def _interval() -> list[Column[int]]:
    return [
        Column("valid_from", Big, nullable=False),
        Column("valid_to", Big),
        Column("learned_at", Big, nullable=False),
        Column("opened_rev", Big, nullable=False, index=True),
        Column("closed_rev", Big, index=True),
    ]


def _open(*columns: str, name: str) -> Index:
    """At most one open interval per key."""
    return Index(
        name, *columns, unique=True, sqlite_where=text("valid_to IS NULL"), postgresql_where=text("valid_to IS NULL")
    )


def _current(column: str, *, name: str) -> Index:
    """At most one row per key is the one that the snapshot holds."""
    return Index(name, column, unique=True, sqlite_where=text("current = 1"), postgresql_where=text("current"))


record_state = Table(
    "record_state",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("record", Integer, ForeignKey("record.index"), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("subtype", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("state_since", Big, nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("current", Boolean, nullable=False),
    *_interval(),
    _current("record", name="record_state_current"),
    _open("record", name="record_state_open"),
    Index("record_state_history", "record", "valid_from"),
    Index("record_state_name", "name_key"),
)
"""`name_key`: the name in lower case, as Python does it (SQLite's lower() knows ASCII only)."""

alias = Table(
    "alias",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("record", Integer, ForeignKey("record.index"), nullable=False),
    Column("namespace", String(32), nullable=False),
    Column("value", Text, nullable=False),
    Column("strength", Integer, nullable=False),
    *_interval(),
    _open("record", "namespace", "value", name="alias_open"),
    Index("alias_record", "record"),
    Index("alias_value", "namespace", "value"),
)
"""Stays open while its record is gone: it holds only while a state of the record does."""

claim = Table(
    "claim",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("source", String(255), nullable=False),
    Column("scope", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("upper", Integer, ForeignKey("record.index"), nullable=False),
    Column("lower", Integer, ForeignKey("record.index"), nullable=False),
    Column("role", Text, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("arrival", String(16), nullable=False),
    Column("since", Big, nullable=False),
    Column("confidence", Integer, nullable=False),
    Column("attributes", JSON, nullable=False),
    *_interval(),
    _open("source", "scope", "kind", "upper", "lower", "role", name="claim_open"),
    Index("claim_upper", "upper", "valid_from"),
    Index("claim_lower", "lower", "valid_from"),
)
"""What a scope says: many."""

placement = Table(
    "placement",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("entity", Integer, ForeignKey("record.index"), nullable=False),
    Column("host", Integer, ForeignKey("record.index"), nullable=False),
    Column("role", Text, nullable=False),
    Column("source", String(255), nullable=False),
    Column("since", Big, nullable=False),
    Column("certain", Boolean, nullable=False),
    Column("left_at", Big, nullable=False),
    Column("moved_from", Integer, nullable=False),
    Column("moved_at", Big, nullable=False),
    Column("moved_since", Big, nullable=False, server_default=text("0")),
    Column("moved_left", Big, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("storage_from", JSON),
    Column("storage_left", Big, nullable=False, server_default=text("0")),
    Column("current", Boolean, nullable=False),
    *_interval(),
    _current("entity", name="placement_current"),
    _open("entity", name="placement_open"),
    Index("placement_entity", "entity", "valid_from"),
    Index("placement_host", "host", "valid_from"),
)
"""Our judgement: one open interval per entity of a single-placement kind."""

alarm = Table(
    "alarm",
    metadata,
    Column("index", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
    Column("condition", String(32), nullable=False),
    Column("category", String(16), nullable=False),
    Column("severity", Integer, nullable=False),
    Column("entity", Integer, nullable=False),
    Column("source", String(255), nullable=False),
    Column("detail", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("since", Big, nullable=False),
    Column("due", Big, nullable=False),
    Column("raised_at", Big, nullable=False),
    Column("event_id", String(36), nullable=False),
    Column("caused_by", String(36), nullable=False),
    Column("planned", Boolean, nullable=False, server_default=false()),
    Column("cleared_at", Big),
    Column("opened_rev", Big, nullable=False),
    Column("closed_rev", Big),
    Index(
        "alarm_open",
        "key",
        unique=True,
        sqlite_where=text("cleared_at IS NULL"),
        postgresql_where=text("cleared_at IS NULL"),
    ),
    Index("alarm_entity", "entity"),
)
"""Conditions: settling (raised_at 0) and raised. One that ended before it was raised is deleted."""

planned_window = Table(
    "planned_window",
    metadata,
    Column("index", Integer, primary_key=True, autoincrement=False),
    Column("id", String(36), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("entities", JSON, nullable=False),
    Column("starts_at", Big, nullable=False),
    Column("ends_at", Big, nullable=False),
    Column("declared_by", Text, nullable=False),
    Column("declared_at", Big, nullable=False),
    Column("begun_at", Big, nullable=False),
    Column("ended_at", Big, nullable=False),
    Column("event_id", String(36), nullable=False),
    Column("relocations", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Index("planned_window_ended", "ended_at"),
)
"""Windows that people declared; `begun_at`, `ended_at` 0: not yet. The one with the highest index is never deleted."""

event = Table(
    "event",
    metadata,
    Column("seq", Big, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("at", Big, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("entity", Integer, nullable=False),
    Column("source", String(255), nullable=False),
    Column("told", Boolean, nullable=False),
    Column("revision", Big, nullable=False),
    Column("caused_by", String(36), nullable=False),
    Column("body", JSON, nullable=False),
    Index("event_at", "at"),
    Index("event_entity", "entity", "seq"),
    Index("event_revision", "revision"),
    sqlite_autoincrement=True,
)
"""Append-only; `body` holds the rest of the event. Amended causes are written into it, nothing is deleted."""

receiver = Table(
    "receiver",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("position", Big, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("delivered", Big, nullable=False),
    Column("summarised", Big, nullable=False),
    Column("given_up", Big, nullable=False),
    Column("delivered_at", Big, nullable=False),
    Column("error", Text, nullable=False),
)
"""Where each receiver stands in the event log: up to `position` everything is done with. That is all of the queue."""

missed = Table(
    "missed",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("receiver", String(255), nullable=False),
    Column("event", Big, ForeignKey("event.seq"), nullable=False),
    Column("at", Big, nullable=False),
    Column("error", Text, nullable=False),
    Column("wanted", Boolean, nullable=False),
    Index("missed_receiver", "receiver", "event", unique=True),
    Index("missed_event", "event"),
)
"""What a receiver has not got though its position is past it: given up, or (`wanted`) asked for again."""

receiver_settings = Table(
    "receiver_settings",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("settings", JSON, nullable=False),
    Column("changed_at", Big, nullable=False),
)
"""Receivers that were made at run time, as their table of the configuration would be. Holds no secret in clear."""

token = Table(
    "token",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("role", String(255), nullable=False),
    Column("created_at", Big, nullable=False),
    Column("expires_at", Big),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", Text, nullable=False),
    Column("epoch", Big, nullable=False),
    Column("beat", Big, nullable=False),
    Column("renewed_at", Big, nullable=False),
)
"""
Who leads (`leader`), and since the how-manieth change of hands (`epoch`, which only grows). `beat` counts the signs of
life; an empty holder has given it back. It says who is at work here, so it is in no backup.
"""
