"""No message, log line or repr shows what could be a password: whatever stands where, spelled in whatever way."""

from __future__ import annotations

import re
import shlex
import traceback
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from runstore import RunRepository, RunStoreError, config, create_engine, migrate
from runstore.masking import masked
from tests.test_cli import Cli, cli
from tests.test_output import run

__all__ = ["cli"]

SECRET = "s3cr3t"

PLACES = [
    f"postgresql://user:{SECRET}@127.0.0.1:1/db",
    f"postgresql://user:{SECRET}/with/slashes@127.0.0.1:1/db",
    f"postgresql://user:a@{SECRET}@127.0.0.1:1/db",
    f"postgresql://127.0.0.1:1/db?user=u&password={SECRET}",
    f"postgresql://127.0.0.1:1/db?Password={SECRET}",
    f"postgresql://127.0.0.1:1/db?pasword={SECRET}",
    f"postgresql://127.0.0.1:1/db?sslpassword={SECRET}",
    f"postgresql://127.0.0.1:1/db?oauth_client_secret={SECRET}",
    f"postgresql://127.0.0.1:1/db?sslmode=disable&access_key={SECRET}&schema=s",
    f"postgresql://127.0.0.1:1/db?options=-c%20my.key={SECRET}",
    f"postgres://user:{SECRET}@127.0.0.1:1/db",
    f"postgresql+asyncpg://user:{SECRET}@127.0.0.1:1/db",
    f"postgresql://user:{SECRET}",
    f"postgresql://user:{SECRET}@127.0.0.1:port/db",
    f"mysql://user:{SECRET}@host/db?ssl_key={SECRET}",
    f"user:{SECRET}@host/db",
    f"user:{SECRET}@host:5432/db?sslmode=require",
    f"//user:{SECRET}@host/db",
    f"postgresql:user:{SECRET}@host/db",
    f"host=h dbname=d password={SECRET}",
    f"dbname=d user=u PASSWORD = '{SECRET}'",
    f"service=prod sslpassword={SECRET}",
    f"Server=h;Database=d;Pwd={SECRET}",
    f"runs?password={SECRET}",
]


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_of_a_place_is_shown_by_any_command(cli: Cli, tmp_path: Path, place: str) -> None:
    for command in (
        ("list", "--db", place),
        ("db", "check", "--db", place),
        ("list", place),
        ("import", place),
        (place,),
        ("show", place, "--db", "none.db"),
        ("db", "upgrade", place, "--db", "new.db"),
        ("list", "--limit", place),
        ("list", "--created-from", place, "--db", "new.db"),
        ("copy", place, "new.db", "--patience", "0"),
        ("diff", "new.db", place),
        ("sql", place, "--db", "new.db"),
        ("export", "-o", f"{place}/x", "--db", "new.db"),
        ("stats", "--sort", place, "--db", "new.db"),
        ("import", "/dev/null", "--observed-at", place),
    ):
        result = cli(*command)
        assert result.code, command
        assert SECRET not in result.out + result.err, command
    assert not [path for path in tmp_path.rglob("*") if SECRET in str(path)]


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_of_a_place_is_in_an_exception_or_what_caused_it(place: str) -> None:
    with pytest.raises(RunStoreError) as raised, RunRepository.open(place, patience=0) as runs:
        runs.load("run_1")
    error: BaseException | None = raised.value
    while error is not None:
        assert SECRET not in "".join(traceback.format_exception_only(error)) + repr(error.args)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("place", [place for place in PLACES if "://" in place])
def test_no_secret_is_in_the_repr_of_an_engine_or_in_its_place(place: str) -> None:
    try:
        engine = create_engine(place)
    except RunStoreError:
        return
    assert SECRET not in repr(engine) + config.shown(engine.url) + repr(engine.url)


def test_options_that_are_taken_out_of_the_url_still_reach_the_driver(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no passwords")
    url = engine.url.update_query_dict({"options": "-c statement_timeout=4321", "password": SECRET})
    made = create_engine(url)
    with made.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "4321ms"
    made.dispose()


@pytest.mark.parametrize(
    "message",
    [
        'postgresql://me%40example.com:***@h:5432/db: connection failed: FATAL: user "me@example.com" is not there',
        'rejected: runs@2024.jsonl:12: $.metadata["a@b"]: expected a string, found number',
        "the schema of postgresql://h/db?schema=s does not exist yet",
        "runs.db: at 0004",
        "$.client_secret: expected a string",
        "total_tokens=5 and status=x are kept",
    ],
)
def test_what_is_harmless_is_shown(message: str) -> None:
    assert masked(message) == message


def test_escapes_in_the_name_of_a_file_do_not_steer_the_terminal_through_the_log(tmp_path: Path) -> None:
    name = "runs\x9b31m.db"
    with migrate.engine(config.database_url(tmp_path / name)) as engine:
        migrate.upgrade(engine, "0003")
    done = run(tmp_path, f"$R db upgrade --db {shlex.quote(name)}")
    assert "was written to runs\\x9b31m" in done.stderr
    hostile = "runs\x1b[31m\nrunstore: all is well.db"
    refused = run(tmp_path, f"$R db upgrade --db {shlex.quote(hostile)}")
    assert refused.returncode == 2
    for said in (done.stderr, refused.stderr):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]|\nrunstore: all is well", said)
