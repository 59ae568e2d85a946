"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from runstore import times
from tests.helpers.filter_cases import DAY, T

TIMES: list[tuple[Any, int]] = [
    (T, T),
    (T + 0.25, T + 1),
    (str(T), T),
    ("-5", -5),
    (date(2023, 11, 14), 1_699_920_000),
    ("2023-11-14", 1_699_920_000),
    ("2023-11-14T22:13:20Z", T),
    ("2023-11-14T23:13:20+01:00", T),
    ("2023-11-14 22:13:20", T),
    (datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), T),
    ("9" * 40, 2**63 - 1),
    (10**30, 2**63 - 1),
]


def test_a_time_is_unix_seconds_a_datetime_a_date_a_text_of_one_or_an_age() -> None:
    for given, expected in TIMES:
        assert times.seconds("created_from", given) == expected, given
    now = datetime.now(UTC).timestamp()
    for age, length in (("45s", 45), ("30m", 1800), ("12h", 43_200), ("7d", 7 * DAY), ("2w", 14 * DAY)):
        assert abs(times.seconds("created_from", age) - (now - length)) < 5
    assert times.seconds("created_from", "999999999w") < 0
