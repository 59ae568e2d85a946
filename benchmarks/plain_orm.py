"""A plain ORM, as a user would write it first: a class for each nested object, without shared rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

_BIG = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """The base of tables in a separate database."""

    type_annotation_map = {dict[str, Any]: JSON, int: _BIG}


class _Child:
    """A row that belongs to a run."""

    key: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id"), index=True)


class Tool(_Child, Base):
    __tablename__ = "tool"
    position: Mapped[int]
    type: Mapped[str]
    name: Mapped[str | None]
    description: Mapped[str | None]
    parameters: Mapped[dict[str, Any] | None]


class File(_Child, Base):
    __tablename__ = "file"
    position: Mapped[int]
    file_id: Mapped[str]


class Usage(_Child, Base):
    __tablename__ = "usage"
    prompt_tokens: Mapped[int]
    completion_tokens: Mapped[int]
    total_tokens: Mapped[int]


class LastError(_Child, Base):
    __tablename__ = "last_error"
    code: Mapped[str]
    message: Mapped[str]


class IncompleteDetails(_Child, Base):
    __tablename__ = "incomplete_details"
    reason: Mapped[str | None]


class Truncation(_Child, Base):
    __tablename__ = "truncation_strategy"
    type: Mapped[str]
    last_messages: Mapped[int | None]


class ToolCall(_Child, Base):
    __tablename__ = "tool_call"
    position: Mapped[int]
    call_id: Mapped[str]
    type: Mapped[str]
    name: Mapped[str]
    arguments: Mapped[str]


class Run(Base):
    __tablename__ = "run"
    id: Mapped[str] = mapped_column(primary_key=True)
    object: Mapped[str]
    created_at: Mapped[int] = mapped_column(index=True)
    thread_id: Mapped[str] = mapped_column(index=True)
    assistant_id: Mapped[str] = mapped_column(index=True)
    status: Mapped[str] = mapped_column(index=True)
    started_at: Mapped[int | None]
    expires_at: Mapped[int | None]
    cancelled_at: Mapped[int | None]
    failed_at: Mapped[int | None]
    completed_at: Mapped[int | None]
    model: Mapped[str]
    instructions: Mapped[str]
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata")
    temperature: Mapped[float | None]
    top_p: Mapped[float | None]
    max_prompt_tokens: Mapped[int | None]
    max_completion_tokens: Mapped[int | None]
    parallel_tool_calls: Mapped[bool | None]
    tool_choice: Mapped[Any] = mapped_column(JSON)
    response_format: Mapped[Any] = mapped_column(JSON)

    tools: Mapped[list[Tool]] = relationship(order_by=Tool.position)
    files: Mapped[list[File]] = relationship(order_by=File.position)
    tool_calls: Mapped[list[ToolCall]] = relationship(order_by=ToolCall.position)
    usage: Mapped[Usage | None] = relationship()
    last_error: Mapped[LastError | None] = relationship()
    incomplete_details: Mapped[IncompleteDetails | None] = relationship()
    truncation_strategy: Mapped[Truncation | None] = relationship()


_COLUMNS = [name for name in Run.__table__.columns.keys() if name != "metadata"]  # noqa: SIM118


def run(document: dict[str, Any]) -> Run:
    """Return the objects for one JSON document."""
    action = document["required_action"]
    calls = action["submit_tool_outputs"]["tool_calls"] if action else []
    return Run(
        **{name: document.get(name) for name in _COLUMNS},
        metadata_=document["metadata"],
        tools=[
            Tool(position=position, type=tool["type"], **tool.get("function", {}))
            for position, tool in enumerate(document["tools"])
        ],
        files=[File(position=position, file_id=name) for position, name in enumerate(document.get("file_ids", ()))],
        tool_calls=[
            ToolCall(position=position, call_id=call["id"], type=call["type"], **call["function"])
            for position, call in enumerate(calls)
        ],
        usage=_one(Usage, document.get("usage")),
        last_error=_one(LastError, document.get("last_error")),
        incomplete_details=_one(IncompleteDetails, document.get("incomplete_details")),
        truncation_strategy=_one(Truncation, document.get("truncation_strategy")),
    )


def _one(model: type[Any], members: dict[str, Any] | None) -> Any:
    return model(**members) if members is not None else None
