"""lots known by GTIN and batch code"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op


revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("trade_item", sa.Column("product", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.add_column(
        "lot", sa.Column("gtin", sqlmodel.sql.sqltypes.AutoString(), nullable=False, server_default="")
    )
    op.execute("UPDATE lot SET gtin = (SELECT gtin FROM item WHERE item.code = lot.item_code)")
    with op.batch_alter_table("lot", schema=None) as batch_op:
        batch_op.alter_column("gtin", server_default=None)
        batch_op.drop_constraint(op.f("uq_lot_item_code_code"), type_="unique")
        batch_op.create_unique_constraint(op.f("uq_lot_gtin_code"), ["gtin", "code"])


def downgrade() -> None:
    with op.batch_alter_table("lot", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("uq_lot_gtin_code"), type_="unique")
        batch_op.create_unique_constraint(op.f("uq_lot_item_code_code"), ["item_code", "code"])
        batch_op.drop_column("gtin")
    with op.batch_alter_table("trade_item", schema=None) as batch_op:
        batch_op.drop_column("product")
