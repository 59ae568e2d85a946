"""Tests of reading records from files and streams."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import textwrap
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runstore.sources import Interrupted, Record, find_files, read_file, read_stream
from tests.helpers.paths import ROOT
from tests.helpers.strategies import examples

A = b'{"id":"run_a","object":"thread.run"}'
B = b'{"id":"run_b","x":{"y":[1,"}{"]},"object":"thread.run"}'
C = b'{"id":"run_c","object":"thread.run"}'
PAGE = b'{"object":"list","data":[' + A + b"," + B + b'],"first_id":"run_a","last_id":"run_b","has_more":false}'
CUT = "JSON is cut off: the input ends in the middle of a value"
MALFORMED = "JSON is malformed or cut off"
UNKNOWN = "neither JSON nor server-sent events"


class Pieces(io.RawIOBase):
    """A stream that gives its content in pieces of the given sizes, over and over."""

    def __init__(self, content: bytes, *sizes: int) -> None:
        self.content, self.sizes, self.count = io.BytesIO(content), sizes, 0

    def read(self, size: int = -1) -> bytes:
        self.count += 1
        return self.content.read(min(size, self.sizes[self.count % len(self.sizes)]))


def read(content: bytes | BinaryIO, limit: int = 64 << 20) -> list[Record]:
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    return list(read_stream(stream, "f", observed_at=0, max_record_bytes=limit))


def in_pieces(content: bytes, *sizes: int, limit: int = 64 << 20) -> list[Record]:
    return read(cast(BinaryIO, Pieces(content, *sizes)), limit)


def check(content: bytes, limit: int = 64 << 20) -> list[tuple[bytes, int, str | None, str | None]]:
    """Raw bytes, line, event and error of each record; the same however the content is cut."""
    records = read(content, limit)
    for size in range(1, 8):
        assert in_pieces(content, size, limit=limit) == records
    assert in_pieces(gzip.compress(content), 3, 11, limit=limit) == records
    assert [r.observed_at for r in records] == list(range(len(records)))
    return [(r.raw, line_of(r), r.event, r.error) for r in records]


def line_of(record: Record) -> int:
    return int(record.where.removeprefix("f:").partition(" ")[0])


def ok(raw: bytes, line: int = 1, event: str | None = None) -> tuple[bytes, int, str | None, str | None]:
    return raw, line, event, None


def bad(raw: bytes, line: int, error: str = MALFORMED) -> tuple[bytes, int, str | None, str | None]:
    return raw, line, None, error


# --- forms ------------------------------------------------------------------------------------------------------------


def test_json_lines_give_one_record_a_line() -> None:
    assert check(A + b"\n" + B + b"\n") == [ok(A, 1), ok(B, 2)]


def test_json_lines_may_have_crlf_blank_lines_and_no_last_newline() -> None:
    assert check(b"\r\n" + A + b"\r\n\r\n  \n" + B + b" \r\n" + C) == [ok(A, 2), ok(B, 5), ok(C, 6)]


def test_values_may_stand_on_one_line() -> None:
    assert check(A + B + b" " + C + b"\n" + A) == [ok(A), ok(B), ok(C), ok(A, 2)]


def test_pretty_printed_values_follow_each_other() -> None:
    pretty = json.dumps(json.loads(B), indent=2).encode()
    assert check(pretty + pretty + b"\n" + pretty) == [ok(pretty, 1), ok(pretty, 10), ok(pretty, 20)]


def test_a_value_may_begin_with_a_line_that_looks_whole() -> None:
    value = b'{"a":{"b":1}\n,"c":2}'
    assert check(A + b"\n" + value + b"\n" + B) == [ok(A), ok(value, 2), ok(B, 4)]


@pytest.mark.parametrize("indent", [None, 0, 1, 4, "\t"])
def test_array_elements_are_records(indent: int | str | None) -> None:
    values = [json.loads(A), json.loads(B), {"deep": [{}, [], {"a": [{"b": {}}]}]}, [1, {"x": 2}], 5, "s,[", None]
    records = check(json.dumps(values, indent=indent).encode())
    assert [json.loads(raw) for raw, *_ in records] == values
    assert all(error is None for *_, error in records)
    assert (records[1][1] == 1) == (indent is None)


def test_an_empty_array_and_an_empty_page_give_nothing() -> None:
    assert check(b"[]\n[ \n ]") == []
    (page,) = read(b'{"object":"list","data":[]}')
    assert page.kind == "list"


def test_an_array_with_an_element_a_line_gives_the_right_lines() -> None:
    assert check(b"[\n" + A + b",\n" + B + b"\n]\n[" + A + b"\n," + C + b"]") == [
        ok(A, 2),
        ok(B, 3),
        ok(A, 5),
        ok(C, 6),
    ]


def test_list_pages_give_the_elements_of_their_data() -> None:
    pretty = json.dumps(json.loads(PAGE), indent=2, sort_keys=True).encode()
    records = check(PAGE + b"\n" + PAGE + pretty)
    assert [json.loads(raw)["id"] for raw, *_ in records] == ["run_a", "run_b"] * 3
    assert [line for _, line, *_ in records] == [1, 1, 2, 2, 4, 8]


@pytest.mark.parametrize(
    "head", [b'"has_more":true,"object":"list"', b'"object":"list","z":{"a":"]"}', b'"object":"list"']
)
def test_members_of_a_page_come_in_any_order(head: bytes) -> None:
    page = b"[%s]" % b",".join((A, B))
    assert check(b"{" + head + b',"data":' + page + b"}\n" + C) == [ok(A), ok(B), ok(C, 2)]
    assert check(b'{"data":' + page + b"," + head + b"}\n" + C) == [ok(A), ok(B), ok(C, 2)]


@pytest.mark.parametrize(
    "value", [b'{"id":"run_a","object":"thread.run","data":[1]}', b'{"data":[{}]}', b'{"object":"list","data":{}}']
)
def test_an_object_with_data_that_is_no_page_stays_a_record(value: bytes) -> None:
    assert check(value + b"\n" + value) == [ok(value), ok(value, 2)]


def test_server_sent_events_give_their_data_and_name() -> None:
    content = b": hello\nevent: thread.run.created\nid: 7\nretry: 10\ndata: " + A + b"\n\ndata:" + B + b"\n\n"
    assert check(content) == [ok(A, 5, "thread.run.created"), ok(B, 7)]
    crlf = content.replace(b"\n", b"\r\n")
    assert check(crlf) == check(content)


@pytest.mark.parametrize("end", [b"\r", b"\r\n", b"\n"])
def test_lines_of_events_end_as_the_standard_allows(end: bytes) -> None:
    lines = [b"event: thread.run.created", b"data: " + A, b"", b"data: " + B, b"", b""]
    assert [record.raw for record in read(end.join(lines))] == [A, B]


def test_data_lines_of_an_event_are_joined() -> None:
    assert check(b'data: {"id":\ndata:  "run_a"}\n\nevent: x\ndata: 1') == [ok(b'{"id":\n "run_a"}'), ok(b"1", 5, "x")]


def test_an_event_without_data_gives_nothing() -> None:
    assert check(b"event: ping\n\n: comment\n\ndata:\n\ndata: " + A) == [ok(A, 7)]


def test_the_done_event_is_passed_on() -> None:
    done = ok(b"[DONE]", 1, "done")
    assert check(b"data: [DONE]\n\n") == [done]
    assert check(b"event: done\ndata: [DONE]") == [ok(b"[DONE]", 2, "done")]


def test_pages_and_arrays_in_events_are_expanded() -> None:
    assert check(b"event: e\ndata: " + PAGE + b"\n\ndata: [" + A + b",\ndata: " + B + b"]\n") == [
        ok(A, 2, "e"),
        ok(B, 2, "e"),
        ok(A, 4),
        ok(B, 5),
    ]


def test_dumped_events_give_their_data_and_name() -> None:
    event = b'{"event": "thread.run.created", "data": ' + A + b"}"
    assert check(event + b"\n[" + event + b"]") == [ok(A, n, "thread.run.created") for n in (1, 2)]
    assert check(b'{"event":"x","data":' + PAGE + b"}") == [ok(A, 1, "x"), ok(B, 1, "x")]


@pytest.mark.parametrize("other", [b'{"event":"x","data":{},"z":1}', b'{"event":1,"data":{}}', b'{"event":"x"}'])
def test_other_objects_with_an_event_stay_records(other: bytes) -> None:
    assert check(other) == [ok(other)]


def test_comment_lines_are_skipped() -> None:
    assert check(b"# first\n\n#\n" + A + b"\n# {no}\n[" + B + b"]\n# last") == [ok(A, 4), ok(B, 6)]


def test_scalars_are_passed_on() -> None:
    assert check(b'1\n"a{"\nnull\n-1.5e3\ntrue\n') == [
        ok(raw, n) for n, raw in enumerate([b"1", b'"a{"', b"null", b"-1.5e3", b"true"], 1)
    ]


@pytest.mark.parametrize("content", [b"", b" ", b"\n\r\n\t ", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_nothing_gives_nothing(content: bytes) -> None:
    assert check(content) == []


@pytest.mark.parametrize("content", [A + b"\n", b"[" + A + b"]", b"# c\n\n" + A, b"data: " + A, PAGE])
def test_a_byte_order_mark_is_skipped(content: bytes) -> None:
    plain = check(content)
    assert check(b"\xef\xbb\xbf" + content) == plain
    assert check(b"\xef\xbb\xbf" + content + b"\n\xef\xbb\xbf" + A)[: len(plain)] == plain


def test_an_event_whose_name_is_no_text_is_no_wrapper() -> None:
    line = b'{"event":"\xff","data":{"id":"run_x"}}'
    assert [(record.raw, record.error) for record in read(line + b"\n" + A + b"\n")] == [(line, None), (A, None)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_other_encodings_of_unicode_are_read(encoding: str) -> None:
    text = '{"id":"run_a","object":"thread.run","model":"日本😀"}'
    content = f"{text}\n{text}".encode(encoding)
    assert check(content) == [ok(text.encode()), ok(text.encode(), 2)]
    *_, last = read(content[:-1])
    assert last.error is not None
    assert "the text is not UTF-" in last.error


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress])
def test_bzip2_and_xz_are_read_and_damage_is_told(pack: Callable[[bytes], bytes]) -> None:
    content = pack(A + b"\n") + pack(B)
    for size in (1, 2, 5, 1000):
        assert [r.raw for r in in_pieces(content, size)] == [A, B]
    assert read(content[:-4])[-1].error == "compressed data ends too early"
    assert read(content + b"more")[-1].error == "unrecognized data follows the compressed data"


def test_the_files_of_a_zip_archive_are_read_each_under_its_name() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/one.json", A)
        archive.writestr("two.jsonl.gz", gzip.compress(B + b"\n" + C))
    records = read(content.getvalue())
    assert [(r.raw, r.where, r.error) for r in records] == [
        (A, "f/a/one.json:1", None),
        (B, "f/two.jsonl.gz:1", None),
        (C, "f/two.jsonl.gz:2", None),
    ]
    assert "damaged" in str(read(content.getvalue()[:-30])[0].error)


ZIP_METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflate": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


def zipped(content: bytes, method: int) -> tuple[bytearray, int]:
    """An archive of this file and a sound one, and where the data of the former begin."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as file:
        file.writestr("damaged.jsonl", content)
        file.writestr("sound.jsonl", C)
    return bytearray(archive.getvalue()), 30 + len("damaged.jsonl")


