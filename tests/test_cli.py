"""The command line: data on stdout, everything else on stderr, one line and an exit code for every error."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy
from sqlalchemy import Engine, select
from sqlalchemy.engine import URL

from runstore import migrate
from runstore.cli import main
from runstore.mapping import RUN
from runstore.repository import RunRepository
from tests.comparison import compact
from tests.strategies import BUILT_IN

COUNTS = "{} inserted, {} updated, {} unchanged, {} stale, {} conflict, {} rejected, {} skipped\n"
RUNS = [{"id": f"run_{n}", "created_at": n, "status": "queued", "model": "é", "x": {"b": 1, "a": []}} for n in range(5)]


class Said(NamedTuple):
    """What a command gave."""

    code: int
    out: str
    err: str


class Console:
    """Runs commands in this process, as a shell would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch

    def __call__(self, *arguments: object, stdin: bytes = b"") -> Said:
        out, err = io.BytesIO(), io.BytesIO()
        with self.monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["runstore", *map(str, arguments)])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            patch.setattr(sys, "stdout", stdout := io.TextIOWrapper(out, "utf-8", write_through=True))
            patch.setattr(sys, "stderr", stderr := io.TextIOWrapper(err, "utf-8", "backslashreplace"))
            with pytest.raises(SystemExit) as exit_:
                main()
            stdout.flush()
            stderr.flush()
        said = Said(int(exit_.value.code or 0), out.getvalue().decode(), err.getvalue().decode())
        assert "Traceback" not in said.err
        assert "internal error" not in said.err
        return said


