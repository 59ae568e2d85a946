"""Give each run a number, to which the rows that belong to it refer instead of its id.

run_object gets the column number. In the tables of what belongs to runs, run_object holds the number, as the
documentation has it (runObject long), no longer the id. The views show the id as before, except the three with the
documented names: where a long is documented, they show the number, and "RunObject" shows it in an additional column.
The details of run_findings have other words.

Rewrites run_object and every table of what belongs to runs, with their indexes. Earlier code can neither read nor write
the archive afterwards: stop all processes that use it before the migration, and start them with the new version.

PostgreSQL: one transaction, in which these tables and the views over them are locked against readers and writers. A
million runs take about two minutes, and temporarily as much space again as the tables have, plus the same in the
write-ahead log. Privileges, comments, policies, triggers and foreign keys of other tables to run_object.id are kept;
comments on the three views are not. The planner's statistics of these tables are updated. A view, a rule or a policy of
yours that reads run_object from one of the tables, or that reads one of the three views, makes the migration fail, and
nothing is changed: drop it, and create it again afterwards.

SQLite: one transaction. Readers see the archive as it was until it ends, and writers wait. A million runs take about
two minutes. The file grows by its size or less, the log next to it by as much, and so much is needed for the backup;
'runstore prune --orphans --vacuum' returns the space. Indexes and triggers of yours on these tables are created again,
and foreign keys to run_object (id) are kept; one that refers to run_object without naming the column is an error.

The number of a run is that of its row, which ascends in the order of arrival.

Phase: contract.

Revises: 0009
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
oldest_reader = "0010"
oldest_writer = "0010"

ACTION = "run_object_required_action"
CHILDREN = {
    ACTION: ("type TEXT", "extra TEXT"),
    "run_tool_call_object": (
        "position INTEGER NOT NULL",
        "id TEXT",
        "type TEXT",
        "function_name TEXT",
        "function_arguments TEXT",
        "extra TEXT",
    ),
    "run_object_last_error": ("code TEXT", "message TEXT", "extra TEXT"),
    "run_object_incomplete_details": ("reason TEXT", "extra TEXT"),
    "run_completion_usage": (
        "completion_tokens INTEGER",
        "prompt_tokens INTEGER",
        "total_tokens INTEGER",
        "extra TEXT",
    ),
    "run_object_assistant_object_tools_inner": (
        "position INTEGER NOT NULL",
        "assistant_object_tools_inner INTEGER NOT NULL",
    ),
    "run_object_file_ids": ("position INTEGER NOT NULL", "file_ids TEXT NOT NULL"),
    "run_object_change": (
        "digest BLOB NOT NULL",
        "observed_at INTEGER NOT NULL",
        "status TEXT",
        "members TEXT NOT NULL",
        "absent TEXT",
    ),
}
"""The tables whose rows belong to a run, with their columns after run_object as SQLite has them."""

KEYS = {
    "run_tool_call_object": "position",
    "run_object_assistant_object_tools_inner": "position",
    "run_object_file_ids": "position",
    "run_object_change": "digest",
}
"""The second column of the key, if it has one."""

CLUSTERED = ("run_tool_call_object", "run_object_assistant_object_tools_inner", "run_object_file_ids")
"""The tables that SQLite orders by their key, with short rows."""

SHARED = {
    "instructions_id": "run_object_instructions",
    "truncation_strategy": "truncation_object",
    "tool_choice": "assistants_api_tool_choice_option",
    "response_format": "assistants_api_response_format_option",
    "shape": "run_object_shape",
}
RUN_COLUMNS = (
    *("id TEXT NOT NULL", "object TEXT", "created_at INTEGER", "thread_id TEXT", "assistant_id TEXT", "status TEXT"),
    *("expires_at INTEGER", "started_at INTEGER", "cancelled_at INTEGER", "failed_at INTEGER", "completed_at INTEGER"),
    *("model TEXT", "instructions_id INTEGER", "metadata TEXT", "max_prompt_tokens INTEGER"),
    *("max_completion_tokens INTEGER", "truncation_strategy INTEGER", "tool_choice INTEGER", "response_format INTEGER"),
    *("temperature NUMERIC", "top_p NUMERIC", "parallel_tool_calls BOOLEAN", "extra TEXT", "shape INTEGER NOT NULL"),
    *("digest BLOB NOT NULL", "observed_at INTEGER NOT NULL", "archived_at INTEGER NOT NULL", "source TEXT"),
)

NUMBER_COMMENT = "Number of the run in this archive, to which other tables refer."

FIRST, LAST = -62135510400, 253402214399
"""0001-01-02 00:00:00 and 9999-12-30 23:59:59 in Unix seconds."""
FINISHED = """CASE status WHEN 'completed' THEN completed_at WHEN 'incomplete' THEN completed_at
            WHEN 'failed' THEN failed_at WHEN 'cancelled' THEN cancelled_at
            WHEN 'expired' THEN expires_at END"""
CREATED = "coalesce(created_at, -9223372036854775808)"
CALENDAR = f"BETWEEN {FIRST} AND {LAST}"
SECONDS = f"CASE WHEN created_at {CALENDAR} AND {FINISHED} {CALENDAR} THEN {FINISHED} - created_at END"
IRREGULAR = """created_at IS NULL
    AND coalesce(started_at, completed_at, failed_at, cancelled_at, expires_at) IS NOT NULL
    OR started_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200
    OR completed_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200
    OR failed_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200
    OR cancelled_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200
    OR status = 'expired' AND expires_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200"""
INDEXES = {
    "ix_run_object_assistant_id": f"run_object (assistant_id, {CREATED})",
    "ix_run_object_created": "run_object (created_at)",
    "ix_run_object_created_at": f"run_object ({CREATED}, id)",
    "ix_run_object_instructions_id": "run_object (instructions_id)",
    "ix_run_object_irregular": f"run_object ({CREATED}, id) WHERE {IRREGULAR}",
    "ix_run_object_model": f"run_object (model, {CREATED})",
    "ix_run_object_seconds": f"run_object (({SECONDS}))",
    "ix_run_object_status": f"run_object (status, {CREATED})",
    "ix_run_object_thread_id": f"run_object (thread_id, {CREATED})",
    "ix_run_completion_usage_total_tokens": "run_completion_usage (total_tokens)",
    "ix_run_object_assistant_object_tools_inner_tool": (
        "run_object_assistant_object_tools_inner (assistant_object_tools_inner)"
    ),
    "ix_run_object_file_ids_file_ids": "run_object_file_ids (file_ids)",
    "ix_run_object_incomplete_details_reason": "run_object_incomplete_details (reason)",
    "ix_run_object_last_error_code": "run_object_last_error (code)",
}
"""The indexes as SQLite has them; PostgreSQL keeps its own."""


# --- views -----------------------------------------------------------------------------------------------------------

OF_RUN = "JOIN run_object r ON r.number = l.run_object"
DOCUMENTED = {
    "RunObject": """
        SELECT r.id, r.object, r.created_at, r.thread_id, r.assistant_id, r.status,
               a.run_object AS required_action, e.run_object AS last_error,
               r.expires_at, r.started_at, r.cancelled_at, r.failed_at, r.completed_at,
               d.run_object AS incomplete_details, r.model, i.instructions, r.metadata, u.run_object AS usage,
               r.max_prompt_tokens, r.max_completion_tokens,
               r.truncation_strategy, r.tool_choice, r.response_format, r.temperature, r.number
        FROM run_object r
        LEFT JOIN run_object_required_action a ON a.run_object = r.number
        LEFT JOIN run_object_last_error e ON e.run_object = r.number
        LEFT JOIN run_object_incomplete_details d ON d.run_object = r.number
        LEFT JOIN run_completion_usage u ON u.run_object = r.number
        LEFT JOIN run_object_instructions i ON i.id = r.instructions_id
    """,
    "RunObjectAssistantObjectToolsInner": """
        SELECT run_object AS "runObject", assistant_object_tools_inner AS "assistantObjectToolsInner"
        FROM run_object_assistant_object_tools_inner
    """,
    "RunObjectFileIds": """
        SELECT run_object AS "runObject", file_ids AS "fileIds" FROM run_object_file_ids
    """,
}
"""The views that show the number where the documentation has a long."""

TIMES = ("created", "started", "expires", "cancelled", "failed", "completed")
STATUSES = (
    "'queued', 'in_progress', 'requires_action', 'cancelling', 'cancelled', 'failed', 'completed', 'incomplete', "
    "'expired'"
)
TERMINAL = "'cancelled', 'failed', 'completed', 'incomplete', 'expired'"
REQUIRED = (
    *("object", "created_at", "thread_id", "assistant_id", "status", "required_action", "last_error", "expires_at"),
    *("started_at", "cancelled_at", "failed_at", "completed_at", "model", "instructions", "tools", "metadata"),
)
"""The members that every version of the API specification requires, except id and file_ids."""

RUN_FINISHED = """CASE r.status WHEN 'completed' THEN r.completed_at WHEN 'incomplete' THEN r.completed_at
            WHEN 'failed' THEN r.failed_at WHEN 'cancelled' THEN r.cancelled_at
            WHEN 'expired' THEN r.expires_at END"""
RANK = """CASE WHEN c.status = 'cancelling' THEN 1
               WHEN c.status IN ('cancelled', 'failed', 'completed', 'expired', 'incomplete') THEN 2 ELSE 0 END"""


@dataclass(frozen=True)
class Spelling:
    """SQL that the two databases spell differently."""

    name: str

    def __post_init__(self) -> None:
        if self.name not in ("postgresql", "sqlite"):
            raise NotImplementedError(self.name)

    def either(self, postgresql: str, sqlite: str) -> str:
        return postgresql if self.name == "postgresql" else sqlite

    def moment(self, seconds: str) -> str:
        """Return Unix seconds as a time: timestamptz, or text in UTC."""
        made = self.either(f"to_timestamp({seconds})", f"datetime({seconds}, 'unixepoch')")
        return f"CASE WHEN {seconds} BETWEEN {FIRST} AND {LAST} THEN {made} END"

    def micro_moment(self, micros: str) -> str:
        """Return Unix microseconds as a time in whole seconds."""
        seconds = f"({micros} - (({micros} % 1000000) + 1000000) % 1000000) / 1000000"
        made = self.either(f"to_timestamp({seconds})", f"datetime({seconds}, 'unixepoch')")
        return f"CASE WHEN {micros} BETWEEN {FIRST}000000 AND {LAST}000000 THEN {made} END"

    def part(self, seconds: str, postgresql: str, sqlite: str) -> str:
        """Return Unix seconds as text for an hour, a day ... in UTC."""
        made = self.either(
            f"to_char(to_timestamp({seconds}) AT TIME ZONE 'UTC', '{postgresql}')",
            f"strftime('{sqlite}', {seconds}, 'unixepoch')",
        )
        return f"CASE WHEN {seconds} BETWEEN {FIRST} AND {LAST} THEN {made} END"

    def week(self, seconds: str) -> str:
        """Return the ISO week. SQLite determines it by its Thursday, which is in the year of the week."""
        if self.name == "postgresql":
            return self.part(seconds, 'IYYY-"W"IW', "")
        thursday = f"{seconds}, 'unixepoch', '-3 days', 'weekday 4'"
        number = f"printf('%02d', (strftime('%j', {thursday}) - 1) / 7 + 1)"
        made = f"strftime('%Y', {thursday}) || '-W' || {number}"
        return f"CASE WHEN {seconds} BETWEEN {FIRST} AND {LAST} THEN {made} END"

    def ways(self, *path: str) -> list[tuple[str, ...]]:
        """Return the path of these documented names in each spelling, the documented one first."""
        camel = tuple(name[:1] + pascal[1:] for name in path for pascal in [_pascal(name)])
        return list(dict.fromkeys((path, camel, tuple(map(_pascal, path)))))

    def said(self, json: str, *path: str) -> str:
        """Return the first string at a path in JSON, in any spelling, else NULL."""
        return self.first(*(self.string(json, *way) for way in self.ways(*path)))

    def first(self, *values: str) -> str:
        """Return the first of these values that is not NULL."""
        return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"

    def member(self, json: str, name: str) -> str:
        """Return a member of a JSON object as JSON."""
        return self.first(
            *(self.either(f"{json} -> '{way}'", f"json_extract({json}, '$.{way}')") for (way,) in self.ways(name))
        )

    def kind(self, json: str, name: str) -> str:
        """Return the type of a member of a JSON object, or NULL if it is absent."""
        if self.name == "postgresql":
            return f"json_typeof({self.member(json, name)})"
        return self.first(*(f"json_type({json}, '$.{way}')" for (way,) in self.ways(name)))

    def not_in(self, extra: str, name: str) -> str:
        """Return a condition: AND column extra, which holds values of other types, does not contain the member."""
        return f" AND {self.kind(extra, name)} IS NULL"

    def string(self, json: str, *path: str) -> str:
        """Return the string at a path in JSON, else NULL. The names in the path are plain words."""
        way = self._way(path)
        return self.either(
            f"CASE WHEN json_typeof({json} #> {way}) = 'string' THEN {json} #>> {way} END",
            f"CASE WHEN json_type({json}, {way}) = 'text' THEN json_extract({json}, {way}) END",
        )

    def count(self, json: str, *path: str) -> str:
        """Return the integer of at most 18 digits at a path in JSON, else NULL."""
        way = self._way(path)
        return self.either(
            f"CASE WHEN json_typeof({json} #> {way}) = 'number' AND {json} #>> {way} ~ '^-?[0-9]{{1,18}}$' "
            f"THEN ({json} #>> {way})::bigint END",
            f"CASE WHEN json_type({json}, {way}) = 'integer' "
            f"AND json_extract({json}, {way}) BETWEEN -999999999999999999 AND 999999999999999999 "
            f"THEN json_extract({json}, {way}) END",
        )

    def _way(self, path: tuple[str, ...]) -> str:
        return self.either("'{" + ",".join(path) + "}'", "'$" + "".join(f".{name}" for name in path) + "'")

    def spoken(self, document: str) -> str:
        """Return the string that a JSON text encodes."""
        return self.either(f"{document}::json #>> '{{}}'", f"json_extract({document}, '$')")

    def quoted(self, text: str) -> str:
        """Return a text as messages show it: in quotes, and not too long."""
        return f"'\"' || substr({text}, 1, 100) || '\"'"

    def matches(self, text: str) -> str:
        """Return whether a text is a valid function name: at most 64 letters, digits, _ and -."""
        return self.either(
            f"{text} ~ '^[a-zA-Z0-9_-]{{1,64}}$'",
            f"({text} NOT GLOB '*[^a-zA-Z0-9_-]*' AND length({text}) BETWEEN 1 AND 64)",
        )

    @property
    def text(self) -> str:
        """Return the name of the text type for casts."""
        return self.either("text", "TEXT")


def _pascal(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def seconds_between(earlier: str, later: str) -> str:
    """Return NULL if one of the times is NULL or outside the calendar."""
    return (
        f"CASE WHEN {earlier} BETWEEN {FIRST} AND {LAST} AND {later} BETWEEN {FIRST} AND {LAST} "
        f"THEN {later} - {earlier} END"
    )


def runs(sql: Spelling, joined: str) -> str:
    """Return the view. Tables with these aliases are joined; the columns of others are subqueries."""
    times = ",\n            ".join(f"{sql.moment(f'r.{name}_at')} AS {name}_time" for name in TIMES)
    finished = f"({RUN_FINISHED})"
    details = [
        way for name in ("prompt_tokens", "prompt_token") for way in sql.ways(f"{name}_details", "cached_tokens")
    ]
    counts = ",\n                     ".join(sql.count("u.extra", *way) for way in details)
    cached = f"coalesce({counts})"
    schema_name = sql.said(sql.either("f.document::json", "f.document"), "json_schema", "name")
    price = """FROM model_price p
              WHERE p.valid_from <= r.created_at
                AND (p.model = r.model OR (substr(p.model, length(p.model)) = '*'
                     AND substr(p.model, 1, length(p.model) - 1) = substr(r.model, 1, length(p.model) - 1)))
              ORDER BY CASE WHEN substr(p.model, length(p.model)) = '*' THEN 1 ELSE 0 END, length(p.model) DESC,
                       p.valid_from DESC
              LIMIT 1)"""
    # Whole tokens times a price for a million: exact on PostgreSQL, where an integer times a numeric is a numeric.
    cost = f"""CASE WHEN u.prompt_tokens BETWEEN 0 AND 999999999999999999
                  AND u.completion_tokens BETWEEN 0 AND 999999999999999999
                  AND coalesce({cached}, 0) BETWEEN 0 AND u.prompt_tokens
            THEN (SELECT ((u.prompt_tokens - coalesce({cached}, 0)) * p.prompt
                     + coalesce({cached}, 0) * coalesce(p.cached, p.prompt)
                     + u.completion_tokens * p.completion) * 0.000001
              {price} END"""
    others = {
        "u": ("run_completion_usage", "u.run_object = r.number"),
        "i": ("run_object_instructions", "i.id = r.instructions_id"),
        "e": ("run_object_last_error", "e.run_object = r.number"),
        "d": ("run_object_incomplete_details", "d.run_object = r.number"),
        "t": ("truncation_object", "t.id = r.truncation_strategy"),
        "c": ("assistants_api_tool_choice_option", "c.id = r.tool_choice"),
        "f": ("assistants_api_response_format_option", "f.id = r.response_format"),
    }

    def of(alias: str, value: str) -> str:
        """Return a value of another table."""
        table, on = others[alias]
        return value if alias in joined else f"(SELECT {value} FROM {table} {alias} WHERE {on})"

    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    tokens = ", ".join(f"u.{name}" if "u" in joined else f"{of('u', f'u.{name}')} AS {name}" for name in names)
    tool_choice = f"""CASE WHEN substr(c.document, 1, 1) = '"' THEN {sql.spoken("c.document")}
                 WHEN c.id IS NOT NULL THEN coalesce(c.type, 'object') || coalesce(':' ||
                     (SELECT n.name FROM function_object n WHERE n.id = c.function), '') END"""
    response_format = f"""CASE WHEN substr(f.document, 1, 1) = '"' THEN {sql.spoken("f.document")}
                 WHEN f.type = 'json_schema' THEN f.type || coalesce(':' || {schema_name}, '')
                 WHEN f.id IS NOT NULL THEN coalesce(f.type, 'object') END"""
    truncation = f"""CASE WHEN t.last_messages IS NOT NULL
                 THEN coalesce(t.type, 'object') || ':' || CAST(t.last_messages AS {sql.text})
                 WHEN t.id IS NOT NULL THEN coalesce(t.type, 'object') END"""
    joins = "".join(
        f"\n        LEFT JOIN {table} {alias} ON {on}" for alias, (table, on) in others.items() if alias in joined
    )
    return f"""
        SELECT
            r.id, r.object, r.created_at, r.thread_id, r.assistant_id, r.status,
            r.expires_at, r.started_at, r.cancelled_at, r.failed_at, r.completed_at,
            r.model, {of("i", "i.instructions")} AS instructions,
            r.metadata, r.max_prompt_tokens, r.max_completion_tokens,
            r.temperature, r.top_p, r.parallel_tool_calls,
            {times},
            {finished} AS finished_at,
            {sql.moment(finished)} AS finished_time,
            {seconds_between("r.created_at", "r.started_at")} AS queue_seconds,
            {seconds_between("r.started_at", finished)} AS run_seconds,
            {seconds_between("r.created_at", finished)} AS total_seconds,
            {sql.part("r.created_at", 'YYYY-MM-DD"T"HH24', "%Y-%m-%dT%H")} AS created_hour,
            {sql.part("r.created_at", "YYYY-MM-DD", "%Y-%m-%d")} AS created_day,
            {sql.week("r.created_at")} AS created_week,
            {sql.part("r.created_at", "YYYY-MM", "%Y-%m")} AS created_month,
            {tokens},
            {of("u", cached)} AS cached_tokens,
            {of("u", cost)} AS cost,
            (SELECT p.currency
              {price} AS currency,
            {of("e", "e.code")} AS error_code, {of("e", "e.message")} AS error_message,
            {of("d", "d.reason")} AS incomplete_reason,
            {of("c", tool_choice)} AS tool_choice,
            {of("f", response_format)} AS response_format,
            {of("t", truncation)} AS truncation,
            (SELECT count(*) FROM run_object_assistant_object_tools_inner l
             WHERE l.run_object = r.number) AS tool_count,
            (SELECT count(*) FROM run_object_file_ids l WHERE l.run_object = r.number) AS file_count,
            (SELECT count(*) FROM run_tool_call_object l WHERE l.run_object = r.number) AS pending_tool_calls,
            r.source, r.observed_at, {sql.micro_moment("r.observed_at")} AS observed_time,
            r.archived_at, {sql.micro_moment("r.archived_at")} AS archived_time
        FROM run_object r{joins}
    """


def run_tools(_: Spelling) -> str:
    return f"""
        SELECT r.id AS run_id, l.position, t.type, f.name AS function_name, f.description, f.strict,
               t.id AS tool_id
        FROM run_object_assistant_object_tools_inner l
        {OF_RUN}
        LEFT JOIN assistant_object_tools_inner t ON t.id = l.assistant_object_tools_inner
        LEFT JOIN function_object f ON f.id = t.function
    """


def run_files(_: Spelling) -> str:
    return f"SELECT r.id AS run_id, l.position, l.file_ids AS file_id FROM run_object_file_ids l {OF_RUN}"


def run_tool_calls(sql: Spelling) -> str:
    """Calls are stored in rows, in an action of another form, or in the action of an earlier snapshot."""
    call = sql.either("e.value", "CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END")
    position = sql.either("CAST(e.place - 1 AS integer)", "e.key")

    def calls(table: str, action: str, is_object: str) -> str:
        if sql.name == "postgresql":
            listed = sql.member("m.value", "tool_calls")
            return f"""{table}
        CROSS JOIN LATERAL json_each(CASE WHEN {is_object} THEN {action} ELSE '{{}}' END) AS m (name, value)
        CROSS JOIN LATERAL json_array_elements(
            CASE WHEN json_typeof({listed}) = 'array' THEN {listed} ELSE '[]' END
        ) WITH ORDINALITY AS e (value, place)"""
        inner = "CASE WHEN m.type = 'object' THEN m.value ELSE '{}' END"
        listed = f"CASE WHEN {sql.kind(inner, 'tool_calls')} = 'array'"
        return f"""{table}
        JOIN json_each(CASE WHEN {is_object} THEN {action} ELSE '{{}}' END) m
        JOIN json_each({listed} THEN {sql.member("m.value", "tool_calls")} ELSE '[]' END) e"""

    members = f"""{position} AS position, {sql.said(call, "id")} AS call_id, {sql.said(call, "type")} AS type,
            coalesce({sql.said(call, "function", "name")}, {sql.said(call, "name")}) AS function_name,
            coalesce({sql.said(call, "function", "arguments")}, {sql.said(call, "arguments")}) AS arguments"""
    earlier = sql.member("c.members", "required_action")
    is_earlier = f"{sql.kind('c.members', 'required_action')} = 'object'"
    true, false = sql.either("true", "1"), sql.either("false", "0")
    waiting = "run_object_required_action a JOIN run_object r ON r.number = a.run_object"
    return f"""
        SELECT r.id AS run_id, c.position, c.id AS call_id, c.type, c.function_name,
            c.function_arguments AS arguments, r.observed_at, {sql.micro_moment("r.observed_at")} AS observed_time,
            {true} AS pending
        FROM run_tool_call_object c JOIN run_object r ON r.number = c.run_object
        UNION ALL
        SELECT r.id AS run_id, {members}, r.observed_at,
            {sql.micro_moment("r.observed_at")} AS observed_time, {true} AS pending
        FROM {calls(waiting, "a.extra", "a.extra IS NOT NULL")}
        UNION ALL
        SELECT r.id AS run_id, {members}, c.observed_at,
            {sql.micro_moment("c.observed_at")} AS observed_time, {false} AS pending
        FROM {calls("run_object_change c JOIN run_object r ON r.number = c.run_object", earlier, is_earlier)}
    """


def run_changes(sql: Spelling) -> str:
    true, false = sql.either("true", "1"), sql.either("false", "0")
    order = "PARTITION BY run_id ORDER BY status_rank, observed_at, digest"
    return f"""
        SELECT run_id, row_number() OVER ({order}) - 1 AS position, status,
            lag(status) OVER ({order}) AS previous_status,
            observed_at, {sql.micro_moment("observed_at")} AS observed_time, is_current, members
        FROM (
            SELECT r.id AS run_id, c.status, c.observed_at, c.digest, {false} AS is_current, c.members,
                {RANK} AS status_rank
            FROM run_object_change c JOIN run_object r ON r.number = c.run_object
            UNION ALL
            SELECT id, status, observed_at, digest, {true}, NULL, 3 FROM run_object
        ) looks
    """


def run_findings(sql: Spelling) -> str:
    """Return one SELECT per rule: its name, the path in the run's JSON, what was found there, FROM, WHERE."""
    # The documented name stands behind a key that spells it in another way.
    keys = sql.either(
        "SELECT CASE json_typeof(k.value) WHEN 'array' THEN k.value ->> 1 ELSE k.value #>> '{}' END "
        "FROM json_array_elements(s.document::json -> 'keys') AS k (value)",
        "SELECT CASE k.type WHEN 'array' THEN json_extract(k.value, '$[1]') ELSE k.value END "
        "FROM json_each(s.document, '$.keys') k",
    )
    null_lists = sql.either(
        "SELECT k.value FROM json_array_elements_text(coalesce(s.document::json -> 'null', '[]')) AS k (value)",
        "SELECT k.value FROM json_each(s.document, '$.null') k",
    )
    object_type = sql.either("json_typeof", "json_type")
    pairs = f"CASE WHEN {object_type}(r.metadata) = 'object' THEN r.metadata ELSE '{{}}' END"
    metadata = f"run_object r {sql.either('CROSS JOIN LATERAL', 'JOIN')} json_each({pairs}) AS m"
    is_text = sql.either("json_typeof(m.value) = 'string'", "m.type = 'text'")
    pair_text = sql.either("m.value #>> '{}'", "m.value")
    pair_count = f"(SELECT count(*) FROM json_each({pairs}))"
    tools = "(SELECT count(*) FROM run_object_assistant_object_tools_inner l WHERE l.run_object = r.number)"
    files = "(SELECT count(*) FROM run_object_file_ids l WHERE l.run_object = r.number)"

    def text(value: str) -> str:
        return f"CAST({value} AS {sql.text})"

    def with_key(key: str) -> str:
        return f"r.shape IN (SELECT s.id FROM run_object_shape s WHERE '{key}' IN ({keys}))"

    def row(column: str, table: str, alias: str) -> str:
        return f"run_object r JOIN {table} {alias} ON {alias}.{column}"

    link = """run_object_assistant_object_tools_inner l
            JOIN assistant_object_tools_inner t ON t.id = l.assistant_object_tools_inner"""
    tool = f"{link} JOIN run_object r ON r.number = l.run_object"
    choice = row("id = r.tool_choice", "assistants_api_tool_choice_option", "c")
    response = row("id = r.response_format", "assistants_api_response_format_option", "f")
    truncation = row("id = r.truncation_strategy", "truncation_object", "t")
    usage = row("run_object = r.number", "run_completion_usage", "u")
    retrieves = f"EXISTS (SELECT 1 FROM {link} WHERE l.run_object = r.number AND t.type = 'retrieval')"
    is_v1 = f"{with_key('file_ids')} OR {retrieves}"
    required = " UNION ALL ".join(f"SELECT '{key}' AS name" for key in REQUIRED)
    absent = f"""run_object r JOIN (
                SELECT DISTINCT s.id, w.name FROM run_object_shape s CROSS JOIN ({required}) w
                WHERE w.name NOT IN ({keys})
            ) q ON q.id = r.shape"""
    null_list = f"""run_object r JOIN (
                SELECT DISTINCT s.id, w.name
                FROM run_object_shape s CROSS JOIN (SELECT 'tools' AS name UNION ALL SELECT 'file_ids') w
                WHERE w.name IN ({null_lists})
            ) q ON q.id = r.shape"""
    rules: list[tuple[str, str, str, str, str]] = [
        (
            "object",
            "'$.object'",
            f"coalesce('unknown object ' || {sql.quoted('r.object')}, 'is null')",
            "run_object r",
            f"(r.object IS NULL OR r.object NOT IN ('thread.run', 'assistant.run')) AND {with_key('object')}",
        ),
        (
            "status",
            "'$.status'",
            f"'unknown status ' || {sql.quoted('r.status')}",
            "run_object r",
            f"r.status NOT IN ({STATUSES})",
        ),
        ("missing", "'$.' || q.name", "'a required member is absent'", absent, "1 = 1"),
        ("null", "'$.' || q.name", "'may not be null'", null_list, "1 = 1"),
    ]
    for key in ("created_at", "thread_id", "assistant_id", "status", "model", "instructions"):
        column = "instructions_id" if key == "instructions" else key
        null = f"r.{column} IS NULL AND {with_key(key)}{sql.not_in('r.extra', key)}"
        rules.append(("null", f"'$.{key}'", "'may not be null'", "run_object r", null))
    rules += [
        (
            "timestamp",
            f"'$.{status}_at'",
            f"'is null or absent in a run that is {status}'",
            "run_object r",
            f"r.status = '{status}' AND r.{status}_at IS NULL{sql.not_in('r.extra', f'{status}_at')}",
        )
        for status in ("completed", "failed", "cancelled")
    ]
    rules += [
        (
            "timestamp",
            f"'$.{name}_at'",
            f"{text(f'r.{name}_at')} || ' is beyond the year 9999: expected seconds, not milliseconds'",
            "run_object r",
            f"r.{name}_at > 253402300799",
        )
        for name in TIMES
    ]
    rules += [
        (
            "required_action",
            "'$.required_action'",
            "'is null or absent in a run that requires action'",
            "run_object r",
            "r.status = 'requires_action' "
            "AND NOT EXISTS (SELECT 1 FROM run_object_required_action a WHERE a.run_object = r.number)"
            + sql.not_in("r.extra", "required_action"),
        ),
        (
            "required_action",
            "'$.required_action'",
            "'is present in a run whose status is not requires_action'",
            row("run_object = r.number", "run_object_required_action", "a"),
            "coalesce(r.status, '') <> 'requires_action'",
        ),
        (
            "required_action",
            "'$.required_action.type'",
            f"coalesce('unknown type ' || {sql.quoted('a.type')}, 'is null, absent or not a string')",
            row("run_object = r.number", "run_object_required_action", "a"),
            "coalesce(a.type, '') <> 'submit_tool_outputs'" + sql.not_in("a.extra", "type"),
        ),
        (
            "usage",
            "'$.usage'",
            "'is present in a run that has not ended'",
            usage,
            f"coalesce(r.status, '') NOT IN ({TERMINAL})",
        ),
        *(
            (
                "usage",
                f"'$.usage.{name}'",
                "'is null or absent'",
                usage,
                f"u.{name} IS NULL{sql.not_in('u.extra', name)}",
            )
            for name in ("prompt_tokens", "completion_tokens", "total_tokens")
        ),
        (
            "last_error",
            "'$.last_error.code'",
            f"coalesce('unknown code ' || {sql.quoted('e.code')}, 'is null or absent')",
            row("run_object = r.number", "run_object_last_error", "e"),
            "coalesce(e.code, '') NOT IN ('server_error', 'rate_limit_exceeded', 'invalid_prompt')"
            + sql.not_in("e.extra", "code"),
        ),
        (
            "incomplete_details",
            "'$.incomplete_details.reason'",
            f"'unknown reason ' || {sql.quoted('d.reason')}",
            row("run_object = r.number", "run_object_incomplete_details", "d"),
            "d.reason NOT IN ('max_completion_tokens', 'max_prompt_tokens')",
        ),
        (
            "metadata",
            "'$.metadata'",
            f"{text(pair_count)} || ' pairs, expected at most 16'",
            "run_object r",
            f"r.metadata IS NOT NULL AND {pair_count} > 16",
        ),
        (
            "metadata",
            "'$.metadata.' || substr(m.key, 1, 100)",
            f"'a key of ' || {text('length(m.key)')} || ' characters, expected at most 64'",
            metadata,
            "length(m.key) > 64",
        ),
        (
            "metadata",
            "'$.metadata.' || substr(m.key, 1, 100)",
            "'the value is not a string'",
            metadata,
            f"NOT ({is_text})",
        ),
        (
            "metadata",
            "'$.metadata.' || substr(m.key, 1, 100)",
            f"'a value of ' || {text(f'length({pair_text})')} || ' characters, expected at most 512'",
            metadata,
            f"{is_text} AND length({pair_text}) > 512",
        ),
        (
            "tools",
            "'$.tools'",
            f"{text(tools)} || ' tools, expected at most 128, or 20 in a run of the first generation'",
            "run_object r",
            f"{tools} > CASE WHEN {is_v1} THEN 20 ELSE 128 END",
        ),
        (
            "tools",
            f"'$.tools[' || {text('l.position')} || '].type'",
            f"coalesce('unknown type ' || {sql.quoted('t.type')}, 'is null, absent or not a string')",
            tool,
            "coalesce(t.type, '') NOT IN ('code_interpreter', 'retrieval', 'file_search', 'function')",
        ),
        (
            "tools",
            f"'$.tools[' || {text('l.position')} || '].function.name'",
            f"coalesce({sql.quoted('n.name')} || ' is not a valid function name', 'is null, absent or not a string')",
            f"{tool} LEFT JOIN function_object n ON n.id = t.function",
            f"t.type = 'function' AND (n.name IS NULL OR NOT ({sql.matches('n.name')}))",
        ),
        (
            "file_ids",
            "'$.file_ids'",
            f"{text(files)} || ' files, expected at most 20'",
            "run_object r",
            f"{files} > 20",
        ),
        (
            "instructions",
            "'$.instructions'",
            f"{text('length(i.instructions)')} || ' characters, expected at most 256000'",
            row("id = r.instructions_id", "run_object_instructions", "i"),
            "length(i.instructions) > 256000",
        ),
        *(
            (
                column,
                f"'$.{column}'",
                f"'expected {least} to {most}'",
                "run_object r",
                f"r.{column} NOT BETWEEN {least} AND {most}",
            )
            for column, least, most in (("temperature", 0, 2), ("top_p", 0, 1))
        ),
        *(
            (
                column,
                f"'$.{column}'",
                f"{text(f'r.{column}')} || ', expected at least 256'",
                "run_object r",
                f"r.{column} < 256",
            )
            for column in ("max_prompt_tokens", "max_completion_tokens")
        ),
        (
            "truncation_strategy",
            "'$.truncation_strategy.type'",
            f"coalesce('unknown type ' || {sql.quoted('t.type')}, 'is null, absent or not a string')",
            truncation,
            "coalesce(t.type, '') NOT IN ('auto', 'last_messages')",
        ),
        (
            "truncation_strategy",
            "'$.truncation_strategy.last_messages'",
            f"{text('t.last_messages')} || ', expected at least 1'",
            truncation,
            "t.last_messages < 1",
        ),
        (
            "tool_choice",
            "'$.tool_choice'",
            f"'unknown ' || {sql.quoted('c.document')}",
            choice,
            "substr(c.document, 1, 1) = '\"' AND c.document NOT IN ('\"none\"', '\"auto\"', '\"required\"')",
        ),
        (
            "tool_choice",
            "'$.tool_choice.type'",
            f"coalesce('unknown type ' || {sql.quoted('c.type')}, 'is null, absent or not a string')",
            choice,
            "substr(c.document, 1, 1) <> '\"' "
            "AND coalesce(c.type, '') NOT IN ('function', 'code_interpreter', 'file_search', 'retrieval')",
        ),
        (
            "response_format",
            "'$.response_format'",
            f"'unknown ' || {sql.quoted('f.document')}",
            response,
            "substr(f.document, 1, 1) = '\"' AND f.document NOT IN ('\"none\"', '\"auto\"')",
        ),
        (
            "response_format",
            "'$.response_format.type'",
            f"coalesce('unknown type ' || {sql.quoted('f.type')}, 'is null, absent or not a string')",
            response,
            "substr(f.document, 1, 1) <> '\"' AND coalesce(f.type, '') NOT IN ('text', 'json_object', 'json_schema')",
        ),
    ]
    return " UNION ALL ".join(
        f"""
        SELECT r.id AS run_id, '{rule}' AS rule, {path} AS path,
            {detail} AS detail
        FROM {source}
        WHERE {condition}"""
        for rule, path, detail, source, condition in rules
    )


def of_runs(database: str) -> dict[str, str]:
    """Return the views that show the id of the run, as before."""
    sql = Spelling(database)
    return {
        "runs": runs(sql, sql.either("ued", "")),
        "run_tools": run_tools(sql),
        "run_files": run_files(sql),
        "run_tool_calls": run_tool_calls(sql),
        "run_changes": run_changes(sql),
        "run_findings": run_findings(sql),
    }


def views(database: str) -> dict[str, str]:
    """Return the name and SELECT of each view for a database, given the name of its SQLAlchemy dialect."""
    return DOCUMENTED | of_runs(database)


def earlier_views(database: str) -> dict[str, str]:
    """Return these views before this revision. A revision is never changed, so to read its text is to hold it."""
    scripts = op.get_context().script
    assert scripts is not None
    first, second, sixth = (scripts.get_revision(name).module for name in ("0001", "0002", "0006"))
    found: dict[str, str] = first.VIEWS | second.views(database) | sixth.views(database)
    return {name: found[name] for name in views(database)}


def drop_views(names: Iterable[str]) -> None:
    for name in names:
        op.execute(f'DROP VIEW "{name}"')


def create_views(queries: dict[str, str], *, replace: bool = False) -> None:
    for name, query in queries.items():
        op.execute(f'CREATE {"OR REPLACE " if replace else ""}VIEW "{name}" AS {query}')


# --- PostgreSQL ------------------------------------------------------------------------------------------------------

EMPTY_VIEWS = """DO $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('CREATE OR REPLACE VIEW %s AS SELECT %s', c.oid::regclass, string_agg(
            format('CAST(NULL AS %s)%s AS %I', format_type(a.atttypid, a.atttypmod),
                (SELECT format(' COLLATE %I', l.collname) FROM pg_collation l
                 WHERE l.oid = a.attcollation AND l.collname <> 'default'), a.attname),
            ', ' ORDER BY a.attnum))
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.oid = ANY (ARRAY[NAMES]::regclass[]) AND a.attnum > 0
        GROUP BY c.oid
    LOOP
        EXECUTE statement;
    END LOOP;
END
$$"""
"""Make views read no table, but keep their columns, privileges and comments, and the views that read them."""

KEEP_PRIVILEGES = """SELECT set_config('runstore.privileges', string_agg(
    format('GRANT %s%s ON %s TO %s%s', h.privilege_type, h.columns, h.view,
        CASE h.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(h.grantee)) END,
        CASE WHEN h.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), '; '), true)
FROM (
    SELECT c.oid::regclass AS view, c.relowner, '' AS columns, acl.*
    FROM pg_class c, aclexplode(c.relacl) AS acl
    UNION ALL
    SELECT c.oid, c.relowner, format('(%I)', a.attname), acl.*
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) AS acl
) h
WHERE h.view = ANY (ARRAY[NAMES]::regclass[]) AND h.grantee <> h.relowner"""
GIVE_PRIVILEGES = """DO $$
BEGIN
    EXECUTE coalesce(nullif(current_setting('runstore.privileges', true), ''), 'SELECT');
END
$$"""
"""Keep the privileges on views that are dropped until they are there again, in a setting of the transaction."""

LOOK_UP = """CREATE FUNCTION runstore_{wanted}_of(run {given}) RETURNS {kind} LANGUAGE sql STABLE AS $$
    SELECT r.{wanted} FROM run_object r WHERE r.{key} = run
$$"""
"""ALTER COLUMN allows no subquery, but a function."""


def convert_postgresql(*, up: bool) -> None:
    names = ", ".join(f"'{name}'" for name in of_runs("postgresql"))
    op.execute(KEEP_PRIVILEGES.replace("NAMES", ", ".join(f"'\"{name}\"'" for name in DOCUMENTED)))
    drop_views(DOCUMENTED)
    op.execute(EMPTY_VIEWS.replace("NAMES", names))
    if up:
        op.add_column(
            "run_object",
            sa.Column("number", sa.BigInteger(), sa.Identity(), nullable=False, comment=NUMBER_COMMENT),
        )
        op.create_unique_constraint("uq_run_object_number", "run_object", ["number"])
    drop_references()
    wanted, key, given, kind = ("number", "id", "text", "bigint") if up else ("id", "number", "bigint", "text")
    op.execute(LOOK_UP.format(wanted=wanted, key=key, given=given, kind=kind))
    column = kind if up else f'{kind} COLLATE "C"'
    for table in CHILDREN:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN run_object TYPE {column} USING runstore_{wanted}_of(run_object)")
        comment = "Number of the run." if up else "The run's id."
        op.alter_column(table, "run_object", comment=comment)
    op.execute(f"DROP FUNCTION runstore_{wanted}_of({given})")
    add_references("number" if up else "id")
    queries = views("postgresql") if up else earlier_views("postgresql")
    create_views({name: queries[name] for name in of_runs("postgresql")}, replace=True)
    create_views({name: queries[name] for name in DOCUMENTED})
    op.execute(GIVE_PRIVILEGES)
    if not up:
        op.drop_column("run_object", "number")
    # The statistics of what was rewritten are lost.
    for table in ("run_object", *CHILDREN):
        op.execute(f"ANALYZE {table}")


def drop_references() -> None:
    for table in CHILDREN:
        op.drop_constraint(f"fk_{table}_run_object", table, type_="foreignkey")


def add_references(key: str) -> None:
    for table in CHILDREN:
        to, column = reference(table, key)
        op.create_foreign_key(f"fk_{table}_run_object", table, to, ["run_object"], [column], ondelete="CASCADE")


def reference(table: str, key: str) -> tuple[str, str]:
    """Return the table and the column to which run_object refers, given the key of run_object."""
    return (ACTION, "run_object") if table == "run_tool_call_object" else ("run_object", key)


# --- SQLite ----------------------------------------------------------------------------------------------------------


def convert_sqlite(*, up: bool) -> None:
    drop_views(views("sqlite"))
    others = list(made_by_others())
    # The old tables make room for the new ones, and nothing that refers to their names is changed.
    op.execute("PRAGMA legacy_alter_table = ON")
    for table in ("run_object", *CHILDREN):
        op.execute(f"ALTER TABLE {table} RENAME TO runstore_old_{table}")
    op.execute("PRAGMA legacy_alter_table = OFF")
    names = ", ".join(column.partition(" ")[0] for column in RUN_COLUMNS)
    op.execute(run_table(numbered=up))
    if up:
        op.execute(
            f"INSERT INTO run_object ({names}, number) "
            f"SELECT {names}, rowid FROM runstore_old_run_object ORDER BY rowid"
        )
    else:
        op.execute(f"INSERT INTO run_object ({names}) SELECT {names} FROM runstore_old_run_object ORDER BY number")
    for table, columns in CHILDREN.items():
        op.execute(child_table(table, columns, numbered=up))
        names = ", ".join(column.partition(" ")[0] for column in columns)
        if up:
            # In the order of the old rows, which is nearly that of the numbers. A row without its run gets a number
            # that no run has, and foreign_key_check reports it.
            selected = f"coalesce(r.number, -o.rowid), {names_of(columns)}"
            joined = f"runstore_old_{table} o LEFT JOIN run_object r ON r.id = o.run_object ORDER BY o.rowid"
        else:
            selected = f"coalesce(r.id, 'number ' || o.run_object), {names_of(columns)}"
            joined = f"runstore_old_{table} o LEFT JOIN runstore_old_run_object r ON r.number = o.run_object"
            joined += f" ORDER BY {', '.join(f'o.{name}' for name in key_of(table))}"
        op.execute(f"INSERT INTO {table} (run_object, {names}) SELECT {selected} FROM {joined}")
    for table in ("run_object", *CHILDREN):
        op.execute(f"DROP TABLE runstore_old_{table}")
    for name, what in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {what}")
    create_views(views("sqlite") if up else earlier_views("sqlite"))
    for statement in others:
        op.execute(sa.text(statement.replace(":", "\\:")))


def made_by_others() -> Iterator[str]:
    """Yield the statements that made the indexes and triggers on our tables that are not ours."""
    if op.get_context().as_sql:
        return
    found = op.get_bind().execute(
        sa.text("SELECT name, tbl_name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL")
    )
    for name, table, statement in found.all():
        if name not in INDEXES and table in {"run_object", *CHILDREN}:
            yield statement


def run_table(*, numbered: bool) -> str:
    key = "PRIMARY KEY (number AUTOINCREMENT)" if numbered else "PRIMARY KEY (id)"
    lines = [
        *RUN_COLUMNS,
        *(["number INTEGER NOT NULL"] if numbered else []),
        f"CONSTRAINT pk_run_object {key}",
        *(["CONSTRAINT uq_run_object_id UNIQUE (id)"] if numbered else []),
        *(
            f"CONSTRAINT fk_run_object_{column} FOREIGN KEY({column}) REFERENCES {table} (id)"
            for column, table in SHARED.items()
        ),
    ]
    return f"CREATE TABLE run_object ({', '.join(lines)})"


def child_table(table: str, columns: tuple[str, ...], *, numbered: bool) -> str:
    to, column = reference(table, "number" if numbered else "id")
    lines = [
        f"run_object {'INTEGER' if numbered else 'TEXT'} NOT NULL",
        *columns,
        f"CONSTRAINT pk_{table} PRIMARY KEY ({', '.join(key_of(table))})",
        f"CONSTRAINT fk_{table}_run_object FOREIGN KEY(run_object) REFERENCES {to} ({column}) ON DELETE CASCADE",
    ]
    if table == "run_object_assistant_object_tools_inner":
        lines.append(
            f"CONSTRAINT fk_{table}_tool FOREIGN KEY(assistant_object_tools_inner) "
            "REFERENCES assistant_object_tools_inner (id)"
        )
    clustered = " WITHOUT ROWID" if numbered and table in CLUSTERED else ""
    return f"CREATE TABLE {table} ({', '.join(lines)}){clustered}"


def key_of(table: str) -> tuple[str, ...]:
    return ("run_object", KEYS[table]) if table in KEYS else ("run_object",)


def names_of(columns: tuple[str, ...]) -> str:
    return ", ".join(f"o.{column.partition(' ')[0]}" for column in columns)


def convert(*, up: bool) -> None:
    if op.get_context().dialect.name == "postgresql":
        convert_postgresql(up=up)
    else:
        convert_sqlite(up=up)


def upgrade() -> None:
    convert(up=True)


def downgrade() -> None:
    convert(up=False)