@pytest.mark.parametrize("method", ZIP_METHODS.values(), ids=ZIP_METHODS)
@pytest.mark.parametrize("number", [0, 1, 3, 20_000])
def test_whole_files_of_a_zip_archive_are_read_whatever_their_size_and_method(method: int, number: int) -> None:
    lines = [b'{"id":"run_%d","object":"thread.run"}' % n for n in range(number)]
    archive, _ = zipped(b"\n".join(lines), method)
    records = read(bytes(archive))
    assert [(r.raw, r.error) for r in records] == [(line, None) for line in (*lines, C)]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize("number", [1, 3, 20_000])
def test_a_wrong_checksum_in_a_zip_archive_costs_no_run(method: int, number: int) -> None:
    lines = [b'{"id":"run_%d","object":"thread.run"}' % n for n in range(number)]
    archive, _ = zipped(b"\n".join(lines), method)
    entry = archive.index(b"PK\x01\x02")  # of the directory, whose checksum counts
    archive[entry + 16] ^= 1
    *records, damage, sound = read(bytes(archive))
    assert [r.raw for r in records] == lines
    assert "its checksum does not match its content" in str(damage.error)
    assert (sound.raw, sound.error) == (C, None)


@pytest.mark.parametrize("number", [200, 20_000])
def test_a_damaged_file_of_a_zip_archive_is_read_up_to_the_damage(number: int) -> None:
    lines = [
        b'{"id":"run_%d","object":"thread.run","salt":"%s"}' % (n, os.urandom(20).hex().encode()) for n in range(number)
    ]
    content = b"\n".join(lines)
    packed = zlib.compressobj(wbits=-15)
    size = len(packed.compress(content) + packed.flush())
    archive, start = zipped(content, zipfile.ZIP_DEFLATED)
    archive[start + size // 2 : start + size // 2 + 50] = b"\xff" * 50
    *records, last, damage, sound = read(bytes(archive))
    whole = [r.raw for r in records if r.error is None]
    assert content.startswith(b"\n".join(whole[: number // 3]))
    assert len(whole) >= number // 3
    assert "this file of the zip archive cannot be extracted completely" in f"{last.error} {damage.error}"
    assert (sound.raw, sound.error) == (C, None)


@pytest.mark.parametrize(("magic", "command"), [(b"\x28\xb5\x2f\xfd", "zstd -dc"), (b"7z\xbc\xaf\x27\x1c", "7z x")])
def test_what_is_not_read_is_named_with_what_to_run(magic: bytes, command: str) -> None:
    (record,) = read(magic + bytes(100))
    assert command in str(record.error)


def test_tar_archives_and_what_is_compressed_twice_are_named() -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        info = tarfile.TarInfo("runs/a.json")
        info.size = len(A)
        archive.addfile(info, io.BytesIO(A))
    tar = content.getvalue()
    for packed in (tar, gzip.compress(tar), bz2.compress(tar), lzma.compress(tar)):
        for records in (read(packed), in_pieces(packed, 1, 30)):
            assert [(r.raw, r.error) for r in records] == [
                (b"", "tar archives are not supported; use: tar -xOf FILE | runstore import -")
            ]
    for packed in (gzip.compress(gzip.compress(A)), gzip.compress(gzip.compress(A * 99))[:60]):
        assert [(r.raw, r.error) for r in read(packed)] == [
            (
                b"",
                "data compressed twice (first gzip, then gzip) is not supported; use: "
                "gzip -dc FILE > UNPACKED && runstore import UNPACKED",
            )
        ]
    (record,) = read(lzma.compress(b"\x28\xb5\x2f\xfd" + bytes(100)))
    assert "first Zstandard, then xz" in str(record.error)


# --- runs inside other JSON -------------------------------------------------------------------------------------------

WRAPPED = {
    '{"data":[RUN]}': "$.data[0]",
    '{"data":[RUN],"has_more":false,"last_id":"run_1"}': "$.data[0]",
    '{"runs":[RUN]}': "$.runs[0]",
    '{"items":[RUN],"exported_at":1}': "$.items[0]",
    '{"run_1":RUN}': "$.run_1",
    '{"ts":"now","run":RUN}': "$.run",
    '{"event":"thread.run.completed","data":RUN,"ts":1}': "$.data",
    '{"object":"event","data":RUN}': "$.data",
    '{"id":"batch_req_1","response":{"status_code":200,"body":RUN}}': "$.response.body",
    '[[{"a b":[1,RUN]}]]': '$[0][0]["a b"][1]',
    '{"id":"task-1","status":"completed","created_at":1,"result":RUN}': "$.result",
    '{"id":"task-1","status":"completed","created_at":1,"result":{"data":[RUN]}}': "$.result.data[0]",
    '{"id":"job_1","thread_id":"thread_1","openai_run":RUN}': "$.openai_run",
    '{"id":"job_1","thread_id":"t","status":"failed","openai_run":RUN,"filler":"FILLER"}': "$.openai_run",
    '{"object":"thread.run.list","data":[RUN]}': "$.data[0]",
    '{"object":"assistant.runs","data":[RUN],"filler":"FILLER"}': "$.data[0]",
    '{"object":"threads","items":[RUN]}': "$.items[0]",
    '{"threads":[{"id":"thread_1","object":"thread","filler":"FILLER","runs":[RUN]}]}': "$.threads[0].runs[0]",
    '{"filler":["FILLER",{"id":"x"}],"list":{"deep":[[RUN]]}}': "$.list.deep[0][0]",
}


@pytest.mark.parametrize("text", WRAPPED)
@pytest.mark.parametrize("limit", [64 << 20, 100])
def test_runs_are_found_wherever_they_stand_at_every_size(text: str, limit: int) -> None:
    content = text.replace("RUN", A.decode()).replace("FILLER", "x" * 300).encode()
    runs = [r for r in read(content, limit) if r.kind is None]
    assert [(r.raw, r.where, r.error) for r in runs] == [(A, f"f:1 {WRAPPED[text]}", None)]
    for size in (1, 3, 7):
        assert in_pieces(content, size, limit=limit) == read(content, limit)


def test_json_within_a_string_is_searched() -> None:
    line = json.dumps({"level": "info", "message": json.dumps({"run": json.loads(A)})}).encode()
    (record,) = read(line)
    assert (json.loads(record.raw), record.where) == (json.loads(A), "f:1 $.message.run")


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        (f"{A.decode()}\n{C.decode()}\n", ["[0]", "[1]"]),
        (f"{A.decode()}[not JSON\n\n{{\n}}{C.decode()}", ["[0]", "[2]"]),
        (f"event: thread.run.created\ndata: {A.decode()}\n\ndata: {C.decode()}\n\ndata: [DONE]\n\n", ["[0]", "[1]"]),
        (json.dumps(A.decode()), [""]),
        (json.dumps(json.dumps([json.loads(A), json.loads(C)])), ["[0]", "[1]"]),
    ],
)
def test_a_string_may_hold_many_values_events_or_a_string(text: str, paths: list[str]) -> None:
    runs = read(json.dumps({"log": text}).encode())
    assert [(json.loads(run.raw)["id"], run.where) for run in runs] == [
        (name, f"f:1 $.log{path}") for name, path in zip(("run_a", "run_c"), paths, strict=False)
    ]
    assert [run.raw for run in read(json.dumps(text).encode())] == [run.raw for run in runs]


def test_events_in_a_string_give_their_names() -> None:
    text = f"event: thread.run.created\ndata: {A.decode()}\n\ndata: {C.decode()}"
    assert [run.event for run in read(json.dumps([text]).encode())] == ["thread.run.created", None]


def test_json_in_json_may_be_long_and_is_searched_as_deep_as_other_json() -> None:
    long = json.loads(A) | {"instructions": "x" * (300 << 10)}
    (run,) = read(json.dumps(json.dumps(long)).encode())
    assert json.loads(run.raw) == long
    text = A.decode()
    for _ in range(6):
        text = json.dumps(text)
    assert [run.raw for run in read(text.encode())] == [A]


@pytest.mark.parametrize("text", ["[\n", "[1,\n", '{"a":', '"a\n', "[INFO] thread\n", "{}"])
def test_a_string_of_what_is_nearly_json_takes_little_time(text: str) -> None:
    begun = time.process_time()
    (record,) = read(json.dumps({"log": text * 20_000 + "thread"}).encode())
    assert record.kind == "object without id"
    assert time.process_time() - begun < 5  # a second try from each line would take minutes


LIKE_A_RUN = {"id": "run_j", "thread_id": "t", "status": "completed"}


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"log": {"lines": [A.decode()]}}, "f:1 $.log.lines[0]"),
        ({"result": {"object": "assistant.run", "id": "run_a"}}, "f:1 $.result"),
        ({"event": json.loads(A)}, "f:1 $.event"),
        ({"metadata": {"quoted": json.loads(A)}}, "f:1"),
        ({"instructions": A.decode(), "extra": 1}, "f:1"),
        ({"extra": "what a thread.run is"}, "f:1"),
        ({"extra": LIKE_A_RUN}, "f:1"),
    ],
)
def test_what_looks_like_a_run_is_an_envelope_if_a_run_stands_in_a_member_of_its_own(
    members: dict[str, Any], path: str
) -> None:
    (record,) = read(json.dumps(LIKE_A_RUN | members).encode())
    assert (record.where, record.kind, record.error) == (path, None, None)


