"""Modifications of random rows in random tables, each of which verify has to find."""

from __future__ import annotations

import random
from typing import Any

from sqlalchemy import Connection, Table, select, text

from runstore.backends import create_engine
from runstore.mapping import RUN, SHARED_TABLES
from runstore.repository import RunRepository
from runstore.upkeep.walk import RUN_TABLES
from tests.faults.places import Place, promise

UNCOVERED = {"observed_at", "archived_at", "source"}
"""Columns that no digest covers."""


def damage(place: Place, rows: int, seed: int = 1) -> dict[str, Any]:
    """Modify or delete *rows* rows, each one in an intact archive."""
    dice = random.Random(seed)
    from tests.helpers.runs import stored

    url = place.archive()
    with RunRepository.open(url) as runs:
        for moment, status in enumerate(("queued", "in_progress", "completed")):
            runs.save_many([stored(f"run_{n}", status=status, n=moment // 2) for n in range(20)], observed_at=moment)
    engine = create_engine(url)
    found = 0
    for _ in range(rows):
        table = dice.choice((RUN, *RUN_TABLES, *SHARED_TABLES))
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            else:
                connection.exec_driver_sql("SET session_replication_role = replica")
            owners = dict(map(tuple, connection.execute(select(RUN.c.number, RUN.c.id))))
            where, what = _hurt(connection, table, dice)
            findings = list(RunRepository(connection).verify())
            named = {finding.run for finding in findings}
            owner = where["id"] if table is RUN else owners.get(where.get("run_object"))
            if table is RUN and what == "deleted":
                is_found = bool(findings)  # what belonged to the run has its number, not its id
            else:
                is_found = owner in named if owner else len(named - {None}) > 0
            promise(is_found, f"{table.name} {where} {what}: {findings[:2]}")
            found += 1
            connection.rollback()
    engine.dispose()
    place.drop(url)
    return {"rows damaged": rows, "found": found}


def _hurt(connection: Connection, table: Table, dice: random.Random) -> tuple[dict[str, Any], str]:
    key = [column.name for column in table.primary_key.columns]
    rows = connection.execute(select(table)).mappings().all()
    if table.name == "run_object_change":
        # The oldest snapshot may be missing: no other one is stored as a difference from it.
        rows = [row for row in rows if row["status"] == "in_progress"]
    row = dice.choice(rows)
    where = {name: row[name] for name in key}
    match = " AND ".join(f'"{name}" = :{name}' for name in key)
    if dice.random() < 0.3:
        connection.execute(text(f'DELETE FROM "{table.name}" WHERE {match}'), where)
        return where, "deleted"
    possible = [c for c in table.columns if c.name not in UNCOVERED and not c.primary_key and row[c.name] is not None]
    column = dice.choice(possible or [table.columns[key[-1]]])
    value = row[column.name]
    other: Any
    if isinstance(value, bool):
        other = not value
    elif isinstance(value, int):
        other = value + 1 + dice.randrange(100)
    elif isinstance(value, bytes):
        place = dice.randrange(len(value))
        other = value[:place] + bytes([value[place] ^ 1 << dice.randrange(8)]) + value[place + 1 :]
    elif isinstance(value, str):
        place = dice.randrange(len(value))
        other = value[:place] + ("x" if value[place] != "x" else "y") + value[place + 1 :]
    elif isinstance(value, float):
        other = value / 2
    else:
        other = {**value, "stray": 1} if isinstance(value, dict) else [*value, "id"]
    statement = table.update().where(*(table.c[name] == where[name] for name in key)).values({column.name: other})
    connection.execute(statement)
    return where, f"{column.name}: {value!r} to {other!r}"
