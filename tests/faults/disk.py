"""Full disks, and files that are read-only, not archives, or damaged. Only SQLite's files are under our control."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

from runstore import config
from runstore.repository import RunRepository
from tests.faults.kills import made
from tests.faults.places import Place, counts, dump, promise, start, texts, wait, whole


def full_disk(place: Place, runs: int) -> dict[str, Any]:
    """Check an import on a full disk: its exit code is 1, and it reports what was stored, which is intact."""
    forms = made(runs)
    file = dump(place.folder / "full.jsonl", forms)
    url = place.archive()

    def limit() -> None:
        # Python ignores SIGXFSZ, so that writing beyond the limit is an error, as on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (6 << 20, 6 << 20))

    code, out, errors = wait(start(url, "import", file, preexec_fn=limit))
    promise((code, out) == (1, "") and "stopped early; so far" in errors, f"{code} {out} {errors}")
    kept = whole(url, texts(forms))
    code, out, again = wait(start(url, "import", file))
    promise(code == 0 and counts(out)["unchanged"] == kept, f"{out} {again}")
    place.drop(url)
    return {"answer": _answer(errors), "runs kept": kept, "runs lost": 0}


def _answer(errors: str) -> str:
    return errors.strip().rpartition(": ")[2]


def _without_privilege() -> None:
    """Drop the capabilities with which root may write to any file."""
    if os.geteuid() == 0:
        drop, override, search = 24, 1, 2  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc = ctypes.CDLL(None)
        for capability in (override, search):
            libc.prctl(drop, capability, 0, 0, 0)


def read_only(place: Place) -> dict[str, Any]:
    """Check a read-only file and a read-only directory: reading works, and an import ends with one line."""
    folder = place.folder / "closed"
    folder.mkdir()
    with RunRepository.open(folder / "runs.db") as archive:
        archive.save({"id": "a", "object": "thread.run"})
    file = dump(place.folder / "two.jsonl", [{"id": "b", "object": "thread.run"}])
    (folder / "runs.db").chmod(0o444)
    folder.chmod(0o555)
    try:
        code, out, errors = wait(start(str(folder / "runs.db"), "import", file, preexec_fn=_without_privilege))
        promise((code, out) == (1, "") and len(errors.splitlines()) == 1, f"{code} {out} {errors}")
        new = wait(start(str(folder / "new.db"), "import", file, preexec_fn=_without_privilege))
        promise(new[:2] == (1, "") and len(new[2].splitlines()) == 1, str(new))
    finally:
        folder.chmod(0o755)
        (folder / "runs.db").chmod(0o644)
    with RunRepository.open(folder / "runs.db") as archive:
        promise([run["id"] for run in archive.iterate()] == ["a"], "something was written")
    return {"answer": _answer(errors), "in a read-only directory": _answer(new[2])}


def no_database(place: Place) -> dict[str, Any]:
    """Check that commands refuse files that are not archives, and do not change them."""
    answers = []
    for name, content in (("text.db", b"this is a text, " * 500), ("short.db", b"x"), ("gzip.db", b"\x1f\x8b" * 600)):
        path = place.folder / name
        path.write_bytes(content)
        for command in (
            ("import", place.folder / "any.jsonl"),
            ("list",),
            ("verify",),
            ("prune", "--orphans", "--yes"),
        ):
            dump(place.folder / "any.jsonl", [{"id": "b", "object": "thread.run"}])
            code, out, errors = wait(start(str(path), *command))
            promise(
                (code, out) == (1, "") and len(errors.splitlines()) == 1, f"{name} {command}: {code} {out} {errors}"
            )
            promise(path.read_bytes() == content, f"{name} was changed")
            answers.append(errors)
    return {"files tried": 3, "commands refused": len(answers)}


def corrupt_pages(place: Place, pages: int, runs: int = 500) -> dict[str, Any]:
    """Overwrite a page of an archive: verify reports it, and no command prints a traceback."""
    import random

    dice = random.Random(1)
    source = place.folder / "pages.db"
    with RunRepository.open(source) as archive:
        archive.save_many(made(runs))
    with sqlite3.connect(source) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    size = source.stat().st_size // 4096
    for _ in range(pages):
        copy = place.folder / "damaged.db"
        shutil.copy(source, copy)
        with copy.open("r+b") as file:
            file.seek(dice.randrange(1, size) * 4096)
            file.write(dice.randbytes(4096))
        code, _, errors = wait(start(str(copy), "verify"))
        promise(code == 1 and "Traceback" not in errors and "internal error" not in errors, f"verify: {code} {errors}")
        code, _, errors = wait(start(str(copy), "export"))
        promise(code in (0, 1) and "Traceback" not in errors and "internal error" not in errors, f"{code} {errors}")
        for suffix in ("", "-wal", "-shm"):
            Path(f"{copy}{suffix}").unlink(missing_ok=True)
    return {"pages overwritten": pages, "found": pages}


def dead_log(place: Place, runs: int) -> dict[str, Any]:
    """Check that nothing committed is lost that is only in the log of a dead process."""
    forms = made(runs)
    file = dump(place.folder / "log.jsonl", forms)
    url = place.archive()
    path = config.sqlite_file(url)
    assert path is not None
    process = start(url, "import", file)
    with RunRepository.open(url) as archive:
        while not archive.count() and process.poll() is None:
            time.sleep(0.02)
        process.kill()
        process.communicate()
        committed = archive.count()
        left = place.folder / "left.db"
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{left}{suffix}")
    kept = whole(config.database_url(left), texts(forms))
    promise(kept == committed > 0, f"{kept} of {committed} runs are stored")
    place.drop(url)
    return {"runs in the log of a dead process": kept, "runs lost": 0}
