"""
Where each receiver stands in the event log, in place of a row for each notification; receivers made at run time.

Revision: 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "receiver",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("position", BIG, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("delivered", BIG, nullable=False),
        sa.Column("summarised", BIG, nullable=False),
        sa.Column("given_up", BIG, nullable=False),
        sa.Column("delivered_at", BIG, nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "missed",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("receiver", sa.String(length=255), nullable=False),
        sa.Column("event", BIG, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event"],
            ["event.seq"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("missed_event", "missed", ["event"], unique=False)
    op.create_index("missed_receiver", "missed", ["receiver", "event"], unique=True)
    op.create_table(
        "receiver_settings",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("changed_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    # What waited goes on waiting: a receiver stands before the first one that is neither delivered nor given up.
    op.execute(
        """
        INSERT INTO receiver
            (name, position, attempts, delivered, summarised, given_up, delivered_at, error)
        SELECT receiver,
            COALESCE(MIN(CASE WHEN delivered_at IS NULL AND NOT given_up THEN event END) - 1, MAX(event)),
            0, COUNT(delivered_at), 0, SUM(CASE WHEN given_up THEN 1 ELSE 0 END), COALESCE(MAX(delivered_at), 0), ''
        FROM outbox GROUP BY receiver
        """
    )
    op.execute(
        """
        INSERT INTO missed (receiver, event, at, error, wanted)
        SELECT receiver, event, created_at, error, NOT given_up FROM outbox WHERE given_up ORDER BY id
        """
    )
    op.drop_table("outbox")


def downgrade() -> None:
    raise NotImplementedError("go back by restoring a backup: `gateway db restore FILE`")
