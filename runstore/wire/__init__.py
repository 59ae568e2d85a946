"""The JSON form of runs, independent of any database.

This package exports the names of :mod:`~runstore.wire.codec` (canonical text, and the values that have none),
:mod:`~runstore.wire.values` (values of one type) and :mod:`~runstore.wire.runs` (a run as the caller passes it).
:mod:`~runstore.wire.spelling` knows the documented names of members in every spelling, :mod:`~runstore.wire.finder`
distinguishes runs from other JSON, :mod:`~runstore.wire.documented` holds the API specification of a run, and
:mod:`~runstore.wire.deviations` finds deviations from it.
"""

from runstore.wire.codec import (
    INT64,
    MAX_DEPTH,
    MOST_KEYS,
    canonical,
    elements,
    encode,
    expected,
    is_text,
    join,
    loads,
    members,
    numeral,
    type_name,
)
from runstore.wire.runs import MAX_VALUES, RUN_NAMES, from_python, is_sdk_run, run_members
from runstore.wire.values import (
    MAX_INDEXED_BYTES,
    Reader,
    at_once,
    boolean,
    document,
    indexed,
    integer,
    number,
    object_at_once,
    strings,
    text,
)

__all__ = [
    "INT64",
    "MAX_DEPTH",
    "MAX_INDEXED_BYTES",
    "MAX_VALUES",
    "MOST_KEYS",
    "RUN_NAMES",
    "Reader",
    "at_once",
    "boolean",
    "canonical",
    "document",
    "elements",
    "encode",
    "expected",
    "from_python",
    "indexed",
    "integer",
    "is_sdk_run",
    "is_text",
    "join",
    "loads",
    "members",
    "number",
    "numeral",
    "object_at_once",
    "run_members",
    "strings",
    "text",
    "type_name",
]
