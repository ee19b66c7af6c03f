"""what was posted stays as it is: the database itself refuses to change or delete it"""

from alembic import op


revision = '0020'
down_revision = '0018'
branch_labels = None
depends_on = None

WHOLE = ('movement', 'journal_entry')
HEAD = 'posting'
TABLES = (*WHOLE, HEAD)
FUNCTION = """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: what was posted stays as it is, enter a correction', TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$"""
HEAD_FUNCTION = """CREATE FUNCTION refuse_change_of_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM movement WHERE posting_id = OLD.id) THEN
    RAISE EXCEPTION '% is append-only: what was posted stays as it is, enter a correction', TG_TABLE_NAME
      USING ERRCODE = 'restrict_violation';
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$"""


def upgrade() -> None:
    """Movements and entries of the journal never change; the head of a posting does not once it has movements.

    The ledger claims the number of a posting before its movements are worked
    out, and stamps or withdraws it in the same transaction: until then it may.
    """
    if op.get_bind().dialect.name == 'postgresql':
        op.execute(FUNCTION)
        op.execute(HEAD_FUNCTION)
        for table in TABLES:
            function = 'refuse_change_of_head' if table == HEAD else 'refuse_change'
            op.execute(f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}"
                       f" FOR EACH ROW EXECUTE FUNCTION {function}()")
            op.execute(f"CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON {table}"
                       " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
        return
    for table in TABLES:
        only = " WHEN EXISTS (SELECT 1 FROM movement WHERE posting_id = OLD.id)" if table == HEAD else ""
        for event in ('UPDATE', 'DELETE'):
            op.execute(f"CREATE TRIGGER append_only_{table}_{event.lower()} BEFORE {event} ON {table}{only} BEGIN"
                       f" SELECT RAISE(ABORT, '{table} is append-only: what was posted stays as it is,"
                       " enter a correction'); END")


def downgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        for table in TABLES:
            op.execute(f"DROP TRIGGER append_only ON {table}")
            op.execute(f"DROP TRIGGER append_only_whole ON {table}")
        op.execute("DROP FUNCTION refuse_change()")
        op.execute("DROP FUNCTION refuse_change_of_head()")
        return
    for table in TABLES:
        for event in ('update', 'delete'):
            op.execute(f"DROP TRIGGER append_only_{table}_{event}")
