"""The mapping between JSON and rows. No other part knows both sides.

A member of a run is stored in the column of its name, in whichever of the three spellings its key is written. What a
run was configured with becomes a shared row, identified by the digest of its canonical text, and the column (or a link
row) holds the key of that row. What happened in the run becomes a row of a separate table. A member without a column,
and a value whose type deviates from the API specification, is stored in ``extra`` of the table. The rest, namely the
order and spelling of the keys and which lists were null, is the *key layout* (:class:`Shape`), itself a shared row.
Reading rebuilds the text from the key layout.

Texts are bytes of canonical JSON throughout. A nested value that was seen before is recognized by its raw bytes and
neither parsed nor hashed again, and a run is parsed only if the caller wants a dict.
"""

from runstore.mapping.columns import (
    ACTION_NAMES,
    BELONGS,
    CALL,
    CALL_FUNCTION,
    CALLS,
    CHILD_TABLES,
    COLUMNS,
    FILES,
    FUNCTION,
    IN_ROW,
    INSTRUCTIONS,
    MEMBER_TABLES,
    OUTPUTS_NAMES,
    PARTS,
    REQUIRED_ACTION,
    RUN,
    RUN_NAMES,
    SHAPE,
    SHARED,
    SHARED_TABLES,
    TOOL,
    TOOLS,
    table_of,
)
from runstore.mapping.newness import RANKS, Order, order
from runstore.mapping.shared import SharedRow, digest_of, shared_id, shared_row, shared_text
from runstore.mapping.snapshot import Draft, Mapper, Snapshot
from runstore.mapping.stored import Shape, StoredRun, differences

__all__ = [
    "ACTION_NAMES",
    "BELONGS",
    "CALL",
    "CALLS",
    "CALL_FUNCTION",
    "CHILD_TABLES",
    "COLUMNS",
    "FILES",
    "FUNCTION",
    "INSTRUCTIONS",
    "IN_ROW",
    "MEMBER_TABLES",
    "OUTPUTS_NAMES",
    "PARTS",
    "RANKS",
    "REQUIRED_ACTION",
    "RUN",
    "RUN_NAMES",
    "SHAPE",
    "SHARED",
    "SHARED_TABLES",
    "TOOL",
    "TOOLS",
    "Draft",
    "Mapper",
    "Order",
    "Shape",
    "SharedRow",
    "Snapshot",
    "StoredRun",
    "differences",
    "digest_of",
    "order",
    "shared_id",
    "shared_row",
    "shared_text",
    "table_of",
]
