"""Pages in their order: no run is lost, and no server is followed for ever."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstore import FetchFailed
from runstore.fetch import pages
from runstore.fetch.pages import Item, Page, in_turn, page, shown

Ask = Callable[[str | None], Page]


def items(*times: float | None) -> list[Item]:
    return [Item(f"run_{number}", time, "completed", b"{}") for number, time in enumerate(times)]


def server(runs: list[Item], most: int, *, skips: bool = False) -> Ask:
    """Pages of runs; with *skips*, each begins in a later second than the run that it comes after."""

    def ask(after: str | None) -> Page:
        rest = runs
        if after is not None:
            place = [run.id for run in runs].index(after)
            rest = [run for run in runs[place + 1 :] if not skips or run.created_at != runs[place].created_at]
        return Page(rest[:most], len(rest) > most)

    return ask


def read(ask: Ask, after: str | None = None, *, ascending: bool = True) -> list[str]:
    return [run.id for step in in_turn(ask, after, ascending=ascending, what="thread_a") for run in step.new]


def refused(ask: Ask) -> str:
    with pytest.raises(FetchFailed) as failure:
        read(ask)
    return str(failure.value)


@given(times=st.lists(st.integers(0, 8)), most=st.integers(1, 6), ascending=st.booleans())
def test_every_run_is_read_once_whatever_the_pages(times: list[int], most: int, ascending: bool) -> None:
    runs = items(*sorted(times, reverse=not ascending))
    assert read(server(runs, most), ascending=ascending) == [run.id for run in runs]


@given(times=st.lists(st.integers(0, 8)), ascending=st.booleans())
def test_pages_that_skip_the_rest_of_a_second_lose_no_run(times: list[int], ascending: bool) -> None:
    runs = items(*sorted(times, reverse=not ascending))
    most = 1 + max((times.count(time) for time in times), default=0)  # no page is within one second
    assert read(server(runs, most, skips=True), ascending=ascending) == [run.id for run in runs]


@given(times=st.lists(st.integers(0, 5), min_size=1), more=st.lists(st.integers(5, 9)), most=st.integers(1, 6))
def test_the_cursor_leads_to_all_that_comes_later(times: list[int], more: list[int], most: int) -> None:
    """Also to runs of the last second that was read, which come after it was read."""
    runs = items(*sorted(times), *sorted(more))
    first = runs[: len(times)]
    steps = list(in_turn(server(first, most), None, ascending=True, what="thread_a"))
    later = read(server(runs, most), steps[-1].cursor)
    assert {run.id for run in first} | set(later) == {run.id for run in runs}


def test_runs_without_a_time_are_read() -> None:
    assert read(server(items(None, 1, None, 2, None), 2)) == ["run_0", "run_1", "run_2", "run_3", "run_4"]


def test_pages_in_another_order_are_read_to_their_end_and_give_no_cursor() -> None:
    """A server that does not know ``order`` sends the newest first."""
    runs = items(5, 4, 3, 2, 1)
    steps = list(in_turn(server(runs, 2), None, ascending=True, what="thread_a"))
    assert [run.id for step in steps for run in step.new] == [run.id for run in runs]
    assert [step.cursor for step in steps] == [None] * 3


def test_a_server_that_leads_in_a_circle_is_left() -> None:
    runs = items(1, 2, 3, 4)
    assert "has nothing new, and is not the last: the server leads in a circle" in refused(lambda _: Page(runs, True))
    two = [items(3, 2), items(1, 0)[::-1]]
    turn = iter(range(1000))

    def back_and_forth(_: str | None) -> Page:
        number = next(turn)
        return Page([run._replace(id=f"{run.id}_{number % 2}") for run in two[number % 2]], True)

    assert "leads in a circle: run_" in refused(back_and_forth)
    assert next(turn) < 5


@given(times=st.lists(st.integers(0, 8)), most=st.integers(1, 6))
def test_a_server_that_always_states_that_more_follows_is_read_to_its_end(times: list[int], most: int) -> None:
    runs = items(*sorted(times))
    ask = server(runs, most)
    assert read(lambda after: ask(after)._replace(has_more=True)) == [run.id for run in runs]


def test_pages_that_lose_runs_are_recognised() -> None:
    """The next page has to begin with what the page before it had last."""
    runs = items(*range(10))

    def loses(after: str | None) -> Page:
        place = 0 if after is None else [run.id for run in runs].index(after) + 3
        return Page(runs[place : place + 4], place + 4 < len(runs))

    assert refused(loses) == (
        "thread_a: the page after run_2 lacks run_3, which the page before it had: this server's pages lose runs"
    )


def test_a_server_without_an_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_PAGES", 7)
    number = iter(range(1000))

    def endless(_: str | None) -> Page:
        return Page([Item(f"run_{next(number)}", None, None, b"{}")], True)

    assert "there are more than 7 pages; fetch again to continue" in refused(endless)
    assert next(number) == 7


def test_a_run_is_taken_out_of_its_page_byte_for_byte() -> None:
    run = b'{ "status":"queued",\n "id" : "run_1", "top_p": 1.0, "temperature":1e0, "x": [1.50, "\\u00e9\xc3\xa9"]}'
    found = page(b'{"object": "list", "data": [' + run + b' , {"id": "run_2"}], "has_more": false}', "thread_a")
    assert found.items[0] == Item("run_1", None, "queued", run)
    assert found.has_more is False


def test_a_page_without_has_more_is_the_last_unless_it_is_full() -> None:
    for number, more in ((99, False), (100, True)):
        data = [{"id": f"run_{place}"} for place in range(number)]
        assert page(json.dumps({"data": data}).encode(), "thread_a").has_more is more


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "the answer is not JSON"),
        (b"<html>\x1b[2J", "the answer is not JSON"),
        (b"[]", "the answer is not JSON, or no page"),
        (b'{"object": "list"}', 'the answer is no page: it has no "data"'),
        (b'{"data": {}}', "the answer is not JSON, or no page"),
        (b'{"data": [{"object": "thread.run"}]}', "the answer has no object with an id"),
        (b'{"data": [{"id": 1}]}', "the answer has no object with an id"),
        (b'{"data": [{"id": "\xff"}]}', "the answer"),
        (b'{"data": ' + b"[" * 100_000, "the answer is not JSON"),
    ],
)
def test_what_is_no_page_is_refused_with_its_beginning(text: bytes, reason: str) -> None:
    with pytest.raises(FetchFailed) as failure:
        page(text, "thread_a")
    message = str(failure.value)
    assert message.startswith(f"thread_a: {reason}")
    assert message.isprintable()
    assert len(message) < 500


def test_the_beginning_of_an_answer_is_harmless_and_short() -> None:
    assert shown(b"a\n\x1b[2J\tb\xff") == "a \ufffd[2J b\ufffd"
    assert shown("x" * 1000) == "x" * pages.SHOWN + "..."