def test_envelopes_in_envelopes_are_searched_once() -> None:
    value = json.loads(A)
    for _ in range(150):
        value = LIKE_A_RUN | {"of": value}
    assert [record.raw for record in read(json.dumps(value, separators=(",", ":")).encode())] == [A]


@pytest.mark.slow
def test_envelopes_of_more_than_eight_megabytes_give_the_runs_in_them() -> None:
    runs = [{"id": f"run_{n}", "object": "thread.run", "instructions": "x" * 9000} for n in range(1200)]
    for envelope in ({"id": "task-1", "status": "completed", "created_at": 1}, LIKE_A_RUN, {"object": "threads"}):
        content = json.dumps(envelope | {"result": {"data": runs}}).encode()
        assert [json.loads(record.raw)["id"] for record in read(content)] == [run["id"] for run in runs]
        cut = read(content[: len(content) // 2])
        assert len([record for record in cut if not record.error]) > 500
        assert cut[-1].error is not None


@pytest.mark.parametrize("name", ["thread.message", "thread.run.step", "thread.message.delta", "assistant"])
def test_messages_steps_and_assistants_are_not_searched(name: str) -> None:
    (record,) = read(json.dumps({"id": "m", "object": name, "quoted": json.loads(A)}).encode())
    assert record.kind == name


@pytest.mark.parametrize("last", ["completed", "failed", "cancelled", "expired", "incomplete", "requires_action"])
def test_a_stream_is_whole_with_its_last_event(last: str, caplog: pytest.LogCaptureFixture) -> None:
    begin = b"event: thread.run.in_progress\ndata: " + A + b"\n\n"
    read(begin + b"event: thread.run." + last.encode() + b"\ndata: " + A + b"\n\n")
    assert not caplog.records
    read(begin)
    assert caplog.messages == ["f: the event stream ends before its run does"]


def test_the_event_counts_for_what_does_not_say_what_it_is() -> None:
    assert [r.kind for r in read(b'event: thread.run.created\ndata: {"id":"r","status":"queued"}\n\n')] == [None]
    (step,) = read(b'event: thread.run.step.created\ndata: {"id":"s","status":"queued","thread_id":"t"}\n\n')
    assert step.kind is not None


def test_what_is_not_a_run_is_told_by_kind_and_a_run_is_not_searched() -> None:
    message = b'{"id":"m","object":"thread.message","content":[{"text":' + json.dumps(A.decode()).encode() + b"}]}"
    inner = b'{"id":"r","object":"thread.run","metadata":{"a":' + A + b"}}"
    others = [b'{"a":1}', b'{"id":"chat","messages":[]}', b'{"object":"list","data":[%b,%b]}' % (message, message)]
    records = read(b"\n".join([message, inner, *others]))
    assert [record.kind for record in records] == [
        "thread.message",
        None,
        "object without id",
        "object with an id that is not a run",
        "thread.message",
        "thread.message",
    ]


def test_a_text_sequence_gives_its_texts_and_a_cut_off_one_costs_no_other() -> None:
    assert check(b"\x1e" + A + b"\n\x1e" + B + b"\n") == [ok(A), ok(B, 2)]
    assert check(b"\x1e" + A + b"\x1e" + B[:20] + b"\x1e" + C) == [ok(A), bad(B[:20], 1), ok(C)]


@pytest.mark.parametrize("wrap", [b"[%b]", b'{"object":"list","data":[%b]}', b'{"runs":{"x":[%b]}}'])
def test_a_missing_quote_on_a_line_of_many_runs_costs_one(wrap: bytes) -> None:
    runs = [b'{"id":"run_%d","object":"thread.run","tools":[{"type":"x"}]}' % n for n in range(50)]
    for damage in (b'"run_7"', b'"thread.run"', b'"x"'):
        broken = runs[7].replace(damage, damage[:-1])
        records = check(wrap % b",".join([*runs[:7], broken, *runs[8:]]))
        assert [raw for raw, _, _, error in records if error is None] == runs[:7] + runs[8:]
        assert b"".join(raw for raw, _, _, error in records if error).startswith(broken)


def test_rejected_bytes_are_whole_or_their_place_is_told() -> None:
    long = b'{"id":"run_x","object":"thread.run","x":"' + b"1" * 200_000
    (_, last) = read(A + b"\n" + long)
    assert last.raw == long
    (_, last) = read(A + b"\n" + long, 1000)
    assert last.error is not None
    assert "bytes 37 to 200078 of the text, of which the first 1000 are kept" in last.error


# --- bad parts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b'{"id": "run_x", "created', MALFORMED),
        (b'{"id": "run_x",', MALFORMED),
        (b'{"id": {"a": [', MALFORMED),
        (b'{"id":', MALFORMED),
        (b'{"id": "\\', MALFORMED),
        (b"garbage", UNKNOWN),
        (b"\x00\x01", UNKNOWN),
        (b"<html>", UNKNOWN),
        (b"]", UNKNOWN),
        (b'{"a": nul}', None),
        (b'{"a": {"b":1}', MALFORMED),
        (b'{"a": [}', MALFORMED),
    ],
)
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_a_bad_line_costs_no_other_record(line: bytes, error: str | None, newline: bytes) -> None:
    lines = [b'{"id":"run_%d"}' % n for n in range(10)]
    lines[4] = line
    assert check(newline.join(lines)) == [(raw, n, None, error if n == 5 else None) for n, raw in enumerate(lines, 1)]


