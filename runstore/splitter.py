"""Splitting the text of one source into records.

What comes next is told by its content, value by value, so one source may mix forms. Bytes that cannot be made a record
come out as a :class:`Record` whose ``error`` says why, and reading goes on at the next line that begins a value. Memory
is bounded by the largest record, not by the input; no text is scanned again and again.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

import msgspec

from runstore import finder, wire
from runstore.unpacking import CHUNK

SHOWN = 64 << 10  # so many bytes are kept of what is longer than a record may be
_WHOLE = 8 << 20  # a value up to this size is searched with all of it at hand, a larger one only if it has few members
_PROBE = 1 << 20  # so much of a value that is not whole shows whether it is a run
_MISSES = 16  # so many wrong guesses about the end of values in a row, and no more are made
_PEEK = 256  # a line that begins a value shows it within so many bytes
_TRIES = 1000  # so many objects of a damaged line that are not whole, and no more are tried

# What stands for an indentation, equal to no real one: not in an array; an element that does not begin its line.
_OUTSIDE, _INLINE = b"^", b"-"

# The scanner's expressions take whole runs of text at C speed and, being possessive, never go back. No text has a
# record separator (RFC 7464) in it, so whatever is open before one is cut off there.
_STRING = rb'"[^"\\\n\x1e]*+(?:\\[^\n\x1e][^"\\\n\x1e]*+)*+"'
_PLAIN = re.compile(  # stops at what matters
    rb'(?:[^"{}\[\]\n\x1e]++|' + _STRING + rb"|\n[ \t\r]*+(?=[^{\[#\x1e]))*+"
)
_QUOTED = re.compile(rb'(?:[^"\\\n\x1e]++|\\[^\n\x1e])*+')  # the rest of a string whose beginning was seen before
# Text without the brackets, as far as it can be JSON: a string ends before a comma, colon or bracket.
_SOUND = re.compile(rb"(?:[\s,:\w.+-]++|" + _STRING + rb"(?=\s*+[,:\]}]))*+")
_MARGIN = re.compile(rb"\n([ \t\r]*+)")
_BLANK = re.compile(rb"(?:[ \t\r\n\x1e]++|\xef\xbb\xbf)*+")  # byte order marks also come between files put together
_WORD = re.compile(rb'[^\s",\[\]{}\x1e]++')
_BREAK = re.compile(rb"[\n\x1e]")
_FIELD = re.compile(rb"(?:event|data|id|retry)?:")
_START = re.compile(rb"(?:\xef\xbb\xbf)?([ \t]{0,200})(?:([{\[#\]])|(?:event|data|id|retry)?:)")
_KEY = re.compile(rb"(" + _STRING + rb")\s*+:")
_MEMBER = re.compile(rb"[\s,]*+(" + _STRING + rb")\s*+:\s*+(?:(" + _STRING + rb'|[^\s"{}\[\],:]++)|(?=[{\[]))')
_SCALAR = re.compile(_STRING + rb'|[^\s"{}\[\],:\x1e]++')
_OBJECT_BEGINS = re.compile(rb'\{(?=\s*+")')

_NEWLINE, _QUOTE, _HASH, _COMMA, _ARRAY, _BACKSLASH, _CLOSE, _OBJECT, _END = b'\n"#,[\\]{}'
_SEPARATOR = 0x1E

_CUT = "JSON is cut off: the input ends in the middle of a value"
_MALFORMED = "JSON is malformed or cut off"
_UNKNOWN = "not JSON or server-sent events"


_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_NOT_JSON = finder.UNREADABLE


@dataclass(slots=True)
class Record:
    """One record as it stood in its source, or (with `error`) bytes no record could be made of."""

    raw: bytes  # the JSON text or the offending bytes as they came; `error` says where the rest is if they are many
    where: str  # source, 1-based line on which the record starts, and path within its value: "dump.jsonl:12 $.data[3]"
    observed_at: int  # microseconds since the Unix epoch, one more for each further record of a source
    event: str | None = None  # name of the server-sent event it came in
    error: str | None = None  # what is wrong with the source at this place
    # The object's members as raw texts, where splitting had to look at them: who maps the record need not do it again.
    members: dict[str, msgspec.Raw] | None = field(default=None, compare=False, repr=False)
    kind: str | None = None  # what it is, of what is not a run and holds none


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
    ) -> None:
        self.chunks, self.name, self.clock, self.limit = chunks, name, clock, limit
        self.line, self.event = line, event
        self.buf = bytearray()
        self.pos = 0
        self.base = 0  # bytes dropped from the front of buf
        self.ended = False
        self.failure: str | None = None  # why the source ended early, until it is reported
        self.margin: bytes | None = b""  # whitespace before pos on its line; None if there is something else
        self.indent = _OUTSIDE  # within an array: the margin of its elements
        self.strict = 0  # up to here (counted from the start of the source) a line that begins a value ends a bad one
        self.misses = 0  # wrong guesses in a row
        self.opened = 0  # values around pos that are read member by member
        self.told = 0  # records so far
        self.streams = False  # server-sent events of a run have come, and not yet their end
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
                _, newline, tail = text.replace(b"\xef\xbb\xbf", b"").replace(b"\x1e", b"").rpartition(b"\n")
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
        path: str = "$",
        kind: str | None = None,
    ) -> Record:
        self.told += 1
        where = f"{self.name}:{line}" if path == "$" else f"{self.name}:{line} {path}"
        return Record(raw, where, next(self.clock), event or self.event, error, members, kind)

    def _found(
        self,
        raw: bytes,
        line: int,
        path: str,
        event: str | None = None,
        members: dict[str, msgspec.Raw] | None = None,
    ) -> Iterator[Record]:
        """The records of one value: itself if it is a run or holds none, else the runs in it."""
        event = event or self.event
        for one in finder.found_in(raw, path, event, members):
            if (
                self.opened
                and one.path == path
                and (one.raw[:1] != b"{" or (one.kind or "").startswith(finder.NAMELESS))
            ):
                continue  # the value around it is told instead, if nothing is found in that
            yield self._record(
                one.raw, line + one.line, one.event, one.error, members=one.members, path=one.path, kind=one.kind
            )

    def _too_long(self, raw: bytes, line: int, start: int, path: str = "$") -> Record:
        """The record of what is longer than a record may be, and ends at pos."""
        size = f"{self.limit >> 20} MiB" if self.limit >= 1 << 20 else f"{self.limit} bytes"
        return self._record(raw, line, error=f"record larger than {size}{self._rest(start, len(raw))}", path=path)

    def _rest(self, start: int, kept: int) -> str:
        """Where bytes from `start` (counted from the beginning of the source) up to pos are, if not all are kept."""
        end = self.base + self.pos
        return "" if end - start <= kept else f"; bytes {start} to {end} of the text, the first {kept} are kept"

    def _ended_because(self, default: str) -> str:
        """The reason for the unexpected end: the failure of the source if there was one, which is reported once."""
        why, self.failure = self.failure or default, None
        return why

    # --- values at the top level ----------------------------------------------------------------------------------

    def records(self) -> Iterator[Record]:
        """Everything in the source."""
        while self._blank():
            first = self.buf[self.pos]
            if first == _OBJECT:
                yield from self._lines()
                if self.pos < len(self.buf) and self.buf[self.pos] == _OBJECT:
                    yield from self._value("$")
            elif first == _ARRAY:
                yield from self._array("$")
            elif first == _HASH:
                self._skip_line()
            elif first == _COMMA:  # lines taken out of an array
                self._advance(self.pos + 1)
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
            if finder.is_run(members, self.event):
                yield self._record(raw, line, members=members)
            else:
                yield from self._found(raw, line, "$")

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
                line = self.line
                self._advance(end)
                yield from self._found(raw, line, "$")
                return
        yield self._bad(_UNKNOWN, _UNKNOWN)

    def _server_sent(self) -> Iterator[Record]:
        """The server-sent event whose first line is at pos."""
        parts: list[bytes] = []
        name, size, start = None, 0, self.line
        while self.pos < len(self.buf) or self._more():
            if (end := self._line_end(self.limit)) < 0:
                shown, first, line = bytes(self.buf[self.pos : self.pos + SHOWN]), self.base + self.pos, self.line
                self._skip_line()
                yield self._too_long(shown[: self.limit], line, first)
                self._advance(min(self.pos + 1, len(self.buf)))
                size = self.limit + 1  # reported: nothing more is kept of this event
                continue
            text = bytes(self.buf[self.pos : end]).rstrip()
            if not text or text[0] in b"{[#\xef\x1e":  # what may begin a value, after a byte order mark or without
                break
            field, _, value = text.partition(b":")
            if field == b"data":
                value = value[1:] if value[:1] == b" " else value
                start = start if parts else self.line
                if size <= self.limit < size + len(value):
                    yield self._too_long(value[:SHOWN], start, self.base + self.pos)
                size += len(value)
                parts.append(value if size <= self.limit else b"")
            elif field == b"event":
                name = value.strip().decode("utf-8", "replace") or None
            elif field not in (b"id", b"retry", b""):  # an empty name is that of a comment
                yield self._record(text, self.line, error=_UNKNOWN)
            self._advance(min(end + 1, len(self.buf)))
            self.margin = b""
            if self.pos > CHUNK:
                self._drop()
        data = b"\n".join(parts).strip()
        if size > self.limit or not data:
            return
        if name is not None and name.startswith("thread."):
            self.streams = True
        if self.failure and self.pos == len(self.buf):
            yield self._record(data, start, name, self._ended_because(""))
        elif data == b"[DONE]" or name == "done":
            self.streams = False
            yield self._record(data, start, "done", kind="done event")
        elif data[0] == _ARRAY:
            yield from self._inner(data, start, name).records()
        else:
            reader = self._inner(data, start, name)
            members, sound = _decoded(data)
            if sound:
                yield from reader._found(data, start, "$", members=members)
            elif data[0] == _OBJECT and reader._next_run(0, len(data))[0] is not None:
                yield from reader.records()
            else:
                yield self._record(data, start, name)

    def _inner(self, text: bytes, line: int, event: str | None) -> Splitter:
        reader = Splitter(iter((text,)), self.name, self.clock, self.limit, line, event)
        reader._more()
        return reader

    # --- arrays and objects that are read piece by piece --------------------------------------------------------------

    def _array(self, path: str) -> Generator[Record, None, bool]:
        """The elements of the array at pos; returns whether its end was found."""
        opened, position = self.line, -1
        due = True  # an element may come, for the array has begun or a comma was the last thing
        self.indent = _INLINE
        self._advance(self.pos + 1)
        while self._blank():
            first = self.buf[self.pos]
            if first == _CLOSE:  # a comma too many loses nothing
                self._advance(self.pos + 1)
                self.indent = _OUTSIDE
                return True
            if first == _COMMA:
                due = True
                self._advance(self.pos + 1)
                continue
            # Something at the start of a line that is no element there, or not of this array: the array was cut off.
            if self.margin is not None and (first == _HASH or (not due and self.margin == b"" != self.indent)):
                break
            self.indent = own = _INLINE if self.margin is None else self.margin
            position += 1
            due = not (yield from self._value(f"{path}[{position}]"))
            if self.indent == _OUTSIDE and due:
                return False
            self.indent = own
        self.indent = _OUTSIDE
        error = self._ended_because(f"array begun on line {opened} is not closed")
        yield self._record(b"", self.line, error=error, path=path)
        return False

    def _object(self, path: str) -> Generator[Record, None, bool]:
        """What is found in the object at pos, which is too large or too damaged to be taken whole.

        Returns whether its end was found.
        """
        opened, start, told, event = self.line, self.base + self.pos, self.told, self.event
        signs: dict[str, bytes] = {}
        self._advance(self.pos + 1)
        self.opened += 1
        whole = broken = False
        while self._blank():
            first = self.buf[self.pos]
            if first == _END:
                self._advance(self.pos + 1)
                whole = True
                break
            if first == _COMMA or (broken and first == _CLOSE):
                self._advance(self.pos + 1)
                continue
            if self.margin == b"" and first in b"{[#":
                self.indent = _OUTSIDE
                break
            place = path
            if first == _QUOTE and (key := self._key()) is not None:
                place = wire.join(path, key)
                if not self._blank():
                    break
                first = self.buf[self.pos]
                if key in finder.SIGNS:
                    signs[key] = raw = self._scalar()
                    if key == "event":
                        self.event = finder.text(raw) or event
            elif first not in b"{[":
                yield self._bad(_MALFORMED, _CUT, path)
                broken = True
                if self.indent == _OUTSIDE:
                    break
                continue
            if first in b'{["':
                self.indent = _INLINE
                if not (yield from self._value(place)):
                    broken = True
                    if self.indent == _OUTSIDE:
                        break
            elif _after(_WORD, self.buf, self.pos) > self.pos or self._more():
                yield from self._word(silent=True)
        self.opened -= 1
        self.event = event
        if whole and finder.is_run(signs, event):
            yield self._too_long(b"", opened, start, path)
        elif whole and self.told == told and not self.opened:
            yield self._record(b"", opened, path=path, kind=finder.kind_of(signs, event))
        elif not whole and not broken:
            error = self._ended_because(f"object begun on line {opened} is not closed")
            yield self._record(b"", self.line, error=error, path=path)
        return whole

    def _key(self) -> str | None:
        """The name of the member at pos, which is passed over with its colon; None if there is none."""
        while (match := _KEY.match(self.buf, self.pos)) is None or match.end() == len(self.buf):
            if len(self.buf) - self.pos > SHOWN or not self._more():
                break
        name = finder.text(match[1]) if match else None
        if match and name is not None:
            self._advance(match.end())
        return name

    def _scalar(self) -> bytes:
        """The scalar at pos if it is short, else the first byte of the value."""
        while (match := _SCALAR.match(self.buf, self.pos)) is None or match.end() == len(self.buf):
            if len(self.buf) - self.pos > _PEEK or not self._more():
                break
        return match[0] if match and match.end() - self.pos <= _PEEK else bytes(self.buf[self.pos : self.pos + 1])

    # --- one value --------------------------------------------------------------------------------------------------

    def _value(self, path: str) -> Generator[Record, None, bool]:
        """The value at pos, which need not be whole or valid; returns whether it was whole."""
        line, start = self.line, self.pos
        if self.margin is not None and self.buf[start] == _OBJECT:
            raw, members = self._guess(min(_WHOLE, self.limit))
            if raw:
                yield from self._found(raw, line, path, members=members)
                return True
        if self.buf[start] not in b'{["':
            return (yield from self._word())
        self.at, self.depth, self.quoted, self.doubt = start, 0, False, None
        if self.buf[start] == _QUOTE:
            self.at, self.quoted = start + 1, True
        end = self._scan(self.limit)
        size = self.at - start
        if size > self.limit:
            return (yield from self._long(path, end))
        if end is not _End.WHOLE:
            return (yield from self._torn(path, end))
        if size > _WHOLE and self.buf.count(b",", start, self.at) >= wire.MAX_VALUES and self._opens(start, self.at):
            return (yield from self._open(path))
        raw = bytes(memoryview(self.buf)[start : self.at])  # copies a large value once, not twice
        decoded, sound = _decoded(raw)
        if not sound and self._next_run(start + 1, self.at)[0] is not None:
            return (yield from self._torn(path, _End.BAD))  # quotes are missing: it has swallowed others
        self._advance(self.at)
        if sound:
            yield from self._found(raw, line, path, members=decoded)
        else:  # passed on, for the reason to be told
            yield self._record(raw, line, path=path)
        return True

    def _open(self, path: str) -> Generator[Record, None, bool]:
        return (yield from (self._object(path) if self.buf[self.pos] == _OBJECT else self._array(path)))

    def _opens(self, start: int, end: int) -> bool:
        """Whether the value at `start`, of which the text up to `end` is at hand, may hold runs and is none itself."""
        if self.opened >= wire.MAX_DEPTH or self.buf[start] == _QUOTE:
            return False
        if self.buf[start] == _ARRAY:
            return True
        signs = self._signs(start, end)
        return not finder.is_run(signs, self.event) and finder.leaf(signs) is None

    def _signs(self, start: int, end: int) -> dict[str, bytes]:
        """The members of the object at `start`, as far as they are short and tell whether it is a run."""
        signs: dict[str, bytes] = {}
        at, end = start + 1, min(end, start + _PROBE)
        while match := _MEMBER.match(self.buf, at, end):
            name, at = finder.text(match[1]), match.end()
            if match[2] is None:
                close = self._closing(at, end)
                at = end if close is None or close < 0 else close
            if name in finder.SIGNS:
                signs[name] = match[2] or b"{"
        return signs

    def _long(self, path: str, end: _End) -> Generator[Record, None, bool]:
        """The value at pos, which is longer than a record may be: `at` is within it, or at its end."""
        line, start = self.line, self.pos
        closing = self._closing(start, start + self.limit)
        if closing is not None and closing < 0 and -closing < start + self.limit:
            self.at = min(self.at, start + self.limit)
            return (yield from self._torn(path, _End.BAD))
        if self._opens(start, start + self.limit):
            return (yield from self._open(path))
        shown, first = bytes(self.buf[start : start + min(SHOWN, self.limit)]), self.base + start
        kind = finder.leaf(self._signs(start, start + self.limit)) if shown[0] == _OBJECT else None
        if end is _End.LONG:
            end = self._scan(None)
        doubted = None if end is _End.WHOLE else self._doubted()
        if doubted is not None:
            self.strict = max(self.strict, self.base + self.at)
        self._advance(self.at if doubted is None else doubted)
        if end is _End.BAD or doubted is not None:
            self._resynchronise()
        if kind is not None:
            yield self._record(shown, line, path=path, kind=kind)
        elif not (self.opened and shown[0] == _QUOTE):
            yield self._too_long(shown, line, first, path)
        return end is _End.WHOLE

    def _torn(self, path: str, end: _End) -> Generator[Record, None, bool]:
        """The value at pos, which is malformed or cut off, as far as that is seen at `at`."""
        start = self.pos
        damage = self._closing(start, self.at)
        sound = self.at if damage is None else abs(damage)
        if self.doubt is not None:
            sound = min(sound, max(self.doubt - self.base, start))
        # The lines up to here are looked at once more, as values of their own, but not again and again.
        self.strict = max(self.strict, self.base + self.at)
        if self._opens(start, sound) and self._next_run(start + 1, sound)[0] is not None:
            return (yield from self._open(path))
        yield self._bad(_MALFORMED, _CUT if end is _End.CUT else _MALFORMED, path)
        return False

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

    def _word(self, *, silent: bool = False) -> Generator[Record, None, bool]:
        """The number, literal or stray character at pos; if `silent` it is told only if it is neither."""
        while (end := _after(_WORD, self.buf, self.pos)) == len(self.buf) and end - self.pos <= SHOWN:
            if not self._more():
                break
        if end - self.pos > SHOWN:
            yield self._bad(_MALFORMED, _MALFORMED)
            return False
        stray = end == self.pos
        if stray or not (silent or self.opened):
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
            if char in (_NEWLINE, _SEPARATOR):
                if char == _SEPARATOR or self.quoted or self._begins_value():
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

    def _bad(self, why: str, why_at_end: str, path: str = "$") -> Record:
        """The record of the bad bytes from pos up to the next run on the line or the next line that begins a value."""
        line, start = self.line, self.base + self.pos
        shown, at_end = self._resynchronise()
        error = self._ended_because(why_at_end) if at_end else why
        kept = len(shown)
        shown = shown.rstrip()
        rest = self._rest(start, kept)
        return self._record(shown, line, error=error + rest, path=path)

    def _resynchronise(self) -> tuple[bytes, bool]:
        """Move to the next run on the line, to the newline before the next line that begins a value, or to the end.

        Returns what was passed over (its beginning, if that is more than a record may have) and whether the source
        ended. Within an array, `indent` becomes _OUTSIDE if the array is to be left: the line does not look like one
        of its elements or its end.
        """
        shown, size, first = bytearray(), 0, 1  # what begins at pos is what is bad

        def pass_over(end: int) -> None:
            nonlocal size
            size += end - self.pos
            if size <= self.limit:
                shown.extend(self.buf[self.pos : end])
            elif len(shown) != SHOWN:
                shown.extend(self.buf[self.pos : min(end, self.pos + SHOWN)])
                del shown[min(SHOWN, self.limit) :]
            self._advance(end)
            if self.pos > CHUNK:
                self._drop()

        while True:
            window, closed = self._stretch(first)
            run, tail = self._next_run(min(self.pos + first, window), window, closed=closed)
            if run is not None:
                pass_over(run)
                return bytes(shown), False
            pass_over(window if closed else max(tail, self.pos + 1))
            first = 0
            if self.pos == len(self.buf) and not self._more():
                self.indent = _OUTSIDE
                return bytes(shown), True
            if closed:
                first = 1
                while len(self.buf) - self.pos <= _PEEK and self._more():
                    pass
                if self.buf[self.pos] == _SEPARATOR:
                    self.indent = _OUTSIDE
                    return bytes(shown), False
                if self._resumes():
                    return bytes(shown), False

    def _stretch(self, first: int) -> tuple[int, bool]:
        """How far the line at pos goes, at most as far as a record may; whether that is its end."""
        searched = self.pos + first
        while (match := _BREAK.search(self.buf, searched)) is None:
            searched = max(len(self.buf), searched)
            if len(self.buf) - self.pos > self.limit:
                return self.pos + self.limit, False
            if not self._more():
                return len(self.buf), True
        end = match.start()
        return (end, True) if end - self.pos <= self.limit else (self.pos + self.limit, False)

    def _next_run(self, start: int, end: int, *, closed: bool = True) -> tuple[int | None, int]:
        """Where the first object between two indices begins that is a run or holds one; and how far was looked.

        With the end not closed, an object that goes on beyond it is looked at again with more at hand.
        """
        tries, spent = 0, 0
        while match := _OBJECT_BEGINS.search(self.buf, start, end):
            begin = match.start()
            close = self._closing(begin, end)
            if close is not None and close > 0:
                raw = bytes(self.buf[begin:close])
                members, sound = _decoded(raw)
                if sound and any(one.kind is None and not one.error for one in finder.found_in(raw, members=members)):
                    return begin, begin
                start = close if sound else begin + 1
                continue
            if close is None and not closed:
                return None, begin
            start = begin + 1
            tries, spent = tries + 1, spent + (end if close is None else -close) - begin
            if tries > _TRIES or spent > 4 * (end - self.pos) + _PROBE:
                break
        return None, end

    def _closing(self, start: int, end: int) -> int | None:
        """Where the object or array at `start` ends, the negative of where it is damaged; None: not before `end`."""
        stack, at = bytearray(), start
        end = min(end, len(self.buf))
        while at < end:
            char = self.buf[at]
            if char in b"{[":
                stack.append(_END if char == _OBJECT else _CLOSE)
                if len(stack) > wire.MAX_DEPTH:
                    return -at
            elif char in b"}]":
                if not stack or stack.pop() != char:
                    return -at
                if not stack:
                    return at + 1
            elif char == _QUOTE:
                string = _QUOTED.match(self.buf, at + 1, end)
                assert string is not None
                after = _after(_BLANK, self.buf, string.end() + 1)
                return None if string.end() >= end - 1 or after >= end else -at
            else:
                return -at
            at = _after(_SOUND, self.buf, at + 1, end)
        return None

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


def _after(pattern: re.Pattern[bytes], text: bytearray, start: int, end: int | None = None) -> int:
    """Where the match of `pattern` at `start` ends."""
    match = pattern.match(text, start, len(text) if end is None else end)
    return match.end() if match else start


def _decoded(raw: bytes) -> tuple[dict[str, msgspec.Raw] | None, bool]:
    """The members of an object; and whether the text is JSON."""
    try:
        if raw[:1] == b"{":
            return _members(raw), True
        msgspec.json.decode(raw, type=msgspec.Raw)
    except _NOT_JSON:
        return None, False
    return None, True
