"""The configuration that runs share: one row per distinct value, with a key derived from the value."""

from __future__ import annotations

from typing import Annotated

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from runstore.schema.base import Base, BigInt, Count, Flag, JSONObject, KeyText, LongText, Shared

Document = Annotated[str, mapped_column(Text, sort_order=1, comment="Canonical JSON text of the value.")]


class FunctionObject(Shared, Base):
    """Documented FunctionObject: a function that a model may call."""

    __tablename__ = "function_object"
    __table_args__ = (Index(None, "name"), {"comment": "Documented FunctionObject: functions that tools describe."})

    name: Mapped[KeyText] = mapped_column(comment="Name of the function.")
    description: Mapped[LongText] = mapped_column(comment="What the function does, for the model to choose it.")
    parameters: Mapped[JSONObject] = mapped_column(comment="JSON Schema of the parameters, order of keys kept.")
    strict: Mapped[Flag] = mapped_column(comment="Whether the model must follow the schema exactly (v2).")
    document: Mapped[Document]


class AssistantObjectToolsInner(Shared, Base):
    """Documented AssistantObject_tools_inner: a tool that runs were given."""

    __tablename__ = "assistant_object_tools_inner"
    __table_args__ = (
        Index(None, "type"),
        Index(None, "function"),
        {"comment": "Documented AssistantObject_tools_inner: the tools runs were given."},
    )

    type: Mapped[KeyText] = mapped_column(comment="code_interpreter, retrieval, file_search, function ...")
    function_id: Mapped[int | None] = mapped_column(
        "function", BigInt, ForeignKey(FunctionObject.id), comment="Key in function_object."
    )
    document: Mapped[Document] = mapped_column(
        comment="Canonical JSON text of the tool, with null for a function that is stored in function_object."
    )

    function: Mapped[FunctionObject | None] = relationship(lazy="joined")


class AssistantsApiToolChoiceOption(Shared, Base):
    """Documented AssistantsApiToolChoiceOption: the tool that the model had to call."""

    __tablename__ = "assistants_api_tool_choice_option"
    __table_args__ = (
        Index(None, "function"),
        {"comment": "Documented AssistantsApiToolChoiceOption: which tool the model had to call."},
    )

    type: Mapped[LongText] = mapped_column(comment="Type of the named tool; NULL for the string forms (see document).")
    function_id: Mapped[int | None] = mapped_column(
        "function", BigInt, ForeignKey(FunctionObject.id), comment="Key in function_object."
    )
    document: Mapped[Document] = mapped_column(
        comment='Canonical JSON text: "none", "auto", "required" or an object, with null for its function.'
    )

    function: Mapped[FunctionObject | None] = relationship(lazy="joined")


class AssistantsApiResponseFormatOption(Shared, Base):
    """Documented AssistantsApiResponseFormatOption: the format in which the model had to answer."""

    __tablename__ = "assistants_api_response_format_option"
    __table_args__ = {"comment": "Documented AssistantsApiResponseFormatOption: the format of the answer."}

    type: Mapped[LongText] = mapped_column(comment="text, json_object, json_schema; NULL for the string forms.")
    document: Mapped[Document]


class TruncationObject(Shared, Base):
    """Documented TruncationObject: how the thread was truncated before the run."""

    __tablename__ = "truncation_object"
    __table_args__ = {"comment": "Documented TruncationObject: how a thread is cut before the run."}

    type: Mapped[LongText] = mapped_column(comment="auto or last_messages.")
    last_messages: Mapped[Count] = mapped_column(comment="Number of most recent messages kept.")
    document: Mapped[Document]


class RunObjectInstructions(Shared, Base):
    """The text of RunObject.instructions, which most runs of an assistant share."""

    __tablename__ = "run_object_instructions"
    __table_args__ = {"comment": "The texts of RunObject.instructions, each stored once."}

    instructions: Mapped[str] = mapped_column(Text, comment="The system message of the runs that refer to it.")

    @property
    def value(self) -> str:
        """The text."""
        return self.instructions


class RunObjectShape(Shared, Base):
    """The key layout of runs, which columns cannot hold: the keys of a run, their order, and which lists were null."""

    __tablename__ = "run_object_shape"
    __table_args__ = {"comment": "Key layouts of runs: which keys their objects have, in which order (own table)."}

    document: Mapped[Document]
