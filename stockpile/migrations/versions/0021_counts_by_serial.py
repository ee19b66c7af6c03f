"""counts by serial"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0021'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the pieces that were found and those of the book to the lines of counts."""
    with op.batch_alter_table("stock_count_line") as table:
        table.add_column(sa.Column("serials", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("book_serials", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("stock_count_line") as table:
        table.alter_column("serials", server_default=None)
        table.alter_column("book_serials", server_default=None)


def downgrade() -> None:
    """Take the columns away."""
    with op.batch_alter_table("stock_count_line") as table:
        table.drop_column("book_serials")
        table.drop_column("serials")
