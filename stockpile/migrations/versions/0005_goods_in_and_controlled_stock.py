"""goods in and controlled stock"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('approval_limit',
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('value_minor', sa.BigInteger(), nullable=False),
    sa.Column('packs', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("kind IN ('adjustment','floor')", name=op.f('ck_approval_limit_kind')),
    sa.CheckConstraint('value_minor >= 0 AND packs >= 0', name=op.f('ck_approval_limit_not_negative')),
    sa.PrimaryKeyConstraint('kind', name=op.f('pk_approval_limit'))
    )
    op.create_table('border_authorisation',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('item_code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('from_country', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('to_country', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.Column('remaining', sa.BigInteger(), nullable=False),
    sa.Column('registered_by', sa.BigInteger(), nullable=False),
    sa.Column('registered_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.CheckConstraint('from_country <> to_country', name=op.f('ck_border_authorisation_two_countries')),
    sa.CheckConstraint('remaining >= 0 AND remaining <= quantity', name=op.f('ck_border_authorisation_within_limit')),
    sa.CheckConstraint('valid_to >= valid_from', name=op.f('ck_border_authorisation_not_backwards')),
    sa.ForeignKeyConstraint(['item_code'], ['item.code'], name=op.f('fk_border_authorisation_item_code_item')),
    sa.ForeignKeyConstraint(['registered_by'], ['account.id'], name=op.f('fk_border_authorisation_registered_by_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_border_authorisation')),
    sa.UniqueConstraint('number', 'item_code', name=op.f('uq_border_authorisation_number_item_code'))
    )
    with op.batch_alter_table('border_authorisation', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_border_authorisation_item_code'), ['item_code'], unique=False)

    op.create_table('stock_proposal',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('request', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('reason', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('state', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('proposed_by', sa.BigInteger(), nullable=False),
    sa.Column('proposed_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('decided_by', sa.BigInteger(), nullable=True),
    sa.Column('decided_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('decision_reason', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('outcome', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.CheckConstraint("state IN ('proposed','confirmed','declined','withdrawn')", name=op.f('ck_stock_proposal_state')),
    sa.ForeignKeyConstraint(['decided_by'], ['account.id'], name=op.f('fk_stock_proposal_decided_by_account')),
    sa.ForeignKeyConstraint(['proposed_by'], ['account.id'], name=op.f('fk_stock_proposal_proposed_by_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stock_proposal'))
    )
    with op.batch_alter_table('stock_proposal', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_stock_proposal_state'), ['state'], unique=False)

    op.create_table('bin',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('site_code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('storage_class', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('capacity_ml', sa.BigInteger(), nullable=True),
    sa.CheckConstraint("storage_class IN ('ambient','cold','frozen','controlled')", name=op.f('ck_bin_storage_class')),
    sa.CheckConstraint('capacity_ml >= 0', name=op.f('ck_bin_capacity_not_negative')),
    sa.ForeignKeyConstraint(['site_code'], ['site.code'], name=op.f('fk_bin_site_code_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bin')),
    sa.UniqueConstraint('site_code', 'code', name=op.f('uq_bin_site_code_code'))
    )
    with op.batch_alter_table('bin', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_bin_site_code'), ['site_code'], unique=False)

    op.create_table('border_crossing',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('authorisation_id', sa.BigInteger(), nullable=False),
    sa.Column('posting_id', sa.BigInteger(), nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('quantity > 0', name=op.f('ck_border_crossing_quantity_positive')),
    sa.ForeignKeyConstraint(['authorisation_id'], ['border_authorisation.id'], name=op.f('fk_border_crossing_authorisation_id_border_authorisation')),
    sa.ForeignKeyConstraint(['posting_id'], ['posting.id'], name=op.f('fk_border_crossing_posting_id_posting')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_border_crossing'))
    )
    with op.batch_alter_table('border_crossing', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_border_crossing_authorisation_id'), ['authorisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_border_crossing_posting_id'), ['posting_id'], unique=False)

    op.create_table('controlled_loss',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('item_code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('lot_id', sa.BigInteger(), nullable=False),
    sa.Column('site_code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.Column('cause', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('document', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('posting_id', sa.BigInteger(), nullable=True),
    sa.Column('authority', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('state', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('raised_by', sa.BigInteger(), nullable=False),
    sa.Column('raised_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('due_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('reported_by', sa.BigInteger(), nullable=True),
    sa.Column('reported_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('reference', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('closed_by', sa.BigInteger(), nullable=True),
    sa.Column('closed_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('outcome', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.CheckConstraint("state IN ('open','reported','closed')", name=op.f('ck_controlled_loss_state')),
    sa.CheckConstraint('quantity > 0', name=op.f('ck_controlled_loss_quantity_positive')),
    sa.ForeignKeyConstraint(['closed_by'], ['account.id'], name=op.f('fk_controlled_loss_closed_by_account')),
    sa.ForeignKeyConstraint(['item_code'], ['item.code'], name=op.f('fk_controlled_loss_item_code_item')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_controlled_loss_lot_id_lot')),
    sa.ForeignKeyConstraint(['posting_id'], ['posting.id'], name=op.f('fk_controlled_loss_posting_id_posting')),
    sa.ForeignKeyConstraint(['raised_by'], ['account.id'], name=op.f('fk_controlled_loss_raised_by_account')),
    sa.ForeignKeyConstraint(['reported_by'], ['account.id'], name=op.f('fk_controlled_loss_reported_by_account')),
    sa.ForeignKeyConstraint(['site_code'], ['site.code'], name=op.f('fk_controlled_loss_site_code_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_controlled_loss'))
    )
    with op.batch_alter_table('controlled_loss', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_controlled_loss_document'), ['document'], unique=False)
        batch_op.create_index(batch_op.f('ix_controlled_loss_item_code'), ['item_code'], unique=False)
        batch_op.create_index(batch_op.f('ix_controlled_loss_site_code'), ['site_code'], unique=False)

    op.create_table('goods_in',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('site_code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('delivery_note', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('received_by', sa.BigInteger(), nullable=False),
    sa.Column('received_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('posting_id', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['posting_id'], ['posting.id'], name=op.f('fk_goods_in_posting_id_posting')),
    sa.ForeignKeyConstraint(['received_by'], ['account.id'], name=op.f('fk_goods_in_received_by_account')),
    sa.ForeignKeyConstraint(['site_code'], ['site.code'], name=op.f('fk_goods_in_site_code_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_goods_in'))
    )
    with op.batch_alter_table('goods_in', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_goods_in_site_code'), ['site_code'], unique=False)

    op.create_table('receiving_rule',
    sa.Column('site_code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('release_cold_chain', sa.Boolean(), nullable=False),
    sa.Column('release_controlled', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['site_code'], ['site.code'], name=op.f('fk_receiving_rule_site_code_site')),
    sa.PrimaryKeyConstraint('site_code', name=op.f('pk_receiving_rule'))
    )
    op.create_table('site_capacity',
    sa.Column('site_code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('storage_class', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('capacity_ml', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("storage_class IN ('ambient','cold','frozen','controlled')", name=op.f('ck_site_capacity_storage_class')),
    sa.CheckConstraint('capacity_ml >= 0', name=op.f('ck_site_capacity_not_negative')),
    sa.ForeignKeyConstraint(['site_code'], ['site.code'], name=op.f('fk_site_capacity_site_code_site')),
    sa.PrimaryKeyConstraint('site_code', 'storage_class', name=op.f('pk_site_capacity'))
    )
    op.create_table('temperature_log',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('site_code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('digest', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('storage_class', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('begins', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('ends', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('readings', sa.Integer(), nullable=False),
    sa.Column('excursions', sa.Integer(), nullable=False),
    sa.Column('gaps', sa.Integer(), nullable=False),
    sa.Column('set_apart', sa.BigInteger(), nullable=False),
    sa.Column('imported_by', sa.BigInteger(), nullable=False),
    sa.Column('imported_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['imported_by'], ['account.id'], name=op.f('fk_temperature_log_imported_by_account')),
    sa.ForeignKeyConstraint(['site_code'], ['site.code'], name=op.f('fk_temperature_log_site_code_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_temperature_log')),
    sa.UniqueConstraint('site_code', 'digest', name=op.f('uq_temperature_log_site_code_digest'))
    )
    op.create_table('bin_content',
    sa.Column('bin_id', sa.BigInteger(), nullable=False),
    sa.Column('balance_id', sa.BigInteger(), nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('quantity >= 0', name=op.f('ck_bin_content_not_negative')),
    sa.ForeignKeyConstraint(['balance_id'], ['balance.id'], name=op.f('fk_bin_content_balance_id_balance')),
    sa.ForeignKeyConstraint(['bin_id'], ['bin.id'], name=op.f('fk_bin_content_bin_id_bin')),
    sa.PrimaryKeyConstraint('bin_id', 'balance_id', name=op.f('pk_bin_content'))
    )
    with op.batch_alter_table('bin_content', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_bin_content_balance_id'), ['balance_id'], unique=False)

    op.create_table('proof_of_delivery',
    sa.Column('transfer_id', sa.BigInteger(), nullable=False),
    sa.Column('signed_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('signed_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('evidence', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('lowest_milli', sa.Integer(), nullable=True),
    sa.Column('highest_milli', sa.Integer(), nullable=True),
    sa.Column('minutes_outside', sa.Integer(), nullable=True),
    sa.Column('logger', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('recorded_by', sa.BigInteger(), nullable=False),
    sa.Column('recorded_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['recorded_by'], ['account.id'], name=op.f('fk_proof_of_delivery_recorded_by_account')),
    sa.ForeignKeyConstraint(['transfer_id'], ['transfer.id'], name=op.f('fk_proof_of_delivery_transfer_id_transfer')),
    sa.PrimaryKeyConstraint('transfer_id', name=op.f('pk_proof_of_delivery'))
    )
    op.create_table('goods_in_line',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('goods_in_id', sa.BigInteger(), nullable=False),
    sa.Column('calloff_line_id', sa.BigInteger(), nullable=True),
    sa.Column('item_code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('lot_id', sa.BigInteger(), nullable=False),
    sa.Column('expiry', sa.Date(), nullable=False),
    sa.Column('arrived', sa.BigInteger(), nullable=False),
    sa.Column('damaged', sa.BigInteger(), nullable=False),
    sa.Column('tolerated', sa.BigInteger(), nullable=False),
    sa.Column('waiting', sa.BigInteger(), nullable=False),
    sa.Column('available', sa.BigInteger(), nullable=False),
    sa.Column('quarantine', sa.BigInteger(), nullable=False),
    sa.Column('why', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('clause', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('note', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('lowest_milli', sa.Integer(), nullable=True),
    sa.Column('highest_milli', sa.Integer(), nullable=True),
    sa.Column('minutes_outside', sa.Integer(), nullable=True),
    sa.Column('logger', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('state', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('decided_by', sa.BigInteger(), nullable=True),
    sa.Column('decided_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('decision_reason', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.CheckConstraint("state IN ('settled','waiting','accepted','sent_back')", name=op.f('ck_goods_in_line_state')),
    sa.CheckConstraint('arrived > 0', name=op.f('ck_goods_in_line_arrived_positive')),
    sa.CheckConstraint('available + quarantine = arrived', name=op.f('ck_goods_in_line_all_of_it_is_somewhere')),
    sa.CheckConstraint('available >= 0 AND quarantine >= 0 AND tolerated >= 0', name=op.f('ck_goods_in_line_not_negative')),
    sa.CheckConstraint('damaged >= 0 AND damaged <= quarantine', name=op.f('ck_goods_in_line_damaged_set_aside')),
    sa.CheckConstraint('waiting >= 0 AND waiting <= quarantine', name=op.f('ck_goods_in_line_waiting_set_aside')),
    sa.ForeignKeyConstraint(['calloff_line_id'], ['calloff_line.id'], name=op.f('fk_goods_in_line_calloff_line_id_calloff_line')),
    sa.ForeignKeyConstraint(['decided_by'], ['account.id'], name=op.f('fk_goods_in_line_decided_by_account')),
    sa.ForeignKeyConstraint(['goods_in_id'], ['goods_in.id'], name=op.f('fk_goods_in_line_goods_in_id_goods_in')),
    sa.ForeignKeyConstraint(['item_code'], ['item.code'], name=op.f('fk_goods_in_line_item_code_item')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_goods_in_line_lot_id_lot')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_goods_in_line'))
    )
    with op.batch_alter_table('goods_in_line', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_goods_in_line_calloff_line_id'), ['calloff_line_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_goods_in_line_goods_in_id'), ['goods_in_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_goods_in_line_lot_id'), ['lot_id'], unique=False)

    op.create_table('transfer_discrepancy',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('transfer_id', sa.BigInteger(), nullable=False),
    sa.Column('line_id', sa.BigInteger(), nullable=True),
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('lot_id', sa.BigInteger(), nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.Column('note', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.CheckConstraint("kind IN ('short','over','damaged','excursion','wrong_lot')", name=op.f('ck_transfer_discrepancy_kind')),
    sa.CheckConstraint('quantity > 0', name=op.f('ck_transfer_discrepancy_quantity_positive')),
    sa.ForeignKeyConstraint(['line_id'], ['transfer_line.id'], name=op.f('fk_transfer_discrepancy_line_id_transfer_line')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_transfer_discrepancy_lot_id_lot')),
    sa.ForeignKeyConstraint(['transfer_id'], ['transfer.id'], name=op.f('fk_transfer_discrepancy_transfer_id_transfer')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_transfer_discrepancy'))
    )
    with op.batch_alter_table('transfer_discrepancy', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_transfer_discrepancy_transfer_id'), ['transfer_id'], unique=False)

    with op.batch_alter_table('calloff_line', schema=None) as batch_op:
        batch_op.add_column(sa.Column('closed', sa.BigInteger(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('closed_reason', sqlmodel.sql.sqltypes.AutoString(), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('over', sa.BigInteger(), nullable=False, server_default='0'))
        batch_op.drop_constraint(op.f('ck_calloff_line_received_within_order'), type_='check')
        batch_op.create_check_constraint(
            op.f('ck_calloff_line_received_within_order'), 'received >= 0 AND received + closed <= quantity'
        )
        batch_op.create_check_constraint(op.f('ck_calloff_line_not_negative'), 'closed >= 0 AND over >= 0')

    with op.batch_alter_table('contract_line', schema=None) as batch_op:
        batch_op.add_column(sa.Column('tolerance_percent', sa.Integer(), nullable=False, server_default='0'))
        batch_op.create_check_constraint(
            op.f('ck_contract_line_tolerance_range'), 'tolerance_percent BETWEEN 0 AND 100'
        )
        batch_op.add_column(sa.Column('whole_packs', sa.Boolean(), nullable=False, server_default='1'))

    with op.batch_alter_table('item', schema=None) as batch_op:
        batch_op.add_column(sa.Column('needs_release', sa.Boolean(), nullable=False, server_default='0'))

    with op.batch_alter_table('posting', schema=None) as batch_op:
        batch_op.add_column(sa.Column('second_id', sa.BigInteger(), nullable=True))

    with op.batch_alter_table('stock_count', schema=None) as batch_op:
        batch_op.add_column(sa.Column('bin_id', sa.BigInteger(), nullable=True))

    with op.batch_alter_table('temperature_reading', schema=None) as batch_op:
        batch_op.add_column(sa.Column('sensor', sqlmodel.sql.sqltypes.AutoString(), nullable=False, server_default=''))
    with op.batch_alter_table('temperature_reading', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('pk_temperature_reading'), type_='primary')
        batch_op.create_primary_key(op.f('pk_temperature_reading'), ['site_code', 'sensor', 'read_at'])



def downgrade() -> None:
    op.execute(sa.text("DELETE FROM temperature_reading WHERE sensor <> ''"))
    with op.batch_alter_table('temperature_reading', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('pk_temperature_reading'), type_='primary')
        batch_op.create_primary_key(op.f('pk_temperature_reading'), ['site_code', 'read_at'])
    with op.batch_alter_table('temperature_reading', schema=None) as batch_op:
        batch_op.drop_column('sensor')

    with op.batch_alter_table('stock_count', schema=None) as batch_op:
        batch_op.drop_column('bin_id')

    with op.batch_alter_table('posting', schema=None) as batch_op:
        batch_op.drop_column('second_id')

    with op.batch_alter_table('item', schema=None) as batch_op:
        batch_op.drop_column('needs_release')

    with op.batch_alter_table('contract_line', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_contract_line_tolerance_range'), type_='check')
        batch_op.drop_column('whole_packs')
        batch_op.drop_column('tolerance_percent')

    with op.batch_alter_table('calloff_line', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_calloff_line_not_negative'), type_='check')
        batch_op.drop_constraint(op.f('ck_calloff_line_received_within_order'), type_='check')
        batch_op.create_check_constraint(
            op.f('ck_calloff_line_received_within_order'), 'received >= 0 AND received <= quantity'
        )
        batch_op.drop_column('over')
        batch_op.drop_column('closed_reason')
        batch_op.drop_column('closed')

    with op.batch_alter_table('transfer_discrepancy', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_transfer_discrepancy_transfer_id'))

    op.drop_table('transfer_discrepancy')
    with op.batch_alter_table('goods_in_line', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_goods_in_line_lot_id'))
        batch_op.drop_index(batch_op.f('ix_goods_in_line_goods_in_id'))
        batch_op.drop_index(batch_op.f('ix_goods_in_line_calloff_line_id'))

    op.drop_table('goods_in_line')
    op.drop_table('proof_of_delivery')
    with op.batch_alter_table('bin_content', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_bin_content_balance_id'))

    op.drop_table('bin_content')
    op.drop_table('temperature_log')
    op.drop_table('site_capacity')
    op.drop_table('receiving_rule')
    with op.batch_alter_table('goods_in', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_goods_in_site_code'))

    op.drop_table('goods_in')
    with op.batch_alter_table('controlled_loss', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_controlled_loss_site_code'))
        batch_op.drop_index(batch_op.f('ix_controlled_loss_item_code'))
        batch_op.drop_index(batch_op.f('ix_controlled_loss_document'))

    op.drop_table('controlled_loss')
    with op.batch_alter_table('border_crossing', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_border_crossing_posting_id'))
        batch_op.drop_index(batch_op.f('ix_border_crossing_authorisation_id'))

    op.drop_table('border_crossing')
    with op.batch_alter_table('bin', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_bin_site_code'))

    op.drop_table('bin')
    with op.batch_alter_table('stock_proposal', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_stock_proposal_state'))

    op.drop_table('stock_proposal')
    with op.batch_alter_table('border_authorisation', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_border_authorisation_item_code'))

    op.drop_table('border_authorisation')
    op.drop_table('approval_limit')
