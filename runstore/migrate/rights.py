"""The rights of roles on PostgreSQL: what each kind of role needs, and how it is printed, granted and granted again.

A role is of a kind if it has been granted everything that the kind needs of the existing objects; nothing else records
the kind. So a migration recognises roles that were granted their rights by hand or by an earlier version, and grants no
role more than its kind needs.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, Table, Text, func, select, text

from runstore import config, wire
from runstore.backends import schema_of
from runstore.backends.base import quoted
from runstore.errors import ConfigurationError, DatabaseFailure
from runstore.mapping import BELONGS, FILES, FUNCTION, REQUIRED_ACTION, RUN, SHAPE, SHARED_TABLES, TOOL, TOOLS
from runstore.migrate.safety import key_of
from runstore.migrate.state import LAST_IMPORT, VERSION_TABLE, VIEWS, at_archive
from runstore.schema import TABLES, FetchedThread, views
from runstore.schema.base import JSONText
from runstore.schema.run import JSONTerms

GRANTS_LOCK = 0x72756E72  # "runr"
"""Advisory lock, with a number derived from the schema's name: one transaction at a time grants on an archive."""

_log = logging.getLogger("runstore")


class Right(NamedTuple):
    """A privilege on a table, a view, a column, (EXECUTE) a function or (USAGE) a sequence."""

    privilege: str
    name: str
    column: str | None = None
    """The column, or None for the whole object."""


Rights = frozenset[Right]


def _rights(privileges: str, *names: str) -> Rights:
    return frozenset(Right(privilege, name) for privilege in privileges.split(", ") for name in names)


def _columns(name: str, columns: Iterable[str], privilege: str = "SELECT") -> Rights:
    return frozenset(Right(privilege, name, column) for column in columns)


_SHARED = [table.name for table in SHARED_TABLES]
_BELONGING = sorted({*TABLES} - {*_SHARED, RUN.name})
# By default, PUBLIC has this privilege. Without it, no row can be inserted, because an index calls the function.
_TERMS = _rights("EXECUTE", JSONTerms.name)
_SEQUENCE = f"{RUN.name}_number_seq"

_READER = _rights("SELECT", VERSION_TABLE, *TABLES, *VIEWS) | _TERMS
_WRITER = (
    _READER
    | _rights("INSERT, UPDATE", RUN.name)
    | _rights("INSERT, UPDATE, DELETE", *_BELONGING)
    | _rights("INSERT", *_SHARED)
    | _columns(VERSION_TABLE, [LAST_IMPORT], "UPDATE")
    | _rights("USAGE", _SEQUENCE)
)

_COLLECTED = [table.name for table in SHARED_TABLES if table is not SHAPE]
# To lock a row, a role needs the right to update one of its columns. archived_at proves nothing, and the id of a shared
# row can be changed only if no run refers to it, in which case the pruner may delete the row anyway.
_PRUNER = (
    _READER
    | _rights("DELETE", RUN.name, *_COLLECTED)
    | _columns(RUN.name, ["archived_at"], "UPDATE")
    | frozenset().union(*(_columns(name, ["id"], "UPDATE") for name in _COLLECTED))
)

_NAMES = {
    *("id", "run_id", "call_id", "thread_id", "assistant_id", "file_id", "model", "object", "source"),
    *("status", "previous_status", "error_code", "incomplete_reason", "type", "function_name"),
    *("created_hour", "created_day", "created_week", "created_month", "currency"),
    *("tool_choice", "response_format", "truncation"),
}
"""The text columns of the views that a reader of statistics may read; a new column has to be added to be readable."""

_COUNTED = (views.RUNS, views.RUN_TOOLS, views.RUN_TOOL_CALLS, views.RUN_FILES, views.RUN_CHANGES)


def _numbers(view: Table) -> Rights:
    of_text = (Text, JSONText)
    return _columns(view.name, (c.name for c in view.columns if not isinstance(c.type, of_text) or c.name in _NAMES))


