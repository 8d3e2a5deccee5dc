"""
Where the disks of what runs were, while it is not certain that they are there still, or not told that they have moved.

Revision: 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("placement", sa.Column("storage_from", sa.JSON(), nullable=True))
    op.add_column("placement", sa.Column("storage_left", BIG, nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    raise NotImplementedError("go back by restoring a backup: `gateway db restore FILE`")
