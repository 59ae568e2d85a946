"""Create the table fetched_thread: how far 'runstore fetch' has read each thread of a server.

Creates a new table only: nothing that exists is rewritten or locked.

Code at 0006 writes the same rows of runs as code at this revision, so it may continue to write. It does not fetch.

Phase: expand.

Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
oldest_reader = "0001"
oldest_writer = "0006"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "fetched_thread",
        sa.Column("server", KEY, nullable=False, comment="Base URL of the server."),
        sa.Column(
            "source", KEY, nullable=False, comment="The source that is stored with the runs; empty if there is none."
        ),
        sa.Column("thread_id", KEY, nullable=False, comment="The thread on the server."),
        sa.Column(
            "cursor",
            sa.Text(),
            comment="All runs up to this one are stored; NULL: the next fetch reads all.",
        ),
        sa.Column(
            "created_from", BIGINT, comment="Runs created before this time were left out (Unix seconds); NULL if none."
        ),
        sa.Column("done", sa.Boolean(), nullable=False, comment="Whether the last fetch has reached the last page."),
        sa.Column(
            "failures", BIGINT, nullable=False, comment="Failed fetches since the last one that reached the last page."
        ),
        sa.Column("error", sa.Text(), comment="Why the last fetch failed; NULL if it did not."),
        sa.Column(
            "asked_at", BIGINT, nullable=False, comment="When the server was last asked for runs (Unix microseconds)."
        ),
        sa.Column("completed_at", BIGINT, comment="When the last page was last reached (Unix microseconds)."),
        sa.PrimaryKeyConstraint("server", "source", "thread_id", name="pk_fetched_thread"),
        comment="How far 'runstore fetch' has read each thread (own table).",
    )


def downgrade() -> None:
    op.drop_table("fetched_thread")
