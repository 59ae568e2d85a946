"""Create the archive: run_object, related tables, history, and views under the documented names.

Creates new tables only: no table is rewritten or locked.

Phase: expand.

Revises: nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
deletes_runs = True

# Compared by bytes on both backends, whatever the server's locale.
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
# On SQLite only the word INTEGER makes a primary key the row's own number.
BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# jsonb would forget the order of keys; SQLite's word JSON would mean numeric affinity.
JSON = sa.Text().with_variant(sa.JSON(), "postgresql")
# Runs without created_at come first on both backends.
CREATED = sa.text("coalesce(created_at, -9223372036854775808)")

VIEWS = {
    "RunObject": """
        SELECT r.id, r.object, r.created_at, r.thread_id, r.assistant_id, r.status,
               a.run_object AS required_action, e.run_object AS last_error,
               r.expires_at, r.started_at, r.cancelled_at, r.failed_at, r.completed_at,
               d.run_object AS incomplete_details, r.model, i.instructions, r.metadata, u.run_object AS usage,
               r.max_prompt_tokens, r.max_completion_tokens,
               r.truncation_strategy, r.tool_choice, r.response_format, r.temperature
        FROM run_object r
        LEFT JOIN run_object_required_action a ON a.run_object = r.id
        LEFT JOIN run_object_last_error e ON e.run_object = r.id
        LEFT JOIN run_object_incomplete_details d ON d.run_object = r.id
        LEFT JOIN run_completion_usage u ON u.run_object = r.id
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

TABLES = (
    # What refers to others before what they refer to.
    "run_tool_call_object",
    "run_object_required_action",
    "run_object_last_error",
    "run_object_incomplete_details",
    "run_object_file_ids",
    "run_object_change",
    "run_object_assistant_object_tools_inner",
    "run_completion_usage",
    "run_object",
    "assistants_api_tool_choice_option",
    "assistant_object_tools_inner",
    "truncation_object",
    "run_object_shape",
    "run_object_instructions",
    "function_object",
    "assistants_api_response_format_option",
)


