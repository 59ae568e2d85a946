"""A service that saves runs together with rows of its own, and answers from the archive.

pip install 'runstore[async]' fastapi uvicorn
runstore db upgrade
uvicorn --app-dir examples/service main:app
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Body, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from sqlalchemy import ForeignKey
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from runstore import (
    AsyncRunRepository,
    ConfigurationError,
    NotARun,
    RunConflict,
    RunNotFound,
    RunObject,
    RunRejected,
    RunStoreError,
    create_async_engine,
)

STATUSES = {RunNotFound: 404, RunConflict: 409, RunRejected: 422, NotARun: 422, ConfigurationError: 422}
"""The HTTP status of each error; of others 503, because then the database cannot do the work now."""


class Base(DeclarativeBase):
    """The tables of this service."""


class Ticket(Base):
    """What the service does about a run."""

    __tablename__ = "ticket"

    number: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    run_id: Mapped[str] = mapped_column(ForeignKey(RunObject.__table__.c.id, ondelete="CASCADE"))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Connect to the database that RUNSTORE_DATABASE_URL names; an Alembic of its own would create the table."""
    engine = create_async_engine()
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    app.state.archive = AsyncRunRepository(engine)
    app.state.sessions = async_sessionmaker(engine)
    await app.state.archive.check()
    yield
    await engine.dispose()


app = FastAPI(title="Tickets about runs", lifespan=lifespan)


@app.exception_handler(RunStoreError)
async def refused(_: Request, error: RunStoreError) -> JSONResponse:
    """Answer with the message of the error."""
    status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 503)
    return JSONResponse({"detail": str(error)}, status)


@app.post("/tickets", status_code=201)
async def create_ticket(
    request: Request, title: Annotated[str, Body()], run: Annotated[dict[str, Any], Body()]
) -> dict[str, Any]:
    """Store a run and a ticket about it: both or neither."""
    async with request.app.state.sessions.begin() as session:
        outcome = await request.app.state.archive.on(session).save(run, source="tickets")
        ticket = Ticket(title=title, run_id=run["id"])
        session.add(ticket)
        await session.flush()
        return {"number": ticket.number, "run": outcome}


@app.post("/runs")
async def save_runs(request: Request) -> dict[str, Any]:
    """Store the runs of a body with one on each line, while it arrives."""
    report = await request.app.state.archive.save_many(lines(request), source="upload")
    return {"stored": report.inserted + report.updated, "rejected": [found.reason for found in report.rejections]}


async def lines(request: Request) -> AsyncIterator[bytes]:
    """Yield the lines of a body."""
    rest = b""
    async for chunk in request.stream():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in filter(None, whole):
            yield line
    if rest:
        yield rest


@app.get("/runs/{run_id}")
async def get_run(request: Request, run_id: str) -> Response:
    """Return a run as it was saved."""
    run = await request.app.state.archive.load_json(run_id)
    return Response(run.text, media_type="application/json")


@app.get("/threads/{thread_id}/runs")
async def get_runs(
    request: Request, thread_id: str, limit: Annotated[int, Query(ge=1, le=100)] = 20, cursor: str | None = None
) -> dict[str, Any]:
    """Return a page of the runs of a thread, the newest first."""
    page = await request.app.state.archive.find(thread_id=thread_id, limit=limit, cursor=cursor)
    return {"data": page.runs, "next": page.next}


@app.get("/runs")
async def get_all(request: Request) -> StreamingResponse:
    """Return all runs, one on each line, in one consistent read."""

    async def body() -> AsyncIterator[bytes]:
        async for run in request.app.state.archive.iterate_json():
            yield run + b"\n"

    return StreamingResponse(body(), media_type="application/jsonl")
