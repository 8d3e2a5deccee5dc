"""
Which gateway leads, when several are in front of one database.

Revision: 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("epoch", BIG, nullable=False),
        sa.Column("beat", BIG, nullable=False),
        sa.Column("renewed_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    lease = sa.table("lease", *(sa.column(name) for name in ("name", "holder", "epoch", "beat", "renewed_at")))
    op.bulk_insert(lease, [{"name": "leader", "holder": "", "epoch": 0, "beat": 0, "renewed_at": 0}])


def downgrade() -> None:
    raise NotImplementedError("go back by restoring a backup: `gateway db restore FILE`")
