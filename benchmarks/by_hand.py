"""Hand-written loading, exporting and saving on the archive's tables, with the bare driver.

The code knows the documented members and the key layout, but checks nothing that runstore checks. It is as fast as its
author could make it: each statement fetches as much as possible, and an export remembers the values that runs share.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec import Raw
from psycopg.types.numeric import FloatLoader
from psycopg.types.string import TextLoader
from sqlalchemy import Table

from benchmarks.competitors import Driver, Rows
from runstore.mapping import RUN, SHARED_TABLES

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

SCALARS = (
    "id",
    "object",
    "created_at",
    "thread_id",
    "assistant_id",
    "status",
    "expires_at",
    "started_at",
    "cancelled_at",
    "failed_at",
    "completed_at",
    "model",
    "max_prompt_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "parallel_tool_calls",
)
_PLAIN = (*SCALARS, "metadata", "extra")
_CHILDREN = (
    "a.run_object, a.type, e.run_object, e.code, e.message, d.run_object, d.reason, "
    "u.run_object, u.prompt_tokens, u.completion_tokens, u.total_tokens"
)
_FROM = """
    FROM run_object r
    LEFT JOIN run_object_required_action a ON a.run_object = r.number
    LEFT JOIN run_object_last_error e ON e.run_object = r.number
    LEFT JOIN run_object_incomplete_details d ON d.run_object = r.number
    LEFT JOIN run_completion_usage u ON u.run_object = r.number
"""
_SHARED = {
    "instructions": ("instructions_id", "run_object_instructions"),
    "truncation_strategy": ("truncation_strategy", "truncation_object"),
    "tool_choice": ("tool_choice", "assistants_api_tool_choice_option"),
    "response_format": ("response_format", "assistants_api_response_format_option"),
}
_COLUMNS = ", ".join(f"r.{name}" for name in _PLAIN)

LOAD = f"""
    SELECT {_COLUMNS}, s.document, i.instructions, t.document, c.document, f.document, {_CHILDREN}, r.number {_FROM}
    JOIN run_object_shape s ON s.id = r.shape
    LEFT JOIN run_object_instructions i ON i.id = r.instructions_id
    LEFT JOIN truncation_object t ON t.id = r.truncation_strategy
    LEFT JOIN assistants_api_tool_choice_option c ON c.id = r.tool_choice
    LEFT JOIN assistants_api_response_format_option f ON f.id = r.response_format
    WHERE r.id = ?
"""
LOAD_TOOLS = """
    SELECT t.document, f.document FROM run_object_assistant_object_tools_inner l
    JOIN assistant_object_tools_inner t ON t.id = l.assistant_object_tools_inner
    LEFT JOIN function_object f ON f.id = t.function
    WHERE l.run_object = ? ORDER BY l.position
"""
LOAD_FILES = "SELECT file_ids FROM run_object_file_ids WHERE run_object = ? ORDER BY position"
LOAD_CALLS = """
    SELECT id, type, function_name, function_arguments FROM run_tool_call_object WHERE run_object = ? ORDER BY position
"""
EXPORT = f"""
    SELECT {_COLUMNS}, r.shape, r.instructions_id, r.truncation_strategy, r.tool_choice, r.response_format,
           {_CHILDREN}, r.number {_FROM}
    ORDER BY coalesce(r.created_at, -9223372036854775808), r.id
