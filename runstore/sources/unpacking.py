"""The text of a stream: decompressed, extracted from zip archives and in UTF-8, in chunks to bound memory use.

For formats that the standard library cannot read, the error states which command to use. Every failure is an OSError
with the reason, raised after the last good byte.
"""

from __future__ import annotations

import bz2
import codecs
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from typing import IO, BinaryIO

CHUNK = 256 << 10
"""Bytes read from a file at a time. Larger chunks would leave the processor's cache before they are used."""

_SMALL = 64 << 10
"""Compressed bytes read from a file at a time."""

_HEAD = 6
"""Bytes needed to recognize the format of a stream."""

_SAMPLE = 32
"""Bytes needed to detect the width of characters if there is no byte order mark."""

_XZ_MEMORY = 256 << 20
"""The maximum size of the dictionary of an xz file, in bytes; the largest standard preset needs 65 MiB."""

_GZIP, _BZIP2, _XZ, _ZIP = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"PK\x03\x04"
_PACKED = {_GZIP: ("gzip", "gzip -dc"), _BZIP2: ("bzip2", "bzip2 -dc"), _XZ: ("xz", "xz -dc")}
"""The supported formats by their first bytes, and the command that decompresses each to standard output."""

_GZIP_WRAPPED, _RAW_DEFLATE = 31, -15
"""What surrounds a deflate stream, as the *wbits* of zlib."""

_ZIP_LENGTHS_AT = 26
"""Where the header of a file in a zip archive has the lengths of its name and its extra field, which end it."""

_TAR, _TAR_AT = b"ustar", 257
_FOREIGN = {
    b"\x28\xb5\x2f\xfd": ("Zstandard", "zstd -dc"),
    b"\x04\x22\x4d\x18": ("LZ4", "lz4 -dc"),
    b"7z\xbc\xaf\x27\x1c": ("7-Zip", "7z x -so"),
    b"Rar!\x1a\x07": ("RAR", "unrar p -inul"),
    b"\x1f\x9d": ("compress", "uncompress -c"),
}
"""The unsupported formats by their first bytes, and the command that decompresses each to standard output."""

_NAMES = {magic: name for magic, (name, _) in (_PACKED | _FOREIGN).items()} | {_ZIP: "zip"}

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FAILURES = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError)
"""The exceptions other than OSError that the standard library raises for damaged or encrypted data."""

Read = Callable[[], bytes]
Progress = Callable[[int], None]


def texts(stream: BinaryIO, name: str, progress: Progress) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield the name and UTF-8 text of each document in a stream: the stream itself, or the files of a zip archive.

    *progress* is called with the number of bytes read since its last call. Read each text before taking the next one.
    """
    # Return the bytes that a pipe holds now; do not wait for a whole chunk.
    read_some = getattr(stream, "read1", stream.read)

    def read(size: int = _SMALL) -> bytes:
        data = read_some(size) or b""
        if data:
            progress(len(data))
        return data

    head, failure = b"", None
    try:
        while len(head) < _HEAD and (data := read()):
            head += data
    except OSError as error:
        failure = error
    if failure is not None:
        yield name, _failing(head, failure)
    elif head.startswith(_ZIP):
        yield from _zipped(stream, name, progress, len(head))
    else:
        yield name, _text(head, read, lambda: read(CHUNK))


def _failing(data: bytes, failure: BaseException) -> Iterator[bytes]:
    yield data
    raise failure


def _zipped(stream: BinaryIO, name: str, progress: Progress, read: int) -> Iterator[tuple[str, Iterator[bytes]]]:
    if not stream.seekable():
        error = "zip archives cannot be read from a pipe; use: unzip -p FILE | runstore import -"
        yield name, _failing(b"", OSError(error))
        return
    try:
        archive = zipfile.ZipFile(stream)
    except _FAILURES as error:
        yield name, _failing(b"", OSError(f"the zip archive is damaged ({error})"))
        return
    with archive:
        for entry in archive.infolist():
            if not entry.is_dir() and not entry.filename.startswith("__MACOSX/"):
                yield f"{name}/{entry.filename}", _entry(stream, archive, entry)
                progress(entry.compress_size)
    progress(-read)  # the first bytes were counted twice


def _entry(stream: BinaryIO, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    chunks = filter(None, _extracted(stream, archive, entry))
    head = b""
    while len(head) < _HEAD and (data := next(chunks, b"")):
        head += data
    if head.startswith(_ZIP):
        raise OSError("zip archives within zip archives are not supported; extract the inner one first")
    yield from _text(head, lambda: next(chunks, b""), lambda: next(chunks, b""))


def _extracted(stream: BinaryIO, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the content of a file of a zip archive up to its end or its damage, and check it at the end.

    *zipfile* would discard the last bytes before the damage, which may be the whole file.
    """
    checksum = size = 0
    try:
        with archive.open(entry) as file:  # raises an exception if the file is encrypted or its header is damaged
            for chunk in _entry_data(stream, file, entry):
                checksum, size = zlib.crc32(chunk, checksum), size + len(chunk)
                yield chunk
        if (checksum, size) != (entry.CRC, entry.file_size):
            raise zipfile.BadZipFile("its checksum does not match its content")
    except _FAILURES as error:
        reason = str(error) or "the data ends too early"
        raise OSError(f"this file of the zip archive cannot be extracted completely ({reason})") from error


