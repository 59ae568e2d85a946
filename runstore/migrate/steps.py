"""Migrations from one revision to another, through Alembic and without an ini file."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from runstore import config, waiting
from runstore.backends import backend_of, create_engine, translated
from runstore.errors import ConfigurationError, no_such
from runstore.migrate.state import VIEWS, at_archive, check, current, is_new

if TYPE_CHECKING:
    from alembic.config import Config


class Revision(NamedTuple):
    """A revision of the schema."""

    revision: str
    title: str
    """The first line of its docstring."""
    text: str
    """The rest of the docstring: what it does, what it locks or rewrites, its phase."""


def scripts() -> Path:
    """Return the directory of the migrations: inside an installed package, and next to the package in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def alembic_config() -> Config:
    """Return Alembic's configuration without an ini file."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(scripts()).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    return settings


@contextmanager
def engine(url: URL) -> Iterator[Engine]:
    """Yield an engine for the duration of a migration."""
    made = create_engine(url)
    try:
        yield made
    finally:
        made.dispose()


def upgrade(
    engine: Engine, revision: str = "head", *, limits: config.Limits | None = None, backup: bool = True
) -> tuple[str | None, str | None]:
    """Upgrade the database to a revision (default: the newest), and create a SQLite file that does not exist.

    Any number of processes may do so at the same time: one migrates, and the others wait for it. After a failure, the
    database is completely at one revision, and another upgrade continues from there. By default, *limits* are those of
    the environment. With *backup*, a SQLite file that holds an archive is first copied to a file next to it.

    Return the revisions before and after. Raise :class:`SchemaNewer` if the database is newer than this code,
    :class:`NotAnArchive` if it has tables with runstore's names but no revision, :class:`MigrationBlocked` if others
    block the migration for longer than the limits allow, :class:`ConfigurationError` for an unknown revision, and
    :class:`DatabaseFailure` for errors of the database.
    """
    file = config.sqlite_file(engine.url)
    if file is not None and is_new(engine):
        with translated(engine):
            backend_of(engine).enable_wal(engine)
    return _step("upgrade", engine, revision, limits, backup)


def create(engine: Engine) -> None:
    """Create the tables in a new SQLite database. For a task, do so in a thread: Alembic computes for half a second."""
    if config.sqlite_file(engine.url) is None:
        upgrade(engine)  # a database in memory is that of one connection
    else:
        waiting.in_thread(lambda: _create(config.database_url(engine.url)))


def _create(url: URL) -> None:
    with engine(url) as made:
        upgrade(made)


def downgrade(
    engine: Engine,
    revision: str,
    *,
    limits: config.Limits | None = None,
    backup: bool = True,
    delete_runs: bool = False,
) -> tuple[str | None, str | None]:
    """Downgrade the database to an earlier revision, or to ``base``, which drops all of runstore's tables.

    Data that only the later revision can hold is lost. Arguments, result and errors are those of :func:`upgrade`. If
    runs would be deleted, raise :class:`RunsWouldBeDeleted` with their number, unless *delete_runs* is true.
    """
    return _step("downgrade", engine, revision, limits, backup, delete_runs=delete_runs)


def stamp(engine: Engine, revision: str, *, limits: config.Limits | None = None) -> tuple[str | None, str | None]:
    """Record the revision of a database whose version table was lost, and change nothing else."""
    return _step("stamp", engine, revision, limits, backup=False)


def _step(
    name: str,
    engine: Engine,
    revision: str,
    limits: config.Limits | None,
    backup: bool,
    *,
    delete_runs: bool = False,
) -> tuple[str | None, str | None]:
    settings = alembic_config()
    with translated(engine), engine.connect() as connection:
        # Under REPEATABLE READ, a revision that has waited for a table would copy outdated rows.
        backend_of(engine).set_isolation(connection, write=True)
        settings.attributes |= {"connection": connection, "limits": limits, "backup": backup}
        settings.attributes["delete_runs"] = delete_runs
        _command(name, settings, revision)
        # env.py has read the revision when it held the lock; until then, another process may have migrated.
        return settings.attributes["before"], current(connection)


def sql(backend: str, span: str = "head", *, schema: str | None = None) -> str:
    """Return the script that migrates a database (``postgresql`` or ``sqlite``) from one revision to another.

    *span* is ``FROM:TO``, or one revision to create the schema. The script is for administrators who execute all
    changes of a schema themselves.
    """
    if backend not in ("postgresql", "sqlite"):
        raise ConfigurationError(detail=f"there is no backend {backend!r}; the backends are postgresql and sqlite")
    settings = alembic_config()
    settings.attributes["url"] = config.database_url(f"{backend}://", schema)
    settings.output_buffer = io.StringIO()
    span = span.removeprefix(":")  # from nothing
    first, _, last = span.rpartition(":")
    downwards = re.fullmatch(r"\d+", first) and (last == "base" or (last.isdigit() and last < first))
    _command("downgrade" if downwards else "upgrade", settings, span, sql=True)
    return settings.output_buffer.getvalue()


def history() -> list[Revision]:
    """Return all revisions, the oldest first."""
    from alembic.script import ScriptDirectory

    found = []
    for script in ScriptDirectory.from_config(alembic_config()).walk_revisions():
        # Read from the file, because ``python -OO`` removes the docstring of the module.
        written = ast.get_docstring(ast.parse(Path(script.path).read_bytes())) or ""
        title, _, text = written.strip().partition("\n")
        found.append(Revision(script.revision, title, text.partition("\nRevises:")[0].strip()))
    return found[::-1]


def diff(engine: Engine) -> list[str]:
    """Return the differences between the schema of the database and the models, one line each.

    The comparison covers tables, columns, types, keys, indexes, comments and the existence of views, and ignores
    everything else in the database. Raise :class:`SchemaBehind` or :class:`SchemaNewer` at another revision.
    """
    from alembic import command
    from alembic.util import AutogenerateDiffsDetected

    with translated(engine), engine.connect() as connection:
        check(connection, exact=True, views=False)
        with at_archive(connection) as schema:
            views = sqlalchemy.inspect(connection).get_view_names(schema)
        found = [f"view {name} is missing" for name in VIEWS if name not in views]
        connection.rollback()
        settings = alembic_config()
        settings.stdout = io.StringIO()
        settings.attributes["connection"] = connection
        try:
            command.check(settings)
        except AutogenerateDiffsDetected as detected:
            entries: list[Any] = detected.diffs
            for entry in entries:
                found += map(_difference, entry if isinstance(entry, list) else [entry])
    return found


def _difference(entry: tuple[Any, ...]) -> str:
    """Describe an entry of Alembic's comparison: an operation that would make the database match the models."""
    kind, *what = entry
    if kind.startswith("modify"):
        _, table, column, _, live, expected = what
        return f"column {table}.{column}: {kind.removeprefix('modify_')} is {live!r}, expected {expected!r}"
    verb, _, thing = kind.partition("_")
    if kind == "add_column" or kind == "remove_column":
        name = f"{what[1]}.{what[2].name}"
    else:
        owner = getattr(what[0], "table", None)
        name = f"{what[0].name}" + (f" of {owner.name}" if owner is not None else "")
    return f"{thing} {name} {'is missing' if verb == 'add' else 'is unexpected'}"


def _command(name: str, settings: Config, revision: str, **options: Any) -> None:
    from alembic import command
    from alembic.script.revision import ResolutionError
    from alembic.util import CommandError

    hint = "'runstore db history' lists the revisions"
    if "" in revision.split(":") or revision.count(":") > 1:
        raise ConfigurationError(detail=f"{revision!r} is not a revision or a range of revisions; {hint}")
    if ":" in revision and not options.get("sql"):
        raise ConfigurationError(detail=f"{revision!r} is a range of revisions; expected one revision; {hint}")
    try:
        getattr(command, name)(settings, revision, **options)
    except CommandError as error:
        if isinstance(unknown := error.__cause__, ResolutionError) and unknown.argument in revision.split(":"):
            known = ["base", *(each.revision for each in history()), "head"]
            raise no_such("revision", unknown.argument, known, f"; {hint}") from error
        raise ConfigurationError(detail=f"cannot {name} to {revision!r}: {error}; {hint}") from error
