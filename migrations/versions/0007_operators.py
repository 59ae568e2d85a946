"""Which code may write an archive, and when runs were last imported, in the version table.

Adds two columns to runstore_version, which has one row: on PostgreSQL it is locked for a moment, and processes that
start meanwhile wait. No other table is touched, nothing is rewritten.

Code of 0006 writes the same rows as this one does, so it may go on writing.

Phase: expand.

Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
oldest_reader = "0001"
oldest_writer = "0006"


def upgrade() -> None:
    op.add_column("runstore_version", sa.Column("writable_by", sa.String(32)))
    op.add_column("runstore_version", sa.Column("last_import", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("runstore_version", "last_import")
    op.drop_column("runstore_version", "writable_by")
