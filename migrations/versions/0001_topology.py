"""
The first schema: topology with its history, event log, outbox, tokens.

Revision: 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "alarm",
        sa.Column("index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("condition", sa.String(length=32), nullable=False),
        sa.Column("category", sa.String(length=16), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("entity", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("since", BIG, nullable=False),
        sa.Column("due", BIG, nullable=False),
        sa.Column("raised_at", BIG, nullable=False),
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("caused_by", sa.String(length=36), nullable=False),
        sa.Column("cleared_at", BIG, nullable=True),
        sa.Column("opened_rev", BIG, nullable=False),
        sa.Column("closed_rev", BIG, nullable=True),
        sa.PrimaryKeyConstraint("index"),
    )
    op.create_index("alarm_entity", "alarm", ["entity"], unique=False)
    op.create_index(
        "alarm_open",
        "alarm",
        ["key"],
        unique=True,
        sqlite_where=sa.text("cleared_at IS NULL"),
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
    op.create_table(
        "declared_link",
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("left", sa.Text(), nullable=False),
        sa.Column("right", sa.Text(), nullable=False),
        sa.Column("same", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("source", "position"),
    )
    op.create_table(
        "event",
        sa.Column("seq", BIG, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("entity", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("revision", BIG, nullable=False),
        sa.Column("caused_by", sa.String(length=36), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("event_at", "event", ["at"], unique=False)
    op.create_index("event_entity", "event", ["entity", "seq"], unique=False)
    op.create_index("event_revision", "event", ["revision"], unique=False)
    op.create_table(
        "freshness",
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("source", "scope"),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "record",
        sa.Column("index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("native", sa.Text(), nullable=False),
        sa.Column("entity", sa.Integer(), nullable=False),
        sa.Column("first_seen", BIG, nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("index"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("record_entity", "record", ["entity"], unique=False)
    op.create_index("record_native", "record", ["source", "kind", "native"], unique=True)
    op.create_table(
        "revision",
        sa.Column("number", BIG, autoincrement=False, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("committed_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "source",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("interval_us", BIG, nullable=False),
        sa.Column("last_success", BIG, nullable=False),
        sa.Column("failing_since", BIG, nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("index"),
    )
    op.create_table(
        "token",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.String(length=255), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("name"),
        sa.UniqueConstraint("hash"),
    )
    op.create_table(
        "alias",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("record", sa.Integer(), nullable=False),
        sa.Column("namespace", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("strength", sa.Integer(), nullable=False),
        sa.Column("valid_from", BIG, nullable=False),
        sa.Column("valid_to", BIG, nullable=True),
        sa.Column("learned_at", BIG, nullable=False),
        sa.Column("opened_rev", BIG, nullable=False),
        sa.Column("closed_rev", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["record"],
            ["record.index"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "alias_open",
        "alias",
        ["record", "namespace", "value"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_index("alias_record", "alias", ["record"], unique=False)
    op.create_index("alias_value", "alias", ["namespace", "value"], unique=False)
    op.create_index(op.f("ix_alias_closed_rev"), "alias", ["closed_rev"], unique=False)
    op.create_index(op.f("ix_alias_opened_rev"), "alias", ["opened_rev"], unique=False)
    op.create_table(
        "claim",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("upper", sa.Integer(), nullable=False),
        sa.Column("lower", sa.Integer(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("phase", sa.String(length=16), nullable=False),
        sa.Column("arrival", sa.String(length=16), nullable=False),
        sa.Column("since", BIG, nullable=False),
        sa.Column("confidence", sa.Integer(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("valid_from", BIG, nullable=False),
        sa.Column("valid_to", BIG, nullable=True),
        sa.Column("learned_at", BIG, nullable=False),
        sa.Column("opened_rev", BIG, nullable=False),
        sa.Column("closed_rev", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["lower"],
            ["record.index"],
        ),
        sa.ForeignKeyConstraint(
            ["upper"],
            ["record.index"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("claim_lower", "claim", ["lower", "valid_from"], unique=False)
    op.create_index(
        "claim_open",
        "claim",
        ["source", "scope", "kind", "upper", "lower", "role"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_index("claim_upper", "claim", ["upper", "valid_from"], unique=False)
    op.create_index(op.f("ix_claim_closed_rev"), "claim", ["closed_rev"], unique=False)
    op.create_index(op.f("ix_claim_opened_rev"), "claim", ["opened_rev"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("receiver", sa.String(length=255), nullable=False),
        sa.Column("event", BIG, nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", BIG, nullable=False),
        sa.Column("delivered_at", BIG, nullable=True),
        sa.Column("given_up", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event"],
            ["event.seq"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("outbox_event", "outbox", ["event"], unique=False)
    op.create_index(
        "outbox_pending",
        "outbox",
        ["receiver", "id"],
        unique=False,
        sqlite_where=sa.text("delivered_at IS NULL"),
        postgresql_where=sa.text("delivered_at IS NULL"),
    )
    op.create_table(
        "placement",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("entity", sa.Integer(), nullable=False),
        sa.Column("host", sa.Integer(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("since", BIG, nullable=False),
        sa.Column("certain", sa.Boolean(), nullable=False),
        sa.Column("left_at", BIG, nullable=False),
        sa.Column("moved_from", sa.Integer(), nullable=False),
        sa.Column("moved_at", BIG, nullable=False),
        sa.Column("moved_left", BIG, nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("valid_from", BIG, nullable=False),
        sa.Column("valid_to", BIG, nullable=True),
        sa.Column("learned_at", BIG, nullable=False),
        sa.Column("opened_rev", BIG, nullable=False),
        sa.Column("closed_rev", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["entity"],
            ["record.index"],
        ),
        sa.ForeignKeyConstraint(
            ["host"],
            ["record.index"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_placement_closed_rev"), "placement", ["closed_rev"], unique=False)
    op.create_index(op.f("ix_placement_opened_rev"), "placement", ["opened_rev"], unique=False)
    op.create_index(
        "placement_current",
        "placement",
        ["entity"],
        unique=True,
        sqlite_where=sa.text("current = 1"),
        postgresql_where=sa.text("current"),
    )
    op.create_index("placement_entity", "placement", ["entity", "valid_from"], unique=False)
    op.create_index("placement_host", "placement", ["host", "valid_from"], unique=False)
    op.create_index(
        "placement_open",
        "placement",
        ["entity"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_table(
        "record_state",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("record", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("subtype", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state_since", BIG, nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("valid_from", BIG, nullable=False),
        sa.Column("valid_to", BIG, nullable=True),
        sa.Column("learned_at", BIG, nullable=False),
        sa.Column("opened_rev", BIG, nullable=False),
        sa.Column("closed_rev", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["record"],
            ["record.index"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_record_state_closed_rev"), "record_state", ["closed_rev"], unique=False)
    op.create_index(op.f("ix_record_state_opened_rev"), "record_state", ["opened_rev"], unique=False)
    op.create_index(
        "record_state_current",
        "record_state",
        ["record"],
        unique=True,
        sqlite_where=sa.text("current = 1"),
        postgresql_where=sa.text("current"),
    )
    op.create_index("record_state_history", "record_state", ["record", "valid_from"], unique=False)
    op.create_index("record_state_name", "record_state", ["name_key"], unique=False)
    op.create_index(
        "record_state_open",
        "record_state",
        ["record"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("go back by restoring a backup: `gateway db restore FILE`")