"""


LAST_NUMBER = "SELECT seq FROM sqlite_sequence WHERE name = 'run_object'"
NEXT_NUMBER = b"SELECT nextval('run_object_number_seq')"


class Hand:
    """A connection of a driver, and SQL with its placeholders."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.sqlite = isinstance(driver, sqlite3.Connection)
        self._shapes: dict[Any, dict[str, Any]] = {}
        if not isinstance(driver, sqlite3.Connection):
            # JSON is read as text, and numbers as floats, like those of JSON.
            driver.adapters.register_loader("json", TextLoader)
            driver.adapters.register_loader("numeric", FloatLoader)
            driver.autocommit = True

    def rows(self, statement: str, *parameters: Any) -> list[Any]:
        """Return the rows of one statement."""
        if isinstance(self.driver, sqlite3.Connection):
            return self.driver.execute(statement, parameters).fetchall()
        return self.driver.execute(statement.replace("?", "%s").encode(), parameters).fetchall()

    # --- load ---------------------------------------------------------------------------------------------------------

    def load(self, run_id: str) -> dict[str, Any]:
        """Return one run, decoded."""
        [row] = self.rows(LOAD, run_id)
        width = len(_PLAIN)
        found = dict(zip(_PLAIN, row, strict=False))
        shape = _decode(row[width])
        number = row[-1]
        members = self._own(found, row[width + 5 : -1], lambda: self.rows(LOAD_CALLS, number), shape)
        members["metadata"] = found["metadata"] and _decode(found["metadata"])
        members["instructions"] = row[width + 1]
        for name, document in zip(list(_SHARED)[1:], row[width + 2 : width + 5], strict=True):
            members[name] = document and _decode(document)
        members["tools"] = [_tool(*tool) for tool in self.rows(LOAD_TOOLS, number)]
        if "file_ids" in shape["keys"]:
            members["file_ids"] = [file_id for (file_id,) in self.rows(LOAD_FILES, number)]
        return {key: members[key] for key in shape["keys"]}

    def _own(
        self, found: dict[str, Any], children: Sequence[Any], calls: Callable[[], list[Any]], shape: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the members that a run does not share with other runs."""
        action, kind, error, code, message, details, reason, usage, prompt, completion, total = children
        for name in ("temperature", "top_p"):
            if (value := found[name]) is not None and value == int(value):
                found[name] = int(value)
        if self.sqlite and (flag := found["parallel_tool_calls"]) is not None:
            found["parallel_tool_calls"] = bool(flag)
        found["last_error"] = error and {"code": code, "message": message}
        found["incomplete_details"] = details and {"reason": reason}
        tokens = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
        found["usage"] = usage and {key: tokens[key] for key in shape["usage"]}
        found["required_action"] = action and {
            "type": kind,
            "submit_tool_outputs": {
                "tool_calls": [
                    {"id": call_id, "type": type_, "function": {"name": name, "arguments": arguments}}
                    for call_id, type_, name, arguments in calls()
                ]
            },
        }
        if found["extra"]:
            found |= _decode(found["extra"])
        return found

    # --- export -------------------------------------------------------------------------------------------------------

    def export(self, size: int = 500) -> Iterator[bytes]:
        """Return all runs as the same JSON that runstore returns, fetched *size* runs at a time."""
        remembered: dict[str, dict[int, Raw]] = defaultdict(dict)
        width = len(_PLAIN)
        if isinstance(self.driver, sqlite3.Connection):
            cursor: Any = self.driver.execute(EXPORT)
        else:
            self.driver.autocommit = False
            cursor = self.driver.cursor(name="export")
            cursor.execute(EXPORT.encode())
        while rows := cursor.fetchmany(size):
            numbers = [row[-1] for row in rows]
            tools = self._children("run_object_assistant_object_tools_inner", "assistant_object_tools_inner", numbers)
            files = self._children("run_object_file_ids", "file_ids", numbers)
            calls = self._children("run_tool_call_object", "id, type, function_name, function_arguments", numbers)
            for place, (_, table) in enumerate(_SHARED.values(), width + 1):
                self._remember(remembered[table], table, {row[place] for row in rows})
            used = {tool for links in tools.values() for (tool,) in links}
            self._remember(remembered["tools"], "assistant_object_tools_inner", used)
            self._remember_shapes({row[width] for row in rows})
            for row in rows:
                shape = self._shapes[row[width]]
                number = row[-1]
                found = dict(zip(_PLAIN, row, strict=False))
                members = self._own(found, row[width + 5 : -1], partial(calls.__getitem__, number), shape)
                members["metadata"] = found["metadata"] and Raw(found["metadata"])
                for place, (name, (_, table)) in enumerate(_SHARED.items(), width + 1):
                    members[name] = remembered[table].get(row[place])
                members["tools"] = [remembered["tools"][tool] for (tool,) in tools[number]]
                members["file_ids"] = [file_id for (file_id,) in files[number]]
                yield _encode({key: members[key] for key in shape["keys"]})

    def _children(self, table: str, columns: str, numbers: list[int]) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = defaultdict(list)
        statement = f"SELECT run_object, {columns} FROM {table} WHERE {self._among('run_object')}"  # noqa: S608
        for row in self.rows(f"{statement} ORDER BY run_object, position", self._list(numbers)):
            found[row[0]].append(row[1:])
        return found

    def _remember(self, known: dict[int, Raw], table: str, wanted: set[int | None]) -> None:
        missing = [key for key in wanted if key is not None and key not in known]
        if not missing:
            return
        if table == "run_object_instructions":
            for key, text in self._shared("SELECT id, instructions FROM", table, missing):
                known[key] = Raw(_encode(text))
        elif table == "assistant_object_tools_inner":
            columns = "SELECT t.id, t.document, f.document FROM"
            for key, document, function in self._shared(
                columns, f"{table} t LEFT JOIN function_object f ON f.id = t.function", missing, "t.id"
            ):
                known[key] = Raw(_encode(_tool(document, function, Raw)))
        else:
            for key, document in self._shared("SELECT id, document FROM", table, missing):
                known[key] = Raw(document)

    def _remember_shapes(self, wanted: set[int]) -> None:
        if missing := list(wanted - self._shapes.keys()):
            for key, document in self._shared("SELECT id, document FROM", "run_object_shape", missing):
                self._shapes[key] = _decode(document)

    def _shared(self, columns: str, table: str, ids: list[int], key: str = "id") -> list[Any]:
        return self.rows(f"{columns} {table} WHERE {self._among(key)}", self._list(ids))

    def _among(self, column: str) -> str:
        return f"{column} IN (SELECT value FROM json_each(?))" if self.sqlite else f"{column} = ANY(?)"  # noqa: S608

    def _list(self, values: list[Any]) -> Any:
        return _encode(values).decode() if self.sqlite else values

    # --- save ---------------------------------------------------------------------------------------------------------

    def save(self, tables: Rows) -> None:
        """Save the rows of one new run, and of the shared values that are new with it, in one transaction."""
        if isinstance(self.driver, sqlite3.Connection):
            self.driver.execute("BEGIN IMMEDIATE")
            (last,) = self.driver.execute(LAST_NUMBER).fetchone()
            for table, rows in numbered(tables, last + 1):
                self.driver.executemany(insert(table, "?"), rows)
            self.driver.commit()
            return
        with self.driver.transaction(), self.driver.cursor() as cursor:
            [(number,)] = cursor.execute(NEXT_NUMBER).fetchall()
            for table, rows in numbered(tables, number):
                statement = insert(table, "%s").encode()
                if len(rows) == 1:
                    cursor.execute(statement, rows[0])
                else:
                    cursor.executemany(statement, rows)


def insert(table: Table, placeholder: str) -> str:
    """Return the statement that inserts one row, unless it is a shared row that exists."""
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    places = ", ".join([placeholder] * len(table.columns))
    shared = " ON CONFLICT DO NOTHING" if table in SHARED_TABLES else ""
    return f"INSERT INTO {table.name} ({columns}) VALUES ({places}){shared}"  # noqa: S608


def numbered(tables: Rows, number: int) -> Rows:
    """Return the rows of one run with this number."""
    return [
        (table, [(*row[:-1], number) for row in rows])
        if table is RUN
        else (table, rows if table in SHARED_TABLES else [(number, *row[1:]) for row in rows])
        for table, rows in tables
    ]


def _tool(document: str, function: str | None, decode: Callable[[str], Any] = _decode) -> Any:
    tool = _decode(document)
    if function is not None:
        tool["function"] = decode(function)
    return tool