_STATS_READER = (
    _rights("SELECT", VERSION_TABLE, "model_price")
    | frozenset().union(*map(_numbers, _COUNTED))
    # What filters and db status read.
    | _columns(RUN.name, ["id", "number", "thread_id", "assistant_id", "status", "model"])
    | _columns(RUN.name, [column.name for column in RUN.columns if column.name.endswith("_at")])
    | _columns(FetchedThread.__tablename__, ["asked_at", "failures"])
    | _columns(BELONGS["usage"].name, ["run_object", "prompt_tokens", "completion_tokens", "total_tokens"])
    | _columns(BELONGS["last_error"].name, ["run_object", "code"])
    | _columns(BELONGS["incomplete_details"].name, ["run_object", "reason"])
    | _columns(REQUIRED_ACTION.name, ["run_object"])
    | _columns(TOOL.name, ["id", "type", "function"])
    | _columns(FUNCTION.name, ["id", "name"])
    | _rights("SELECT", TOOLS.name, FILES.name)
)

KINDS: Mapping[str, Rights] = {
    "writer": _WRITER,
    "reader": _READER,
    "pruner": _PRUNER,
    "stats-reader": _STATS_READER,
}
"""What each kind of role needs. Once archives with an object exist, the rights that a kind needs on it must not grow:
roles of the kind would no longer be recognised. A revision that needs more adds a column, a table or a view."""


# --- printing and granting -------------------------------------------------------------------------------------------


def grants(
    connection: Connection,
    *,
    writer: str | None = None,
    reader: str | None = None,
    pruner: str | None = None,
    stats_reader: str | None = None,
) -> str:
    """Return the GRANT statements that roles need, for an administrator or the owner of database, schema and tables.

    *writer* imports and saves; *reader* finds, exports and queries; *pruner* also prunes; *stats_reader* reads the
    numbers and names of runs, but no text written by people or models. No role can do more, and no role can migrate.

    Raise :class:`ConfigurationError` if no role is given, for an invalid name, and on SQLite, which has no roles.
    """
    roles = {"writer": writer, "reader": reader, "pruner": pruner, "stats-reader": stats_reader}
    named = _named(connection, roles)
    with at_archive(connection) as home:
        return "".join(f"{statement}\n" for statement in _grants(connection, str(home), named))


def apply_grants(
    connection: Connection,
    *,
    writer: str | None = None,
    reader: str | None = None,
    pruner: str | None = None,
    stats_reader: str | None = None,
) -> None:
    """Execute the statements of :func:`grants` in the current transaction, which the caller commits.

    Raise :class:`DatabaseFailure` if a role lacks a right afterwards: PostgreSQL answers a GRANT by a role that may not
    grant with a warning only. Log a warning if the stats reader can read more than it should.
    """
    roles = _named(connection, {"writer": writer, "reader": reader, "pruner": pruner, "stats-reader": stats_reader})
    place = config.shown(connection.engine.url)
    with at_archive(connection) as home:
        _execute(connection, str(home), _grants(connection, str(home), roles))
        for kind, role in roles.items():
            if lacking := _lacking(connection, str(home), role, KINDS[kind]):
                hint = "execute the grants as the owner of the tables, the schema and the database, or as a superuser"
                reason = f"{role} would still lack {_first(lacking)}; nothing was granted; {hint}"
                raise DatabaseFailure(place=place, reason=reason)
        if stats_reader is not None and (more := _readable_besides(connection, str(home), stats_reader)):
            what = "can read more than a stats reader should, because of other rights"
            _log.warning("%s: %s %s: %s", place, stats_reader, what, _first(more))