def test_values_that_run_on_after_a_cut_off_line_are_found_again() -> None:
    assert check(b'{"a": [\n' + A + b"\n" + b'{"b":\n' + B) == [
        bad(b'{"a": [', 1),
        ok(A, 2),
        bad(b'{"b":', 3),
        ok(B, 4),
    ]


@pytest.mark.parametrize("cut", [b'{"id', b'{"id"', b'{"id":"x\\', b"{", b'{"id":[1,2', b'{\n  "id": "x",\n'])
def test_a_value_cut_off_at_the_end_is_reported(cut: bytes) -> None:
    assert check(A + b"\n" + cut) == [ok(A), bad(cut.rstrip(), 2, CUT)]


@pytest.mark.parametrize(
    ("array", "errors"),
    [
        (b"[%b,%b,]", []),
        (b"[%b,,%b]", []),
        (b"[,%b,%b]", []),
        (b"[%b %b]", []),
        (b"[%b%b]", []),
        (b"[%b,%b", ["array opened on line 1 is not closed"]),
        (b"[%b},%b]", [MALFORMED]),
        (b"[%b,%b]]", [UNKNOWN]),
    ],
)
def test_wrong_commas_and_brackets_in_an_array_are_reported(array: bytes, errors: list[str]) -> None:
    for text in (array, b'{"object":"list","data":' + array + b"}"):
        records = check(text % (A, C) + b"\n" + B)
        assert [raw for raw, *_, error in records if error is None] == [A, C, B]
        if text is array:
            assert [error for *_, error in records if error is not None] == errors


