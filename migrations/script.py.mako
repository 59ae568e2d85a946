"""${message}

What it does, whether it rewrites or locks a table, and for how long: SAY IT HERE.

A revision imports only sqlalchemy and alembic and holds the full text of the views it makes: it must mean the same for
ever. The code before it and the code after it both work with the schema it leaves. On SQLite drop a view before its
tables are altered and make it again after.

Revises: ${down_revision | comma,n}
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
