"""Trade items (packs under their own GTIN) and pallets with an SSCC."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "trade_item",
        sa.Column("gtin", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("item_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.CheckConstraint("units > 0", name=op.f("ck_trade_item_units_positive")),
        sa.ForeignKeyConstraint(["item_code"], ["item.code"], name=op.f("fk_trade_item_item_code_item")),
        sa.PrimaryKeyConstraint("gtin", name=op.f("pk_trade_item")),
    )
    op.create_index(op.f("ix_trade_item_item_code"), "trade_item", ["item_code"])
    op.execute("INSERT INTO trade_item (gtin, item_code, units, name) SELECT gtin, code, pack_size, 'pack' FROM item")
    op.create_table(
        "pallet",
        sa.Column("id", number, nullable=False),
        sa.Column("sscc", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("lot_id", sa.BigInteger(), nullable=False),
        sa.Column("gtin", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.CheckConstraint("count > 0", name=op.f("ck_pallet_count_positive")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_pallet_quantity_positive")),
        sa.ForeignKeyConstraint(["gtin"], ["trade_item.gtin"], name=op.f("fk_pallet_gtin_trade_item")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_pallet_lot_id_lot")),
        sa.ForeignKeyConstraint(["made_by"], ["account.id"], name=op.f("fk_pallet_made_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pallet")),
        sa.UniqueConstraint("sscc", name=op.f("uq_pallet_sscc")),
    )
    op.create_index(op.f("ix_pallet_lot_id"), "pallet", ["lot_id"])


def downgrade() -> None:
    op.drop_table("pallet")
    op.drop_table("trade_item")