def test_malformed_but_balanced_elements_are_passed_on() -> None:
    assert check(b'[{"a" 1},{"b":nul},nul,[}]') == [ok(b'{"a" 1}'), ok(b'{"b":nul}'), ok(b"nul"), ok(b"[}")]


def test_bad_elements_of_a_pretty_printed_array_cost_no_other() -> None:
    text = b'[\n  {"a": 1},\n  {"a": {\n  },\n  {"a": 2},\n  {"a": "x\n  },\n  {\n    "a": 3\n  },\n  {"a": [\n]\n' + C
    assert check(text) == [
        ok(b'{"a": 1}', 2),
        bad(b'{"a": {\n  },', 3),
        ok(b'{"a": 2}', 5),
        bad(b'{"a": "x\n  },', 6),
        ok(b'{\n    "a": 3\n  }', 8),
        bad(b'{"a": [', 11),
        ok(C, 13),
    ]


def test_an_array_that_is_not_closed_ends_at_the_next_value() -> None:
    assert check(b"[" + A + b"\n" + B) == [
        ok(A),
        bad(b"", 2, "array opened on line 1 is not closed"),
        ok(B, 2),
    ]
    assert check(b"[" + A + b",\n# c\n" + B) == [
        ok(A),
        bad(b"", 2, "array opened on line 1 is not closed"),
        ok(B, 3),
    ]


