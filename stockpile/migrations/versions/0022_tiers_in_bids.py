"""lower prices from more packs on in bids"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op


revision = '0022'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('tender_bid_tier',
    sa.Column('bid_id', sa.BigInteger(), nullable=False),
    sa.Column('item_code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('from_packs', sa.Integer(), nullable=False),
    sa.Column('pack_price_minor', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('from_packs >= 2 AND pack_price_minor >= 0', name=op.f('ck_tender_bid_tier_above_the_first')),
    sa.ForeignKeyConstraint(['bid_id', 'item_code'], ['tender_bid_line.bid_id', 'tender_bid_line.item_code'], name=op.f('fk_tender_bid_tier_bid_id_item_code_tender_bid_line')),
    sa.PrimaryKeyConstraint('bid_id', 'item_code', 'from_packs', name=op.f('pk_tender_bid_tier'))
    )


def downgrade() -> None:
    op.drop_table('tender_bid_tier')
