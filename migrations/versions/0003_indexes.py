"""Add the indexes that filters on runs need.

Reads run_object, run_completion_usage, run_object_last_error and run_object_incomplete_details. On PostgreSQL the
indexes are built CONCURRENTLY, so nobody is locked out (about a minute for a million runs); on SQLite other writers
wait as long. No table is rewritten. The downgrade locks these tables for a moment.

Phase: expand.

Revises: 0002
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
oldest_reader = "0001"

FIRST, LAST = -62135510400, 253402214399
"""0001-01-02 00:00:00 and 9999-12-30 23:59:59 in Unix seconds."""
FINISHED = """CASE status WHEN 'completed' THEN completed_at WHEN 'incomplete' THEN completed_at
            WHEN 'failed' THEN failed_at WHEN 'cancelled' THEN cancelled_at
            WHEN 'expired' THEN expires_at END"""
CREATED = sa.text("coalesce(created_at, -9223372036854775808)")
CALENDAR = f"BETWEEN {FIRST} AND {LAST}"
SECONDS = f"CASE WHEN created_at {CALENDAR} AND {FINISHED} {CALENDAR} THEN {FINISHED} - created_at END"
# Halves, because the difference of two 64-bit integers has 65 bits.
IRREGULAR = sa.text(
    """created_at IS NULL AND coalesce(started_at, completed_at, failed_at, cancelled_at, expires_at) IS NOT NULL
    OR started_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200
    OR completed_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200
    OR failed_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200
    OR cancelled_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200
    OR status = 'expired' AND expires_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200"""
)
INDEXES: tuple[tuple[str, str, list[Any], dict[str, Any]], ...] = (
    ("ix_run_object_created", "run_object", ["created_at"], {}),
    ("ix_run_object_model", "run_object", ["model", CREATED], {}),
    (
        "ix_run_object_irregular",
        "run_object",
        [CREATED, "id"],
        {"postgresql_where": IRREGULAR, "sqlite_where": IRREGULAR},
    ),
    ("ix_run_object_seconds", "run_object", [sa.text(f"({SECONDS})")], {}),
    ("ix_run_completion_usage_total_tokens", "run_completion_usage", ["total_tokens"], {}),
    ("ix_run_object_last_error_code", "run_object_last_error", ["code"], {}),
    ("ix_run_object_incomplete_details_reason", "run_object_incomplete_details", ["reason"], {}),
)


def indexes() -> tuple[tuple[str, str, list[Any], dict[str, Any]], ...]:
    """Return all indexes. The function of the last one is qualified: an index build cannot rely on search_path."""
    if op.get_context().dialect.name != "postgresql":
        return INDEXES
    schema = op.get_context().version_table_schema
    function = f'"{schema}".runstore_json_terms' if schema else "runstore_json_terms"
    terms = sa.text(f"{function}(metadata)")
    return (*INDEXES, ("ix_run_object_metadata", "run_object", [terms], {"postgresql_using": "gin"}))


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            for name, table, columns, options in indexes():
                op.create_index(name, table, columns, postgresql_concurrently=True, if_not_exists=True, **options)
    else:
        for name, table, columns, options in indexes():
            op.create_index(name, table, columns, **options)


def downgrade() -> None:
    # In one transaction, on PostgreSQL too: it takes no time, and one that is killed leaves them all.
    for name, table, _, _ in reversed(indexes()):
        op.drop_index(name, table, if_exists=True)
