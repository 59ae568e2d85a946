"""The buffered text of a source, and the ends of the values in it, whether complete, cut off or damaged.

This module makes no records. It never scans the same text repeatedly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto

import msgspec

from runstore import wire
from runstore.sources.unpacking import CHUNK
from runstore.wire import finder

KEPT = 16 << 20  # rejected bytes are kept in full up to this size, because two copies of them are held in memory
SHOWN = 64 << 10  # the number of bytes kept of a record that is too large
PROBE = 1 << 20  # the bytes examined to decide whether an incomplete value is a run
_MISSES = 16  # after this many consecutive wrong guesses about the end of a value, guessing stops
_PEEK = 256  # a line that begins a value is recognized within this many bytes
_TRIES = 1000  # after this many incomplete objects in a damaged line, the search stops

INTERRUPTED = "incomplete, because reading was interrupted"

# Placeholders for an indentation, different from any real one: outside an array; an element that shares its line.
OUTSIDE, INLINE = b"^", b"-"

# These expressions match long stretches of text at C speed and, being possessive, never backtrack. No match contains a
# record separator (RFC 7464), so any value that is open at one is cut off there.
_STRING = rb'"[^"\\\n\x1e]*+(?:\\[^\n\x1e][^"\\\n\x1e]*+)*+"'
_PLAIN = re.compile(  # stops at a character that matters
    rb'(?:[^"{}\[\]\n\x1e]++|' + _STRING + rb"|\n[ \t\r]*+(?=[^{\[#\x1e]))*+"
)
_QUOTED = re.compile(rb'(?:[^"\\\n\x1e]++|\\[^\n\x1e])*+')  # the rest of a string whose beginning has been consumed
# Text without brackets, as long as it can be JSON: a string must be followed by a comma, colon or bracket.
_SOUND = re.compile(rb"(?:[\s,:\w.+-]++|" + _STRING + rb"(?=\s*+[,:\]}]))*+")
_MARGIN = re.compile(rb"\n([ \t\r]*+)")
_BLANK = re.compile(rb"(?:[ \t\r\n\x1e]++|\xef\xbb\xbf)*+")  # byte order marks may occur between concatenated files
_BREAK = re.compile(rb"[\n\x1e]")
_START = re.compile(rb"(?:\xef\xbb\xbf)?([ \t]{0,200})(?:([{\[#\]])|(?:event|data|id|retry)?:)")
_KEY = re.compile(rb"(" + _STRING + rb")\s*+:")
_MEMBER = re.compile(rb"[\s,]*+(" + _STRING + rb")\s*+:\s*+(?:(" + _STRING + rb'|[^\s"{}\[\],:]++)|(?=[{\[]))')
_SCALAR = re.compile(_STRING + rb'|[^\s"{}\[\],:\x1e]++')
_OBJECT_BEGINS = re.compile(rb'\{(?=\s*+")')

_NEWLINE, QUOTE, HASH, COMMA, ARRAY, _BACKSLASH, CLOSE, OBJECT, END = b'\n"#,[\\]{}'
_SEPARATOR = 0x1E


members_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
NOT_JSON = finder.UNREADABLE


class End(Enum):
    """How a scan ended."""

    WHOLE = auto()  # after the value
    BAD = auto()  # at a newline that shows that the value is malformed
    CUT = auto()  # at the end of the input, within the value
    LONG = auto()  # within the value, past the limit


class Scanner:
    """Reads the text of one source; `pos` is the consumed part of `buf`, which `_more` extends.

    Indices into `buf` stay valid until `_drop`.
    """

    def __init__(self, chunks: Iterator[bytes], limit: int, line: int) -> None:
        self.chunks, self.limit, self.line = chunks, limit, line
        self.buf = bytearray()
        self.pos = 0
        self.base = 0  # bytes dropped from the beginning of buf
        self.ended = False
        self.failure: str | None = None  # the reason why the source ended early, until it is reported
        self.interrupt: KeyboardInterrupt | None = None  # came while waiting for text; what is complete is still read
        self.margin: bytes | None = b""  # whitespace before pos on its line; None if other text precedes pos
        self.indent = OUTSIDE  # within an array: the margin of its elements
        self.strict = 0  # before this offset in the source, a line that begins a value ends a bad value
        self.misses = 0  # consecutive wrong guesses
        self.at, self.depth, self.quoted = 0, 0, False  # state of the scanner
        self.dropped = CLOSE  # the last character before pos, other than whitespace, of the value that contains pos
        # The first line of that value that could also begin a value, as an offset like `strict`; None if there is none.
        self.doubt: int | None = None

    def _more(self) -> bool:
        """Append a chunk to the buffer. Return False at the end of the source, or if the user interrupts the wait."""
        if not self.ended:
            try:
                for chunk in self.chunks:
                    if chunk:
                        self.buf += chunk
                        return True
            except OSError as error:
                self.failure = str(error)
            except KeyboardInterrupt as error:
                self.failure, self.interrupt = INTERRUPTED, error
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
        """Skip whitespace, tracking line numbers and indentation. Return False at the end of the source."""
        while True:
            end = after(_BLANK, self.buf, self.pos)
            if end == self.pos + 1 and self.buf[self.pos] == _NEWLINE:  # by far the most frequent case
                self.line, self.pos, self.margin = self.line + 1, end, b""
            elif end > self.pos:
                newline, before = self.buf.rfind(b"\n", self.pos, end), self.margin
                first = self.pos if newline < 0 else newline + 1
                tail = bytes(self.buf[first : min(end, first + 2 * _PEEK)])  # avoids copying many MiB of spaces
                tail = tail.replace(b"\xef\xbb\xbf", b"").replace(b"\x1e", b"")
                self._advance(end)
                self.margin = tail[:_PEEK] if newline >= 0 else None if before is None else (before + tail)[:_PEEK]
            if self.pos > CHUNK or self.pos == len(self.buf):
                self._drop()
            if len(self.buf) - self.pos >= 3 or (self.buf and self.buf[self.pos] != 0xEF):
                return True
            if not self._more():
                return bool(self.buf)

    def _line_end(self, limit: int) -> int:
        """Return the end of the line at pos (its newline or the end of the source), or -1 if it exceeds `limit`."""
        start = self.pos
        while (end := self.buf.find(b"\n", start)) < 0:
            start = len(self.buf)
            if start - self.pos > limit:
                break
            if not self._more():
                end = start
                break
        return end if end - self.pos <= limit else -1

    def _ended_because(self, default: str) -> str:
        """Return the reason for the unexpected end: the failure of the source, once, or else the default."""
        why, self.failure = self.failure or default, None
        return why

    def _skip_line(self) -> None:
        while (end := self._line_end(CHUNK)) < 0:
            self._advance(len(self.buf))
            self._drop()
        self._advance(end)

    def _key(self) -> str | None:
        """Consume the member name at pos and its colon, and return the name; None if there is none."""
        while (match := _KEY.match(self.buf, self.pos)) is None or match.end() == len(self.buf):
            if len(self.buf) - self.pos > SHOWN or not self._more():
                break
        name = finder.text(match[1]) if match else None
        if match and name is not None:
            self._advance(match.end())
        return name

    def _scalar(self) -> bytes:
        """Return the scalar at pos if it is short, else the first byte of the value."""
        while (match := _SCALAR.match(self.buf, self.pos)) is None or match.end() == len(self.buf):
            if len(self.buf) - self.pos > _PEEK or not self._more():
                break
        return match[0] if match and match.end() - self.pos <= _PEEK else bytes(self.buf[self.pos : self.pos + 1])

    def _signs(self, start: int, end: int) -> dict[str, bytes]:
        """Return the short members of the object at `start` that help to decide whether it is a run.

        One more entry stands for all members that runs do not have; it records whether they seem to contain a run.
        """
        signs: dict[str, bytes] = {}
        at, end = start + 1, min(end, start + PROBE)
        while match := _MEMBER.match(self.buf, at, end):
            name, begin = finder.text(match[1]), match.end() if match[2] is None else match.start(2)
            at = match.end()
            if match[2] is None:
                close = self._closing(at, end)
                at = end if close is None or close < 0 else close
            if name in finder.SIGNS:
                signs[name] = match[2] or b"{"
            if name not in finder.SETTLED and signs.get(finder.OTHER) != finder.HOLDS_A_RUN:
                held = finder.seems_to_hold_run(bytes(memoryview(self.buf)[begin:at]))
                signs[finder.OTHER] = finder.HOLDS_A_RUN if held else b"{"
        return signs

    def _guess(self, limit: int) -> tuple[bytes, dict[str, msgspec.Raw]]:
        """Consume the object that begins the line, if it is valid and ends at a likely position.

        This is the end of the line, or the closing brace at the start of the next line with the same indentation.
        Return the object (empty if the guess is wrong) and its members. This is much faster than scanning. It does not
        wait for the end of the line, because a complete run in a pipe must not wait for it either.
        """
        start, margin, raw, several = self.pos, self.margin or b"", b"", False
        if (end := self.buf.find(b"\n", start, start + limit + 1)) > 0:
            raw = bytes(self.buf[start:end]).rstrip(b", \t\r")
            several = not raw.endswith(b"}")
        if several:
            raw, closing = b"", b"\n" + margin + b"}"
            if self.misses < _MISSES and (end := self.buf.find(closing, end, start + min(limit, CHUNK))) > 0:
                raw = bytes(self.buf[start : end + len(closing)])
            self.misses += 1
        try:
            members = members_of(raw)
        except NOT_JSON:
            return b"", {}
        if several:
            self.misses = 0
            self._advance(start + len(raw))
        else:
            self.pos, self.margin = start + len(raw), None
        return raw, members

    def _scan(self, limit: int | None) -> End:
        """Move `at` to the end of the value that contains it.

        Without a limit, the scanned text is consumed and dropped up to the doubtful line: if the value turns out to be
        malformed, that line is examined again.
        """
        buf = self.buf
        while True:
            self.at = at = after(_QUOTED if self.quoted else _PLAIN, buf, self.at)
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
                    return End.LONG
                if not self._more():
                    self.at = len(buf)
                    return End.CUT
                continue
            if char in (_NEWLINE, _SEPARATOR):
                if char == _SEPARATOR or self.quoted or self._begins_value():
                    return End.BAD
                continue
            self.at += 1
            if char == QUOTE:  # ends a string, or opens one that continues past the buffer or the line
                self.quoted = not self.quoted
            elif char in b"{[":
                self.depth += 1
            elif char in b"}]":
                self.depth -= 1
            if self.depth <= 0 and not self.quoted:
                return End.WHOLE

    def _doubted(self) -> int | None:
        """Return the index of the doubtful line, or None if it is farther back than the maximum size of a record."""
        index = None if self.doubt is None else self.doubt - self.base
        return None if index is None or self.at - index > self.limit else index

    def _begins_value(self) -> bool:
        """Return whether the line after the newline at `at` begins a value that is not part of the scanned one.

        If it does not, move `at` to the first character of the line that is not whitespace.
        """
        buf = self.buf
        while (end := after(_MARGIN, buf, self.at)) == len(buf) and end - self.at <= _PEEK and self._more():
            pass
        margin = bytes(buf[self.at + 1 : min(end, self.at + _PEEK)])
        if end < len(buf) and end - self.at <= _PEEK and buf[end] in b"{[#" and margin in (b"", self.indent):
            if buf[end] == HASH or self.base + self.at < self.strict:
                return True
            if self._before(self.at) not in b"[,:":
                return True
            if self._doubted() is None:
                self.doubt = self.base + self.at
        self.at = end
        return False

    def _before(self, end: int) -> int:
        """Return the last character before index `end` that is not whitespace."""
        while end > self.pos:
            if text := self.buf[max(self.pos, end - _PEEK) : end].rstrip():
                return text[-1]
            end -= _PEEK
        return self.dropped

    def _resynchronise(self) -> tuple[bytes, bool]:
        """Move to the next run on the line, to the newline before the next line that begins a value, or to the end.

        Return the skipped bytes (only the first ones if they exceed the size of a record) and whether the source ended.
        Within an array, `indent` becomes OUTSIDE if the array must be left, because the line looks neither like one of
        its elements nor like its end.
        """
        shown, size, first = bytearray(), 0, 1  # the byte at pos is known to be bad

        def pass_over(end: int) -> None:
            nonlocal size
            size += end - self.pos
            if size <= min(self.limit, KEPT):
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
                self.indent = OUTSIDE
                return bytes(shown), True
            if closed:
                first = 1
                while len(self.buf) - self.pos <= _PEEK and self._more():
                    pass
                if self.buf[self.pos] == _SEPARATOR:
                    self.indent = OUTSIDE
                    return bytes(shown), False
                if self._resumes():
                    return bytes(shown), False

    def _stretch(self, first: int) -> tuple[int, bool]:
        """Return the end of the line at pos, at most the size of a record away, and whether it really ends there."""
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
        """Return the index of the first object between two indices that is or contains a run, and the examined end.

        If the end is not closed, an object that continues past it is examined again when more text is available.
        """
        tries, spent = 0, 0
        while match := _OBJECT_BEGINS.search(self.buf, start, end):
            begin = match.start()
            close = self._closing(begin, end)
            if close is not None and close > 0:
                raw = bytes(self.buf[begin:close])
                members, sound = taken(raw)
                if sound and any(one.kind is None and not one.error for one in finder.found_in(raw, members=members)):
                    return begin, begin
                start = close if sound else begin + 1
                continue
            if close is None and not closed:
                return None, begin
            start = begin + 1
            tries, spent = tries + 1, spent + (end if close is None else -close) - begin
            if tries > _TRIES or spent > 4 * (end - self.pos) + PROBE:
                break
        return None, end

    def _closing(self, start: int, end: int) -> int | None:
        """Return the end of the object or array at `start`, minus the index of its damage, or None if past `end`."""
        stack, at = bytearray(), start
        end = min(end, len(self.buf))
        while at < end:
            char = self.buf[at]
            if char in b"{[":
                stack.append(END if char == OBJECT else CLOSE)
                if len(stack) > wire.MAX_DEPTH:
                    return -at
            elif char in b"}]":
                if not stack or stack.pop() != char:
                    return -at
                if not stack:
                    return at + 1
            elif char == QUOTE:
                string = _QUOTED.match(self.buf, at + 1, end)
                assert string is not None
                following = after(_BLANK, self.buf, string.end() + 1)
                return None if string.end() >= end - 1 or following >= end else -at
            else:
                return -at
            at = after(_SOUND, self.buf, at + 1, end)
        return None

    def _resumes(self) -> bool:
        """Return whether reading can continue at the line after the newline at pos."""
        match = _START.match(self.buf, self.pos + 1)
        if not match:
            return False
        margin, first = match[1], match[2]
        if first == b"]":
            return self.indent != OUTSIDE and (len(margin) < len(self.indent) or margin == self.indent)
        if self.indent != OUTSIDE and margin == self.indent and first in (b"{", b"["):
            return True
        if margin == b"":
            self.indent = OUTSIDE
            return True
        return False


def after(pattern: re.Pattern[bytes], text: bytearray, start: int, end: int | None = None) -> int:
    """Return the end of the match of `pattern` at `start`."""
    match = pattern.match(text, start, len(text) if end is None else end)
    return match.end() if match else start


def taken(raw: bytes) -> tuple[dict[str, msgspec.Raw] | None, bool]:
    """Return the members of an object (None for other values), and whether the text is JSON."""
    try:
        if raw[:1] == b"{":
            return members_of(raw), True
        msgspec.json.decode(raw, type=msgspec.Raw)
    except NOT_JSON:
        return None, False
    return None, True
