"""where signed heads are sent, the size of suppliers, and what members buy outside"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op


revision = '0033'
down_revision = '0030'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('head_address',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('member_code', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('recipient', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('url', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('added_by', sa.BigInteger(), nullable=False),
    sa.Column('added_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('ended_by', sa.BigInteger(), nullable=True),
    sa.Column('ended_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('accepted_size', sa.BigInteger(), nullable=True),
    sa.Column('accepted_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('fault', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('next_try_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('claimed_until', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.CheckConstraint('failures >= 0', name=op.f('ck_head_address_not_negative')),
    sa.ForeignKeyConstraint(['accepted_size'], ['tree_head.size'], name=op.f('fk_head_address_accepted_size_tree_head')),
    sa.ForeignKeyConstraint(['added_by'], ['account.id'], name=op.f('fk_head_address_added_by_account')),
    sa.ForeignKeyConstraint(['ended_by'], ['account.id'], name=op.f('fk_head_address_ended_by_account')),
    sa.ForeignKeyConstraint(['member_code'], ['member.code'], name=op.f('fk_head_address_member_code_member')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_head_address'))
    )
    with op.batch_alter_table('head_address', schema=None) as batch_op:
        batch_op.create_index('uq_head_address_living', ['url'], unique=True, sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))

    op.create_table('head_delivery',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('address_id', sa.BigInteger(), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('since_size', sa.BigInteger(), nullable=True),
    sa.Column('at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('milliseconds', sa.Integer(), nullable=False),
    sa.Column('accepted', sa.Boolean(), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('answer', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.ForeignKeyConstraint(['address_id'], ['head_address.id'], name=op.f('fk_head_delivery_address_id_head_address')),
    sa.ForeignKeyConstraint(['size'], ['tree_head.size'], name=op.f('fk_head_delivery_size_tree_head')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_head_delivery'))
    )
    with op.batch_alter_table('head_delivery', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_head_delivery_address_id'), ['address_id'], unique=False)

    op.create_table('outside_purchase',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('member_code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('starts', sa.Date(), nullable=False),
    sa.Column('ends', sa.Date(), nullable=False),
    sa.Column('value_minor', sa.BigInteger(), nullable=False),
    sa.Column('source', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('noted_by', sa.BigInteger(), nullable=False),
    sa.Column('noted_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.CheckConstraint('starts <= ends', name=op.f('ck_outside_purchase_period')),
    sa.CheckConstraint('value_minor >= 0', name=op.f('ck_outside_purchase_not_negative')),
    sa.ForeignKeyConstraint(['member_code'], ['member.code'], name=op.f('fk_outside_purchase_member_code_member')),
    sa.ForeignKeyConstraint(['noted_by'], ['account.id'], name=op.f('fk_outside_purchase_noted_by_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outside_purchase'))
    )
    with op.batch_alter_table('outside_purchase', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_outside_purchase_member_code'), ['member_code'], unique=False)

    with op.batch_alter_table('supplier', schema=None) as batch_op:
        batch_op.add_column(sa.Column('size', sqlmodel.sql.sqltypes.AutoString(), nullable=True))
        batch_op.create_check_constraint(batch_op.f('ck_supplier_size'), "size IN ('micro','small','medium','large')")


def downgrade() -> None:
    with op.batch_alter_table('supplier', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('ck_supplier_size'), type_='check')
        batch_op.drop_column('size')
    op.drop_table('outside_purchase')
    op.drop_table('head_delivery')
    op.drop_table('head_address')
