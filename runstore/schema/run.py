"""run_object and its link tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    DDL,
    ColumnElement,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    event,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.ext.associationproxy import AssociationProxy
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.sql.compiler import DDLCompiler, SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from runstore import wire
from runstore.errors import ConfigurationError, PastTheMapping
from runstore.schema.base import (
    Base,
    BigInt,
    Count,
    Digest,
    Flag,
    JSONObject,
    KeyText,
    LongText,
    Numeral,
    RunId,
    Timestamp,
)
from runstore.schema.configuration import (
    AssistantObjectToolsInner,
    AssistantsApiResponseFormatOption,
    AssistantsApiToolChoiceOption,
    RunObjectInstructions,
    RunObjectShape,
    TruncationObject,
)
from runstore.schema.lists import Rows, linked
from runstore.schema.outcome import (
    OfRun,
    Position,
    RunCompletionUsage,
    RunObjectChange,
    RunObjectIncompleteDetails,
    RunObjectLastError,
    RunObjectRequiredAction,
)

NO_TIME = wire.INT64[0]
"""Replaces a NULL created_at in the order of runs, in indexes and cursors, so that these runs sort first everywhere."""

CALENDAR = (-62_135_510_400, 253_402_214_399)
"""The first second of 0001-01-02 and the last one of 9999-12-30, in Unix seconds: every client can represent what is
between them as a time in any time zone."""

_IN_CALENDAR = f"BETWEEN {CALENDAR[0]} AND {CALENDAR[1]}"

FINISHED = (
    "CASE status WHEN 'completed' THEN completed_at WHEN 'incomplete' THEN completed_at WHEN 'failed' THEN failed_at "
    "WHEN 'cancelled' THEN cancelled_at WHEN 'expired' THEN expires_at END"
)
"""The expression of finished_at in the view runs: when a run ended, depending on its status."""

SECONDS = f"CASE WHEN created_at {_IN_CALENDAR} AND {FINISHED} {_IN_CALENDAR} THEN {FINISHED} - created_at END"
"""The expression of total_seconds in the view runs."""

REGULAR_SECONDS = 86_400
"""A run starts and ends within a day of its creation, since runs expire after ten minutes."""

# Halved, because the difference of two 64-bit integers needs 65 bits.
_STAMPS = ("started_at", "completed_at", "failed_at", "cancelled_at")
IRREGULAR = " OR ".join(
    [
        f"created_at IS NULL AND coalesce({', '.join(_STAMPS)}, expires_at) IS NOT NULL",
        *(f"{stamp} / 2 - created_at / 2 NOT BETWEEN 0 AND {REGULAR_SECONDS // 2}" for stamp in _STAMPS),
        f"status = 'expired' AND expires_at / 2 - created_at / 2 NOT BETWEEN 0 AND {REGULAR_SECONDS // 2}",
    ]
)
"""True for a run with a time outside :data:`REGULAR_SECONDS` of its creation (give or take a second or two).

