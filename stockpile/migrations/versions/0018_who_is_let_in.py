"""who is let in"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op


revision = '0018'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('sign_in_begun',
    sa.Column('digest', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('nonce', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('verifier', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('expires_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_sign_in_begun'))
    )
    op.create_table('broken_glass',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('account_id', sa.BigInteger(), nullable=False),
    sa.Column('role', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('member_code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('site_code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('reason', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('begins_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('ends_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('reviewed_by', sa.BigInteger(), nullable=True),
    sa.Column('reviewed_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('verdict', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('note', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.CheckConstraint("verdict IN ('', 'justified', 'not_justified')", name=op.f('ck_broken_glass_verdict_known')),
    sa.CheckConstraint('ends_at > begins_at', name=op.f('ck_broken_glass_ends_later')),
    sa.CheckConstraint('reviewed_by IS NULL OR reviewed_by <> account_id', name=op.f('ck_broken_glass_reviewed_by_another')),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_broken_glass_account_id_account')),
    sa.ForeignKeyConstraint(['reviewed_by'], ['account.id'], name=op.f('fk_broken_glass_reviewed_by_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_broken_glass'))
    )
    with op.batch_alter_table('broken_glass', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_broken_glass_account_id'), ['account_id'], unique=False)

    op.create_table('identity',
    sa.Column('issuer', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('subject', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('account_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_identity_account_id_account')),
    sa.PrimaryKeyConstraint('issuer', 'subject', name=op.f('pk_identity'))
    )
    with op.batch_alter_table('identity', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_identity_account_id'), ['account_id'], unique=False)

    op.create_table('second_factor',
    sa.Column('account_id', sa.BigInteger(), nullable=False),
    sa.Column('sealed_secret', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('confirmed_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('last_step', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_second_factor_account_id_account')),
    sa.PrimaryKeyConstraint('account_id', name=op.f('pk_second_factor'))
    )
    with op.batch_alter_table('account_grant', schema=None) as batch_op:
        batch_op.add_column(sa.Column('ends_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column('given_by', sa.BigInteger(), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_account_grant_given_by_account'), 'account', ['given_by'], ['id'])

    with op.batch_alter_table('region', schema=None) as batch_op:
        batch_op.add_column(sa.Column('second_factor_demanded', sa.Boolean(), server_default=sa.false(), nullable=False))

    with op.batch_alter_table('token', schema=None) as batch_op:
        batch_op.add_column(sa.Column('label', sqlmodel.sql.sqltypes.AutoString(), server_default='', nullable=False))
        batch_op.add_column(sa.Column('scopes', sa.Text(), server_default='', nullable=False))
        batch_op.add_column(sa.Column('created_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column('proven_until', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))



def downgrade() -> None:
    with op.batch_alter_table('token', schema=None) as batch_op:
        batch_op.drop_column('proven_until')
        batch_op.drop_column('created_at')
        batch_op.drop_column('scopes')
        batch_op.drop_column('label')

    with op.batch_alter_table('region', schema=None) as batch_op:
        batch_op.drop_column('second_factor_demanded')

    with op.batch_alter_table('account_grant', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_account_grant_given_by_account'), type_='foreignkey')
        batch_op.drop_column('given_by')
        batch_op.drop_column('ends_at')

    op.drop_table('second_factor')
    with op.batch_alter_table('identity', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_identity_account_id'))

    op.drop_table('identity')
    with op.batch_alter_table('broken_glass', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_broken_glass_account_id'))

    op.drop_table('broken_glass')
    op.drop_table('sign_in_begun')
