"""Imports that are killed, or whose server is stopped, at random moments."""

from __future__ import annotations

import random
import signal
import time
from contextlib import ExitStack
from typing import Any

from benchmarks import generator
from runstore.backends import create_engine
from runstore.repository import RunRepository
from tests.faults.places import Place, counts, dump, fingerprints, promise, start, texts, wait, whole


def made(count: int) -> list[dict[str, Any]]:
    """Return runs for an archive."""
    return list(generator.runs(count))


def kill_imports(place: Place, runs: int, kills: int, seed: int = 1) -> dict[str, Any]:
    """Kill imports with SIGKILL: all stored runs are intact, and the same import completes the archive."""
    dice = random.Random(seed)
    forms = made(runs)
    known = texts(forms)
    file = dump(place.folder / "kills.jsonl", forms)
    url = place.archive()
    began = time.monotonic()
    code, _, errors = wait(start(url, "import", file))
    length = time.monotonic() - began
    promise(code == 0, errors)
    expected = fingerprints(url)
    place.drop(url)
    killed = kept_all = 0
    for _ in range(kills):
        url = place.archive()
        process = start(url, "import", file)
        time.sleep(dice.uniform(0.1, 1) * length)
        killed += process.poll() is None
        process.kill()
        process.communicate()
        kept = whole(url, known)
        kept_all += kept
        code, out, errors = wait(start(url, "import", file))
        promise(code == 0, errors)
        found = counts(out)
        promise((found["inserted"], found["unchanged"]) == (runs - kept, kept), f"{out} after {kept} were kept")
        promise(fingerprints(url) == expected, "another fingerprint")
        place.drop(url)
    return {
        "imports killed": killed,
        "completed afterwards": killed,
        "runs stored before the kill": kept_all,
        "runs lost": 0,
    }


def restart_server(place: Place, runs: int, stops: int, seed: int = 1) -> dict[str, Any]:
    """Stop the server during imports and start it again: the imports continue."""
    dice = random.Random(seed)
    forms = made(runs)
    known = texts(forms)
    file = dump(place.folder / "restarts.jsonl", forms)
    hit = 0
    for _ in range(stops):
        url = place.archive()
        process = start(url, "import", file)
        with RunRepository.open(url) as archive:
            while not archive.count() and process.poll() is None:
                time.sleep(0.02)
        time.sleep(dice.uniform(0, 1))
        hit += process.poll() is None
        place.stop()
        time.sleep(dice.uniform(0, 2))
        place.start()
        code, out, errors = wait(process)
        promise(code == 0, errors)
        promise(sum(counts(out).values()) == runs, out)
        promise(whole(url, known) == runs, "runs are missing")
        place.drop(url)
    return {"server stops during imports": hit, "imports that continued": hit, "runs lost": 0}


def lose_server(place: Place, runs: int, patience: float) -> dict[str, Any]:
    """Stop the server permanently: there is a clear error after the given time, and committed runs are stored."""
    forms = made(runs)
    file = dump(place.folder / "lost.jsonl", forms)
    url = place.archive()
    process = start(url, "import", "--patience", str(patience), file)
    with RunRepository.open(url) as archive:
        while not archive.count() and process.poll() is None:
            time.sleep(0.02)
    place.stop()
    began = time.monotonic()
    code, out, errors = wait(process)
    took = time.monotonic() - began
    place.start()
    promise((code, out) == (7, ""), f"{code} {out} {errors}")
    promise(len(errors.splitlines()) == 3, errors)
    waited, so_far, last = errors.splitlines()
    promise("trying again" in waited and "; so far " in so_far and "onnection" in last, errors)
    promise(patience <= took + 1 and took < 2 * patience + 60, f"it took {took:.1f} s")
    kept = whole(url, texts(forms))
    code, out, errors = wait(start(url, "import", file))
    promise((code, counts(out)["unchanged"]) == (0, kept), f"{out} {errors}")
    place.drop(url)
    return {"seconds until the error": round(took, 1), "patience in seconds": patience, "runs lost": 0}


def drop_database(place: Place, runs: int) -> dict[str, Any]:
    """Drop the database during an import: there is a clear error."""
    file = dump(place.folder / "dropped.jsonl", made(runs))
    url = place.archive()
    process = start(url, "import", "--patience", "1", file)
    with RunRepository.open(url) as archive:
        while not archive.count() and process.poll() is None:
            time.sleep(0.02)
    place.drop(url)
    code, out, errors = wait(process)
    promise((code, out) == (1, ""), f"{code} {out} {errors}")
    promise("does not exist" in errors.splitlines()[-1], errors)
    return {"answer": errors.strip()[-60:]}


def interrupt_waiting(place: Place, runs: int) -> dict[str, Any]:
    """Interrupt an import that waits for a stopped server or for another writer of the file: it ends quickly."""
    file = dump(place.folder / "waiting.jsonl", made(runs))
    url = place.archive()
    with RunRepository.open(url) as archive, ExitStack() as stack:
        if place.backend == "sqlite":
            engine = create_engine(url)
            stack.callback(engine.dispose)
            other = stack.enter_context(engine.connect())
            other.exec_driver_sql("BEGIN IMMEDIATE")
        # A background job ignores the signal, and its child processes would inherit that.
        process = start(url, "import", file, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        if place.backend == "postgresql":
            while not archive.count() and process.poll() is None:
                time.sleep(0.02)
            place.stop()
            stack.callback(place.start)
        time.sleep(2)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        code, out, errors = wait(process)
        took = time.monotonic() - began
    promise((code, out) == (130, "") and "interrupted" in errors, f"{code} {out} {errors}")
    promise(took < 10, f"it took {took:.1f} s")
    place.drop(url)
    return {"seconds until the end": round(took, 1)}
