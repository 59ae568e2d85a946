"""Splitting the text of one source into records.

What comes next is told by its content, value by value, so one source may mix forms. Bytes that cannot be made a record
come out as a :class:`Record` whose ``error`` says why, and reading goes on at the next line that begins a value. Memory
is bounded by the largest record, not by the input; no text is scanned again and again.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

import msgspec

CHUNK = 256 << 10  # bytes asked of a file at a time; larger ones leave the processor's cache before they are used
_WHOLE = 8 << 20  # a value up to this size is classified with all of it at hand, a larger one by its beginning
SHOWN = 64 << 10  # at most so many offending bytes are kept in an error record
_MISSES = 16  # so many wrong guesses about the end of values in a row, and no more are made
_PEEK = 256  # a line that begins a value shows it within so many bytes
_LEVELS = 3  # so many wrappers (event, array, page) around a record are taken off

_WIDE = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
# What stands for an indentation, equal to no real one: not in an array; an element that does not begin its line.
_OUTSIDE, _INLINE = b"^", b"-"

# The scanner's expressions take whole runs of text at C speed and, being possessive, never go back.
_STRING = rb'"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"'
_PLAIN = re.compile(rb'(?:[^"{}\[\]\n]++|' + _STRING + rb"|\n[ \t\r]*+(?=[^{\[#]))*+")  # stops at what matters
_QUOTED = re.compile(rb'(?:[^"\\\n]++|\\[^\n])*+')  # the rest of a string whose beginning was seen before
_MARGIN = re.compile(rb"\n([ \t\r]*+)")
_BLANK = re.compile(rb"(?:[ \t\r\n]++|\xef\xbb\xbf)*+")  # byte order marks also come between files put together
_WORD = re.compile(rb'[^\s",\[\]{}]++')
_FIELD = re.compile(rb"(?:event|data|id|retry)?:")
_START = re.compile(rb"(?:\xef\xbb\xbf)?([ \t]{0,200})(?:([{\[#\]])|(?:event|data|id|retry)?:)")
_PAGE = re.compile(  # a page up to its data, all members before it being scalars
    rb"\{\s*+(?:" + _STRING + rb"\s*+:\s*+(?:" + _STRING + rb'|[^\s"{}\[\],:]++)\s*+,\s*+)*+"data"\s*+:\s*+(?=\[)'
)
_PAGE_KEYS = {"object", "data", "first_id", "last_id", "has_more", "total", "total_count", "url", "next_page"}

_NEWLINE, _QUOTE, _HASH, _COMMA, _ARRAY, _BACKSLASH, _CLOSE, _OBJECT, _END = b'\n"#,[\\]{}'

_CUT = "JSON is cut off: the input ends in the middle of a value"
_MALFORMED = "JSON is malformed or cut off"
_UNKNOWN = "not JSON or server-sent events"


_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_NOT_JSON = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)  # what the decoders raise


@dataclass(slots=True)
class Record:
    """One record as it stood in its source, or (with `error`) bytes no record could be made of."""

    raw: bytes  # the JSON text as it came, or at most the first 64 KiB of the offending bytes
    where: str  # source and 1-based line on which the record starts, "dump.jsonl:12"
    observed_at: int  # microseconds since the Unix epoch, one more for each further record of a source
    event: str | None = None  # name of the server-sent event it came in
    error: str | None = None  # what is wrong with the source at this place
    # The object's members as raw texts, where splitting had to look at them: who maps the record need not do it again.
    members: dict[str, msgspec.Raw] | None = field(default=None, compare=False, repr=False)


class _End(Enum):
    """How a scan ended."""

    WHOLE = auto()  # behind the value
    BAD = auto()  # at a newline that shows that the value is malformed
    CUT = auto()  # at the end of the input, within the value
    LONG = auto()  # within the value, beyond the limit


class Splitter:
    """Splits the text of one source; `pos` is what has been consumed of `buf`, which grows by `_more`.

    Indices into `buf` stay valid until `_drop`.
    """

    def __init__(
        self,
        chunks: Iterator[bytes],
        name: str,
        clock: Iterator[int],
        limit: int,
        line: int = 1,
        event: str | None = None,
        levels: int = _LEVELS,
    ) -> None:
        self.chunks, self.name, self.clock, self.limit = chunks, name, clock, limit
        self.line, self.event, self.levels = line, event, levels
        self.buf = bytearray()
        self.pos = 0
        self.base = 0  # bytes dropped from the front of buf
        self.ended = False
        self.failure: str | None = None  # why the source ended early, until it is reported
        self.margin: bytes | None = b""  # whitespace before pos on its line; None if there is something else
        self.indent = _OUTSIDE  # within an array: the margin of its elements
        self.strict = 0  # up to here (counted from the start of the source) a line that begins a value ends a bad one
        self.misses = 0  # wrong guesses in a row
        self.at, self.depth, self.quoted = 0, 0, False  # state of the scanner
        self.dropped = _CLOSE  # the last character before pos, other than whitespace, of the value it is in
        # The first line of that value that could also begin one of its own, counted like `strict`; None without one.
        self.doubt: int | None = None

    # --- the buffer ---------------------------------------------------------------------------------------------

    def _more(self) -> bool:
        """Append a chunk to the buffer; False at the end of the source."""
        if not self.ended:
            try:
                for chunk in self.chunks:
                    if chunk:
                        self.buf += chunk
                        return True
            except EOFError:
                self.failure = "compressed data ends too early"
            except zlib.error as error:
                self.failure = f"compressed data is damaged ({error})"
            except OSError as error:
                self.failure = str(error)
            self.ended = True
        return False

    def _advance(self, end: int) -> None:
        self.line += self.buf.count(b"\n", self.pos, end)
        self.pos, self.margin = end, None

    def _drop(self) -> None:
        self.base += self.pos
        del self.buf[: self.pos]
        self.pos = 0

    def _blank(self) -> bool:
        """Skip whitespace, keeping count of lines and indentation; False at the end of the source."""
        while True:
            end = _after(_BLANK, self.buf, self.pos)
            if end == self.pos + 1 and self.buf[self.pos] == _NEWLINE:  # by far the most frequent
                self.line, self.pos, self.margin = self.line + 1, end, b""
            elif end > self.pos:
                text, margin = bytes(self.buf[self.pos : end]), self.margin
                self._advance(end)
                _, newline, tail = text.replace(b"\xef\xbb\xbf", b"").rpartition(b"\n")
                self.margin = tail[:_PEEK] if newline else None if margin is None else (margin + tail)[:_PEEK]
            if self.pos > CHUNK or self.pos == len(self.buf):
                self._drop()
            if len(self.buf) - self.pos >= 3 or (self.buf and self.buf[self.pos] != 0xEF):
                return True
            if not self._more():
                return bool(self.buf)

    def _line_end(self, limit: int) -> int:
        """Where the line at pos ends (at its newline or the end of the source), -1 if it is longer than `limit`."""
        start = self.pos
        while (end := self.buf.find(b"\n", start)) < 0:
            start = len(self.buf)
            if start - self.pos > limit:
                break
            if not self._more():
                end = start
                break
        return end if end - self.pos <= limit else -1

    def _record(
        self,
        raw: bytes,
        line: int,
        event: str | None = None,
        error: str | None = None,
        members: dict[str, msgspec.Raw] | None = None,
    ) -> Record:
        return Record(raw, f"{self.name}:{line}", next(self.clock), event or self.event, error, members)

    def _too_long(self, raw: bytes, line: int) -> Record:
        size = f"{self.limit >> 20} MiB" if self.limit >= 1 << 20 else f"{self.limit} bytes"
        return self._record(raw[: min(SHOWN, self.limit)], line, error=f"record larger than {size}")

    def _ended_because(self, default: str) -> str:
        """The reason for the unexpected end: the failure of the source if there was one, which is reported once."""
        why, self.failure = self.failure or default, None
        return why

    # --- values at the top level ----------------------------------------------------------------------------------

    def records(self) -> Iterator[Record]:
        """Everything in the source."""
        while len(self.buf) < 4 and self._more():
            pass
        if self.buf.startswith(_WIDE):
            yield self._record(bytes(self.buf[:SHOWN]), 1, error="text is UTF-16 or UTF-32: convert it to UTF-8")
            return
        while self._blank():
            first = self.buf[self.pos]
            if first == _OBJECT:
                yield from self._lines()
                if self.pos < len(self.buf) and self.buf[self.pos] == _OBJECT:
                    yield from self._value()
            elif first == _ARRAY:
                yield from self._array()
            elif first == _HASH:
                self._skip_line()
            else:
                yield from self._line()
        if self.failure:
            yield self._record(b"", self.line, error=self._ended_because(""))

    def _lines(self) -> Iterator[Record]:
        """The objects from pos on that are whole lines of the buffer, by far the most frequent form.

        Stops at whatever else comes, which is looked at with more care.
        """
        buf, longest = self.buf, min(_WHOLE, self.limit)
        while self.margin == b"":
            start, end = self.pos, self.buf.find(b"\n", self.pos)
            if not start < end <= start + longest or buf[start] != _OBJECT or buf[end - 1] != _END:
                return
            raw = bytes(memoryview(buf)[start:end])  # one copy; a slice of the buffer would be another
            try:
                members = _members(raw)
            except _NOT_JSON:
                return
            line, self.line, self.pos = self.line, self.line + 1, end + 1
            if "data" not in members:
                yield self._record(raw, line, members=members)
            else:
                yield from self._unwrap(raw, line, self.event)

    def _skip_line(self) -> None:
        while (end := self._line_end(CHUNK)) < 0:
            self._advance(len(self.buf))
            self._drop()
        self._advance(end)

    def _line(self) -> Iterator[Record]:
        """What begins neither object nor array: a server-sent event, a bare JSON scalar or garbage."""
        while len(self.buf) - self.pos < 8 and self._more():
            pass
        if self.margin is not None and _FIELD.match(self.buf, self.pos):
            yield from self._server_sent()
            return
        if (end := self._line_end(min(CHUNK, self.limit))) > 0:
            raw = bytes(self.buf[self.pos : end]).rstrip()
            try:
                msgspec.json.decode(raw)
            except _NOT_JSON:
                pass
            else:
                yield self._record(raw, self.line)
                self._advance(end)
                return
        yield self._bad(_UNKNOWN, _UNKNOWN)

    def _server_sent(self) -> Iterator[Record]:
        """The server-sent event whose first line is at pos."""
        parts: list[bytes] = []
        name, size, start = None, 0, self.line
        while self.pos < len(self.buf) or self._more():
            if (end := self._line_end(self.limit)) < 0:
                yield self._too_long(bytes(self.buf[self.pos : self.pos + SHOWN]), self.line)
                self._skip_line()
                self._advance(min(self.pos + 1, len(self.buf)))
                size = self.limit + 1  # reported: nothing more is kept of this event
                continue
            text = bytes(self.buf[self.pos : end]).rstrip()
            if not text or text[0] in b"{[#\xef":  # what may begin a value, after a byte order mark or without
                break
            field, _, value = text.partition(b":")
            if field == b"data":
                value = value[1:] if value[:1] == b" " else value
                start = start if parts else self.line
                if size <= self.limit < size + len(value):
                    yield self._too_long(value, start)
                size += len(value)
                parts.append(value if size <= self.limit else b"")
            elif field == b"event":
                name = value.strip().decode("utf-8", "replace") or None
            elif field not in (b"id", b"retry", b""):  # an empty name is that of a comment
                yield self._record(text[:SHOWN], self.line, error=_UNKNOWN)
            self._advance(min(end + 1, len(self.buf)))
            self.margin = b""
            if self.pos > CHUNK:
                self._drop()
        data = b"\n".join(parts).strip()
        if size > self.limit or not data:
            return
        if self.failure and self.pos == len(self.buf):
            yield self._record(data[:SHOWN], start, name, self._ended_because(""))
        elif data == b"[DONE]":
            yield self._record(data, start, "done")
        elif data[0] == _ARRAY:
            yield from self._inner(data, start, name).records()
        else:
            yield from self._unwrap(data, start, name)

    # --- wrappers ---------------------------------------------------------------------------------------------------

    def _inner(self, text: bytes, line: int, event: str | None) -> Splitter:
        reader = Splitter(iter((text,)), self.name, self.clock, self.limit, line, event, self.levels - 1)
        reader._more()
        return reader

    def _unwrap(self, raw: bytes, line: int, event: str | None) -> Iterator[Record]:
        """The records of one value: the elements of a list page, the data of a dumped event, or the value itself."""
        members: dict[str, msgspec.Raw] = {}
        if self.levels and len(raw) <= _WHOLE:
            try:
                if raw[0] == _OBJECT:
                    members = _members(raw)
            except _NOT_JSON:
                if start := _page_data(raw, 0):  # a page with something malformed in it
                    yield from self._inner(raw, line, event)._page(start)
                    return
        data = bytes(members.get("data", b""))
        below = line + raw.count(b"\n", 0, raw.find(data)) if data else line
        if data[:1] == b"[" and bytes(members.get("object", b"")) == b'"list"':
            yield from self._inner(data, below, event).records()
            return
        if members.keys() == {"event", "data"} and (event_name := _text(members["event"])) is not None:
            if data == b'"[DONE]"':
                yield self._record(b"[DONE]", below, "done")
                return
            if data[:1] == b"{":
                yield from self._inner(data, below, event_name)._value()
                return
        yield self._record(raw, line, event, members=members or None)

    def _page(self, start: int) -> Iterator[Record]:
        """The records of the page whose array of data begins at index `start`."""
        self._advance(start)
        if (yield from self._array()):
            self.at, self.depth, self.quoted, self.dropped, self.doubt = self.pos, 1, False, _CLOSE, None
            end = self._scan(min(_WHOLE, self.limit))  # what follows the data is skipped
            if end is _End.LONG:
                end = self._scan(None)
            if end is _End.WHOLE:
                self._advance(self.at)
            else:
                yield self._broken(end)

    def _array(self) -> Generator[Record, None, bool]:
        """The elements of the array at pos; returns whether its end was found."""
        opened, told = self.line, False
        due, comma = True, False  # an element may come without a comma before it; a comma was the last thing
        self.indent = _INLINE
        self._advance(self.pos + 1)
        while self._blank():
            first = self.buf[self.pos]
            if first == _CLOSE:
                if comma:
                    yield self._record(b",", self.line, error="comma without an array element after it")
                self._advance(self.pos + 1)
                self.indent = _OUTSIDE
                return True
            if first == _COMMA:
                if due:
                    yield self._record(b",", self.line, error="comma without an array element before it")
                due = comma = True
                self._advance(self.pos + 1)
                continue
            # Something at the start of a line that is no element there, or not of this array: the array was cut off.
            if self.margin is not None and first == _HASH:
                break
            if not due and first not in b"}:":
                if self.margin == b"" != self.indent:
                    break
                if not told:
                    told = True
                    yield self._record(b"", self.line, error="comma missing between array elements (told once)")
            self.indent = _INLINE if self.margin is None else self.margin
            comma, due = False, not (yield from self._value())
            if self.indent == _OUTSIDE:
                return False
        self.indent = _OUTSIDE
        yield self._record(b"", self.line, error=self._ended_because(f"array begun on line {opened} is not closed"))
        return False

    # --- one value --------------------------------------------------------------------------------------------------

    def _value(self) -> Generator[Record, None, bool]:
        """The value at pos, which need not be whole or valid; returns whether it was whole."""
        line, start, small = self.line, self.pos, min(_WHOLE, self.limit)
        if self.margin is not None and self.buf[start] == _OBJECT:
            raw, members = self._guess(small)
            if raw:
                if "data" not in members:
                    yield self._record(raw, line, members=members)
                else:
                    yield from self._unwrap(raw, line, self.event)
                return True
        if self.buf[start] not in b'{["':
            return (yield from self._word())
        self.at, self.depth, self.quoted, self.doubt = start, 0, False, None
        if self.buf[start] == _QUOTE:
            self.at, self.quoted = start + 1, True
        end = self._scan(small)
        whole = end is _End.WHOLE and self.at - start <= small
        if not whole and self.indent == _OUTSIDE and self.levels and (data := _page_data(self.buf, start)):
            yield from self._page(data)
            return False
        if end is _End.LONG and self.limit > small:
            end = self._scan(self.limit)
        size = self.at - start
        if end is _End.LONG or size > self.limit:
            yield self._too_long(bytes(self.buf[start : start + SHOWN]), line)
            if end is _End.LONG:
                end = self._scan(None)
            doubted = None if end is _End.WHOLE else self._doubted()
            if doubted is not None:
                self.strict = max(self.strict, self.base + self.at)
            self._advance(self.at if doubted is None else doubted)
            if end is _End.BAD or doubted is not None:
                self._resynchronise()
        elif end is _End.WHOLE:
            raw = bytes(memoryview(self.buf)[start : self.at])  # copies a large value once, not twice
            self._advance(self.at)
            yield from self._unwrap(raw, line, self.event)
        else:
            yield self._broken(end)
        return end is _End.WHOLE

    def _guess(self, limit: int) -> tuple[bytes, dict[str, msgspec.Raw]]:
        """Take the object that begins the line, if it is valid and ends where it is likely to.

        That is at the end of the line or where the next line so indented begins with its closing brace. Returns
        the object (nothing if the guess is wrong) and its members. Much faster than scanning.
        """
        start, margin, raw, several = self.pos, self.margin or b"", b"", False
        if (end := self._line_end(limit)) > 0:
            raw = bytes(self.buf[start:end]).rstrip(b", \t\r")
            several = not raw.endswith(b"}")
        if several:
            raw, closing = b"", b"\n" + margin + b"}"
            if self.misses < _MISSES and (end := self.buf.find(closing, end, start + min(limit, CHUNK))) > 0:
                raw = bytes(self.buf[start : end + len(closing)])
            self.misses += 1
        try:
            members = _members(raw)
        except _NOT_JSON:
            return b"", {}
        if several:
            self.misses = 0
            self._advance(start + len(raw))
        else:
            self.pos, self.margin = start + len(raw), None
        return raw, members

    def _word(self) -> Generator[Record, None, bool]:
        """The number, literal or stray character at pos."""
        while (end := _after(_WORD, self.buf, self.pos)) == len(self.buf) and end - self.pos <= SHOWN:
            if not self._more():
                break
        if end - self.pos > SHOWN:
            yield self._bad(_MALFORMED, _MALFORMED)
            return False
        stray = end == self.pos
        yield self._record(bytes(self.buf[self.pos : end + stray]), self.line, error=_MALFORMED if stray else None)
        self._advance(end + stray)
        return not stray

    def _scan(self, limit: int | None) -> _End:
        """Move `at` to the end of the value it is in.

        With no limit, what has been seen is consumed and dropped, up to the line in doubt: if the value is malformed,
        that line is looked at once more.
        """
        buf = self.buf
        while True:
            self.at = at = _after(_QUOTED if self.quoted else _PLAIN, buf, self.at)
            char = buf[at] if at < len(buf) else None
            if char is None or (char == _BACKSLASH and at + 1 == len(buf)):
                if limit is None:
                    doubted = self._doubted()
                    kept = at if doubted is None else doubted
                    self.dropped = self._before(kept)
                    self._advance(kept)
                    self._drop()
                    self.at = at - kept
                elif at - self.pos > limit:
                    return _End.LONG
                if not self._more():
                    self.at = len(buf)
                    return _End.CUT
                continue
            if char == _NEWLINE:
                if self.quoted or self._begins_value():
                    return _End.BAD
                continue
            self.at += 1
            if char == _QUOTE:  # ends a string, or opens one that goes on beyond the buffer or the line
                self.quoted = not self.quoted
            elif char in b"{[":
                self.depth += 1
            elif char in b"}]":
                self.depth -= 1
            if self.depth <= 0 and not self.quoted:
                return _End.WHOLE

    def _doubted(self) -> int | None:
        """Where the line in doubt is, unless that is farther back than a record may be long."""
        index = None if self.doubt is None else self.doubt - self.base
        return None if index is None or self.at - index > self.limit else index

    def _begins_value(self) -> bool:
        """Whether the line after the newline at `at` begins a value that cannot belong to the one being scanned.

        If not, `at` moves on to what the line begins with.
        """
        buf = self.buf
        while (end := _after(_MARGIN, buf, self.at)) == len(buf) and end - self.at <= _PEEK and self._more():
            pass
        margin = bytes(buf[self.at + 1 : min(end, self.at + _PEEK)])
        if end < len(buf) and end - self.at <= _PEEK and buf[end] in b"{[#" and margin in (b"", self.indent):
            if buf[end] == _HASH or self.base + self.at < self.strict:
                return True
            if self._before(self.at) not in b"[,:":
                return True
            if self._doubted() is None:
                self.doubt = self.base + self.at
        self.at = end
        return False

    def _before(self, end: int) -> int:
        """The last character before index `end` that is no whitespace."""
        while end > self.pos:
            if text := self.buf[max(self.pos, end - _PEEK) : end].rstrip():
                return text[-1]
            end -= _PEEK
        return self.dropped

    # --- bad parts --------------------------------------------------------------------------------------------------

    def _broken(self, end: _End) -> Record:
        """The bad record of a value that has been scanned in vain."""
        # The lines up to here are looked at once more, as values of their own, but not again and again.
        self.strict = max(self.strict, self.base + self.at)
        return self._bad(_MALFORMED, _CUT if end is _End.CUT else _MALFORMED)

    def _bad(self, why: str, why_at_end: str) -> Record:
        """The record of the bad bytes from pos up to the next line that begins a value (or to the end)."""
        line = self.line
        shown, at_end = self._resynchronise()
        return self._record(shown, line, error=self._ended_because(why_at_end) if at_end else why)

    def _resynchronise(self) -> tuple[bytes, bool]:
        """Move to the newline before the next line that begins a value, or to the end of the source.

        Returns the first bytes of what was passed over and whether the source ended. Within an array, `indent`
        becomes _OUTSIDE if the array is to be left: the line does not look like one of its elements or its end.
        """
        shown, start = bytearray(), self.pos
        while True:
            newline = self.buf.find(b"\n", start)
            end = len(self.buf) if newline < 0 else newline
            shown += self.buf[self.pos : min(end, self.pos + SHOWN - len(shown))]
            self._advance(end)
            if newline < 0 or self.pos > CHUNK:
                self._drop()
            if newline >= 0:
                while len(self.buf) - self.pos <= _PEEK and self._more():
                    pass
                if self._resumes():
                    return bytes(shown.rstrip()), False
            elif not self._more():
                self.indent = _OUTSIDE
                return bytes(shown.rstrip()), True
            start = self.pos + (newline >= 0)

    def _resumes(self) -> bool:
        """Whether reading can go on at the line that follows the newline at pos."""
        match = _START.match(self.buf, self.pos + 1)
        if not match:
            return False
        margin, first = match[1], match[2]
        if first == b"]":
            return self.indent != _OUTSIDE and (len(margin) < len(self.indent) or margin == self.indent)
        if self.indent != _OUTSIDE and margin == self.indent and first in (b"{", b"["):
            return True
        if margin == b"":
            self.indent = _OUTSIDE
            return True
        return False


def _after(pattern: re.Pattern[bytes], text: bytearray, start: int) -> int:
    """Where the match of `pattern` at `start` ends."""
    match = pattern.match(text, start)
    return match.end() if match else start


def _text(raw: msgspec.Raw) -> str | None:
    """The string of a JSON text that is one."""
    try:
        return msgspec.json.decode(raw, type=str)
    except _NOT_JSON:
        return None


def _page_data(text: bytes | bytearray, start: int) -> int | None:
    """Where the array of data begins if the value at `start` begins like a list page: with keys of a page only."""
    if match := _PAGE.match(text, start):
        try:
            head = msgspec.json.decode(text[start : match.end()] + b"[]}")
        except _NOT_JSON:
            return None
        if head.get("object", "list" if head.keys() <= _PAGE_KEYS else None) == "list":
            return match.end()
    return None