def _first(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _named(connection: Connection, given: Mapping[str, str | None]) -> dict[str, str]:
    """Return the given roles by kind. Raise :class:`ConfigurationError`."""
    if connection.dialect.name == "sqlite":
        raise ConfigurationError(
            detail="SQLite has no roles; the permissions of the file decide who can use the archive"
        )
    roles = {kind: role for kind, role in given.items() if role is not None}
    if not roles:
        raise ConfigurationError(detail=f"give at least one role with {', '.join(f'--{kind}' for kind in given)}")
    for kind, role in roles.items():
        # PostgreSQL truncates a longer name, which may then be that of another role, and "public" means every role.
        if not role or not wire.is_text(role) or len(role.encode()) > 63 or role == "public":
            why = "the name of a role has 1 to 63 bytes" if role != "public" else "it means every role"
            raise ConfigurationError(detail=f"{role!r} cannot be the {kind}: {why}")
    return roles


def _grants(connection: Connection, schema: str, roles: Mapping[str, str]) -> list[str]:
    # The URL may omit the database (PGDATABASE), or contain the name that a pooler uses for it.
    database = connection.execute(select(func.current_database())).scalar_one()
    everybody = quoted(*dict.fromkeys(roles.values()))
    statements = [
        f"GRANT CONNECT ON DATABASE {quoted(database)} TO {everybody};",
        f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {everybody};",
    ]
    for kind, role in roles.items():
        statements += _statements(schema, role, KINDS[kind])
    return statements


def _statements(schema: str, role: str, rights: Iterable[Right]) -> list[str]:
    """Return as few GRANT statements as possible, in a fixed order."""
    whole: dict[str, list[str]] = defaultdict(list)
    of_columns: dict[tuple[str, str], list[str]] = defaultdict(list)
    for privilege, name, column in sorted(rights, key=lambda right: (right.name, right.privilege, right.column or "")):
        if column is None:
            whole[name].append(privilege)
        else:
            of_columns[name, privilege].append(column)
    alike: dict[str, list[str]] = defaultdict(list)
    for name, privileges in whole.items():
        place = f"{quoted(schema)}.{quoted(name)}"
        kinds = {"EXECUTE": f"FUNCTION {place}(json)", "USAGE": f"SEQUENCE {place}"}
        alike[", ".join(privileges)].append(kinds.get(privileges[0], place))
    grants = [(privileges, ", ".join(names)) for privileges, names in sorted(alike.items())]
    grants += [
        (f"{privilege} ({quoted(*columns)})", f"{quoted(schema)}.{quoted(name)}")
        for (name, privilege), columns in of_columns.items()
    ]
    return [f"GRANT {what} ON {where} TO {quoted(role)};" for what, where in grants]


def _execute(connection: Connection, schema: str, statements: Iterable[str]) -> None:
    """Execute statements under a lock: of two transactions that grant on one table concurrently, one would fail."""
    connection.execute(select(func.pg_advisory_xact_lock(GRANTS_LOCK, key_of(schema))))
    for statement in statements:
        # A name may contain a percent sign, which the driver would interpret as a parameter.
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


_LACKING = """
SELECT wanted.privilege, wanted.name, wanted.attribute
FROM unnest(CAST(:privileges AS text[]), CAST(:names AS text[]), CAST(:columns AS text[]))
    WITH ORDINALITY AS wanted (privilege, name, attribute, number),
    CAST(:role AS name) AS role,
    LATERAL format('%I.%I', CAST(:schema AS text), wanted.name) AS place
WHERE NOT CASE
    WHEN wanted.privilege = 'CONNECT' THEN has_database_privilege(role, current_database(), 'CONNECT')
    WHEN wanted.privilege = 'USAGE' AND wanted.name = :sequence THEN has_sequence_privilege(role, place, 'USAGE')
    WHEN wanted.privilege = 'USAGE' THEN has_schema_privilege(role, CAST(:schema AS text), 'USAGE')
    WHEN wanted.privilege = 'EXECUTE' THEN has_function_privilege(role, place || '(json)', 'EXECUTE')
    WHEN wanted.attribute IS NULL THEN has_table_privilege(role, place, wanted.privilege)
    ELSE has_column_privilege(role, place, wanted.attribute, wanted.privilege)
END
ORDER BY wanted.number
"""


def _lacking(connection: Connection, schema: str, role: str, rights: Rights) -> list[str]:
    """Return the rights that a role does not have, not even through another role or PUBLIC."""
    wanted = [Right("CONNECT", "the database"), Right("USAGE", f"the schema {schema}"), *sorted(rights, key=str)]
    privileges, names, columns = (list(values) for values in zip(*wanted, strict=True))
    found = connection.execute(
        text(_LACKING),
        {
            "privileges": privileges,
            "names": names,
            "columns": columns,
            "role": role,
            "schema": schema,
            "sequence": _SEQUENCE,
        },
    )
    return [f"{privilege} on {name}{f'.{column}' if column else ''}" for privilege, name, column in found]


_READABLE = """
SELECT c.relname, a.attname
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE n.nspname = :schema AND c.relname = ANY(:names) AND a.attnum > 0 AND NOT a.attisdropped
    AND has_column_privilege(CAST(:role AS name), c.oid, a.attnum, 'SELECT')
ORDER BY c.relname, a.attnum
"""


def _readable_besides(connection: Connection, schema: str, role: str) -> list[str]:
    """Return the columns that a reader of statistics can read but should not."""
    whole = {right.name for right in _STATS_READER if right.column is None}
    names = [name for name in (*TABLES, *VIEWS) if name not in whole]
    found = connection.execute(text(_READABLE), {"schema": schema, "names": names, "role": role})
    return [f"{name}.{column}" for name, column in found if Right("SELECT", name, column) not in _STATS_READER]


# --- granting again --------------------------------------------------------------------------------------------------

_EXISTING = """
SELECT c.relname AS name, a.attname AS attribute
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'v', 'S') AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT p.proname, NULL FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = :schema
"""

_HELD = """
SELECT pg_get_userbyid(acl.grantee) AS role, acl.grantee = 0 AS everybody, acl.privilege_type, held.name, held.attribute
FROM (
    SELECT c.relname AS name, NULL AS attribute, c.relowner AS owner, c.relnamespace AS place, c.relacl AS acl
    FROM pg_class AS c
    UNION ALL
    SELECT c.relname, a.attname, c.relowner, c.relnamespace, a.attacl
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
    UNION ALL
    SELECT p.proname, NULL, p.proowner, p.pronamespace, coalesce(p.proacl, acldefault('f', p.proowner))
    FROM pg_proc AS p
) AS held
JOIN pg_namespace AS n ON n.oid = held.place AND n.nspname = :schema
CROSS JOIN LATERAL aclexplode(held.acl) AS acl
WHERE acl.grantee <> held.owner
"""

Roles = dict[str, Rights]
"""The rights that the roles of an archive need, by the names of the roles."""


def granted_roles(connection: Connection) -> Roles:
    """Return the roles that have all rights of a kind on the existing objects, with all rights that their kinds need.

    Only rights granted to the role itself count, not those of other roles of which it is a member, nor of PUBLIC.
    """
    existing, held, everybody = _catalog(connection)
    if (RUN.name, None) not in existing:  # the remains of an archive do not distinguish the kinds
        return {}
    kinds = {kind: {right for right in rights if _exists(right, existing)} for kind, rights in KINDS.items()}
    roles: Roles = {}
    for role, rights in held.items():
        of_it = [kind for kind, needed in kinds.items() if all(_is_held(right, rights | everybody) for right in needed)]
        if of_it:
            roles[role] = frozenset().union(*(KINDS[kind] for kind in of_it))
    return roles


def renew_grants(connection: Connection, roles: Roles) -> None:
    """Grant these roles the rights that they need on what a revision has just created or recreated."""
    existing, held, everybody = _catalog(connection)
    schema = str(schema_of(connection))
    for role, needed in sorted(roles.items()):
        rights = held[role] | everybody
        missing = [right for right in needed if _exists(right, existing) and not _is_held(right, rights)]
        if missing:
            _execute(connection, schema, _statements(schema, role, missing))
            names = ", ".join(sorted({right.name for right in missing}))
            _log.warning("%s: granted again to %s: rights on %s", config.shown(connection.engine.url), role, names)


Existing = set[tuple[str, str | None]]
"""Tables, views and functions (with None in place of a column) and columns."""


def _catalog(connection: Connection) -> tuple[Existing, defaultdict[str, set[Right]], set[Right]]:
    """Return the objects of the schema, the rights granted to each role, and the functions that PUBLIC may execute."""
    names = {"schema": schema_of(connection)}
    columns = {(name, attribute) for name, attribute in connection.execute(text(_EXISTING), names)}
    existing: Existing = columns | {(name, None) for name, _ in columns}
    held: defaultdict[str, set[Right]] = defaultdict(set)
    everybody: set[Right] = set()
    for role, is_public, privilege, name, attribute in connection.execute(text(_HELD), names):
        right = Right(privilege, name, attribute)
        if not is_public:
            held[role].add(right)
        elif privilege == "EXECUTE":
            everybody.add(right)
    return existing, held, everybody


def _exists(right: Right, existing: Existing) -> bool:
    return (right.name, right.column) in existing


def _is_held(right: Right, held: set[Right]) -> bool:
    return right in held or right._replace(column=None) in held