@pytest.fixture
def runstore(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Console:
    """The command, in an empty folder and an environment that names no archive."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("RUNSTORE_DATABASE_URL", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return Console(monkeypatch)


@pytest.fixture
def db(url: URL) -> str:
    """An empty archive, as --db names it."""
    return url.render_as_string(hide_password=False)


@pytest.fixture
def dump(runstore: Console) -> Path:
    """A file of five runs."""
    path = Path("dump.jsonl")
    path.write_bytes(b"".join(compact(run) + b"\n" for run in RUNS))
    return path


# --- import and export -----------------------------------------------------------------------------------------------


def test_import_counts_and_export_gives_the_same_lines(runstore: Console, db: str, dump: Path) -> None:
    assert runstore("import", "--db", db, dump) == (0, COUNTS.format(5, 0, 0, 0, 0, 0, 0), "")
    assert runstore("import", "--db", db, dump) == (0, COUNTS.format(0, 0, 5, 0, 0, 0, 0), "")
    assert runstore("export", "--db", db) == (0, dump.read_text("utf-8"), "")
    assert runstore("export", "--db", db, "-o", "out.jsonl") == (0, "", "")
    assert Path("out.jsonl").read_bytes() == dump.read_bytes()
    assert sorted(path.name for path in Path().iterdir() if "db" not in path.name) == ["dump.jsonl", "out.jsonl"]


def test_export_is_in_order_of_created_at_and_id(runstore: Console, db: str) -> None:
    given = [{"id": "b", "created_at": 1}, {"id": "a", "created_at": 1}, {"id": "c"}, {"id": "d", "created_at": -1}]
    runstore("import", "--db", db, "-", stdin=compact(given))
    assert [json.loads(line)["id"] for line in runstore("export", "--db", db).out.splitlines()] == ["c", "d", "a", "b"]


def test_import_reads_standard_input_folders_gzip_and_several_files(runstore: Console, db: str, dump: Path) -> None:
    folder = Path("folder/deep")
    folder.mkdir(parents=True)
    Path("folder/one.json.gz").write_bytes(gzip.compress(compact({"id": "gz"})))
    (folder / "page.json").write_bytes(compact({"object": "list", "data": [{"id": "page"}], "has_more": False}))
    (folder / "notes.md").write_text("no run")
    Path("events.sse").write_bytes(b'event: thread.run.queued\ndata: {"id":"sse"}\n\nevent: done\ndata: [DONE]\n\n')
    said = runstore("import", "--db", db, dump, "folder", "events.sse", "-", stdin=b'\xef\xbb\xbf[{"id":"array"}]')
    assert said.code == 0
    assert said.out.startswith("9 inserted, 0 updated")
    assert runstore("export", "--db", db).out.count("\n") == 9


def test_import_tells_what_it_skips_from_what_it_rejects(runstore: Console, db: str) -> None:
    Path("mixed.jsonl").write_text('{"id":"msg","object":"thread.message"}\n{"id":"a"}\n{"id":"b","x":NaN}\n{"id":7}\n')
    said = runstore("import", "--db", db, "mixed.jsonl")
    assert (said.code, said.out) == (6, COUNTS.format(1, 0, 0, 0, 0, 2, 1))
    first, second = said.err.splitlines()
    assert first.startswith("rejected: mixed.jsonl:3: $.x: ")
    assert second.startswith("rejected: mixed.jsonl:4: $.id: expected a string")


def test_rejects_can_be_mended_and_imported_again(runstore: Console, db: str) -> None:
    Path("bad.jsonl").write_bytes(
        b'{"id":"a"}\n{"id":"b","temperature":NaN}\n{"id":"c","status":\n{"id":"d","x":"\xff"}\n{"id":"e"}\n'
        b'{\n "id": "f",\n "created_at": "soon"\n}\n'
    )
    said = runstore("import", "--db", db, "bad.jsonl", "--rejects", "rejects.txt")
    assert said.code == 6
    assert said.out.endswith("4 rejected, 0 skipped\n")
    rejects = Path("rejects.txt").read_bytes()
    assert rejects.count(b"# bad.jsonl:") == 4
    assert b'{"id":"b","temperature":NaN}' in rejects
    # The file as it is says the same again.
    again = runstore("import", "--db", db, "rejects.txt", "--rejects", "again.txt")
    assert (again.code, again.out) == (6, COUNTS.format(0, 0, 0, 0, 0, 4, 0))
    mended = rejects.replace(b"NaN", b"0.5").replace(b'"status":', b'"status":null}').replace(b"\xff", b"?")
    Path("mended.txt").write_bytes(mended.replace(b'"soon"', b"1"))
    assert runstore("import", "--db", db, "mended.txt", "--rejects", "none.txt").out.startswith("4 inserted")
    assert not Path("none.txt").exists()
    assert RunRepository.open(db).load("f") == {"id": "f", "created_at": 1}


def test_many_rejections_are_not_all_shown(runstore: Console, db: str) -> None:
    Path("bad.jsonl").write_text('{"id":1}\n' * 50)
    said = runstore("import", "--db", db, "bad.jsonl")
    assert said.code == 6
    assert len(said.err.splitlines()) == 21
    assert "30 more; --rejects FILE" in said.err


def test_a_conflict_is_reported_and_ends_with_6(runstore: Console, db: str) -> None:
    lines = b'{"id":"a","thread_id":"t"}\n{"id":"a","thread_id":"u"}\n'
    said = runstore("import", "--db", db, "--rejects", "rejects.txt", "-", stdin=lines)
    assert (said.code, said.out) == (6, COUNTS.format(1, 0, 0, 0, 1, 0, 0))
    assert said.err.startswith("conflict: -:2: ")
    assert Path("rejects.txt").read_bytes().endswith(b'{"id":"a","thread_id":"u"}\n')


def test_source_and_observed_at_are_kept(runstore: Console, db: str, engine: Engine, dump: Path) -> None:
    moments = {
        "2024-05-31T12:00:00Z": 1717156800_000000,
        "2024-05-31T14:00:00.5+02:00": 1717156800_500000,
        "2024-05-31": 1717113600_000000,
        "1717156800": 1717156800_000000,
        "-5": -5_000000,
    }
    for n, (moment, expected) in enumerate(moments.items()):
        runstore(
            "import", "--db", db, "--source", "prod-eu", "--observed-at", moment, "-", stdin=compact({"id": f"run_{n}"})
        )
        with engine.connect() as connection:
            row = connection.execute(select(RUN.c.observed_at, RUN.c.source).where(RUN.c.id == f"run_{n}")).one()
        assert tuple(row) == (expected, "prod-eu")


def test_a_file_was_observed_when_it_was_written(runstore: Console, db: str, engine: Engine, dump: Path) -> None:
    os.utime(dump, ns=(0, 1_700_000_000_123_456_789))
    runstore("import", "--db", db, dump)
    with engine.connect() as connection:
        seen = connection.execute(select(RUN.c.observed_at).order_by(RUN.c.id)).scalars().all()
    assert seen == [1_700_000_000_123_456 + n for n in range(5)]


def test_strict_rejects_what_departs_from_the_document(runstore: Console, db: str, dump: Path) -> None:
    said = runstore("import", "--db", db, "--strict", dump)
    assert (said.code, said.out) == (6, COUNTS.format(0, 0, 0, 0, 0, 5, 0))
    assert "departs from the document" in said.err


def test_on_conflict_chooses_the_look_that_stays(runstore: Console, db: str) -> None:
    def save(status: str, *options: str) -> str:
        line = compact({"id": "a", "status": status})
        return runstore("import", "--db", db, "--observed-at", "5", *options, "-", stdin=line).out

    assert save("completed").startswith("1 inserted")
    assert "1 stale" in save("queued")
    assert "1 updated" in save("queued", "--on-conflict", "replace")
    assert "1 stale" in save("failed", "--on-conflict", "keep")
    assert "1 conflict" in save("failed", "--on-conflict", "error")
    assert RunRepository.open(db).load("a")["status"] == "queued"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.json", b"", 0),
        ("blank.json", b" \n\n", 0),
        ("null.json", b"null", 6),
        ("number.json", b"7", 6),
        ("text.txt", b"hello world\n", 6),
        ("half.json", b'[{"id":"a"},{"id":', 6),
        ("binary.json", bytes(range(256)), 6),
        ("utf16.json", '{"id":"a"}'.encode("utf-16"), 6),
        ("bad.json.gz", gzip.compress(b'{"id":"a"}')[:-9], 6),
        ("mixed.json.gz", b"\x1f\x8b" + b"garbage" * 9, 6),
        ("deep.json", b"[" * 100_000, 6),
        ("exponent.json", b'{"id":"a","x":1e99999999999999999999}', 6),
        ("nul.json", b'{"id":"a"}\0\0\0', 6),
        ("events.sse", b"event: thread.run.failed\ndata: {\n\n", 6),
    ],
)
def test_corrupt_input_of_any_kind_is_rejected_and_the_rest_imported(
    runstore: Console, dump: Path, name: str, content: bytes, code: int
) -> None:
    Path(name).write_bytes(content)
    said = runstore("import", "--db", "archive.db", name, dump)
    assert said.code == code
    assert said.out.count("\n") == 1
    assert RunRepository.open("archive.db").load("run_4") == RUNS[4]
    assert (said.err == "") == (code == 0)


def test_terminal_controls_in_input_do_not_reach_the_terminal(runstore: Console) -> None:
    said = runstore("import", "-", stdin=b'{"id":"a","\\u001b[2J\\u009b":NaN}')
    assert said.code == 6
    assert "\x1b" not in said.err
    assert "\x9b" not in said.err


# --- show and list ---------------------------------------------------------------------------------------------------


def test_show_prints_a_run_with_its_keys_in_order(runstore: Console, db: str) -> None:
    runstore("import", "--db", db, "-", stdin=compact(BUILT_IN))
    said = runstore("show", "--db", db, BUILT_IN["id"])
    assert (said.code, said.err) == (0, "")
    assert compact(json.loads(said.out)) == compact(BUILT_IN)
    assert said.out == json.dumps(BUILT_IN, indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("run_id", ["nobody", "", "\udcff", "run_1\x1b[2J"])
def test_show_of_an_unknown_run_ends_with_3(runstore: Console, db: str, run_id: str) -> None:
    said = runstore("show", "--db", db, "--", run_id)
    assert (said.code, said.out) == (3, "")
    assert said.err.startswith("runstore: run ")
    assert said.err.count("\n") == 1
    assert "\x1b" not in said.err


def test_list_gives_the_newest_runs_and_the_cursor_of_more(runstore: Console, db: str, dump: Path) -> None:
    runstore("import", "--db", db, dump)
    said = runstore("list", "--db", db, "--limit", "2")
    assert [json.loads(line) for line in said.out.splitlines()] == [RUNS[4], RUNS[3]]
    cursor = said.err.removeprefix("more with --cursor ").strip()
    rest = runstore("list", "--db", db, "--limit", "9", "--cursor", cursor)
    assert [json.loads(line) for line in rest.out.splitlines()] == [RUNS[2], RUNS[1], RUNS[0]]
    assert rest.err == ""
    oldest = runstore("list", "--db", db, "--oldest-first", "--status", "queued", "--status", "x", "--limit", "1")
    assert json.loads(oldest.out) == RUNS[0]
    assert runstore("list", "--db", db, "--thread", "nobody") == (0, "", "")
    assert runstore("list", "--db", db, "--assistant", "nobody") == (0, "", "")
    assert runstore("list", "--db", db, "--limit", "99999999999999999999").out.count("\n") == 5


# --- db --------------------------------------------------------------------------------------------------------------


def test_db_upgrade_makes_the_schema_and_check_agrees(runstore: Console, empty_url: URL) -> None:
    db = empty_url.render_as_string(hide_password=False)
    new = empty_url.get_backend_name() == "sqlite"
    before = runstore("db", "check", "--db", db)
    assert (before.code, before.out) == (3 if new else 4, "")
    assert runstore("db", "current", "--db", db).code == (3 if new else 0)
    upgraded = runstore("db", "upgrade", "--db", db)
    assert (upgraded.code, upgraded.out) == (0, "")
    assert f"from nothing to {migrate.REVISION}" in upgraded.err
    assert runstore("db", "upgrade", "--db", db).err.endswith(f"already at {migrate.REVISION}\n")
    assert runstore("db", "current", "--db", db) == (0, f"{migrate.REVISION}\n", "")
    assert runstore("db", "check", "--db", db).code == 0
    assert runstore("import", "--db", db, "-", stdin=b'{"id":"a"}').code == 0


COMMANDS: list[list[str]] = [["import", "-"], ["export"], ["show", "a"], ["list"], ["db", "check"]]


@pytest.mark.parametrize(("revision", "code", "word"), [("0000", 4, "runstore db upgrade"), ("9999", 5, "newer")])
def test_a_schema_behind_ends_with_4_and_a_newer_one_with_5(
    runstore: Console, db: str, engine: Engine, revision: str, code: int, word: str
) -> None:
    version = sqlalchemy.table(migrate.VERSION_TABLE, sqlalchemy.column("version_num"))
    with engine.begin() as connection:
        connection.execute(version.update().values(version_num=revision))
    try:
        for command in COMMANDS:
            said = runstore(*command[:1], *command[1:], "--db", db, stdin=b'{"id":"a"}')
            assert (said.code, said.out) == (code, "")
            assert said.err.count("\n") == 1
            assert word in said.err
            assert revision in said.err
    finally:
        with engine.begin() as connection:
            connection.execute(version.update().values(version_num=migrate.REVISION))


# --- which archive ---------------------------------------------------------------------------------------------------


def test_the_archive_is_the_given_one_else_that_of_the_environment_else_runstore_db(
    runstore: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def archive_used(*options: str) -> list[str]:
        before = set(Path().glob("*.db"))
        assert runstore("import", *options, "-", stdin=b'{"id":"a"}').code == 0
        return [path.name for path in set(Path().glob("*.db")) - before]

    assert archive_used() == ["runstore.db"]
    monkeypatch.setenv("DATABASE_URL", "sqlite:///second.db")
    assert archive_used() == ["second.db"]
    monkeypatch.setenv("RUNSTORE_DATABASE_URL", "first.db")
    assert archive_used() == ["first.db"]
    assert archive_used("--db", "given.db") == ["given.db"]
    monkeypatch.setenv("RUNSTORE_DATABASE_URL", "")
    Path("second.db").unlink()
    assert archive_used() == ["second.db"]
    monkeypatch.setenv("DATABASE_URL", "")
    Path("runstore.db").unlink()
    assert archive_used() == ["runstore.db"]


def test_a_missing_archive_is_not_created_by_asking_it(runstore: Console) -> None:
    for command in COMMANDS[1:]:
        said = runstore(*command, "--db", "missing.db")
        assert (said.code, said.out) == (3, "")
        assert said.err == (
            "runstore: there is no archive at missing.db; 'runstore import' or 'runstore db upgrade' creates it\n"
        )
    assert list(Path().iterdir()) == []


SECRET = "hunter2"
BAD_URLS = [
    f"postgresql://me:{SECRET}@localhost:port/db",
    f"postgresql://me:{SECRET}@localhost:1/db?connect_timeout=1",
    f"postgresql://me@localhost:1/db?password={SECRET}",
    f"postgresql+asyncpg://me:{SECRET}@localhost/db",
    f"postgres://me:{SECRET}@[::1/db",
    f"mysql://me:{SECRET}@localhost/db",
    f"nonsense://me:{SECRET}@localhost/db",
    f"sqlite://me:{SECRET}@localhost/db",
    f"://me:{SECRET}@localhost",
    f"postgresql://me:{SECRET}@localhost:1/db?nonsense=1",
    f"postgresql://me:{SECRET}@/db?host=/nowhere",
]


@pytest.mark.parametrize("bad", BAD_URLS, ids=range(len(BAD_URLS)))
def test_a_bad_url_is_told_without_its_password(runstore: Console, bad: str) -> None:
    for command in (["list"], ["db", "current"], ["import", "-"], ["db", "upgrade"]):
        said = runstore(*command, "--db", bad, stdin=b'{"id":"a"}')
        assert said.code in (1, 2)
        assert SECRET not in said.out + said.err
        assert said.err.count("\n") == 1
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_file_that_is_no_archive_is_told_and_left_alone(runstore: Console, command: list[str]) -> None:
    contents = {"text.db": b"This is a text file and no database at all. " * 200}
    other = sqlalchemy.create_engine("sqlite:///tables.db")
    with other.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE run_object (x)")
    other.dispose()
    contents["tables.db"] = Path("tables.db").read_bytes()
    Path("text.db").write_bytes(contents["text.db"])
    Path("folder.db").mkdir()
    for place in ("text.db", "tables.db", "folder.db"):
        said = runstore(*command, "--db", place, stdin=b'{"id":"a"}')
        assert said.code in (1, 3)
        assert said.out == ""
        assert said.err.count("\n") == 1
    for name, content in contents.items():
        assert Path(name).read_bytes() == content


def test_an_archive_that_cannot_be_written_is_told(runstore: Console, dump: Path) -> None:
    runstore("import", "--db", "a.db", dump)
    read_only = "sqlite:///file:a.db?mode=ro&uri=true"
    said = runstore("import", "--db", read_only, "-", stdin=b'{"id":"new"}')
    assert (said.code, said.out) == (1, "")
    assert "readonly" in said.err
    assert runstore("export", "--db", read_only).out == dump.read_text("utf-8")
    assert runstore("import", "--db", "no/such/folder/a.db", dump).code == 1


def test_an_archive_damaged_on_disk_is_told(runstore: Console, dump: Path) -> None:
    runstore("import", "--db", "a.db", dump)
    connection = sqlalchemy.create_engine("sqlite:///a.db").raw_connection()
    connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(Path("a.db").read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    Path("a.db").write_bytes(content)
    for command in (["export"], ["list"], ["show", "run_1"], ["import", str(dump)]):
        said = runstore(*command, "--db", "a.db")
        assert said.code == 1
        assert said.err.count("\n") == 1


def test_usage_errors_end_with_2(runstore: Console, dump: Path) -> None:
    for arguments in (
        ["nonsense"],
        ["import"],
        ["import", "missing.jsonl"],
        ["import", "--observed-at", "soon", dump],
        ["import", "--observed-at", "99999999999999", dump],
        ["import", "--on-conflict", "newer", dump],
        ["import", "--source", "\udcff", dump],
        ["import", "--rejects", ".", dump],
        ["show"],
        ["list", "--limit", "0"],
        ["list", "--limit", "x"],
        ["export", "-o", "."],
        ["db", "nonsense"],
        ["list", "--cursor", "nonsense", "--db", "a.db"],
    ):
        if "a.db" in arguments:
            runstore("import", "--db", "a.db", dump)
        said = runstore(*arguments)
        assert (said.code, said.out) == (2, ""), arguments


def test_output_never_replaces_what_is_being_read(runstore: Console, dump: Path) -> None:
    runstore("import", "--db", "a.db", dump)
    said = runstore("export", "--db", "a.db", "-o", "a.db")
    assert said.code == 2
    assert RunRepository.open("a.db").count() == 5
    Path("bad.jsonl").write_text('{"id":1}\n' * 3)
    said = runstore("import", "--db", "a.db", "bad.jsonl", "--rejects", "bad.jsonl")
    assert said.code == 2
    assert Path("bad.jsonl").read_text() == '{"id":1}\n' * 3


def test_a_failed_export_leaves_the_old_file_and_no_other(runstore: Console, dump: Path) -> None:
    Path("out.jsonl").write_text("old")
    assert runstore("export", "--db", "missing.db", "-o", "out.jsonl").code == 3
    assert Path("out.jsonl").read_text() == "old"
    assert runstore("export", "--db", "missing.db", "-o", "no/folder/out.jsonl").code in (1, 2, 3)
    assert sorted(path.name for path in Path().iterdir()) == ["dump.jsonl", "out.jsonl"]


# --- as a process ----------------------------------------------------------------------------------------------------


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "runstore", *arguments], capture_output=True, env=environment, timeout=60, **options
    )


def test_help_is_quick_and_loads_no_database() -> None:
    modules = "import sys; sys.argv = ['runstore', '--help']; from runstore.cli import main\ntry: main()\nexcept SystemExit: pass\nprint([m for m in ('sqlalchemy', 'alembic', 'rich', 'psycopg', 'msgspec') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", modules], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "[]"
    assert "import" in said.stdout
    assert min(timed_help() for _ in range(5)) < 0.3


def timed_help() -> float:
    start = time.perf_counter()
    assert process("--help").returncode == 0
    return time.perf_counter() - start


@pytest.mark.parametrize("command", [[], ["import"], ["export"], ["show"], ["list"], ["db"], ["db", "upgrade"]])
def test_every_command_has_help(runstore: Console, command: list[str]) -> None:
    said = runstore(*command, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("Usage: runstore")


def test_the_module_and_the_script_are_the_same_command(tmp_path: Path) -> None:
    said = process("import", "--db", str(tmp_path / "a.db"), "-", input=b'{"id":"a"}')
    assert (said.returncode, said.stdout.decode(), said.stderr) == (0, COUNTS.format(1, 0, 0, 0, 0, 0, 0), b"")
    script = Path(sys.executable).with_name("runstore")
    if script.exists():
        listed = subprocess.run([script, "list", "--db", tmp_path / "a.db"], capture_output=True, check=True)
        assert listed.stdout == b'{"id":"a"}\n'


def test_a_reader_that_has_enough_ends_an_export_quietly(tmp_path: Path) -> None:
    place = tmp_path / "a.db"
    with RunRepository.open(place) as runs:
        runs.save_many({"id": f"run_{n}", "x": "x" * 1000} for n in range(2000))
    command = [sys.executable, "-m", "runstore", "export", "--db", str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode in (0, 141)


def test_any_character_is_printed_whatever_the_locale(tmp_path: Path) -> None:
    place = str(tmp_path / "a.db")
    run = compact({"id": "é😀", "model": "\u2028ü"})
    for encoding in ({"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}):
        assert process("import", "--db", place, "-", input=run, env=encoding).returncode == 0
        assert process("export", "--db", place, env=encoding).stdout == run + b"\n"
        shown = process("show", "--db", place, "é😀", env=encoding)
        assert shown.returncode == 0, shown.stderr
        assert process("list", "--db", place, env=encoding).stdout == run + b"\n"
