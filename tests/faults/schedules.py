"""Many writers of the same runs, in any order, killed and restarted: the result is always the same archive."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from runstore.backends import create_engine
from runstore.errors import DatabaseFailure
from runstore.repository import RunRepository
from runstore.sources import Record
from tests.faults.places import Place, fingerprints, promise, texts, whole

Snapshot = tuple[int, dict[str, Any]]
STATUSES = ("queued", "in_progress", "requires_action", "in_progress", "completed")


def snapshots(runs: int, dice: random.Random) -> list[Snapshot]:
    """Return one to five snapshots of each run, each with its time."""
    found = []
    for number in range(runs):
        for moment in range(dice.randrange(1, len(STATUSES) + 1)):
            run: dict[str, Any] = {
                "id": f"run_{number:05}",
                "object": "thread.run",
                "created_at": 1_700_000_000 + 500 * number,
                "status": STATUSES[moment],
                "instructions": f"prompt {number % 11} of {moment % 2}",
                "tools": [{"type": "function", "function": {"name": f"f{n}"}} for n in range((number + moment) % 4)],
                "metadata": {"moment": str(moment)},
            }
            if STATUSES[moment] == "requires_action":
                call = {"id": "c", "type": "function", "function": {"name": "f0", "arguments": "{}"}}
                run["required_action"] = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}
            elif STATUSES[moment] == "completed":
                run["usage"] = {"prompt_tokens": number, "completion_tokens": moment, "total_tokens": number + moment}
            if dice.random() < 0.2:
                run = dict(sorted(run.items(), key=lambda _: dice.random()))
            found.append((1_000_000 * moment + number, run))
    return found


def expected(found: list[Snapshot], folder: Path) -> tuple[Any, dict[str, list[Any]]]:
    """Return the fingerprints of an archive written by one writer, and all snapshots by run."""
    with RunRepository.open(folder / "expected.db") as archive:
        archive.save_many(_records(found))
    result = fingerprints(URL.create("sqlite", database=str(folder / "expected.db")))
    (folder / "expected.db").unlink()
    known: dict[str, list[Any]] = {}
    for _, run in found:
        known.setdefault(run["id"], []).append(run)
    return result, known


def _records(found: list[Snapshot]) -> Iterator[Record]:
    return (Record(json.dumps(run).encode(), f"snapshot {n}", at) for n, (at, run) in enumerate(found, 1))


def _write(url: URL, found: list[Snapshot], result: Path) -> None:
    """Save snapshots in a separate process, and write the counts and the number of retries to a file."""
    tries: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: tries.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("runstore")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    with RunRepository.open(url) as archive:
        report = archive.save_many(_records(found))
    result.write_text(json.dumps([report.inserted, report.conflict + report.rejected, len(tries)]))
    os._exit(0)


def _write_inside(url: URL, found: list[Snapshot], result: Path) -> None:
    """Save snapshots in the caller's transactions, and try each one again if the error requests it."""
    engine = create_engine(url)
    inserted = refused = again = 0
    for start in range(0, len(found), 20):
        while True:
            try:
                with engine.begin() as connection:
                    report = RunRepository(connection).save_many(_records(found[start : start + 20]))
            except DatabaseFailure as failure:
                if "try it again" not in str(failure):
                    raise
                again += 1
                time.sleep(random.uniform(0, 0.05))
            else:
                break
        inserted += report.inserted
        refused += report.conflict + report.rejected
    result.write_text(json.dumps([inserted, refused, again]))
    os._exit(0)


def _prune(url: URL, stop: Any) -> None:
    """Repeatedly delete the runs that require an action."""
    with RunRepository.open(url) as archive:
        while not stop.is_set():
            archive.prune(requires_action=True)
    os._exit(0)


def _read(url: URL, known: dict[str, list[Any]], stop: Any) -> None:
    """Read concurrently with the writers: each run that is read is one of its snapshots."""
    dice = random.Random(os.getpid())
    with RunRepository.open(url) as archive:
        while not stop.is_set():
            for run_id, run in archive.load_many(dice.sample(list(known), min(20, len(known)))).items():
                if run not in known[run_id]:
                    os._exit(1)
    os._exit(0)


