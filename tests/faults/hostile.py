"""Hostile input: each bad record is refused with a reason, the others are stored, and memory stays bounded."""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from runstore.repository import RunRepository
from tests.faults.places import Place, promise
from tests.helpers.paths import ROOT

GOOD = [{"id": f"good_{n}", "object": "thread.run", "status": "queued"} for n in range(3)]

Write = Callable[[Path], None]


def _line(text: bytes) -> bytes:
    return b'{"id":"bad","object":"thread.run",' + text + b"}"


def _among(bad: bytes) -> Write:
    """Return a function that writes the bad record between good ones."""
    lines = [json.dumps(run).encode() for run in GOOD]
    return lambda path: _put(path, b"\n".join([lines[0], bad, *lines[1:], b""]))


def _put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def records() -> dict[str, bytes]:
    """Records that have to be refused, by name. Some are large, so they are not built by an import."""
    return {
        "100,000 levels of lists": _line(b'"x":' + b"[" * 100_000 + b"]" * 100_000),
        "100,000 levels of objects": _line(b'"x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        "201 levels": _line(b'"metadata":{"a":' + b"[" * 199 + b"]" * 199 + b"}"),
        "NaN": _line(b'"temperature":NaN'),
        "Infinity": _line(b'"x":[-Infinity]'),
        "a key twice": _line(b'"status":"a","status":"b"'),
        "a key twice, deep": _line(b'"metadata":{"a":{"b":1,"b":1}}'),
        "U+0000": _line(b'"metadata":{"a":"\\u0000"}'),
        "U+0000 in a key": _line(b'"\\u0000":1'),
        "a lone surrogate": _line(b'"instructions":"\\ud800"'),
        "an integer of 1,000 digits": _line(b'"x":1' + b"0" * 1000),
        "1e400": _line(b'"x":1e400'),
        "an exponent of 400 digits": _line(b'"x":1e' + b"9" * 400),
        "an id of 1 MB": b'{"id":"' + b"i" * 10**6 + b'","object":"thread.run"}',
        "a file id of 1 MB": _line(b'"file_ids":["' + b"i" * 10**6 + b'"]'),
        "a number as id": b'{"id":1,"object":"thread.run"}',
        "bytes that are not UTF-8": _line(b'"instructions":"\xff\xfe"'),
        "a string that does not end": b'{"id":"bad","object":"thread.run","x":"',
        "an object that does not end": b'{"id":"bad","object":"thread.run","x":1,',
        "300,000 members": _line(b'"metadata":{' + b",".join(b'"%d":1' % n for n in range(300_000)) + b"}"),
        "300,000 tools": _line(b'"tools":[' + b",".join([b"{}"] * 300_000) + b"]"),
        "binary": bytes(range(128, 256)) * 100,
    }


STRANGE = [
    "'; DROP TABLE run_object; --",
    "\x1b[2J\x1b]0;title\x07\x1b[31m",
    "$(touch /tmp/owned); `id` | & \\ \" ' %s {0} :name",
    "\u202egnp.exe\u2066\u200b\ufeff\x7f\x9b2J",
    "../../etc/passwd",
    "NULL",
]
"""Strings that have to be stored unchanged."""


def _gzip(path: Path, chunks: Iterator[bytes]) -> None:
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1) as file:
        for chunk in chunks:
            file.write(chunk)


def _with_good(chunks: Iterator[bytes]) -> Iterator[bytes]:
    lines = [json.dumps(run).encode() + b"\n" for run in GOOD]
    yield lines[0]
    yield from chunks
    yield b"\n" + lines[1] + lines[2]


def _long(size: int) -> Iterator[bytes]:
    """Return a record of *size* MiB."""
    yield b'{"id":"bad","object":"thread.run","instructions":"'
    for _ in range(size):
        yield b"x" * 2**20
    yield b'"}'


def _keys(count: int) -> Iterator[bytes]:
    """Return a record with *count* keys."""
    yield b'{"id":"bad","object":"thread.run"'
    for start in range(0, count, 10_000):
        yield b"".join(b',"%x":1' % n for n in range(start, start + 10_000))
    yield b"}"


def _write(path: Path, chunks: Iterator[bytes]) -> None:
    with path.open("wb") as file:
        file.writelines(chunks)


def _cut(path: Path) -> None:
    good = b"".join(json.dumps(run).encode() + b"\n" for run in GOOD)
    noise = b"".join(json.dumps({"id": f"n{n}", "x": random.Random(n).random()}).encode() + b"\n" for n in range(5000))
    path.write_bytes(gzip.compress(good + noise)[:-5000])


def bad_files(*, large: bool) -> dict[str, Write]:
    """Return the functions that write bad files, by name; all files contain the good runs too."""
    megabytes, keys, bomb = (1024, 10_000_000, 4096) if large else (80, 1_000_000, 200)
    files: dict[str, Write] = {f"{name}.jsonl": _among(bad) for name, bad in records().items()}
    files |= {
        f"a line of {megabytes} MiB.jsonl": lambda path: _write(path, _with_good(_long(megabytes))),
        f"{keys} keys.jsonl": lambda path: _write(path, _with_good(_keys(keys))),
        f"a gzip bomb of {bomb} MiB, one record.gz": lambda path: _gzip(path, _with_good(_long(bomb))),
        f"a gzip bomb of {bomb} MiB of blanks.gz": lambda path: _gzip(
            path, _with_good(b" " * 2**20 for _ in range(bomb))
        ),
        f"a gzip bomb of {bomb} MiB of brackets.gz": lambda path: _gzip(
            path, _with_good(b"[" * 2**20 for _ in range(bomb // 8))
        ),
        "a cut gzip.jsonl.gz": _cut,
    }
    return files


def import_bad_files(place: Place, *, large: bool = False, memory: int = 600, named: str = "") -> dict[str, Any]:
    """Import each file with *named* in its name separately; the command may use at most *memory* MiB."""
    url = place.archive()
    most = 0.0
    refused = []
    harmless = ("of blanks",)
    chosen = {name: write for name, write in bad_files(large=large).items() if named in name}
    for name, write in chosen.items():
        path = place.folder / "bad.input"
        write(path)
        code, out, errors, peak = _measured(url.render_as_string(hide_password=False), path)
        path.unlink()
        most = max(most, peak)
        expected = 0 if any(word in name for word in harmless) else 6
        promise(code == expected, f"{name}: exit code {code}, {out} {errors}")
        promise(peak < memory, f"{name}: {peak:.0f} MiB of memory")
        promise("Traceback" not in errors and "internal error" not in errors, f"{name}: {errors}")
        with RunRepository.open(url) as archive:
            stored = [run["id"] for run in archive.iterate(status="queued")]
            promise(set(stored) >= {run["id"] for run in GOOD}, f"{name}: only {stored} are stored")
            archive.delete([*stored, "bad"])
        refused.append(name)
    place.drop(url)
    return {
        "bad inputs": len(refused),
        "refused with a reason, the rest stored": len(refused),
        "peak memory in MiB": round(most),
    }


_REPORTING = """
import atexit, os, pathlib, re
from runstore.cli import main
def report():
    peak = re.search(r"VmHWM:\\s*(\\d+)", pathlib.Path("/proc/self/status").read_text())
    pathlib.Path(os.environ["PEAK"]).write_text(peak[1])
atexit.register(report)
main()
"""
"""The command, which reports its own peak memory: the ru_maxrss of a child process includes that of its parent."""


def _measured(url: str, path: Path) -> tuple[int, str, str, float]:
    """Return the exit code, the output and the peak memory (MiB) of an import."""
    peak = path.with_suffix(".peak")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PEAK": str(peak)}
    command = [sys.executable, "-c", _REPORTING, "import", "--db", url, str(path)]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    kilobytes = int(peak.read_text())
    peak.unlink()
    output, errors = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
    return done.returncode, output, errors, kilobytes / 1024


def import_fuzzed(place: Place, inputs: int, seed: int = 1) -> dict[str, Any]:
    """Import randomly damaged dumps: nothing is raised, and what is stored is intact."""
    from runstore.sources import read_stream

    dice = random.Random(seed)
    url = place.archive()
    answers = {"stored": 0, "refused": 0}
    with RunRepository.open(url) as archive:
        for number in range(inputs):
            lines = [json.dumps({**run, "metadata": {"n": number, "s": "é\n\"'"}}).encode() for run in GOOD]
            data = bytearray(dice.choice((b"\n", b",", b"")).join(lines))
            if dice.random() < 0.3:
                data = bytearray(b'{"object":"list","data":[' + data + b"]}")
            for _ in range(dice.randrange(1, 12)):
                _damage(data, dice)
            content = zlib.compress(bytes(data), wbits=31) if dice.random() < 0.3 else bytes(data)
            if dice.random() < 0.2:
                content = content[: dice.randrange(len(content) + 1)]
            report = archive.save_many(read_stream(_stream(content), "fuzz", observed_at=number))
            answers["stored"] += report.inserted + report.updated + report.stale
            answers["refused"] += report.rejected + report.conflict
        promise(list(archive.verify()) == [], "verify finds damage")
    place.drop(url)
    return {"fuzzed inputs": inputs, **answers}


def _damage(data: bytearray, dice: random.Random) -> None:
    place = dice.randrange(len(data) + 1)
    match dice.randrange(4):
        case 0:
            data[place:place] = dice.randbytes(dice.randrange(1, 4))
        case 1:
            del data[place : place + dice.randrange(1, 20)]
        case 2:
            data[place:place] = dice.choice(
                (b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b"\n", b"\x00", b"\x1f\x8b")
            )
        case _:
            data[place : place + 1] = bytes([dice.randrange(256)])


def _stream(content: bytes) -> Any:
    from io import BytesIO

    return BytesIO(content)
