"""The status of an archive in the text format of Prometheus, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runstore.migrate import Status

Sample = tuple[dict[str, str], int | float | None]


def exposition(archive: str, status: Status) -> str:
    """Return all metrics with the label ``archive``: a scrape may see several archives. Unknown values are omitted."""
    return "".join(
        line
        for name, text, samples in _metrics(status)
        for line in _lines(f"runstore_{name}", text, [({"archive": archive, **labels}, n) for labels, n in samples])
    )


def _metrics(status: Status) -> Iterator[tuple[str, str, list[Sample]]]:
    revisions = {
        "revision": status.revision or "",
        "expected": status.expected,
        "version": version("runstore"),
    }
    yield "revision_info", "Revision of the schema, revision and version of this runstore.", [(revisions, 1)]
    yield "runs", "Runs in the archive.", [({}, status.runs)]
    yield "archive_bytes", "Size of all tables with their indexes; on SQLite, of the file.", [({}, status.bytes)]
    newest, last = _seconds(status.newest_snapshot), _seconds(status.last_import)
    yield "newest_snapshot_timestamp_seconds", "Time at which a run was last observed.", [({}, newest)]
    yield "last_import_timestamp_seconds", "Time at which runs were last imported or saved.", [({}, last)]
    tables = [({"table": entry.table}, entry) for entry in status.tables]
    text = "Rows of a table; on PostgreSQL, an estimate."
    yield "table_rows", text, [(labels, entry.rows) for labels, entry in tables]
    text = "Size of a table with its indexes."
    yield "table_bytes", text, [(labels, entry.bytes) for labels, entry in tables]


def _seconds(micros: int | None) -> float | None:
    return None if micros is None else micros / 10**6


def _lines(name: str, text: str, samples: list[Sample]) -> Iterator[str]:
    known = [(labels, number) for labels, number in samples if number is not None]
    if known:
        yield f"# HELP {name} {text}\n# TYPE {name} gauge\n"
    for labels, number in known:
        shown = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels.items())
        yield f"{name}{{{shown}}} {number!r}\n"


def _escaped(text: str) -> str:
    """Return a value escaped for a label. Characters of a path that a terminal should not receive are replaced."""
    text = text.encode(errors="surrogateescape").decode(errors="replace")
    text = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
