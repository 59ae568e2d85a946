"""Reports: the numbers of stats, rows, prompts and fingerprint, in a file that loads and executes nothing."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from runstore import ConfigurationError, Price, RunRepository, report, shown
from runstore.report.figures import read
from runstore.report.period import Period, chosen
from tests.helpers.counted import made
from tests.helpers.documents import Document
from tests.helpers.runs import a_run

MONDAY = int(datetime(2024, 6, 3, tzinfo=UTC).timestamp())
DAY = 86_400
WEEK = 7 * DAY
EVIL = "</style></svg></title><script>alert(1)</script><img src=http://x.example onerror=alert(1)>\"'\u202e\x07{{7*7}}"


def ended(number: int, created_at: int, **members: Any) -> dict[str, Any]:
    """A run that took as many seconds as its number."""
    return a_run(
        f"run_{number}",
        **{
            "created_at": created_at,
            "completed_at": created_at + number,
            "status": "completed",
            "model": "gpt-4o",
            "thread_id": f"thread_{number % 3}",
            "assistant_id": "asst_a",
            "instructions": "Be brief.",
            "usage": {"prompt_tokens": 900_000, "completion_tokens": 100_000, "total_tokens": 1_000_000},
            **members,
        },
    )


def failed(number: int, created_at: int, code: str | None, **members: Any) -> dict[str, Any]:
    error = {"last_error": {"code": code, "message": "no"}} if code else {}
    return ended(number, created_at, status="failed", failed_at=created_at + number, **error, **members)


def in_two_weeks(runs: RunRepository) -> None:
    """Three runs, and in the week after that four, of which one failed."""
    runs.save_many([
        *(ended(number, MONDAY + number * DAY) for number in (1, 2, 3)),
        *(ended(number, MONDAY + WEEK + (number - 10) * DAY) for number in (10, 11, 12)),
        failed(13, MONDAY + WEEK + 3 * DAY, "server_error", model="gpt-4o-mini"),
    ])  # fmt: skip


SECOND_WEEK: dict[str, Any] = {"created_from": MONDAY + WEEK, "created_before": MONDAY + 2 * WEEK}


def test_each_number_is_compared_with_the_period_before(runs: RunRepository) -> None:
    in_two_weeks(runs)
    runs.set_prices([Price("gpt-4o", 0, 1, None, 1, "EUR"), Price("gpt-4o-mini", 0, 3, None, 3, "EUR")])
    seen = Document(report.html(runs, **SECOND_WEEK)).text
    for expected in (
        "2024-06-10 to 2024-06-16 (UTC), compared with the 7 days before",
        "Runs 4 ▲ up 33.3% from 3",
        "Cost 6.0000 EUR ▲ up 100% from 3.0000",
        "Failure rate 25.0% ▲ up 25.0 points from 0.0%",
        "Time, p50 11 s ▲ up 450% from 2 s",
        "Time, p95 13 s ▲ up 333% from 3 s",
        "Tokens 4,000,000 ▲ up 33.3% from 3,000,000",
    ):
        assert expected in seen


def test_a_report_shows_the_numbers_of_the_other_methods(runs: RunRepository) -> None:
    given = made(300)
    runs.save_many(given)
    runs.set_prices([Price("gpt-4o*", 0, 1, None, 2, "USD")])
    where: dict[str, Any] = {
        "created_from": 1_700_000_000,
        "created_before": 1_705_400_000,
        "status": ["completed", "failed"],
    }
    document = Document(report.html(runs, **where))
    (whole,) = runs.stats(**where)
    assert f"Runs {whole['runs']:,} no runs before" in document.text
    assert f"{whole['unpriced']:,} of the {whole['runs']:,} runs have tokens but no known cost" in document.text
    assert f"{whole['unfinished']:,} of the runs have no known end and are not part of p50" in document.text
    assert str(runs.fingerprint(**where)) in document.text
    rows = {row[0]: row[1:] for row in document.rows}
    for day in runs.stats("day", **where):
        counts = [day["completed"], day["failed"], day["runs"]]
        assert [f"{count:,}" for count in counts] in [row[1:] for row in document.rows if row[0] == day["day"]]
    for error in runs.stats(
        "error", columns="failed", status="failed", **{k: v for k, v in where.items() if k != "status"}
    ):
        assert rows[error["error"] or "no code"][0] == f"{error['failed']:,}"
    slowest = runs.stats("thread", columns=["seconds_p95"], sort="seconds_p95", limit=10, **where)
    most_expensive = list(runs.rows("id", sort="cost", limit=10, **where))
    firsts = [row[0] for row in document.rows]
    assert [row["thread"] for row in slowest] == [name for name in firsts if name.startswith("thread_")]
    assert [name for (name,) in most_expensive] == [name for name in firsts if name.startswith("run_")]


def test_the_same_runs_give_the_same_bytes(runs: RunRepository) -> None:
    given = made(200)
    runs.save_many(given)
    first = report.html(runs)
    assert report.html(runs) == first
    runs.delete([run["id"] for run in given])
    runs.save_many(random.Random(1).sample(given, len(given)))
    assert report.html(runs) == first


def test_a_report_is_of_one_state_of_the_archive(runs: RunRepository, own_url: Any) -> None:
    with RunRepository.open(own_url) as others:
        others.save(ended(1, MONDAY))
        with others.consistent() as view, RunRepository.open(own_url) as writer:
            assert view.count() == 1
            writer.save(ended(2, MONDAY))
            assert (view.count(), view.stats(columns="runs"), view.fingerprint().runs) == (1, [{"runs": 1}], 1)
        assert others.count() == 2


# --- the file --------------------------------------------------------------------------------------------------------


def hostile(number: int) -> dict[str, Any]:
    created = MONDAY - number * 7919 if number % 50 else -120_000_000  # 1966
    return failed(
        number,
        created,
        f"{EVIL}{number % 12}",
        model=f"{number % 40}{EVIL}{'m' * 900}",
        thread_id=EVIL,
        assistant_id=f"{EVIL}{number % 3}",
        instructions=f"{EVIL} {number % 5}",
        usage={"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": -(10 ** (number % 18))},
    )


def test_hostile_texts_are_texts_and_nothing_is_loaded(runs: RunRepository) -> None:
    runs.save_many(hostile(number) for number in range(400))
    runs.set_prices([Price("*", 0, 1, None, 1, EVIL.replace("\x07", ""))])
    text = report.html(runs, title=EVIL, created_before=MONDAY + 1)
    document = Document(text)
    assert {tag for tag, _ in document.tags} <= {
        *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "h1", "h2", "p"),
        *("dl", "dt", "dd", "div", "span", "strong", "bdi", "code", "del", "ins", "figure", "details", "summary"),
        *("table", "caption", "thead", "tbody", "tr", "th", "td"),
        *("svg", "desc", "g", "rect", "text", "line", "path", "circle"),
    }
    names = {name for _, attributes in document.tags for name in attributes}
    assert not {name for name in names if name.startswith("on")} | names & {"src", "href", "style", "srcset", "action"}
    assert not re.search(r"url\(|@import|\\", document.style)
    assert "\u202e" not in text
    assert "\x07" not in text
    assert "7*7" in text
    (policy,) = (
        attributes["content"] for _, attributes in document.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )  # fmt: skip
    assert str(policy).startswith("default-src 'none'; style-src 'sha256-")
    ids = [attributes["id"] for _, attributes in document.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.slow
def test_a_report_has_less_than_500_kilobytes(runs: RunRepository) -> None:
    models = [f"{number:02}{'m' * 1000}" for number in range(40)]
    statuses = ["completed", "failed", "expired", "incomplete", "cancelled", "queued", "odd"]
    runs.save_many(
        ended(number, MONDAY - (number % 84) * DAY, model=models[number % 40], status=statuses[number % 7])
        for number in range(2400)
    )
    assert len(report.html(runs).encode()) < 500_000


def test_every_chart_is_described_and_has_a_table(runs: RunRepository) -> None:
    in_two_weeks(runs)
    document = Document(report.html(runs))
    charts = [attributes for tag, attributes in document.tags if tag == "svg"]
    assert [chart["role"] for chart in charts] == ["img"] * 4
    assert [tag for tag, _ in document.tags if tag in ("svg", "details")] == ["svg", "details"] * 4
    assert ["2024-06-03", "3,000,000", shown.NONE, "3,000,000"] in document.rows
    assert ["2024-06-10", "3,000,000", "1,000,000", "4,000,000"] in document.rows
    assert ["server_error", "1", "100.0%"] in document.rows


# --- what is missing -------------------------------------------------------------------------------------------------


def test_an_archive_without_runs_has_a_report(runs: RunRepository) -> None:
    assert "The archive has no runs. To import a file or a folder: runstore import" in Document(report.html(runs)).text
    assert "No run meets the filters." in Document(report.html(runs, model="none")).text
    runs.save(a_run("timeless", status="completed"))
    seen = Document(report.html(runs)).text
    assert "No run that meets the filters has a time of creation" in seen
    assert "0 later ones, 1 without a time of creation" in seen
    assert "No run was created in this period." in Document(report.html(runs, created_from="2024-01-01")).text


def test_tokens_are_shown_where_costs_cannot_be(runs: RunRepository) -> None:
    in_two_weeks(runs)
    seen = Document(report.html(runs)).text
    assert "Tokens by week and model" in seen
    assert "No price is known for any of these runs" in seen
    assert "runstore prices import prices.csv" in seen
    runs.set_prices([Price("gpt-4o", 0, 1, None, 1, "EUR"), Price("gpt-4o-mini", 0, 3, None, 3, "USD")])
    seen = Document(report.html(runs)).text
    assert "The costs are in several currencies (EUR, USD) and cannot be added" in seen
    assert f"Cost {shown.NONE} several currencies" in seen
    seen = Document(report.html(runs, model="gpt-4o")).text
    assert "Cost by week and model" in seen
    runs.set_prices([Price("gpt-4o-mini", 0, 3, None, 3, "EUR")])
    runs.save(ended(50, MONDAY, model="other"))
    assert "1 run with tokens has no price and is not part of the cost" in Document(report.html(runs)).text


# --- choices ---------------------------------------------------------------------------------------------------------


def test_the_period_is_the_last_twelve_weeks_that_have_runs(runs: RunRepository) -> None:
    runs.save_many(ended(number, MONDAY - number * 2 * WEEK + 5 * DAY + 9) for number in range(14))
    runs.save_many([a_run("timeless"), a_run("1966", created_at=-120_000_000)])
    usual = Period(MONDAY - 22 * WEEK, MONDAY + 6 * DAY)
    assert chosen(runs, {}) == usual
    ahead = int((datetime.now(UTC) + timedelta(days=400)).timestamp())
    runs.save_many([a_run("ahead", created_at=ahead), a_run("milliseconds", created_at=1_700_000_000_000)])
    assert chosen(runs, {}) == usual
    assert "3 earlier runs, 2 later ones, 1 without a time" in Document(report.html(runs)).text
    assert chosen(runs, {"created_from": MONDAY}) == Period(MONDAY, MONDAY + 6 * DAY)
    assert chosen(runs, {"created_before": MONDAY}) == Period(MONDAY - 24 * WEEK, MONDAY)
    assert chosen(runs, {"id": "ahead"}) is not None
    assert chosen(runs, {"id": "1966"}) == Period(-120_009_600, -119_923_200)
    assert chosen(runs, {"id": "timeless"}) is None
    assert chosen(runs, {"id": "timeless", "created_before": DAY}) == Period(0, DAY)
    assert chosen(runs, {"created_from": DAY, "created_before": 0}) == Period(0, 0)


@pytest.mark.parametrize("where", [{"created_from": -(2**63)}, {"created_before": 2**63}, {"created_from": 2**62}])
def test_no_time_is_too_far_away(runs: RunRepository, where: dict[str, Any]) -> None:
    runs.save_many([*(ended(number, created) for number, created in enumerate((-(2**62), 0, MONDAY, 2**61)))])
    assert "</html>" in report.html(runs, **where)


def test_prompts_are_those_of_the_period(runs: RunRepository) -> None:
    runs.save_many([
        ended(1, MONDAY, instructions="Be rude."),
        ended(2, MONDAY + WEEK, instructions="Be brief."),
        ended(3, MONDAY + WEEK + DAY, instructions="Be brief and kind."),
        ended(4, MONDAY + WEEK + DAY, assistant_id=None, instructions="Be nobody."),
    ])  # fmt: skip
    document = Document(report.html(runs, **SECOND_WEEK))
    assert "asst_a 2 versions in 2 runs" in document.text
    assert ["2", "2024-06-11", "1", "Be brief. brief and kind."] in document.rows
    assert ["1", "2024-06-10", "1", "begins: Be brief."] in document.rows
    assert "rude" not in document.text
    assert "asst_a 2 versions" in Document(report.html(runs, assistant_id="asst_a", **SECOND_WEEK)).text
    without = report.html(runs, prompts=False)
    assert "brief" not in without
    assert "Prompt versions" not in without


def test_secrets_are_left_out_on_request(runs: RunRepository) -> None:
    key = "sk-proj-" + "Ab3dE9fK2" * 6
    runs.save(failed(1, MONDAY, f"code {key}", instructions=f"Use {key} for all.", model=f"m {key}"))
    assert key in report.html(runs)
    assert key not in report.html(runs, redact=True, text=key)
    assert "[redacted]" in report.html(runs, redact=True)


def test_filters_are_printed_as_options(runs: RunRepository) -> None:
    in_two_weeks(runs)
    seen = Document(
        report.html(runs, model=["gpt-4o", "a b"], metadata={"k": "v"}, requires_action=False, total_tokens_min=5)
    )
    assert "--model gpt-4o --model 'a b' --metadata k=v --no-requires-action --tokens-min 5" in seen.text


def test_a_long_time_is_shown_by_longer_units(runs: RunRepository) -> None:
    runs.save_many(ended(number, MONDAY + number * 45 * DAY) for number in range(30))
    seen = Document(report.html(runs, created_from=0)).text
    assert "Runs by month and outcome" in seen
    assert "Tokens by month and model" in seen
    runs.save_many(ended(100 + number, MONDAY + number * DAY) for number in range(2))
    seen = Document(report.html(runs, created_from=0, created_before=MONDAY + 150 * DAY)).text
    assert "Runs by week and outcome" in seen


def test_what_makes_no_sense_is_a_configuration_error(runs: RunRepository) -> None:
    with pytest.raises(ConfigurationError, match="title has 500 characters, expected at most 120"):
        report.html(runs, title="x" * 500)
    with pytest.raises(ConfigurationError, match="created_from is 'soon'"):
        report.html(runs, created_from="soon")


def test_days_weeks_and_the_period_are_those_of_the_zone_of_the_archive(runs: RunRepository) -> None:
    zone = ZoneInfo("Europe/Berlin")
    monday = int(datetime(2024, 3, 25, tzinfo=zone).timestamp())  # the clock loses an hour on the 31st
    ends = [monday, monday + WEEK - 3601, monday + WEEK - 3600, monday - 1]
    runs.save_many([ended(number, time) for number, time in enumerate(ends)])
    berlin = runs.in_zone("Europe/Berlin")
    figures = read(berlin, {}, with_prompts=True)
    assert [row["week"] for row in figures.by_week_and_group] == ["2024-W12", "2024-W13", "2024-W14"]
    assert [(row["day"], row["runs"]) for row in figures.by_day] == [
        *(("2024-03-24", 1), ("2024-03-25", 1), ("2024-03-31", 1), ("2024-04-01", 1))
    ]
    assert str(figures.period) == "2024-03-18 to 2024-04-01"
    march = chosen(berlin, {"created_from": "2024-03-01", "created_before": "2024-04-01"})
    assert march is not None
    assert (str(march), march.length, str(march.before())) == (
        *("2024-03-01 to 2024-03-31", "31 days", "2024-01-30 to 2024-02-29"),
    )
    assert march.end - march.start == 31 * DAY - 3600
    page = report.html(berlin, created_from="2024-03-25", created_before="2024-04-01")
    assert "<strong>2024-03-25 to 2024-03-31</strong> (Europe/Berlin), compared with the 7 days before" in page
    assert page == report.html(berlin, created_from="2024-03-25", created_before="2024-04-01")


def test_costs_are_divided_by_a_key_of_metadata(runs: RunRepository) -> None:
    runs.save_many(
        ended(number, MONDAY + number, metadata=metadata)
        for number, metadata in enumerate(({"customer": "Ann & Co"}, {"customer": "Bob"}, {"customer": "Bob"}, {}))
    )
    runs.set_prices([Price("gpt-4o", 0, 2, None, 10, "EUR")])
    page = Document(report.html(runs, by="metadata:customer"))
    assert "Cost by week and customer" in page.text
    assert ["Week from in EUR", "Ann & Co", "Bob", "no customer", "Total"] in page.rows
    assert ["2024-06-03", "2.8000", "5.6000", "2.8000", "11.2000"] in page.rows
    assert "Cost by week and assistant" in report.html(runs, by="assistant")
    runs.set_prices([Price("gpt-4", 0, 2, None, 10, "USD")])
    runs.save(ended(9, MONDAY + 9, model="gpt-4", metadata={"customer": "Bob"}))
    assert "(EUR, USD) and cannot be added" in report.html(runs, by="metadata:customer")
    for unknown in ("tool", "week", "customer"):
        with pytest.raises(ConfigurationError, match="expected one or more of model, assistant, source, metadata:KEY"):
            report.html(runs, by=unknown)
