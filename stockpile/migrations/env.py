"""Alembic's entry: runs the revisions on the connection it is handed.

SQLite changes a constraint by making the table anew; rows that refer to it are
let be meanwhile, and every reference is checked before the commit.
"""

from alembic import context
from sqlmodel import SQLModel

connection = context.config.attributes["connection"]
embedded = connection.dialect.name == "sqlite"
raw = connection.connection.dbapi_connection
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=embedded,
    compare_type=True,
)
if embedded:
    raw.execute("PRAGMA foreign_keys=OFF")
try:
    with context.begin_transaction():
        context.run_migrations()
        if embedded:
            broken = raw.execute("PRAGMA foreign_key_check").fetchall()
            assert not broken, f"rows refer to what is not there: {broken[:5]}"
    if connection.in_transaction():
        connection.commit()
finally:
    if embedded:
        if connection.in_transaction():
            connection.rollback()
        raw.execute("PRAGMA foreign_keys=ON")
