"""The text of metrics keeps to its format."""

from __future__ import annotations

from runstore import migrate
from runstore.metrics import exposition
from tests.helpers.metrics import samples


def test_what_stands_in_a_path_is_escaped_in_labels() -> None:
    found = migrate.Status("0007", "0007", 1, -5, 2**62, 7_000_000, 3, 1, 10**16, [migrate.TableStatus("t", None, 5)])
    path = 'a "b"\\c\nd é \udcff } \x1b[2J'
    exposed = exposition(path, found)
    exposed.encode()
    assert 'runstore_runs{archive="a \\"b\\"\\\\c\\nd é \ufffd } \ufffd[2J"} 1\n' in exposed
    assert len(samples(exposed)) == 8
