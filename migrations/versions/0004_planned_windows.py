"""
Planned windows, and which alarms were raised in one.

Revision: 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "planned_window",
        sa.Column("index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("entities", sa.JSON(), nullable=False),
        sa.Column("starts_at", BIG, nullable=False),
        sa.Column("ends_at", BIG, nullable=False),
        sa.Column("declared_by", sa.Text(), nullable=False),
        sa.Column("declared_at", BIG, nullable=False),
        sa.Column("begun_at", BIG, nullable=False),
        sa.Column("ended_at", BIG, nullable=False),
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("relocations", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("index"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("planned_window_ended", "planned_window", ["ended_at"], unique=False)
    op.add_column("alarm", sa.Column("planned", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    raise NotImplementedError("go back by restoring a backup: `gateway db restore FILE`")
