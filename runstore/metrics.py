"""The text format of Prometheus, version 0.0.4, and the status of an archive in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from runstore.migrate import Status


class Sample(NamedTuple):
    """One number of a metric."""

    labels: dict[str, str]
    number: int | float | None
    suffix: str = ""
    """The suffix of the metric's name: the samples of a histogram have several names."""


def exposition(archive: str, status: Status) -> str:
    """Return all metrics with the label ``archive``: a scrape may see several archives. Unknown values are omitted."""
    return "".join(
        metric(
            name, "gauge", text, [sample._replace(labels={"archive": archive, **sample.labels}) for sample in samples]
        )
        for name, text, samples in _metrics(status)
    )


def metric(name: str, kind: str, text: str, samples: Iterable[Sample]) -> str:
    """Return the lines of one metric, or an empty text if no value is known."""
    return "".join(_lines(f"runstore_{name}", kind, text, samples))


def _metrics(status: Status) -> Iterator[tuple[str, str, list[Sample]]]:
    revisions = {
        "revision": status.revision or "",
        "expected": status.expected,
        "version": version("runstore"),
    }
    yield "revision_info", "Revision of the schema, revision and version of this runstore.", [Sample(revisions, 1)]
    yield "runs", "Runs in the archive.", [Sample({}, status.runs)]
    yield "archive_bytes", "Size of all tables with their indexes; on SQLite, of the file.", [Sample({}, status.bytes)]
    newest, last = _seconds(status.newest_snapshot), _seconds(status.last_import)
    yield "newest_snapshot_timestamp_seconds", "Time at which a run was last observed.", [Sample({}, newest)]
    yield "last_import_timestamp_seconds", "Time at which runs were last imported or saved.", [Sample({}, last)]
    fetch = _seconds(status.last_fetch)
    yield "last_fetch_timestamp_seconds", "Time at which a server was last asked for runs.", [Sample({}, fetch)]
    threads = {"done": status.fetched_threads - status.failed_threads, "failed": status.failed_threads}
    text = "Threads of servers, by the result of their last fetch."
    known = threads.items() if status.last_fetch is not None else ()
    yield "fetched_threads", text, [Sample({"result": result}, number) for result, number in known]
    tables = [({"table": entry.table}, entry) for entry in status.tables]
    text = "Rows of a table; on PostgreSQL, an estimate."
    yield "table_rows", text, [Sample(labels, entry.rows) for labels, entry in tables]
    text = "Size of a table with its indexes."
    yield "table_bytes", text, [Sample(labels, entry.bytes) for labels, entry in tables]


def _seconds(micros: int | None) -> float | None:
    return None if micros is None else micros / 10**6


def _lines(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    known = [sample for sample in samples if sample.number is not None]
    if known:
        yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
    for labels, number, suffix in known:
        shown = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels.items())
        yield f"{name}{suffix}{{{shown}}} {number!r}\n"


def _escaped(text: str) -> str:
    """Return a value escaped for a label. Characters of a path that a terminal should not receive are replaced."""
    text = text.encode(errors="surrogateescape").decode(errors="replace")
    text = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
