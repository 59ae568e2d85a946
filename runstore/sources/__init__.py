"""Reading run records from files and streams: JSON, JSON Lines, arrays, list pages, SSE, compressed or not.

The form is told by the content, value by value, so one file may mix forms. Input is only split into records here;
whether a record is a valid run is decided elsewhere. Nothing is dropped in silence: bytes that cannot be made a record
come out as a `Record` whose `error` says why, and reading goes on at the next line that begins a value. Memory use is
bounded by the size of the largest record, not of the input.
"""

from runstore.sources.files import MAX_RECORD_BYTES, find_files, read_file, read_stream
from runstore.sources.splitter import Record

__all__ = ["MAX_RECORD_BYTES", "Record", "find_files", "read_file", "read_stream"]