All other runs that started or ended in a given period were created shortly before it, so they are found through the
index on the order of runs. The irregular ones have their own index, which is empty in most archives.
"""

JSON_TERMS = """CREATE FUNCTION runstore_json_terms(document json) RETURNS integer[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT pg_catalog.array_agg(pg_catalog.hashtext(m.key) OPERATOR(pg_catalog.&) 65535)
        OPERATOR(pg_catalog.||) pg_catalog.array_agg(pg_catalog.hashtext(
            m.key OPERATOR(pg_catalog.||) '=' OPERATOR(pg_catalog.||) m.value) OPERATOR(pg_catalog.&) 65535)
    FROM pg_catalog.json_each_text(
        CASE WHEN pg_catalog.json_typeof(document) OPERATOR(pg_catalog.=) 'object' THEN document ELSE '{}' END) AS m
$$"""
"""A PostgreSQL function that returns the keys and pairs of a JSON object as 16-bit numbers, for an index on metadata.

No stored value is too long for this index, and runs whose pairs are all different do not bloat it. Matches must be
checked again, because different pairs may have the same number.
"""


OWN = {
    "shape": "from the keys of the run",
    "shape_id": "from the keys of the run",
    "digest": "from the content of the run",
    "observed_at": "when a change of the run is flushed; RunRepository.save(run, observed_at=...) accepts another time",
    "archived_at": "when a run is first stored",
    "number": "when a run is first stored",
}
"""Attributes of RunObject that only the mapping sets, and from what or when it does so."""


class RunKey(PrimaryKeyConstraint):
    """The primary key of run_object: the documented one, except on SQLite.

    A table of SQLite is ordered by an INTEGER PRIMARY KEY, and other rows refer to it without another index. With
    AUTOINCREMENT, the number of a deleted run is not given again, as it is on PostgreSQL.
    """


@compiles(RunKey, "sqlite")
def _row_id(element: RunKey, compiler: DDLCompiler, **options: Any) -> str:
    return f"CONSTRAINT {compiler.preparer.format_constraint(element)} PRIMARY KEY (number AUTOINCREMENT)"


class RunObject(Base):
    """Documented RunObject: one run, as of its newest snapshot.

    The documented columns come first, in the documented order, then those of later generations, then runstore's own.
    Where the documentation has a key into a table whose rows belong to a run, that table refers to the run instead. All
    columns but the id may be NULL: the key layout distinguishes absent members from null ones. Timestamps are Unix
    seconds unless noted otherwise.

    The identity of a run is its id. Other rows refer to its number, which is shorter and ascends with the runs, so that
    new rows are written next to each other.
    """

    __tablename__ = "run_object"
    __table_args__ = (
        RunKey("id"),
        UniqueConstraint("number").ddl_if("postgresql"),
        UniqueConstraint("id").ddl_if("sqlite"),
        Index("ix_run_object_seconds", text(f"({SECONDS})")),
    )

    id: Mapped[RunId] = mapped_column(comment="Identifier of the run.")
    object: Mapped[LongText] = mapped_column(comment="Type of the object: thread.run.")
    created_at: Mapped[Timestamp] = mapped_column(comment="When the run was created (Unix seconds).")
    thread_id: Mapped[KeyText] = mapped_column(comment="The thread the run was executed on.")
    assistant_id: Mapped[KeyText] = mapped_column(comment="The assistant that executed the run.")
    status: Mapped[KeyText] = mapped_column(
        comment="queued, in_progress, requires_action, cancelling, or how the run ended."
    )
    expires_at: Mapped[Timestamp] = mapped_column(comment="When the run will expire (Unix seconds).")
    started_at: Mapped[Timestamp] = mapped_column(comment="When the run was started (Unix seconds).")
    cancelled_at: Mapped[Timestamp] = mapped_column(comment="When the run was cancelled (Unix seconds).")
    failed_at: Mapped[Timestamp] = mapped_column(comment="When the run failed (Unix seconds).")
    completed_at: Mapped[Timestamp] = mapped_column(comment="When the run was completed (Unix seconds).")
    model: Mapped[KeyText] = mapped_column(comment="The model of the run.")
    instructions_id: Mapped[int | None] = mapped_column(
        BigInt, ForeignKey(RunObjectInstructions.id), comment="Documented instructions: key of their text."
    )
    metadata_: Mapped[JSONObject] = mapped_column("metadata", comment="The user's own key-value pairs.")
    max_prompt_tokens: Mapped[Count] = mapped_column(comment="Most prompt tokens the run may use.")
    max_completion_tokens: Mapped[Count] = mapped_column(comment="Most completion tokens the run may use.")
    truncation_strategy_id: Mapped[int | None] = mapped_column(
        "truncation_strategy", BigInt, ForeignKey(TruncationObject.id), comment="Key in truncation_object."
    )
    tool_choice_id: Mapped[int | None] = mapped_column(
        "tool_choice",
        BigInt,
        ForeignKey(AssistantsApiToolChoiceOption.id),
        comment="Key in assistants_api_tool_choice_option.",
    )
    response_format_id: Mapped[int | None] = mapped_column(
        "response_format",
        BigInt,
        ForeignKey(AssistantsApiResponseFormatOption.id),
        comment="Key in assistants_api_response_format_option.",
    )
    temperature: Mapped[Numeral] = mapped_column(comment="Sampling temperature.")
    top_p: Mapped[Numeral] = mapped_column(comment="Nucleus sampling mass (since April 2024).")
    parallel_tool_calls: Mapped[Flag] = mapped_column(comment="Whether tools may run in parallel (since June 2024).")
    extra: Mapped[JSONObject] = mapped_column(comment="Members that no column holds, as a JSON object; NULL if none.")
    shape_id: Mapped[int] = mapped_column(
        "shape", BigInt, ForeignKey(RunObjectShape.id), comment="Key in run_object_shape: the key layout."
    )
    digest: Mapped[Digest] = mapped_column(
        comment="BLAKE2b (32 bytes) of the run's canonical text, each shared value replaced by its digest."
    )
    observed_at: Mapped[int] = mapped_column(
        BigInt, comment="When this snapshot was last observed (Unix microseconds)."
    )
    archived_at: Mapped[int] = mapped_column(BigInt, comment="When the run was first stored here (Unix microseconds).")
    source: Mapped[KeyText] = mapped_column(comment="Where this snapshot came from, as the import was told.")
    number: Mapped[int] = mapped_column(
        BigInt, Identity(), comment="Number of the run in this archive, to which other tables refer."
    )

    required_action: Mapped[RunObjectRequiredAction | None] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, lazy="selectin"
    )
    last_error: Mapped[RunObjectLastError | None] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, lazy="selectin"
    )
    incomplete_details: Mapped[RunObjectIncompleteDetails | None] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, lazy="selectin"
    )
    usage: Mapped[RunCompletionUsage | None] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, lazy="selectin"
    )
    truncation_strategy: Mapped[TruncationObject | None] = relationship(lazy="selectin")
    tool_choice: Mapped[AssistantsApiToolChoiceOption | None] = relationship(lazy="selectin")
    response_format: Mapped[AssistantsApiResponseFormatOption | None] = relationship(lazy="selectin")
    instructions_row: Mapped[RunObjectInstructions | None] = relationship(lazy="selectin")
    shape: Mapped[RunObjectShape] = relationship(lazy="selectin")
    tool_links: Mapped[list[RunObjectAssistantObjectToolsInner]] = relationship(
        order_by="RunObjectAssistantObjectToolsInner.position",
        collection_class=Rows,
        cascade="all, delete-orphan",
        passive_deletes=True,
        lazy="selectin",
    )
    file_links: Mapped[list[RunObjectFileIds]] = relationship(
        order_by="RunObjectFileIds.position",
        collection_class=Rows,
        cascade="all, delete-orphan",
        passive_deletes=True,
        lazy="selectin",
    )
    changes: Mapped[list[RunObjectChange]] = relationship(
        order_by="RunObjectChange.observed_at", cascade="all, delete-orphan", passive_deletes=True
    )

    tools: AssociationProxy[list[AssistantObjectToolsInner]] = linked(
        "tool_links", "tool", lambda tool: RunObjectAssistantObjectToolsInner(tool=tool)
    )
    file_ids: AssociationProxy[list[str]] = linked(
        "file_links", "file_ids", lambda file_id: RunObjectFileIds(file_ids=file_id)
    )

    @hybrid_property
    def instructions(self) -> str | None:
        """The text of the instructions. Setting it changes this run only; other runs may keep the old text."""
        return None if self.instructions_row is None else self.instructions_row.instructions

    @instructions.inplace.setter
    def _set_instructions(self, text: str | None) -> None:
        if text is None or text != self.instructions:
            self.instructions_row = None if text is None else RunObjectInstructions(instructions=text)

    @instructions.inplace.expression
    @classmethod
    def _select_instructions(cls) -> ColumnElement[str | None]:
        prompt = select(RunObjectInstructions.instructions).where(RunObjectInstructions.id == cls.instructions_id)
        return prompt.scalar_subquery()

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse attributes that would not be stored, in the constructor too: ``metadata``, and those in ``OWN``."""
        if name == "metadata":
            raise ConfigurationError(detail="SQLAlchemy reserves the name metadata; use metadata_ for that of a run")
        if name in OWN:
            raise PastTheMapping(what=f"assigning {name} of a RunObject", instead=f"runstore sets it {OWN[name]}")
        super().__setattr__(name, value)


class RunObjectAssistantObjectToolsInner(Base):
    """Documented link RunObjectAssistantObjectToolsInner: the tools of a run, in order, including repetitions."""

    __tablename__ = "run_object_assistant_object_tools_inner"

    run_object: Mapped[OfRun]
    position: Mapped[Position]
    tool_id: Mapped[int] = mapped_column(
        "assistant_object_tools_inner",
        BigInt,
        # The name by convention would have 71 bytes, but PostgreSQL truncates names to 63.
        ForeignKey(AssistantObjectToolsInner.id, name="fk_run_object_assistant_object_tools_inner_tool"),
        comment="Key in assistant_object_tools_inner.",
    )

    __table_args__ = (
        Index("ix_run_object_assistant_object_tools_inner_tool", "assistant_object_tools_inner"),
        {
            "comment": "Documented link RunObjectAssistantObjectToolsInner: the tools of runs, in order.",
            "sqlite_with_rowid": False,
        },
    )

    tool: Mapped[AssistantObjectToolsInner] = relationship(lazy="selectin")


class RunObjectFileIds(Base):
    """Documented link RunObjectFileIds: the files that a v1 run was given, in order."""

    __tablename__ = "run_object_file_ids"
    __table_args__ = (
        Index(None, "file_ids"),
        {
            "comment": "Documented link RunObjectFileIds: the files of v1 runs, in order.",
            "sqlite_with_rowid": False,
        },
    )

    run_object: Mapped[OfRun]
    position: Mapped[Position]
    file_ids: Mapped[RunId] = mapped_column(comment="Id of one file.")


class JSONTerms(FunctionElement[Any]):
    """A call of the function of :data:`JSON_TERMS`, qualified with our schema."""

    name = "runstore_json_terms"
    inherit_cache = True


@compiles(JSONTerms)
def _call(element: JSONTerms, compiler: SQLCompiler, **options: Any) -> str:
    # Formatted like a table, because SQLAlchemy qualifies tables with the schema, but not functions.
    name = compiler.preparer.format_table(Table(element.name, MetaData()))
    return f"{name}{compiler.process(element.clause_expr, **options)}"


def created_order() -> ColumnElement[int]:
    """Return created_at as the expression by which runs are ordered."""
    return func.coalesce(RunObject.created_at, literal_column(str(NO_TIME)))


_table = RunObject.__table__
_created = text(f"coalesce(created_at, {NO_TIME})")
_table.comment = "Documented RunObject: the newest snapshot of each assistant run."  # type: ignore[attr-defined]
Index("ix_run_object_created_at", _created, _table.c.id)
# For SQL that filters the views by created_at; the index on the order of runs matches only its own expression.
Index("ix_run_object_created", _table.c.created_at)
# Without the id, which would double their size: few runs of a thread share a second, and those are sorted quickly.
for _column in (_table.c.thread_id, _table.c.assistant_id, _table.c.status, _table.c.model):
    Index(f"ix_run_object_{_column.name}", _column, _created)
Index("ix_run_object_instructions_id", _table.c.instructions_id)
_irregular = text(IRREGULAR)
Index(
    "ix_run_object_irregular",
    _created,
    _table.c.id,
    postgresql_where=_irregular,
    sqlite_where=_irregular,
)
_terms = JSONTerms(_table.c.metadata)
Index("ix_run_object_metadata", _terms, postgresql_using="gin").ddl_if("postgresql")
event.listen(_table, "before_create", DDL(JSON_TERMS).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]
