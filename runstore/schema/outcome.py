"""What happened in a run: rows that belong to one run, whose key begins with its number, and are deleted with it."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary
from sqlalchemy.orm import Mapped, composite, mapped_column, relationship

from runstore.schema.base import Base, BigInt, Count, JSONObject, JSONText, KeyText, LongText
from runstore.schema.lists import Rows

OfRun = Annotated[
    int,
    mapped_column(
        BigInt,
        ForeignKey("run_object.number", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        sort_order=-2,
        comment="Number of the run.",
    ),
]
Extra = Annotated[
    dict[str, Any] | None,
    mapped_column(JSONText, sort_order=1, comment="Members that no column holds, as a JSON object; NULL if none."),
]
Position = Annotated[
    int, mapped_column(Integer, primary_key=True, autoincrement=False, sort_order=-1, comment="Place, from 0.")
]


class RunObjectRequiredAction(Base):
    """Documented RunObject_required_action: what the run waited for."""

    __tablename__ = "run_object_required_action"
    __table_args__ = {"comment": "Documented RunObject_required_action: what the run waits for."}

    run_object: Mapped[OfRun]
    type: Mapped[LongText] = mapped_column(comment="submit_tool_outputs, or another server's action.")
    extra: Mapped[Extra] = mapped_column(
        comment="Members that no column holds, and submit_tool_outputs if its form is not the documented one."
    )

    tool_calls: Mapped[list[RunToolCallObject]] = relationship(
        order_by="RunToolCallObject.position",
        collection_class=Rows,
        cascade="all, delete-orphan",
        passive_deletes=True,
        lazy="selectin",
    )


class FunctionCall(NamedTuple):
    """Documented RunToolCallObject_function: the function that the model called, and its arguments as JSON text."""

    name: str | None
    arguments: str | None


class RunToolCallObject(Base):
    """Documented RunToolCallObject: a tool call whose output the run waited for."""

    __tablename__ = "run_tool_call_object"
    __table_args__ = {
        "comment": "Documented RunToolCallObject: tool calls whose output a run waits for.",
        "sqlite_with_rowid": False,
    }

    run_object: Mapped[int] = mapped_column(
        BigInt,
        ForeignKey("run_object_required_action.run_object", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        sort_order=-2,
        comment="Number of the run.",
    )
    position: Mapped[Position]
    id: Mapped[LongText] = mapped_column(comment="Id of the call.")
    type: Mapped[LongText] = mapped_column(comment="function.")
    function_name: Mapped[LongText] = mapped_column(comment="Documented RunToolCallObject_function.name.")
    function_arguments: Mapped[LongText] = mapped_column(
        comment="Documented RunToolCallObject_function.arguments: what the model wrote, meant to be JSON."
    )
    extra: Mapped[Extra]

    function: Mapped[FunctionCall] = composite("function_name", "function_arguments")


class RunObjectLastError(Base):
    """Documented RunObject_last_error: why the run failed."""

    __tablename__ = "run_object_last_error"
    __table_args__ = (Index(None, "code"), {"comment": "Documented RunObject_last_error: why a run failed."})

    run_object: Mapped[OfRun]
    code: Mapped[KeyText] = mapped_column(comment="server_error, rate_limit_exceeded, invalid_prompt and others.")
    message: Mapped[LongText] = mapped_column(comment="The error for a person to read.")
    extra: Mapped[Extra]


class RunObjectIncompleteDetails(Base):
    """Documented RunObject_incomplete_details: why the run ended early."""

    __tablename__ = "run_object_incomplete_details"
    __table_args__ = (
        Index(None, "reason"),
        {"comment": "Documented RunObject_incomplete_details: why a run is incomplete."},
    )

    run_object: Mapped[OfRun]
    reason: Mapped[KeyText] = mapped_column(comment="max_completion_tokens, max_prompt_tokens and others.")
    extra: Mapped[Extra]


class RunCompletionUsage(Base):
    """Documented RunCompletionUsage: the tokens that the run used."""

    __tablename__ = "run_completion_usage"
    __table_args__ = (Index(None, "total_tokens"), {"comment": "Documented RunCompletionUsage: tokens a run used."})

    run_object: Mapped[OfRun]
    completion_tokens: Mapped[Count] = mapped_column(comment="Tokens of the completions.")
    prompt_tokens: Mapped[Count] = mapped_column(comment="Tokens of the prompts.")
    total_tokens: Mapped[Count] = mapped_column(comment="Tokens in all.")
    extra: Mapped[Extra]


class RunObjectChange(Base):
    """A snapshot of a run other than its newest, stored as the difference from the next newer snapshot."""

    __tablename__ = "run_object_change"
    __table_args__ = {
        "comment": "History of runs: earlier snapshots, each as its difference from the next newer one (own table)."
    }

    run_object: Mapped[OfRun]
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, comment="Digest of the earlier snapshot.")
    observed_at: Mapped[int] = mapped_column(
        BigInt, comment="When this snapshot was last observed (Unix microseconds)."
    )
    status: Mapped[KeyText] = mapped_column(comment="The run's status in this snapshot.")
    members: Mapped[JSONObject] = mapped_column(
        nullable=False, comment="Members whose value differs in the next newer snapshot, with their value in this one."
    )
    absent: Mapped[JSONObject] = mapped_column(
        comment="Keys of the next newer snapshot that this one does not have, as a JSON array; NULL if none."
    )
