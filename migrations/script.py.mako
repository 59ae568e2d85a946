"""${message}

What it does, which tables it locks or rewrites, and for how long: SAY IT HERE.

Phase: expand, or contract. SAY WHICH.

Revises: ${down_revision | comma,n}
"""

# The law. Archives of any size are in use while this runs, by the code before it and by the code after it.
#
# - It imports only sqlalchemy and alembic and holds the full text of the views it makes: it means the same for ever.
# - Expand adds what the code before it does not miss: tables, columns that may be NULL or have a constant default,
#   indexes, views. Contract takes away what no released code uses any more, in a later release. Nothing is renamed.
# - oldest_reader is the oldest revision whose code reads the archive right after this one: that of the revision before
#   for what only adds, this one where its code would fail or read something else.
# - oldest_writer is the oldest revision whose code may write right after this one: that of the revision before where such
#   code leaves the rows that yours would leave, so that nobody can tell later which of the two has written. It is this
#   one where a column, row or index entry of yours would be missing, where yours reads otherwise what it writes, and
#   where it may not read.
# - A revision whose downgrade deletes runs says deletes_runs = True: env.py runs it only where that is allowed.
# - On PostgreSQL each revision is one transaction, with limits. What may take long stands in a revision of its own, can
#   be run again from any point, and locks out nobody:
#     an index on a table that exists: nothing else in the revision, in autocommit_block(), for PostgreSQL alone, with
#     postgresql_concurrently=True and if_not_exists=True (one that was left invalid is dropped before you run);
#     downgrade() drops it in its transaction, or a kill could leave the revision without its index;
#     a constraint: postgresql_not_valid=True, and ALTER TABLE ... VALIDATE CONSTRAINT in the next revision;
#     new values in old rows: in batches by key, each an UPDATE of what is still to do.
# - On SQLite drop the views of a table before it is altered, and make them again after. All revisions are one
#   transaction there: no autocommit_block().
# - Its table names are not qualified: env.py sees to the schema.

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
