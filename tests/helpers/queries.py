"""Queries of a user."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import URL

from runstore import RunRepository, create_engine

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT {} FROM n"
TEN_SECONDS = f"SELECT i FROM ({ENDLESS.format('i')}) AS n WHERE i < 0"


def answering(url: URL, process: int) -> bool:
    """Whether the database answers a query of this process: SQLite's answers come from a process of their own."""
    if url.get_backend_name() == "sqlite":
        if not Path("/proc/self/task").is_dir():
            time.sleep(2)  # elsewhere than on Linux it is not seen
            return True
        return any(children.read_text() for children in Path(f"/proc/{process}/task").glob("*/children"))
    engine = create_engine(url)
    with engine.connect() as connection:
        active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND datname = current_database()"
        found = bool(connection.scalar(text(f"{active} AND pid <> pg_backend_pid()")))
    engine.dispose()
    return found


def ask(
    archive: RunRepository, query: str, timeout: float = 30, parameters: dict[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    """All rows of the answer."""
    with archive.sql(query, parameters, timeout=timeout) as answer:
        return list(answer.rows)
