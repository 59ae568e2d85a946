"""The time of the last import: one time for the whole archive, which is not compared, copied or verified."""

from __future__ import annotations

from sqlalchemy import Connection, or_, select, update

from runstore.migrate.state import LAST_IMPORT, VERSION

_last = VERSION.c[LAST_IMPORT]


def note_import(connection: Connection, ended_at: int) -> None:
    """Store the time at which an import ended (Unix microseconds), in a transaction that does nothing else.

    The statement does not wait. If another import is storing its own time (or has died while doing so, unnoticed by the
    server), that time serves as well.
    """
    earlier = select(VERSION.c.version_num).where(or_(_last.is_(None), _last < ended_at))
    mine = earlier.with_for_update(skip_locked=True)  # not rendered on SQLite, which has one writer at a time
    connection.execute(update(VERSION).where(VERSION.c.version_num.in_(mine)).values({_last: ended_at}))


def last_import(connection: Connection) -> int | None:
    """Return the time of the last import, or None before the first."""
    ended_at: int | None = connection.scalar(select(_last))
    return ended_at
