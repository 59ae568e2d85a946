"""Comments of tables and columns in the words of the documentation: snapshot, history, key layout.

Changes comments only. On PostgreSQL each one locks its table for a moment. On SQLite, which stores no comments, it does
nothing.

Phase: expand.

Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
oldest_reader = "0001"
oldest_writer = "0006"

TABLES = {
    "run_object": (
        "Documented RunObject: assistant runs, each as its newest look has it.",
        "Documented RunObject: the newest snapshot of each assistant run.",
    ),
    "run_object_change": (
        "Earlier looks at runs, as what differs from the next newer look (own table).",
        "History of runs: earlier snapshots, each as its difference from the next newer one (own table).",
    ),
    "run_object_shape": (
        "Order of keys in runs, at the levels that stand in columns (own table).",
        "Key layouts of runs: which keys their objects have, in which order (own table).",
    ),
    "run_object_instructions": (
        "The texts of RunObject.instructions, each once.",
        "The texts of RunObject.instructions, each stored once.",
    ),
    "model_price": (
        "What tokens cost, filled by the user (own table).",
        "What tokens cost, as imported by the user (own table).",
    ),
}
"""Comments before and after this revision."""

COLUMNS = {
    ("run_object", "source"): (
        "Where this look came from, as the importer named it.",
        "Where this snapshot came from, as the import was told.",
    ),
    ("run_object", "shape"): (
        "Key in run_object_shape: the order of the keys.",
        "Key in run_object_shape: the key layout.",
    ),
    ("run_object", "observed_at"): (
        "When the run was last seen so (Unix microseconds).",
        "When this snapshot was last observed (Unix microseconds).",
    ),
    ("run_object_change", "digest"): ("Digest of the earlier look.", "Digest of the earlier snapshot."),
    ("run_object_change", "observed_at"): (
        "When it was last seen so: Unix microseconds.",
        "When this snapshot was last observed (Unix microseconds).",
    ),
    ("run_object_change", "status"): ("The run's status in this look.", "The run's status in this snapshot."),
    ("run_object_change", "members"): (
        "Members whose value differs in the next newer look, with their value in this one.",
        "Members whose value differs in the next newer snapshot, with their value in this one.",
    ),
    ("run_object_change", "absent"): (
        "Keys that the next newer look has and this one had not, as a JSON array; NULL if none.",
        "Keys of the next newer snapshot that this one does not have, as a JSON array; NULL if none.",
    ),
    ("run_object_required_action", "extra"): (
        "Members that no column holds; submit_tool_outputs stands here only if it is of another form.",
        "Members that no column holds, and submit_tool_outputs if its form is not the documented one.",
    ),
    ("assistant_object_tools_inner", "document"): (
        "Canonical JSON text of the tool, with null for a function that stands in function_object.",
        "Canonical JSON text of the tool, with null for a function that is stored in function_object.",
    ),
    ("model_price", "model"): (
        "A model, or the beginning of its name and a *.",
        "The name of a model, or its beginning followed by *.",
    ),
    ("model_price", "valid_from"): (
        "Runs created then or later (Unix seconds).",
        "The price applies to runs created at this time or later (Unix seconds).",
    ),
    ("model_price", "cached"): (
        "Price of a million cached prompt tokens; NULL: as the others.",
        "Price of a million cached prompt tokens; NULL if they cost as much as the others.",
    ),
    ("model_price", "currency"): ("What the prices are in, as EUR.", "Currency of the prices, for example EUR."),
}
"""Comments before and after this revision."""


def upgrade() -> None:
    set_comments(1)


def downgrade() -> None:
    set_comments(0)


def set_comments(which: int) -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    for table, comments in TABLES.items():
        op.create_table_comment(table, comments[which])
    for (table, column), comments in COLUMNS.items():
        op.alter_column(table, column, comment=comments[which])