def upgrade() -> None:
    op.create_table(
        "assistants_api_response_format_option",
        sa.Column(
            "id",
            BIGINT,
            autoincrement=False,
            nullable=False,
            comment="The first 63 bits of digest: the same value has the same id in every archive.",
        ),
        sa.Column(
            "digest", sa.LargeBinary(), nullable=False, comment="BLAKE2b (32 bytes) of the value's canonical text."
        ),
        sa.Column("type", sa.Text(), comment="text, json_object, json_schema; NULL for the string forms."),
        sa.Column("document", sa.Text(), nullable=False, comment="Canonical JSON text of the value."),
        sa.PrimaryKeyConstraint("id", name="pk_assistants_api_response_format_option"),
        comment="Documented AssistantsApiResponseFormatOption: the format of the answer.",
    )
    op.create_table(
        "function_object",
        sa.Column(
            "id",
            BIGINT,
            autoincrement=False,
            nullable=False,
            comment="The first 63 bits of digest: the same value has the same id in every archive.",
        ),
        sa.Column(
            "digest", sa.LargeBinary(), nullable=False, comment="BLAKE2b (32 bytes) of the value's canonical text."
        ),
        sa.Column("name", KEY, comment="Name of the function."),
        sa.Column("description", sa.Text(), comment="What the function does, for the model to choose it."),
        sa.Column("parameters", JSON, comment="JSON Schema of the parameters, order of keys kept."),
        sa.Column("strict", sa.Boolean(), comment="Whether the model must follow the schema exactly (v2)."),
        sa.Column("document", sa.Text(), nullable=False, comment="Canonical JSON text of the value."),
        sa.PrimaryKeyConstraint("id", name="pk_function_object"),
        comment="Documented FunctionObject: functions that tools describe.",
    )
    op.create_index("ix_function_object_name", "function_object", ["name"])
    op.create_table(
        "run_object_instructions",
        sa.Column(
            "id",
            BIGINT,
            autoincrement=False,
            nullable=False,
            comment="The first 63 bits of digest: the same value has the same id in every archive.",
        ),
        sa.Column(
            "digest", sa.LargeBinary(), nullable=False, comment="BLAKE2b (32 bytes) of the value's canonical text."
        ),
        sa.Column(
            "instructions", sa.Text(), nullable=False, comment="The system message of the runs that refer to it."
        ),
        sa.PrimaryKeyConstraint("id", name="pk_run_object_instructions"),
        comment="The texts of RunObject.instructions, each once.",
    )
    op.create_table(
        "run_object_shape",
        sa.Column(
            "id",
            BIGINT,
            autoincrement=False,
            nullable=False,
            comment="The first 63 bits of digest: the same value has the same id in every archive.",
        ),
        sa.Column(
            "digest", sa.LargeBinary(), nullable=False, comment="BLAKE2b (32 bytes) of the value's canonical text."
        ),
        sa.Column("document", sa.Text(), nullable=False, comment="Canonical JSON text of the value."),
        sa.PrimaryKeyConstraint("id", name="pk_run_object_shape"),
        comment="Order of keys in runs, at the levels that stand in columns (own table).",
    )
    op.create_table(
        "truncation_object",
        sa.Column(
            "id",
            BIGINT,
            autoincrement=False,
            nullable=False,
            comment="The first 63 bits of digest: the same value has the same id in every archive.",
        ),
        sa.Column(
            "digest", sa.LargeBinary(), nullable=False, comment="BLAKE2b (32 bytes) of the value's canonical text."
        ),
        sa.Column("type", sa.Text(), comment="auto or last_messages."),
        sa.Column("last_messages", BIGINT, comment="Number of most recent messages kept."),
        sa.Column("document", sa.Text(), nullable=False, comment="Canonical JSON text of the value."),
        sa.PrimaryKeyConstraint("id", name="pk_truncation_object"),
        comment="Documented TruncationObject: how a thread is cut before the run.",
    )
    op.create_table(
        "assistant_object_tools_inner",
        sa.Column(
            "id",
            BIGINT,
            autoincrement=False,
            nullable=False,
            comment="The first 63 bits of digest: the same value has the same id in every archive.",
        ),
        sa.Column(
            "digest", sa.LargeBinary(), nullable=False, comment="BLAKE2b (32 bytes) of the value's canonical text."
        ),
        sa.Column("type", KEY, comment="code_interpreter, retrieval, file_search, function ..."),
        sa.Column("function", BIGINT, comment="Key in function_object."),
        sa.Column(
            "document",
            sa.Text(),
            nullable=False,
            comment="Canonical JSON text of the tool, with null for a function that stands in function_object.",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_assistant_object_tools_inner"),
        sa.ForeignKeyConstraint(["function"], ["function_object.id"], name="fk_assistant_object_tools_inner_function"),
        comment="Documented AssistantObject_tools_inner: the tools runs were given.",
    )
    op.create_index("ix_assistant_object_tools_inner_function", "assistant_object_tools_inner", ["function"])
    op.create_index("ix_assistant_object_tools_inner_type", "assistant_object_tools_inner", ["type"])
    op.create_table(
        "assistants_api_tool_choice_option",
        sa.Column(
            "id",
            BIGINT,
            autoincrement=False,
            nullable=False,
            comment="The first 63 bits of digest: the same value has the same id in every archive.",
        ),
        sa.Column(
            "digest", sa.LargeBinary(), nullable=False, comment="BLAKE2b (32 bytes) of the value's canonical text."
        ),
        sa.Column("type", sa.Text(), comment="Type of the named tool; NULL for the string forms (see document)."),
        sa.Column("function", BIGINT, comment="Key in function_object."),
        sa.Column(
            "document",
            sa.Text(),
            nullable=False,
            comment='Canonical JSON text: "none", "auto", "required" or an object, with null for its function.',
        ),
        sa.PrimaryKeyConstraint("id", name="pk_assistants_api_tool_choice_option"),
        sa.ForeignKeyConstraint(
            ["function"], ["function_object.id"], name="fk_assistants_api_tool_choice_option_function"
        ),
        comment="Documented AssistantsApiToolChoiceOption: which tool the model had to call.",
    )
    op.create_index("ix_assistants_api_tool_choice_option_function", "assistants_api_tool_choice_option", ["function"])
    op.create_table(
        "run_object",
        sa.Column("id", KEY, nullable=False, comment="Identifier of the run."),
        sa.Column("object", sa.Text(), comment="Type of the object: thread.run."),
        sa.Column("created_at", BIGINT, comment="When the run was created (Unix seconds)."),
        sa.Column("thread_id", KEY, comment="The thread the run was executed on."),
        sa.Column("assistant_id", KEY, comment="The assistant that executed the run."),
        sa.Column(
            "status",
            KEY,
            comment="queued, in_progress, requires_action, cancelling, or how the run ended.",
        ),
        sa.Column("expires_at", BIGINT, comment="When the run will expire (Unix seconds)."),
        sa.Column("started_at", BIGINT, comment="When the run was started (Unix seconds)."),
        sa.Column("cancelled_at", BIGINT, comment="When the run was cancelled (Unix seconds)."),
        sa.Column("failed_at", BIGINT, comment="When the run failed (Unix seconds)."),
        sa.Column("completed_at", BIGINT, comment="When the run was completed (Unix seconds)."),
        sa.Column("model", KEY, comment="The model of the run."),
        sa.Column("instructions_id", BIGINT, comment="Documented instructions: key of their text."),
        sa.Column("metadata", JSON, comment="The user's own key-value pairs."),
        sa.Column("max_prompt_tokens", BIGINT, comment="Most prompt tokens the run may use."),
        sa.Column("max_completion_tokens", BIGINT, comment="Most completion tokens the run may use."),
        sa.Column("truncation_strategy", BIGINT, comment="Key in truncation_object."),
        sa.Column("tool_choice", BIGINT, comment="Key in assistants_api_tool_choice_option."),
        sa.Column("response_format", BIGINT, comment="Key in assistants_api_response_format_option."),
        sa.Column("temperature", sa.Numeric(), comment="Sampling temperature."),
        sa.Column("top_p", sa.Numeric(), comment="Nucleus sampling mass (since April 2024)."),
        sa.Column("parallel_tool_calls", sa.Boolean(), comment="Whether tools may run in parallel (since June 2024)."),
        sa.Column("extra", JSON, comment="Members that no column holds, as a JSON object; NULL if none."),
        sa.Column("shape", BIGINT, nullable=False, comment="Key in run_object_shape: the order of the keys."),
        sa.Column(
            "digest",
            sa.LargeBinary(),
            nullable=False,
            comment="BLAKE2b (32 bytes) of the run's canonical text, each shared value replaced by its digest.",
        ),
        sa.Column("observed_at", BIGINT, nullable=False, comment="When the run was last seen so (Unix microseconds)."),
        sa.Column(
            "archived_at", BIGINT, nullable=False, comment="When the run was first stored here (Unix microseconds)."
        ),
        sa.Column("source", KEY, comment="Where this look came from, as the importer named it."),
        sa.PrimaryKeyConstraint("id", name="pk_run_object"),
        sa.ForeignKeyConstraint(
            ["instructions_id"], ["run_object_instructions.id"], name="fk_run_object_instructions_id"
        ),
        sa.ForeignKeyConstraint(
            ["truncation_strategy"], ["truncation_object.id"], name="fk_run_object_truncation_strategy"
        ),
        sa.ForeignKeyConstraint(
            ["tool_choice"], ["assistants_api_tool_choice_option.id"], name="fk_run_object_tool_choice"
        ),
        sa.ForeignKeyConstraint(
            ["response_format"], ["assistants_api_response_format_option.id"], name="fk_run_object_response_format"
        ),
        sa.ForeignKeyConstraint(["shape"], ["run_object_shape.id"], name="fk_run_object_shape"),
        comment="Documented RunObject: assistant runs, each as its newest look has it.",
    )
    op.create_index("ix_run_object_assistant_id", "run_object", ["assistant_id", CREATED])
    op.create_index("ix_run_object_created_at", "run_object", [CREATED, "id"])
    op.create_index("ix_run_object_instructions_id", "run_object", ["instructions_id"])
    op.create_index("ix_run_object_status", "run_object", ["status", CREATED])
    op.create_index("ix_run_object_thread_id", "run_object", ["thread_id", CREATED])
    op.create_table(
        "run_completion_usage",
        sa.Column("run_object", KEY, nullable=False, comment="The run's id."),
        sa.Column("completion_tokens", BIGINT, comment="Tokens of the completions."),
        sa.Column("prompt_tokens", BIGINT, comment="Tokens of the prompts."),
        sa.Column("total_tokens", BIGINT, comment="Tokens in all."),
        sa.Column("extra", JSON, comment="Members that no column holds, as a JSON object; NULL if none."),
        sa.PrimaryKeyConstraint("run_object", name="pk_run_completion_usage"),
        sa.ForeignKeyConstraint(
            ["run_object"], ["run_object.id"], name="fk_run_completion_usage_run_object", ondelete="CASCADE"
        ),
        comment="Documented RunCompletionUsage: tokens a run used.",
    )
    op.create_table(
        "run_object_assistant_object_tools_inner",
        sa.Column("run_object", KEY, nullable=False, comment="The run's id."),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False, comment="Place, from 0."),
        sa.Column(
            "assistant_object_tools_inner", BIGINT, nullable=False, comment="Key in assistant_object_tools_inner."
        ),
        sa.PrimaryKeyConstraint("run_object", "position", name="pk_run_object_assistant_object_tools_inner"),
        sa.ForeignKeyConstraint(
            ["run_object"],
            ["run_object.id"],
            name="fk_run_object_assistant_object_tools_inner_run_object",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["assistant_object_tools_inner"],
            ["assistant_object_tools_inner.id"],
            name="fk_run_object_assistant_object_tools_inner_tool",
        ),
        comment="Documented link RunObjectAssistantObjectToolsInner: the tools of runs, in order.",
    )
    op.create_index(
        "ix_run_object_assistant_object_tools_inner_tool",
        "run_object_assistant_object_tools_inner",
        ["assistant_object_tools_inner"],
    )
    op.create_table(
        "run_object_change",
        sa.Column("run_object", KEY, nullable=False, comment="The run's id."),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="Digest of the earlier look."),
        sa.Column("observed_at", BIGINT, nullable=False, comment="When it was last seen so: Unix microseconds."),
        sa.Column("status", KEY, comment="The run's status in this look."),
        sa.Column(
            "members",
            JSON,
            nullable=False,
            comment="Members whose value differs in the next newer look, with their value in this one.",
        ),
        sa.Column(
            "absent",
            JSON,
            comment="Keys that the next newer look has and this one had not, as a JSON array; NULL if none.",
        ),
        sa.PrimaryKeyConstraint("run_object", "digest", name="pk_run_object_change"),
        sa.ForeignKeyConstraint(
            ["run_object"], ["run_object.id"], name="fk_run_object_change_run_object", ondelete="CASCADE"
        ),
        comment="Earlier looks at runs, as what differs from the next newer look (own table).",
    )
    op.create_table(
        "run_object_file_ids",
        sa.Column("run_object", KEY, nullable=False, comment="The run's id."),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False, comment="Place, from 0."),
        sa.Column("file_ids", KEY, nullable=False, comment="Id of one file."),
        sa.PrimaryKeyConstraint("run_object", "position", name="pk_run_object_file_ids"),
        sa.ForeignKeyConstraint(
            ["run_object"], ["run_object.id"], name="fk_run_object_file_ids_run_object", ondelete="CASCADE"
        ),
        comment="Documented link RunObjectFileIds: the files of v1 runs, in order.",
    )
    op.create_index("ix_run_object_file_ids_file_ids", "run_object_file_ids", ["file_ids"])
    op.create_table(
        "run_object_incomplete_details",
        sa.Column("run_object", KEY, nullable=False, comment="The run's id."),
        sa.Column("reason", KEY, comment="max_completion_tokens, max_prompt_tokens and others."),
        sa.Column("extra", JSON, comment="Members that no column holds, as a JSON object; NULL if none."),
        sa.PrimaryKeyConstraint("run_object", name="pk_run_object_incomplete_details"),
        sa.ForeignKeyConstraint(
            ["run_object"], ["run_object.id"], name="fk_run_object_incomplete_details_run_object", ondelete="CASCADE"
        ),
        comment="Documented RunObject_incomplete_details: why a run is incomplete.",
    )
    op.create_table(
        "run_object_last_error",
        sa.Column("run_object", KEY, nullable=False, comment="The run's id."),
        sa.Column("code", KEY, comment="server_error, rate_limit_exceeded, invalid_prompt and others."),
        sa.Column("message", sa.Text(), comment="The error for a person to read."),
        sa.Column("extra", JSON, comment="Members that no column holds, as a JSON object; NULL if none."),
        sa.PrimaryKeyConstraint("run_object", name="pk_run_object_last_error"),
        sa.ForeignKeyConstraint(
            ["run_object"], ["run_object.id"], name="fk_run_object_last_error_run_object", ondelete="CASCADE"
        ),
        comment="Documented RunObject_last_error: why a run failed.",
    )
    op.create_table(
        "run_object_required_action",
        sa.Column("run_object", KEY, nullable=False, comment="The run's id."),
        sa.Column("type", sa.Text(), comment="submit_tool_outputs, or another server's action."),
        sa.Column(
            "extra",
            JSON,
            comment="Members that no column holds; submit_tool_outputs stands here only if it is of another form.",
        ),
        sa.PrimaryKeyConstraint("run_object", name="pk_run_object_required_action"),
        sa.ForeignKeyConstraint(
            ["run_object"], ["run_object.id"], name="fk_run_object_required_action_run_object", ondelete="CASCADE"
        ),
        comment="Documented RunObject_required_action: what the run waits for.",
    )
    op.create_table(
        "run_tool_call_object",
        sa.Column("run_object", KEY, nullable=False, comment="The run's id."),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False, comment="Place, from 0."),
        sa.Column("id", sa.Text(), comment="Id of the call."),
        sa.Column("type", sa.Text(), comment="function."),
        sa.Column("function_name", sa.Text(), comment="Documented RunToolCallObject_function.name."),
        sa.Column(
            "function_arguments",
            sa.Text(),
            comment="Documented RunToolCallObject_function.arguments: what the model wrote, meant to be JSON.",
        ),
        sa.Column("extra", JSON, comment="Members that no column holds, as a JSON object; NULL if none."),
        sa.PrimaryKeyConstraint("run_object", "position", name="pk_run_tool_call_object"),
        sa.ForeignKeyConstraint(
            ["run_object"],
            ["run_object_required_action.run_object"],
            name="fk_run_tool_call_object_run_object",
            ondelete="CASCADE",
        ),
        comment="Documented RunToolCallObject: tool calls whose output a run waits for.",
    )
    for name, query in VIEWS.items():
        op.execute(f'CREATE VIEW "{name}" AS {query}')


def downgrade() -> None:
    for name in VIEWS:
        op.execute(f'DROP VIEW "{name}"')
    for table in TABLES:
        op.drop_table(table)