def test_a_cut_off_page_gives_its_elements_and_the_next_page_is_read() -> None:
    cut = PAGE[: PAGE.index(b'"x"')]
    assert check(cut + b"\n" + PAGE + b"\n" + cut) == [
        ok(A),
        bad(b'{"id":"run_b",', 1),
        ok(A, 2),
        ok(B, 2),
        ok(A, 3),
        bad(b'{"id":"run_b",', 3, CUT),
    ]


def test_unknown_lines_among_server_sent_events_are_reported() -> None:
    assert check(b"event: x\nwhat is this\ndata: " + A + b"\n\nevent: y\n" + B) == [
        bad(b"what is this", 2, UNKNOWN),
        ok(A, 3, "x"),
        ok(B, 6),
    ]


def test_server_sent_events_are_found_again_after_garbage() -> None:
    assert check(b"HTTP/1.1 200 OK\n\ndata: " + A) == [bad(b"HTTP/1.1 200 OK", 1, UNKNOWN), ok(A, 3)]


def test_records_that_are_too_large_are_reported_and_skipped() -> None:
    long = b'{"id":"r","object":"thread.run","long":"' + b"x" * 200 + b'","a":[{}]}'
    error = "record larger than 100 bytes; bytes "
    for content in (A + b"\n" + long + b"\n" + B, b"[" + A + b"," + long + b",\n" + B + b"]"):
        first, large, last = check(content, 100)
        assert (first[0], large[0], last[0]) == (A, long[:100], B)
        assert str(large[3]).startswith(error)
    assert check(b"data: " + long + b"\n\ndata: " + B, 100)[1:] == [ok(B, 3)]


def test_brackets_and_lists_that_are_too_large_cost_no_later_line() -> None:
    # The line after the brackets may be an element of the list: that it is not shows later.
    brackets = b"[" * 200
    records = check(b'{"x":' + brackets + b"\n" + A + b"\n" + B, 100)
    assert [raw for raw, _, _, error in records if error is None][-2:] == [A, B]
    element = b'{"long":[\n' + A + b"\n," + b"1," * 200 + b"1]}"
    assert check(element + b"\n" + B, 100)[-1] == ok(B, 4)


def test_a_page_larger_than_a_record_may_be_is_read() -> None:
    page = b'{"has_more":false,"data":[' + b",\n".join([A] * 50) + b'],"object":"list"}'
    assert check(page + b"\n" + C, 100) == [*(ok(A, n) for n in range(1, 51)), ok(C, 51)]


def test_truncated_compressed_data_is_read_up_to_its_end() -> None:
    content = b"".join(b'{"id":"run_%d","salt":"%s"}\n' % (n, os.urandom(20).hex().encode()) for n in range(1000))
    compressed = gzip.compress(content)
    for end in (30, len(compressed) // 2, len(compressed) - 8, len(compressed) - 1):
        *records, last = read(compressed[:end])
        assert last.error == "compressed data ends too early"
        assert all(r.error is None for r in records)
        assert content.startswith(b"\n".join([*(r.raw for r in records), last.raw]))
        assert len(records) == 1000 or end < len(compressed) - 8


def test_damaged_compressed_data_is_read_up_to_the_damage() -> None:
    compressed = bytearray(gzip.compress(A + b"\n" + B + b"\n"))
    compressed[-6] ^= 1  # within the checksum
    *records, last = read(bytes(compressed))
    assert [r.raw for r in records] == [A, B]
    assert last.error is not None
    assert last.error.startswith("compressed data is damaged")


def test_compressed_data_may_come_in_members_and_be_padded() -> None:
    content = gzip.compress(A + b"\n" + B[:9]) + b"\0" * 5 + gzip.compress(B[9:]) + b"\0" * 9
    for size in (1, 2, 5, 1000):
        assert [r.raw for r in in_pieces(content, size)] == [A, B]
    *_, last = read(content + b"more")
    assert last.error == "unrecognized data follows the compressed data"


@pytest.mark.slow
@pytest.mark.parametrize("text", [b'{"a":', b"[", b'{"data":[', b'{"object":"list","data":['])
def test_deep_nesting_is_no_problem(text: bytes) -> None:
    deep = b"{" + b'"a":[{' * 100_000 + b"}]" * 100_000 + b"}"
    assert [r.raw for r in read(A + b"\n" + deep + b"\n" + B)] == [A, deep, B]
    start = time.process_time()
    records = read(text * 100_000 + b"\n" + A)
    assert records[-1].raw == A
    assert records[-2].error is not None
    read((text + b"\n") * 50_000)
    assert time.process_time() - start < 20  # in quadratic time, it would be hours


# --- any content ------------------------------------------------------------------------------------------------------

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(max_size=5)
    | st.sampled_from(['"', "\\", "}{", "\n[", "list"])
)
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=3), v, max_size=3), max_leaves=12
)
RUN = {"id": "run_x", "object": "thread.run"}
OBJECTS = st.dictionaries(st.sampled_from(["id", "data", "object", "x", "}", '"', "metadata"]), VALUES, max_size=4).map(
    lambda value: value | RUN
)
Rendering = Callable[[list[Any]], str]


def _sse(values: list[Any]) -> str:
    return "".join(f"event: e\ndata: {json.dumps(value)}\n\n" for value in values)


def _page(indent: int | None, sort: bool) -> Rendering:
    return lambda values: json.dumps(
        {"object": "list", "data": values, "has_more": False}, indent=indent, sort_keys=sort
    )


