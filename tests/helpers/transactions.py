"""Transactions on an archive as a repository has them, for what reads or writes runs below it."""

from __future__ import annotations

from contextlib import AbstractContextManager

from sqlalchemy import Engine

from runstore.backends import Transaction
from runstore.connections import Connections
from runstore.connections.seen import SeenRows


def transaction(engine: Engine, *, write: bool = False, whole: bool = False) -> AbstractContextManager[Transaction]:
    """One of our own."""
    return Connections(engine, patience=0, seen=SeenRows()).transaction(write=write, whole=whole)
