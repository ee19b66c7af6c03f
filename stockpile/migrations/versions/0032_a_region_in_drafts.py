"""a region in drafts"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op


revision = '0032'
down_revision = '0031'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('region_draft',
    sa.Column('template', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('file_name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('content', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('rows', sa.Integer(), nullable=False),
    sa.Column('sent_by', sa.BigInteger(), nullable=False),
    sa.Column('sent_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['sent_by'], ['account.id'], name=op.f('fk_region_draft_sent_by_account')),
    sa.PrimaryKeyConstraint('template', name=op.f('pk_region_draft'))
    )


def downgrade() -> None:
    op.drop_table('region_draft')
