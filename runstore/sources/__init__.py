"""Read run records from files and streams: JSON, JSON Lines, arrays, list pages and SSE, compressed or not.

The format is detected value by value, so one file may mix formats. This package only splits the input into records;
whether a record is a valid run is decided elsewhere. Nothing is dropped silently: for bytes that cannot be read, a
`Record` is returned whose `error` gives the reason, and reading continues at the next line that begins a value. Memory
use is bounded by the size of the largest record, not by the size of the input.
"""

from runstore.sources.files import MAX_RECORD_BYTES, Interrupted, find_files, read_file, read_stream
from runstore.sources.splitter import Record

__all__ = ["MAX_RECORD_BYTES", "Interrupted", "Record", "find_files", "read_file", "read_stream"]