FORMS: list[Rendering] = [
    lambda values: "\n".join(map(json.dumps, values)),
    lambda values: "\r\n\r\n".join(map(json.dumps, values)) + "\r\n# comment",
    lambda values: "".join(map(json.dumps, values)),
    lambda values: "".join(json.dumps(value, indent=0) for value in values),
    lambda values: "\n".join(json.dumps(value, indent=2, ensure_ascii=False) for value in values),
    lambda values: json.dumps(values),
    lambda values: json.dumps(values, indent=0),
    lambda values: json.dumps(values, indent=3),
    lambda values: "[" + ",\n".join(map(json.dumps, values)) + "]",
    lambda values: "\n".join(json.dumps({"event": "e", "data": value}) for value in values),
    _sse,
    _page(None, False),
    _page(2, True),
    _page(0, False),
]


@examples(150)
@given(
    st.lists(st.tuples(st.sampled_from(FORMS), st.lists(OBJECTS, max_size=4)), max_size=3),
    st.lists(st.integers(1, 40), min_size=1, max_size=4),
    st.sampled_from([150, 64 << 20]),
)
def test_values_survive_any_form_and_any_cut(
    parts: list[tuple[Rendering, list[Any]]], sizes: list[int], limit: int
) -> None:
    content = "\n\n".join(form(values) for form, values in parts).encode()
    everything = read(content)
    records = [r for r in everything if r.kind is None]  # an empty page is told to be one
    assert [json.loads(r.raw) for r in records] == [value for _, values in parts for value in values]
    assert all(r.error is None for r in records)
    lines = content.split(b"\n")
    for record in records:
        assert record.raw.split(b"\n")[0] in lines[line_of(record) - 1]
    assert in_pieces(content, *sizes) == everything
    assert in_pieces(gzip.compress(content), *sizes) == everything
    assert in_pieces(content, *sizes, limit=limit) == read(content, limit)


TOKENS = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b"\n",
    b"\n  ",
    b",",
    b":",
    b"#",
    b"\\",
    b"data:",
    b'{"object":"list","data":[',
    b" ",
    A,
    PAGE,
]
TOKENS += [b'"a":', b"\r\n", b"\xef\xbb\xbf", b"\x00", b"1", b'{"event":"e","data":', b"\nevent: x\n"]


@examples(400)
@given(st.lists(st.sampled_from(TOKENS), max_size=25), st.lists(st.integers(1, 9), min_size=1, max_size=3))
@example([b"[", b"\n", b"{", b"\n", b"]"], [1])
def test_garbage_is_read_alike_however_it_is_cut_and_costs_no_later_line(tokens: list[bytes], sizes: list[int]) -> None:
    content = b"".join(tokens)
    assert in_pieces(content, *sizes) == read(content)
    good = [b'{"id":"run_%d","object":"thread.run"}' % n for n in range(3)]
    content += b"\n" + b"\n".join(good)
    assert [r.raw for r in read(content) if not r.error][-3:] == good
    # A line that could go on with a cut-off value is skipped with it if the first such line is too far back to be kept.
    assert [r.raw for r in in_pieces(content, *sizes, limit=40) if not r.error][-2:] == good[1:]


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_file_is_read_with_its_time_and_progress(tmp_path: Path) -> None:
    path = tmp_path / "dump.txt"
    path.write_bytes(gzip.compress(A + b"\n" + B))
    os.utime(path, ns=(0, 1_700_000_000_123_456_000))
    done: list[int] = []
    records = list(read_file(path, progress=done.append))
    start = 1_700_000_000_123_456
    assert records == [Record(A, f"{path}:1", start), Record(B, f"{path}:2", start + 1)]
    assert sum(done) == path.stat().st_size
    assert [r.observed_at for r in read_file(path, observed_at=5)] == [5, 6]