def _entry_data(stream: BinaryIO, file: IO[bytes], entry: zipfile.ZipInfo) -> Iterator[bytes]:
    if entry.compress_type == zipfile.ZIP_LZMA:  # only *zipfile* can read its header
        yield from iter(lambda: file.read(CHUNK), b"")
        return
    stream.seek(entry.header_offset + _ZIP_LENGTHS_AT)
    lengths = struct.unpack("<HH", stream.read(4))
    stream.seek(sum(lengths), os.SEEK_CUR)
    left = entry.compress_size

    def read() -> bytes:
        nonlocal left
        data = stream.read(min(left, _SMALL))
        left -= len(data)
        return data

    if entry.compress_type == zipfile.ZIP_DEFLATED:
        yield from _inflated(b"", read, _RAW_DEFLATE)
    elif entry.compress_type == zipfile.ZIP_BZIP2:
        yield from _decompressed(read(), read)
    else:
        yield from iter(read, b"")


def _text(head: bytes, read: Read, read_much: Read) -> Iterator[bytes]:
    """Yield the text that begins with *head* and continues with the results of *read*, in UTF-8."""
    for magic, (form, command) in _FOREIGN.items():
        if head.startswith(magic):
            raise OSError(f"{form} compression is not supported; use: {command} FILE | runstore import -")
    if head.startswith((_GZIP, _BZIP2, _XZ)):
        yield from _in_utf8(_no_archive(_unpacked(head, read), head))
    else:
        yield from _in_utf8(_no_archive(_plain(head, read_much), b""))


def _no_archive(chunks: Iterator[bytes], packed: bytes) -> Iterator[bytes]:
    """Yield the text unchanged. Raise OSError for a tar archive, and for data compressed twice (if *packed* is set)."""
    head = b""
    failure: BaseException | None = None
    try:
        for chunk in chunks:
            head += chunk
            if _shows_what_it_is(head):
                break
    except (OSError, KeyboardInterrupt) as error:
        failure = error
    if head[_TAR_AT:].startswith(_TAR):
        raise OSError("tar archives are not supported; use: tar -xOf FILE | runstore import -")
    inner = next((magic for magic in _NAMES if packed and head.startswith(magic)), None)
    if inner is not None:
        outer, command = next(names for magic, names in _PACKED.items() if packed.startswith(magic))
        raise OSError(
            f"data compressed twice (first {_NAMES[inner]}, then {outer}) is not supported; use: "
            f"{command} FILE > UNPACKED && runstore import UNPACKED"
        )
    yield head
    if failure is not None:
        raise failure
    yield from chunks


def _shows_what_it_is(head: bytes) -> bool:
    """Return whether this suffices to rule out a tar archive, which begins with a file name. JSON is not waited for."""
    begin = head.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r")
    return len(head) >= _TAR_AT + len(_TAR) or begin.startswith((b"{", b"[", b'"', b"#")) or b"\n" in head


