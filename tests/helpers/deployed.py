"""What the tests of migrations in deployment share: commands in processes of their own, and revisions yet to come."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic.config import Config
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import URL

from runstore import migrate
from tests.helpers.commands import shown
from tests.helpers.paths import ROOT

REVISION = '''"""{title}

Phase: expand.

Revises: {before}
"""

import sqlalchemy as sa
from alembic import op

revision = {revision!r}
down_revision = {before!r}
branch_labels = None
depends_on = None
{declared}

def upgrade():
    {upgrade}


def downgrade():
    {downgrade}
'''


def environment(url: URL | None = None, **more: str) -> dict[str, str]:
    """The environment of a process that has this archive."""
    place = {"RUNSTORE_DATABASE_URL": shown(url)} if url is not None else {}
    return {**os.environ, "PYTHONPATH": str(ROOT), **place, **more}


def runstore(url: URL | None, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own. Warnings are errors as in the tests, so none of them gets lost."""
    command = [sys.executable, "-m", "runstore", *map(str, arguments)]
    return subprocess.run(
        command, env=environment(url, **more), capture_output=True, text=True, check=False, timeout=120
    )


class Later:
    """A later version of runstore, whose additional revisions are in a separate directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "versions"
        self.folder.mkdir()
        self.head = migrate.REVISION
        self.ini = folder / "later.ini"
        places = os.pathsep.join([str(ROOT / "migrations" / "versions"), str(self.folder)])
        self.ini.write_text(
            f"[alembic]\nscript_location = {ROOT / 'migrations'}\nversion_locations = {places}\npath_separator = os\n"
        )

    def add(
        self,
        upgrade: str,
        downgrade: str = "pass",
        *,
        oldest_reader: str | None = None,
        oldest_writer: str | None = None,
        declared: str = "",
    ) -> str:
        """Add a revision with these bodies, readers and writers, and return its number."""
        revision = f"{max(int(self.head), 9000) + 1}"
        for name, oldest in (("oldest_reader", oldest_reader), ("oldest_writer", oldest_writer)):
            if oldest:
                declared += f"\n{name} = {oldest!r}\n"
        body = {
            name: "\n    ".join(code.strip().splitlines()) for name, code in locals().items() if name.endswith("grade")
        }
        written = REVISION.format(title="Later.", revision=revision, before=self.head, declared=declared, **body)
        (self.folder / f"{revision}.py").write_text(written)
        self.head = revision
        return revision

    def alembic(self, url: URL, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Its ``alembic`` command, which has the safety that env.py gives."""
        command = [sys.executable, "-m", "alembic", "-c", str(self.ini), *arguments]
        return subprocess.run(
            command, env=environment(url, **more), capture_output=True, text=True, check=False, timeout=300
        )

    def start(self, url: URL, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """The same, not waited for."""
        command = [sys.executable, "-m", "alembic", "-c", str(self.ini), *arguments]
        return subprocess.Popen(
            command, env=environment(url, **more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def upgrade(self, engine: Engine, revision: str = "head", **attributes: Any) -> None:
        """Upgrade in this process."""
        self._run("upgrade", engine, revision, attributes)

    def downgrade(self, engine: Engine, revision: str, **attributes: Any) -> None:
        """Downgrade in this process."""
        self._run("downgrade", engine, revision, attributes)

    def _run(self, name: str, engine: Engine, revision: str, attributes: dict[str, Any]) -> None:
        from alembic import command

        settings = Config(str(self.ini))
        settings.attributes |= {"connection": engine, **attributes}
        getattr(command, name)(settings, revision)


def revision_of(engine: Engine) -> str | None:
    """Where a database is."""
    with engine.connect() as connection:
        return migrate.current(connection)


def tables_of(engine: Engine) -> set[str]:
    """All tables, views and indexes of a database."""
    query = "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite%'"
    if engine.dialect.name != "sqlite":
        query = (
            "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
        )
    with engine.connect() as connection:
        return set(connection.execute(text(query)).scalars())


@contextmanager
def admin(url: URL) -> Iterator[Connection]:
    """A connection as the owner of the server, each statement committed."""
    with (
        migrate.engine(url.difference_update_query(["schema"])) as engine,
        engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection,
    ):
        yield connection


def alembic(url: URL, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The checkout\'s own ``alembic`` command."""
    environment = os.environ | {"RUNSTORE_DATABASE_URL": url.render_as_string(hide_password=False)}
    command = [sys.executable, "-m", "alembic", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
