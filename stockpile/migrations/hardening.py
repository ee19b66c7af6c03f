"""A second wall in PostgreSQL: what the application's own database role cannot do, whatever SQL reaches it.

The tables belong to the role that migrates; the application logs in as another, which may read and add, but not
change or delete what was posted or journalled, and which writes a member's rows only as the request's actor may.
`stockpile.members` says for whom a transaction writes: '*' for everybody (what the application's connections begin
with), or the members of a narrowed actor; a connection that does not say sees nothing of these tables.
"""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import Connection, Engine, text

from stockpile.errors import Conflict, Invalid

APPEND_ONLY: Final = (
    "movement",
    "journal_entry",
    "sealed_entry",
    "tree_head",
    "tree_node",
    "head_witness",
    "head_delivery",
    "committee_vote",
    "rights_version",
    "alembic_version",
)
"""Tables whose rows the application may never change or delete; nobody but the migrating role adds a revision."""
SCOPED: Final = {
    "request": "member_code",
    "caseload_report": "member_code",
    "own_stock": "member_code",
    "recall_answer": "member_code",
    "head_witness": "member_code",
    "head_address": "member_code",
    "outside_purchase": "member_code",
    "member_standing": "member_code",
    "tender_choice": "member_code",
    "tender_bid": "supplier_code",
    "tender_objection": "supplier_code",
    "damages_claim": "supplier_code",
}
"""Tables of which each row belongs to a member or supplier who writes it itself, and the column that says to whom.

What two members write together (shares passed on, votes given to another, loans) is not among them.
"""
SEEN: Final = "coalesce(current_setting('stockpile.members', true), '') <> ''"


class NotPostgres(Conflict):
    """Only PostgreSQL has roles."""

    code = "not_postgresql"


def harden(engine: Engine, *, role: str) -> list[str]:
    """Make the role and give it what the application needs and no more; may be run again. What was done, in words."""
    if engine.dialect.name != "postgresql":
        raise NotPostgres("only PostgreSQL has roles: the embedded database is one file of one user")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", role):
        raise Invalid("a role's name is small letters, digits and _, beginning with a letter", field="role")
    with engine.begin() as connection:
        _refuse_owner(connection, role)
        for statement in [*_role(connection, role), *_grants(role), *_policies(connection, role)]:
            connection.execute(text(statement))
    return [
        f"{role} may read and add; it owns nothing, creates nothing and passes no policy by",
        f"it cannot change, delete or empty {', '.join(APPEND_ONLY)}",
        f"rows of {', '.join(SCOPED)} are written for the members or the supplier of the request's actor alone",
        "migrate, back up and prove backups as the role that owns the tables: proving one makes a database",
        f"give it a password (ALTER ROLE {role} PASSWORD ...) and put it into STOCKPILE_DATABASE_URL of the servers",
    ]


def _refuse_owner(connection: Connection, role: str) -> None:
    owned = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner = :role"
    if connection.execute(text(owned), {"role": role}).scalar():
        raise Conflict(f"{role} owns tables here: the application's role is another than the one that migrates")


def _role(connection: Connection, role: str) -> list[str]:
    known = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).scalar()
    made = [] if known else [f"CREATE ROLE {role} LOGIN"]
    return [*made, f"ALTER ROLE {role} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"]


def _grants(role: str) -> list[str]:
    only = ", ".join(APPEND_ONLY)
    return [
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        f"REVOKE UPDATE, DELETE ON {only} FROM {role}",
        f"REVOKE INSERT ON alembic_version FROM {role}",
    ]


def _policies(connection: Connection, role: str) -> list[str]:
    rows = connection.execute(text("SELECT tablename, policyname FROM pg_policies WHERE policyname LIKE 'stockpile_%'"))
    made = [f"DROP POLICY {name} ON {table}" for table, name in rows]
    for table, column in SCOPED.items():
        own = f"{SEEN} AND (current_setting('stockpile.members') = '*' OR {column} = ANY (" + (
            "string_to_array(current_setting('stockpile.members'), ',')))"
        )
        made += [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY stockpile_read ON {table} FOR SELECT TO {role} USING ({SEEN})",
            f"CREATE POLICY stockpile_add ON {table} FOR INSERT TO {role} WITH CHECK ({own})",
            f"CREATE POLICY stockpile_change ON {table} FOR UPDATE TO {role} USING ({own}) WITH CHECK ({own})",
            f"CREATE POLICY stockpile_remove ON {table} FOR DELETE TO {role} USING ({own})",
        ]
    return made
