"""Record in the version table which code may write the archive, and when runs were last imported.

Adds two columns to runstore_version, which has one row: on PostgreSQL it is locked for a moment, and processes that
start during this time wait. No other table is changed, and none is rewritten.

Code at 0006 writes the same rows as code at this revision, so it may continue to write.

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
