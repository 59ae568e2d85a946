"""${message}

DESCRIBE HERE what the revision does, which tables it locks or rewrites, and for how long.

Phase: CHOOSE expand or contract.

Revises: ${down_revision | comma,n}
"""

# Rules. While a revision runs, archives of any size are in use by the code before it and by the code after it.
#
# - A revision imports only sqlalchemy and alembic, and contains the full text of the views that it creates, so that its
#   meaning never changes.
# - "Expand" adds objects that older code does not need: tables, columns that are nullable or have a constant default,
#   indexes, views. "Contract", in a later release, drops what no released code uses any more. Nothing is renamed.
# - oldest_reader is the oldest revision whose code can read the archive after this revision. If this revision only adds
#   objects, it is the oldest_reader of the revision before. If older code would fail or misread data, it is this
#   revision.
# - oldest_writer is the oldest revision whose code may write to the archive after this revision. It is the
#   oldest_writer of the revision before if that code leaves the same rows as the new code, so that nobody can
#   distinguish them later. It is this revision if a new column, row or index entry would be missing, if the new code
#   would interpret the rows differently, and if older code may not read the archive.
# - A revision whose downgrade deletes runs sets deletes_runs = True; env.py runs such a downgrade only if that is
#   allowed.
# - On PostgreSQL, each revision is one transaction with limits. An operation that may take long is a separate revision,
#   can be repeated from any point, and blocks nobody:
#     An index on an existing table is alone in its revision, in autocommit_block(), for PostgreSQL only, with
#     postgresql_concurrently=True and if_not_exists=True (an invalid index is dropped before the revision runs).
#     downgrade() drops it in the transaction, because a kill could otherwise leave the revision without its index.
#     A constraint is added with postgresql_not_valid=True; the next revision runs ALTER TABLE ... VALIDATE CONSTRAINT.
#     New values for existing rows are set in batches by key; each batch updates rows that do not have the value yet.
# - On SQLite, drop the views over a table before you alter it, and create them again afterwards. All revisions are one
#   transaction there, so do not use autocommit_block().
# - Names of tables are not qualified; env.py sets the schema.

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}
oldest_reader = ${repr(up_revision)}
oldest_writer = ${repr(up_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
