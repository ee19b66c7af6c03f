"""what can be carried in a day, what stands in for what, and plan jobs as rows"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op


revision = '0030'
down_revision = '0032'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('carrying_limit',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('site_code', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('member_code', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('effective_from', sa.Date(), nullable=False),
    sa.Column('volume_ml', sa.BigInteger(), nullable=True),
    sa.Column('reason', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('set_by', sa.BigInteger(), nullable=False),
    sa.Column('set_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.CheckConstraint("kind IN ('dispatch', 'vehicles', 'receiving')", name=op.f('ck_carrying_limit_kind')),
    sa.CheckConstraint('volume_ml >= 0', name=op.f('ck_carrying_limit_not_negative')),
    sa.CheckConstraint("(site_code IS NULL) = (kind = 'receiving') AND (member_code IS NULL) = (kind = 'dispatch')", name=op.f('ck_carrying_limit_place')),
    sa.ForeignKeyConstraint(['member_code'], ['member.code'], name=op.f('fk_carrying_limit_member_code_member')),
    sa.ForeignKeyConstraint(['set_by'], ['account.id'], name=op.f('fk_carrying_limit_set_by_account')),
    sa.ForeignKeyConstraint(['site_code'], ['site.code'], name=op.f('fk_carrying_limit_site_code_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_carrying_limit'))
    )
    op.create_table('plan_job',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('surge_id', sa.BigInteger(), nullable=False),
    sa.Column('asked_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('asked_by', sa.BigInteger(), nullable=False),
    sa.Column('state', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('worker', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('wish', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('done', sa.BigInteger(), nullable=False),
    sa.Column('items', sa.BigInteger(), nullable=False),
    sa.Column('heard_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('plan_id', sa.BigInteger(), nullable=True),
    sa.Column('proven', sa.Boolean(), nullable=True),
    sa.Column('bound', sa.Text(), nullable=False),
    sa.Column('problem', sa.Text(), nullable=False),
    sa.CheckConstraint("state IN ('running', 'done', 'cancelled', 'failed', 'lost')", name=op.f('ck_plan_job_state')),
    sa.CheckConstraint("wish IN ('', 'cancel', 'keep')", name=op.f('ck_plan_job_wish')),
    sa.CheckConstraint('done >= 0 AND items >= 0', name=op.f('ck_plan_job_not_negative')),
    sa.ForeignKeyConstraint(['asked_by'], ['account.id'], name=op.f('fk_plan_job_asked_by_account')),
    sa.ForeignKeyConstraint(['plan_id'], ['plan.id'], name=op.f('fk_plan_job_plan_id_plan')),
    sa.ForeignKeyConstraint(['surge_id'], ['surge.id'], name=op.f('fk_plan_job_surge_id_surge')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_plan_job'))
    )
    with op.batch_alter_table('plan_job', schema=None) as batch_op:
        batch_op.create_index('uq_plan_job_running', ['surge_id'], unique=True, sqlite_where=sa.text("state = 'running'"), postgresql_where=sa.text("state = 'running'"))

    with op.batch_alter_table('plan_line', schema=None) as batch_op:
        batch_op.add_column(sa.Column('stands_for', sa.BigInteger(), nullable=True))

    with op.batch_alter_table('request', schema=None) as batch_op:
        batch_op.add_column(sa.Column('substitutes', sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table('request', schema=None) as batch_op:
        batch_op.alter_column('substitutes', server_default=None)


def downgrade() -> None:
    with op.batch_alter_table('request', schema=None) as batch_op:
        batch_op.drop_column('substitutes')
    with op.batch_alter_table('plan_line', schema=None) as batch_op:
        batch_op.drop_column('stands_for')
    op.drop_table('plan_job')
    op.drop_table('carrying_limit')
