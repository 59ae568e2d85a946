"""When runs were last imported: one time for the archive, and no part of what is compared, copied or proved."""

from __future__ import annotations

from sqlalchemy import Connection, or_, select, update

from runstore.migrate.state import LAST_IMPORT, VERSION

_last = VERSION.c[LAST_IMPORT]


def note_import(connection: Connection, ended_at: int) -> None:
    """Note when an import has ended (Unix microseconds), in a transaction that does nothing else.

    Nobody waits for anybody: where another import is about to note its own end (or has died while it did, and the
    server does not know yet), its time is as good.
    """
    earlier = select(VERSION.c.version_num).where(or_(_last.is_(None), _last < ended_at))
    mine = earlier.with_for_update(skip_locked=True)  # of which SQLite, with its one writer, knows nothing
    connection.execute(update(VERSION).where(VERSION.c.version_num.in_(mine)).values({_last: ended_at}))


def last_import(connection: Connection) -> int | None:
    """The time that was noted last; None before the first."""
    noted: int | None = connection.scalar(select(_last))
    return noted