def run_schedules(
    places: list[Place],
    schedules: int,
    runs: int,
    seed: int = 1,
    writers: int = 8,
    *,
    prune: bool = False,
    isolation: str | None = None,
) -> dict[str, Any]:
    """Save overlapping parts of a shuffled dump with up to *writers* writers, kill and repeat some; copy the result.

    With *prune*, runs that require an action are deleted concurrently; finished runs must remain, and saving the dump
    again restores the others. With *isolation*, the default of the server, half of the writers save in the caller's
    transactions.
    """
    context = multiprocessing.get_context("fork")
    kills = tries = reads = deleted = 0
    for schedule in range(schedules):
        dice = random.Random(f"{seed}/{schedule}")
        place = places[schedule % len(places)]
        found = snapshots(runs, dice)
        wanted, known = expected(found, place.folder)
        url = place.archive(isolation)
        number = dice.randrange(1, writers + 1)
        dice.shuffle(found)
        pieces = []
        for n in range(number):
            piece = found[n::number] + dice.sample(found, len(found) // 3)
            dice.shuffle(piece)
            pieces.append(piece)
        stop = context.Event()
        reader = context.Process(target=_read, args=(url, known, stop))
        concurrent = [reader, *([context.Process(target=_prune, args=(url, stop))] if prune else [])]
        for process in concurrent:
            process.start()
        results = [place.folder / f"result_{n}" for n in range(number)]
        waiting = list(zip(pieces, results, strict=True))
        inserted = 0
        while waiting:
            running = [
                context.Process(target=_write_inside if isolation and n % 2 else _write, args=(url, *work))
                for n, work in enumerate(waiting)
            ]
            for process in running:
                process.start()
            if dice.random() < 0.6:
                time.sleep(dice.uniform(0, 0.5))
                victim = dice.choice(running)
                kills += victim.is_alive()
                victim.kill()
            for process in running:
                process.join()
            again = []
            for work in waiting:
                if not work[1].exists():
                    again.append(work)
                    continue
                new, refused, tried = json.loads(work[1].read_text())
                work[1].unlink()
                promise(not refused, f"schedule {schedule}: {refused} snapshots refused")
                inserted += new
                tries += tried
            promise(len(again) <= 1, f"schedule {schedule}: {len(again)} writers failed")
            waiting = again
        stop.set()
        for process in concurrent:
            process.join()
            promise(process.exitcode == 0, f"schedule {schedule}: a reader saw half a run, or a prune failed")
        reads += 1
        if prune:
            ended = {run["id"] for _, run in found if run["status"] == "completed"}
            with RunRepository.open(url) as archive:
                lost = ended - {run_id for (run_id,) in archive.rows("id", status="completed")}
                promise(not lost, f"schedule {schedule}: {len(lost)} runs that had ended were deleted")
                deleted += runs - archive.count()
                archive.save_many(_records(found))
        promise(prune or inserted <= runs, f"schedule {schedule}: {inserted} of {runs} runs inserted")
        promise(whole(url, texts(run for _, run in found)) == runs, f"schedule {schedule}: runs are missing")
        copied, back = places[(schedule + 1) % len(places)].archive(), place.archive()
        for source, target in ((url, copied), (copied, back)):
            with RunRepository.open(source) as archive, RunRepository.open(target) as other:
                promise(archive.copy_to(other).complete, f"schedule {schedule}: the copy is not complete")
        for end in (url, copied, back):
            promise(fingerprints(end) == wanted, f"schedule {schedule}: the fingerprint differs")
        place.drop(url)
        place.drop(back)
        places[(schedule + 1) % len(places)].drop(copied)
    return {
        "schedules": schedules,
        "ended with the same fingerprint": schedules,
        "writers killed": kills,
        "batches tried again": tries,
        "readers that saw half a run": reads - schedules,
        **({"runs that were deleted at the end": deleted} if prune else {}),
    }
