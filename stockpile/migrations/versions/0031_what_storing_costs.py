"""what storing costs"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op


revision = '0031'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('storage_rate',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('site_code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('storage_class', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('effective_from', sa.Date(), nullable=False),
    sa.Column('milli_per_m3_day', sa.BigInteger(), nullable=False),
    sa.Column('source', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('set_by', sa.BigInteger(), nullable=False),
    sa.Column('set_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.CheckConstraint("storage_class IN ('ambient','cold','frozen','controlled')", name=op.f('ck_storage_rate_storage_class')),
    sa.CheckConstraint('milli_per_m3_day >= 0', name=op.f('ck_storage_rate_not_negative')),
    sa.ForeignKeyConstraint(['set_by'], ['account.id'], name=op.f('fk_storage_rate_set_by_account')),
    sa.ForeignKeyConstraint(['site_code'], ['site.code'], name=op.f('fk_storage_rate_site_code_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_storage_rate'))
    )
    with op.batch_alter_table('storage_rate', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_storage_rate_site_code'), ['site_code'], unique=False)


def downgrade() -> None:
    op.drop_table('storage_rate')
