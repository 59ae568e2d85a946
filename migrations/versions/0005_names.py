"""Bind the names in views and in the function to PostgreSQL's own objects.

A function in a schema of the search_path whose argument types fit better than those of PostgreSQL's own function may
have been chosen when the views were created, and whenever runstore_json_terms is executed. So the views are created
again with the text of earlier revisions, now that migrations exclude such functions from the search_path, and the names
in the function are qualified.

On PostgreSQL the migration waits for queries over the views, and new ones wait for a moment. No table is rewritten, and
privileges are kept. On SQLite it does nothing.

Phase: expand.

Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
oldest_reader = "0001"

JSON_TERMS = """CREATE OR REPLACE FUNCTION runstore_json_terms(document json) RETURNS integer[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT pg_catalog.array_agg(pg_catalog.hashtext(m.key) OPERATOR(pg_catalog.&) 65535)
        OPERATOR(pg_catalog.||) pg_catalog.array_agg(pg_catalog.hashtext(
            m.key OPERATOR(pg_catalog.||) '=' OPERATOR(pg_catalog.||) m.value) OPERATOR(pg_catalog.&) 65535)
    FROM pg_catalog.json_each_text(
        CASE WHEN pg_catalog.json_typeof(document) OPERATOR(pg_catalog.=) 'object' THEN document ELSE '{}' END) AS m
$$"""

EARLIER_JSON_TERMS = """CREATE OR REPLACE FUNCTION runstore_json_terms(document json) RETURNS integer[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array_agg(hashtext(m.key) & 65535) || array_agg(hashtext(m.key || '=' || m.value) & 65535)
    FROM json_each_text(CASE WHEN json_typeof(document) = 'object' THEN document ELSE '{}' END) AS m
$$"""


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    scripts = op.get_context().script
    assert scripts is not None
    first, second, fourth = (scripts.get_revision(name).module for name in ("0001", "0002", "0004"))
    # A revision is never changed, so to read its text is to hold it.
    for name, query in (first.VIEWS | second.views("postgresql") | fourth.views("postgresql")).items():
        op.execute(f'CREATE OR REPLACE VIEW "{name}" AS {query}')
    op.execute(JSON_TERMS)


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(EARLIER_JSON_TERMS)