def test_a_file_that_cannot_be_opened_gives_an_error_record(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.json", tmp_path):
        (record,) = read_file(path)
        assert record.where == f"{path}:1"
        assert record.error


def test_a_file_that_cannot_be_read_on_gives_an_error_record() -> None:
    class Failing(io.RawIOBase):
        parts = iter([A + b"\n", B + b"\n", b'{"id'])

        def read(self, size: int = -1) -> bytes:
            for part in self.parts:
                return part
            raise OSError(5, "Input/output error")

    *records, last = read(cast(BinaryIO, Failing()))
    assert [r.raw for r in records] == [A, B]
    assert (last.raw, last.error) == (b'{"id', "[Errno 5] Input/output error")


class Interrupting(io.RawIOBase):
    """A pipe that pauses after its content for so long that the user interrupts the wait."""

    def __init__(self, content: bytes, *sizes: int) -> None:
        self.pieces = Pieces(content, *sizes)

    def read(self, size: int = -1) -> bytes:
        if data := self.pieces.read(size):
            return data
        raise KeyboardInterrupt


BEGUN = {
    "page": (b'{"object":"list","data":[' + A + b"," + B + b",", None),
    "page without a name": (b'{"data":[' + A + b"," + B, None),
    "page over many lines": (b'{\n  "object": "list",\n  "data": [\n    ' + A + b",\n    " + B + b",\n", None),
    "page cut off": (b'{"data":[' + A + b"," + B + b',{"id":"c', b'{"id":"c'),
    "array": (b"[" + A + b"," + B + b",", None),
    "array over many lines": (b"[\n" + A + b",\n" + B + b",\n" + b'{"id":"c"', b'{"id":"c"'),
    "array after a mark": (b"\xef\xbb\xbf [" + A + b"," + B, None),
    "lines": (A + b"\n" + B + b"\n", None),
    "lines, the last without its end": (A + b"\n" + B, None),
    "line cut off": (A + b"\n" + B + b'\n{"id', b'{"id'),
    "event without its end": (b"data: " + A + b"\n\ndata: " + B + b"\n", None),
    "event cut off": (b"data: " + A + b"\n\ndata: " + B + b'\n\ndata: {"id"', b'{"id"'),
    "compressed page": (gzip.compress(b'{"data":[' + A + b"," + B + b"]}")[:-8], None),
    "two characters a byte": (('{"data":[' + A.decode() + "," + B.decode()).encode("utf-16"), None),
}


@pytest.mark.parametrize(("begun", "cut"), BEGUN.values(), ids=BEGUN)
@pytest.mark.parametrize("size", [7, 1000])
def test_what_is_complete_is_read_before_an_interrupt_and_what_is_not_is_reported(
    begun: bytes, cut: bytes | None, size: int
) -> None:
    records: list[Record] = []
    with pytest.raises(KeyboardInterrupt) as caught:
        records.extend(read_stream(cast(BinaryIO, Interrupting(begun, size)), "f", observed_at=0))
    assert isinstance(caught.value, Interrupted)
    found = [(r.raw, r.error) for r in (*records, *caught.value.records)]
    reported = [] if cut is None else [(cut, "incomplete, because reading was interrupted")]
    assert found == [(A, None), (B, None), *reported]


@pytest.mark.parametrize("begun", [b"[" + A + b",", b"[\n" + A + b", ", b"[\n" + A + b",\n" + A + b",", A])
def test_a_run_in_an_array_is_read_when_it_is_complete(begun: bytes) -> None:
    records: list[Record] = []
    with pytest.raises(Interrupted):
        records.extend(read_stream(cast(BinaryIO, Interrupting(begun, 1000)), "f", observed_at=0))
    assert [record.raw for record in records] == [A] * begun.count(A)


def test_find_files_takes_named_files_and_what_folders_hold(tmp_path: Path) -> None:
    names = ["b.json", "a.jsonl.gz", "sub/c.NDJSON", "sub/deep/d.sse", "e.txt.gz"]
    others = ["x.csv", ".hidden.json", ".git/y.json", "z.gz", "noname"]
    for name in names + others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link.json").symlink_to(tmp_path / "b.json")
    (tmp_path / "dir.json").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert find_files([tmp_path]) == sorted(tmp_path / name for name in names)
    named = [tmp_path / "x.csv", tmp_path / "link.json", tmp_path / "missing"]
    assert find_files([*named, tmp_path / "sub", *named]) == [
        *named,
        tmp_path / "sub/c.NDJSON",
        tmp_path / "sub/deep/d.sse",
    ]


# --- size and speed ---------------------------------------------------------------------------------------------------

FLAT = textwrap.dedent("""
    import io, itertools, re, sys
    from runstore.sources import read_stream

    class Stream(io.RawIOBase):
        def __init__(self, first, block, count, last):
            self.blocks = itertools.chain([first], itertools.repeat(block, count), [last])
        def read(self, size=-1):
            return next(self.blocks, b"")

    MIB = 1 << 20
    run = b'{"id":"run_1","object":"thread.run","metadata":{"a":"b"},"instructions":"' + b"x y " * 25000 + b'"}'
    n = 300 * MIB // len(run) // 3
    forms = {
        "lines": (b"", (run + b"\\n") * 3, n, b""),
        "array": (b"[" + run, (b"," + run) * 3, n, b"]"),
        "pretty": (b"[\\n", (b"  " + run + b",\\n") * 3, n, b"  1\\n]"),
        "page": (b'{"data":[' + run, (b"," + run) * 3, n, b'],"object":"list"}'),
        "events": (b"", (b"event: e\\ndata: " + run + b"\\n\\n") * 3, n, b""),
        "long string": (b'{"a":"', b"x" * MIB, 300, b'"}\\n' + run),
        "long line": (b"{", b'"a":["%s"],' % (b"x" * 200) * 5000, 120, b"}\\n" + run),
        "garbage": (b"x", b"x" * MIB, 300, b"\\n" + run),
        "spaces": (b"[", b" " * MIB, 300, run + b"]"),
        "spaces within": (b'{"a":\\n', b" " * MIB, 200, b"1}\\n" + run),
        "nesting": (b"", b"[" * MIB, 4, b"\\n" + run),
        "digits": (b"[", b"1" * MIB, 300, b"]\\n" + run),
        "long data": (b"data: ", b"x" * MIB, 300, b"\\n\\n" + run),
    }
    size = {"lines": 3 * n, "array": 3 * n + 1, "page": 3 * n + 1, "events": 3 * n, "pretty": 3 * n + 1}
    name = sys.argv[1]
    good = last = None
    good = 0
    for record in read_stream(Stream(*forms[name]), "f", observed_at=0):
        good += record.error is None and record.kind is None
        last = record.raw
    assert good == size.get(name, 1), good
    assert name in size or name == "nesting" or last == run, (name, last[:80])
    peak = int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]) / 1024
    assert peak < 150, peak
""")


ODD_FORMS = ["long string", "long line", "garbage", "spaces", "spaces within", "nesting", "digits", "long data"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("form", ["lines", "array", "pretty", "page", "events", *ODD_FORMS])
def test_memory_stays_flat_over_300_megabytes(form: str) -> None:
    subprocess.run([sys.executable, "-c", FLAT, form], check=True, cwd=ROOT, timeout=60)


def _timed(content: bytes) -> Iterator[float]:
    for _ in range(3):
        start = time.process_time()  # other processes of the machine take none of it
        assert not any(record.error for record in read(content))
        yield time.process_time() - start


def test_json_lines_of_nine_kilobytes_take_microseconds() -> None:
    run = {"id": "run_1", "instructions": "be helpful " * 500, "tools": [{"function": {"a": ["b"] * 20}}] * 20}
    line = json.dumps(run).encode() + b"\n"
    count = 2000
    assert min(_timed(line * count)) / count < 200e-6  # about 8 on an idle machine


@pytest.mark.slow
def test_time_grows_in_proportion_to_the_size() -> None:
    value = json.dumps({"text": "x\\n" * 1_000_000, "nested": [[{}]] * 50_000}).encode()
    assert min(_timed(value)) < 5
    assert min(_timed(b"[" + b"{}," * 50_000 + b"{}]")) < 5
    assert min(_timed(b"{}" * 50_000)) < 5
