"""Split the text of one source into records.

The format is detected value by value, so one source may mix formats. For bytes that cannot be read, a :class:`Record`
is made whose ``error`` gives the reason, and reading continues at the next line that begins a value. Memory use is
bounded by the largest record, not by the input; the same text is never scanned repeatedly.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import msgspec

from runstore import wire
from runstore.sources.scanner import (
    ARRAY,
    CLOSE,
    COMMA,
    END,
    HASH,
    INLINE,
    NOT_JSON,
    OBJECT,
    OUTSIDE,
    PROBE,
    QUOTE,
    SHOWN,
    End,
    Scanner,
    after,
    members_of,
    taken,
)
from runstore.sources.unpacking import CHUNK
from runstore.wire import finder

_CUT = "JSON is cut off: the input ends in the middle of a value"
_FIELD = re.compile(rb"(?:event|data|id|retry)?:")
_MALFORMED = "JSON is malformed or cut off"
_OUTCOMES = ("completed", "failed", "cancelled", "expired", "incomplete", "requires_action")
_LAST_EVENTS = frozenset(f"thread.run.{outcome}" for outcome in _OUTCOMES)  # after these the server waits or is done
_UNKNOWN = "neither JSON nor server-sent events"
_WHOLE = 8 << 20  # a value up to this size is searched as a whole, a larger one only if it has few members
_WORD = re.compile(rb'[^\s",\[\]{}\x1e]++')


@dataclass(slots=True)
class Record:
    """One record as it was in its source, or (with `error`) bytes that could not be read."""

    raw: bytes  # the JSON text or the bad bytes, unchanged; `error` states where the rest is if there are many
    where: str  # source, 1-based line of the record's start, and path within its value: "dump.jsonl:12 $.data[3]"
    observed_at: int  # microseconds since the Unix epoch; one more for each further record of a source
    event: str | None = None  # name of the server-sent event that carried it
    error: str | None = None  # what is wrong with the source at this place
    # The object's members as raw texts, if splitting had to decode them, so that mapping need not do it again.
    members: dict[str, msgspec.Raw] | None = field(default=None, compare=False, repr=False)
    kind: str | None = None  # the kind of a record that neither is nor contains a run


class Splitter(Scanner):
    """Makes the records of one source; a clock supplies their times."""

    def __init__(
        self,
        chunks: Iterator[bytes],
        name: str,
        clock: Iterator[int],
        limit: int,
        line: int = 1,
        event: str | None = None,
        *,
        exported: bool = False,
    ) -> None:
        super().__init__(chunks, limit, line)
        self.exported = exported  # each object is a record, whether or not it is marked as a run
        self.name, self.clock, self.event = name, clock, event
        self.opened = 0  # values around pos that are read member by member
        self.made = 0  # records so far
        self.marked = 0  # records so far that are marked as runs, within such values
        self.streams = False  # events of a run have been read, but not its last one

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
        self.made += 1
        if self.opened and kind is None and members is not None:
            self.marked += finder.says_it_is_run(members)
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
        """Yield the records of one value: the value if it is a run or contains none, else the runs in it."""
        event = event or self.event
        if self.exported and raw[:1] == b"{":
            yield self._record(raw, line, event, members=members, path=path)
            return
        for one in finder.found_in(raw, path, event, members):
            if (
                self.opened
                and one.path == path
                and (one.raw[:1] != b"{" or (one.kind or "").startswith(finder.NAMELESS))
            ):
                continue  # if nothing is found in the surrounding value, that is reported instead
            yield self._record(
                one.raw, line + one.line, one.event, one.error, members=one.members, path=one.path, kind=one.kind
            )

    def _too_long(self, raw: bytes, line: int, start: int, path: str = "$") -> Record:
        """Return the record for a value that exceeds the size limit and ends at pos."""
        size = f"{self.limit >> 20} MiB" if self.limit >= 1 << 20 else f"{self.limit} bytes"
        return self._record(raw, line, error=f"record larger than {size}{self._rest(start, len(raw))}", path=path)

    def _rest(self, start: int, kept: int) -> str:
        """Return the location of the bytes from offset `start` of the source to pos, if not all of them are kept."""
        end = self.base + self.pos
        return (
            "" if end - start <= kept else f"; bytes {start} to {end} of the text, of which the first {kept} are kept"
        )

    # --- values at the top level ----------------------------------------------------------------------------------

    def records(self) -> Iterator[Record]:
        """Yield all records of the source."""
        while self._blank():
            first = self.buf[self.pos]
            if first == OBJECT:
                yield from self._lines()
                if self.pos < len(self.buf) and self.buf[self.pos] == OBJECT:
                    yield from self._value("$")
            elif first == ARRAY:
                yield from self._array("$")
            elif first == HASH:
                self._skip_line()
            elif first == COMMA:  # the line was copied from an array
                self._advance(self.pos + 1)
            else:
                yield from self._line()
        if self.failure:
            yield self._record(b"", self.line, error=self._ended_because(""))

    def _lines(self) -> Iterator[Record]:
        """Yield the objects from pos on that are complete lines of the buffer, by far the most frequent form.

        Stop at anything else, which needs closer examination.
        """
        buf, longest = self.buf, min(_WHOLE, self.limit)
        while self.margin == b"":
            start, end = self.pos, self.buf.find(b"\n", self.pos)
            if not start < end <= start + longest or buf[start] != OBJECT or buf[end - 1] != END:
                return
            raw = bytes(memoryview(buf)[start:end])  # one copy; slicing the buffer would make another
            try:
                members = members_of(raw)
            except NOT_JSON:
                return
            line, self.line, self.pos = self.line, self.line + 1, end + 1
            if self.exported or finder.is_run(members, self.event):
                yield self._record(raw, line, members=members)
            else:
                yield from self._found(raw, line, "$")

    def _line(self) -> Iterator[Record]:
        """Yield the records of text that is neither object nor array: an event, a JSON scalar or garbage."""
        while len(self.buf) - self.pos < 8 and self._more():
            pass
        if self.margin is not None and _FIELD.match(self.buf, self.pos):
            yield from self._server_sent()
            return
        quoted = self.buf[self.pos] == QUOTE  # JSON in JSON, of any size
        if (end := self._line_end(self.limit if quoted else min(CHUNK, self.limit))) > 0:
            raw = bytes(self.buf[self.pos : end]).rstrip()
            try:
                msgspec.json.decode(raw)
            except NOT_JSON:
                pass
            else:
                line = self.line
                self._advance(end)
                yield from self._found(raw, line, "$")
                return
        yield self._bad(_UNKNOWN, _UNKNOWN)

    def _server_sent(self) -> Iterator[Record]:
        """Yield the records of the server-sent event whose first line is at pos."""
        parts: list[bytes] = []
        name, size, start = None, 0, self.line
        while self.pos < len(self.buf) or self._more():
            if (end := self._line_end(self.limit)) < 0:
                shown, first, line = bytes(self.buf[self.pos : self.pos + SHOWN]), self.base + self.pos, self.line
                self._skip_line()
                yield self._too_long(shown[: self.limit], line, first)
                self._advance(min(self.pos + 1, len(self.buf)))
                size = self.limit + 1  # already reported: keep nothing more of this event
                continue
            carriage = self.buf.find(b"\r", self.pos, end)
            if carriage >= 0 and bytes(self.buf[carriage:end]) != b"\r":
                end = carriage  # the standard allows it as the end of a line by itself
            text = bytes(self.buf[self.pos : end]).rstrip()
            if not text or text[0] in b"{[#\xef\x1e":  # may begin a value, possibly after a byte order mark
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
            elif field not in (b"id", b"retry", b""):  # a line with an empty field name is a comment
                yield self._record(text, self.line, error=_UNKNOWN)
            self._advance(min(end + 1, len(self.buf)))
            self.margin = b""
            if self.pos > CHUNK:
                self._drop()
        data = b"\n".join(parts).strip()
        if size > self.limit or not data:
            return
        if name is not None and name.startswith("thread."):
            self.streams = name not in _LAST_EVENTS
        if data == b"[DONE]" or name == "done":
            self.streams = False
            yield self._record(data, start, "done", kind="done event")
        elif data[0] == ARRAY:
            yield from self._inner(data, start, name).records()
        else:
            reader = self._inner(data, start, name)
            members, sound = taken(data)
            if sound:
                yield from reader._found(data, start, "$", members=members)
            elif data[0] == OBJECT and reader._next_run(0, len(data))[0] is not None:
                yield from reader.records()
            else:
                error = self._ended_because("") if self.pos == len(self.buf) else ""
                yield self._record(data, start, name, error or None)

    def _inner(self, text: bytes, line: int, event: str | None) -> Splitter:
        reader = Splitter(iter(()), self.name, self.clock, self.limit, line, event)
        reader.buf += text
        reader.ended = True
        return reader

    # --- arrays and objects that are read in parts --------------------------------------------------------------------

    def _array(self, path: str) -> Generator[Record, None, bool]:
        """Yield the records of the elements of the array at pos; return whether its end was found."""
        opened, position = self.line, -1
        due = True  # an element may follow, because the array has just begun or a comma came last
        self.indent = INLINE
        self._advance(self.pos + 1)
        while self._blank():
            first = self.buf[self.pos]
            if first == CLOSE:  # accept a trailing comma
                self._advance(self.pos + 1)
                self.indent = OUTSIDE
                return True
            if first == COMMA:
                due = True
                self._advance(self.pos + 1)
                continue
            # A line that begins with something other than an element of this array: the array was cut off.
            if self.margin is not None and (first == HASH or (not due and self.margin == b"" != self.indent)):
                break
            self.indent = own = INLINE if self.margin is None else self.margin
            position += 1
            due = not (yield from self._value(f"{path}[{position}]"))
            if self.indent == OUTSIDE and due:
                return False
            self.indent = own
        self.indent = OUTSIDE
        error = self._ended_because(f"array opened on line {opened} is not closed")
        yield self._record(b"", self.line, error=error, path=path)
        return False

    def _object(self, path: str) -> Generator[Record, None, bool]:
        """Yield the records found in the object at pos, which is too large or too damaged to be decoded.

        Return whether its end was found.
        """
        opened, start, made, event = self.line, self.base + self.pos, self.made, self.event
        signs: dict[str, bytes] = {}
        self._advance(self.pos + 1)
        self.opened += 1
        whole = broken = False
        while self._blank():
            first = self.buf[self.pos]
            if first == END:
                self._advance(self.pos + 1)
                whole = True
                break
            if first == COMMA or (broken and first == CLOSE):
                self._advance(self.pos + 1)
                continue
            if self.margin == b"" and first in b"{[#":
                self.indent = OUTSIDE
                break
            place, others, marked = path, False, self.marked
            if first == QUOTE and (key := self._key()) is not None:
                place = wire.join(path, key)
                if not self._blank():
                    break
                first = self.buf[self.pos]
                if key in finder.SIGNS:
                    signs[key] = raw = self._scalar()
                    if key == "event":
                        self.event = finder.text(raw) or event
                if key not in finder.DOCUMENTED:
                    others = True
                    signs.setdefault(finder.OTHER, b"{")
            elif first not in b"{[":
                yield self._bad(_MALFORMED, _CUT, path)
                broken = True
                if self.indent == OUTSIDE:
                    break
                continue
            if first in b'{["':
                self.indent = INLINE
                if not (yield from self._value(place)):
                    broken = True
                    if self.indent == OUTSIDE:
                        break
            elif after(_WORD, self.buf, self.pos) > self.pos or self._more():
                yield from self._word(silent=True)
            if others and self.marked > marked:
                signs[finder.OTHER] = finder.HOLDS_A_RUN
        self.opened -= 1
        self.event = event
        if whole and finder.is_run(signs, event):
            yield self._too_long(b"", opened, start, path)
        elif whole and self.made == made and not self.opened:
            yield self._record(b"", opened, path=path, kind=finder.kind_of(signs, event))
        elif not whole and not broken:
            error = self._ended_because(f"object opened on line {opened} is not closed")
            yield self._record(b"", self.line, error=error, path=path)
        return whole

    # --- one value --------------------------------------------------------------------------------------------------

    def _value(self, path: str) -> Generator[Record, None, bool]:
        """Yield the records of the value at pos, which may be incomplete or invalid; return whether it is complete."""
        line, start = self.line, self.pos
        if self.margin is not None and self.buf[start] == OBJECT:
            raw, members = self._guess(min(_WHOLE, self.limit))
            if raw:
                yield from self._found(raw, line, path, members=members)
                return True
        if self.buf[start] not in b'{["':
            return (yield from self._word())
        self.at, self.depth, self.quoted, self.doubt = start, 0, False, None
        if self.buf[start] == QUOTE:
            self.at, self.quoted = start + 1, True
        end = self._scan(min(_WHOLE, self.limit))
        if end is End.LONG:
            if self._holds_others(start):  # its length makes no difference
                return (yield from self._long(path, end))
            end = self._scan(self.limit)
        size = self.at - start
        if size > self.limit:
            return (yield from self._long(path, end))
        if end is not End.WHOLE:
            return (yield from self._torn(path, end))
        if size > _WHOLE and self.buf.count(b",", start, self.at) >= wire.MAX_VALUES and self._opens(start, self.at):
            return (yield from self._open(path))
        raw = bytes(memoryview(self.buf)[start : self.at])  # copies a large value once rather than twice
        decoded, sound = taken(raw)
        if not sound and self._next_run(start + 1, self.at)[0] is not None:
            return (yield from self._torn(path, End.BAD))  # quotes are missing, so it includes other objects
        self._advance(self.at)
        if size > _WHOLE:
            self._drop()  # a large value is held once rather than twice
        if sound:
            yield from self._found(raw, line, path, members=decoded)
        else:  # passed on, so that the mapping reports the reason
            yield self._record(raw, line, path=path)
        return True

    def _open(self, path: str) -> Generator[Record, None, bool]:
        return (yield from (self._object(path) if self.buf[self.pos] == OBJECT else self._array(path)))

    def _holds_others(self, start: int) -> bool:
        """Return whether a large value at `start` will surely be read in parts, because it is an array or a page."""
        named = self.buf[start] == ARRAY or finder.text(self._signs(start, self.at).get("object", b""))
        return bool(named) and self._opens(start, self.at)

    def _opens(self, start: int, end: int) -> bool:
        """Return whether the value at `start`, available up to `end`, is not a run but may contain runs."""
        if self.opened >= wire.MAX_DEPTH or self.buf[start] == QUOTE:
            return False
        if self.buf[start] == ARRAY:
            return True
        if self.exported:
            return False
        signs = self._signs(start, end)
        return not finder.is_run(signs, self.event) and finder.leaf(signs) is None

    def _long(self, path: str, end: End) -> Generator[Record, None, bool]:
        """Yield the records of the value at pos, which exceeds the size limit; `at` is within it or at its end."""
        line, start = self.line, self.pos
        opens = self._opens(start, start + self.limit)
        # When a value is read in parts, the parts reveal damage, except for a quote that is missing early on.
        seen = start + (min(PROBE, self.limit) if opens else self.limit)
        closing = self._closing(start, seen)
        if closing is not None and closing < 0 and -closing < seen:
            self.at = min(self.at, start + self.limit)
            return (yield from self._torn(path, End.BAD))
        if opens:
            return (yield from self._open(path))
        shown, first = bytes(self.buf[start : start + min(SHOWN, self.limit)]), self.base + start
        kind = finder.leaf(self._signs(start, start + self.limit)) if shown[0] == OBJECT else None
        if end is End.LONG:
            end = self._scan(None)
        doubted = None if end is End.WHOLE else self._doubted()
        if doubted is not None:
            self.strict = max(self.strict, self.base + self.at)
        self._advance(self.at if doubted is None else doubted)
        if end is End.BAD or doubted is not None:
            self._resynchronise()
        if kind is not None:
            if not (self.opened and kind == finder.OF_A_CHAT):
                yield self._record(shown, line, path=path, kind=kind)
        elif not (self.opened and shown[0] == QUOTE):
            yield self._too_long(shown, line, first, path)
        return end is End.WHOLE

    def _torn(self, path: str, end: End) -> Generator[Record, None, bool]:
        """Yield the records of the value at pos, which proved to be malformed or cut off before `at`."""
        start = self.pos
        damage = self._closing(start, self.at)
        sound = self.at if damage is None else abs(damage)
        if self.doubt is not None:
            sound = min(sound, max(self.doubt - self.base, start))
        # The lines up to here are examined once more, as separate values, but only once.
        self.strict = max(self.strict, self.base + self.at)
        if self._opens(start, sound) and self._next_run(start + 1, sound)[0] is not None:
            return (yield from self._open(path))
        yield self._bad(_MALFORMED, _CUT if end is End.CUT else _MALFORMED, path)
        return False

    def _word(self, *, silent: bool = False) -> Generator[Record, None, bool]:
        """Yield the number, literal or stray character at pos; if `silent`, yield only a stray character."""
        while (end := after(_WORD, self.buf, self.pos)) == len(self.buf) and end - self.pos <= SHOWN:
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

    # --- bad parts ----------------------------------------------------------------------------------------------------

    def _bad(self, why: str, why_at_end: str, path: str = "$") -> Record:
        """Return the record of the bad bytes from pos to the next run on the line or the next line with a value."""
        line, start = self.line, self.base + self.pos
        shown, at_end = self._resynchronise()
        error = self._ended_because(why_at_end) if at_end else why
        kept = len(shown)
        shown = shown.rstrip()
        rest = self._rest(start, kept)
        return self._record(shown, line, error=error + rest, path=path)
