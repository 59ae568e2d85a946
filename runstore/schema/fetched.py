"""How far the threads of a server were fetched: ``runstore fetch`` fills this table and continues from it."""

from __future__ import annotations

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from runstore.schema.base import Base, BigInt, Key


class FetchedThread(Base):
    """A thread of a server, and how far its runs were fetched."""

    __tablename__ = "fetched_thread"
    __table_args__ = {"comment": "How far 'runstore fetch' has read each thread (own table)."}

    server: Mapped[str] = mapped_column(Key, primary_key=True, comment="Base URL of the server.")
    source: Mapped[str] = mapped_column(
        Key, primary_key=True, comment="The source that is stored with the runs; empty if there is none."
    )
    thread_id: Mapped[str] = mapped_column(Key, primary_key=True, comment="The thread on the server.")
    cursor: Mapped[str | None] = mapped_column(
        Text, comment="All runs up to this one are stored; NULL: the next fetch reads all."
    )
    created_from: Mapped[int | None] = mapped_column(
        BigInt, comment="Runs created before this time were left out (Unix seconds); NULL if none."
    )
    done: Mapped[bool] = mapped_column(comment="Whether the last fetch has reached the last page.")
    failures: Mapped[int] = mapped_column(
        BigInt, comment="Failed fetches since the last one that reached the last page."
    )
    error: Mapped[str | None] = mapped_column(Text, comment="Why the last fetch failed; NULL if it did not.")
    asked_at: Mapped[int] = mapped_column(
        BigInt, comment="When the server was last asked for runs (Unix microseconds)."
    )
    completed_at: Mapped[int | None] = mapped_column(
        BigInt, comment="When the last page was last reached (Unix microseconds)."
    )
