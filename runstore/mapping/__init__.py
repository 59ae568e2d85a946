"""Between the wire and the rows: the one place that knows both.

A member of a run stands in the column of its name, whichever of the three spellings its key has. What the run was
configured with becomes a shared row, found by the digest of its canonical text, and the column (or a link row) holds
its key. What happened in the run becomes a row of its own table. A member no column is made for, and a value of another
type than documented, stands in the table's ``extra``. What is left, the order and spelling of the keys and which lists
were null, is the *shape*, itself a shared row. Reading puts the text together again from the shape.

Texts are handled as bytes of canonical JSON throughout: a nested value that was seen before is recognised by its raw
bytes and neither parsed nor hashed again, and a run that is read needs no parsing until somebody wants it as a dict.
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