def _plain(head: bytes, read: Read) -> Iterator[bytes]:
    yield head
    yield from iter(read, b"")


def _unpacked(head: bytes, read: Read) -> Iterator[bytes]:
    try:
        if head.startswith(_GZIP):
            yield from _gunzip(head, read)
        else:
            yield from _decompressed(head, read)
    except EOFError:
        raise OSError("compressed data ends too early") from None
    except (zlib.error, lzma.LZMAError) as error:
        raise OSError(f"compressed data is damaged ({error})") from error
    except MemoryError:
        raise OSError("compressed data needs too much memory") from None


def _gunzip(data: bytes, read: Read) -> Iterator[bytes]:
    """Decompress the gzip members that begin with *data* and continue with the results of *read*."""
    while data:
        rest = yield from _inflated(data, read, _GZIP_WRAPPED)
        data = _next_member(rest, _GZIP, read)


def _inflated(data: bytes, read: Read, wrapping: int) -> Generator[bytes, None, bytes]:
    """Decompress one deflate stream, including the bytes before its damage, and return the data that follows it."""
    inflate = zlib.decompressobj(wbits=wrapping)
    while not inflate.eof:
        if not data and not (data := read()):
            yield inflate.flush()
            raise EOFError
        before = inflate.copy()
        try:
            yield inflate.decompress(data, CHUNK)
        except zlib.error:  # the failed call discarded the good bytes before the damage: repeat it in small steps
            for i in range(len(data)):
                yield before.decompress(data[i : i + 1])
            raise
        data = inflate.unconsumed_tail
    return inflate.unused_data


def _decompressed(data: bytes, read: Read) -> Iterator[bytes]:
    """Decompress bzip2 or xz members. Their blocks are checked as a whole, so a damaged block is lost entirely."""
    magic = _BZIP2 if data.startswith(_BZIP2) else _XZ
    while data:
        unpack: bz2.BZ2Decompressor | lzma.LZMADecompressor = (
            bz2.BZ2Decompressor() if magic == _BZIP2 else lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
        )
        while not unpack.eof:
            if not data and unpack.needs_input and not (data := read()):
                raise EOFError
            try:
                yield unpack.decompress(data, CHUNK)
            except OSError as error:  # raised by bz2
                raise OSError(f"compressed data is damaged ({error})") from error
            data = b""
        data = _next_member(unpack.unused_data, magic, read)


def _next_member(data: bytes, magic: bytes, read: Read) -> bytes:
    """Return the first bytes of the next member, after any padding."""
    data = data.lstrip(b"\0")
    while len(data) < len(magic) and (more := read()):
        data = (data + more).lstrip(b"\0")
    if data and not data.startswith(magic):
        raise OSError("unrecognized data follows the compressed data")
    return data


def _in_utf8(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Convert UTF-16 and UTF-32 to UTF-8; pass everything else through unchanged."""
    head = b""
    try:
        for chunk in chunks:
            head += chunk
            if len(head) >= 4 and (b"\0" not in head[:4] or len(head) >= _SAMPLE):
                break
    except (OSError, KeyboardInterrupt) as error:
        yield from _failing(head, error)
    encoding = _encoding(head)
    if encoding is None:
        yield head
        yield from chunks
    else:
        yield from _decoded(head, chunks, encoding)


def _encoding(head: bytes) -> str | None:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    # JSON begins with ASCII characters, so the zero bytes reveal the width of characters.
    zeros = "".join("x" if byte else "0" for byte in head[:_SAMPLE])
    widths = {"x0": "utf-16-le", "0x": "utf-16-be", "x000": "utf-32-le", "000x": "utf-32-be"}
    return next((name for unit, name in widths.items() if zeros == unit * (_SAMPLE // len(unit))), None)


def _decoded(head: bytes, chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        yield decoder.decode(head).encode()
        for chunk in chunks:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError as error:
        raise OSError(f"the text is not {encoding.upper()} ({error})") from error
