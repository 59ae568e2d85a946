"""Pages as a browser requests them: what they show, link to and hide, and how they fail."""

from __future__ import annotations

import base64
import csv
import html
import io
import re
import shlex
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from runstore import ConfigurationError, DatabaseUnreachable, QueryTimeout, RunRepository
from runstore.cli import runstore as command_line
from runstore.query import filters
from runstore.query.criteria import FILTERS
from runstore.query.pages import RowPage
from runstore.web import asgi_app
from tests.helpers.runs import a_run
from tests.web.conftest import A_RUNS, Ask, threaded

KEY = "a-key-of-the-archive"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Accept-Encoding": "identity"}
HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>"\'>{{ 7 * 7 }}\u202e\x1b[2J'


@pytest.fixture
def browse(ask: Ask) -> Callable[..., TestClient]:
    return lambda **options: ask(headers=BROWSER | options.pop("headers", {}), **options)


@pytest.fixture
def client(browse: Callable[..., TestClient]) -> TestClient:
    return browse(sql=True)


def words(text: str) -> str:
    """The visible text of a page, with spaces collapsed."""
    main = re.sub(r"(?s)<(script|style|title|desc)\b.*?</\1>", " ", text.partition("<main")[2])
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def links(text: str) -> list[str]:
    return [html.unescape(link) for link in re.findall(r'<a [^>]*href="([^"]*)"', text)]


def link(text: str, name: str) -> str:
    """The URL of the link with this text."""
    for address, inner in re.findall(r'(?s)<a [^>]*href="([^"]*)"[^>]*>(.*?)</a>', text):
        if name in words(f"<main>{inner}"):
            return html.unescape(address)
    raise AssertionError(f"{name} is not a link")


def command(text: str) -> list[str]:
    found = re.search(r'(?s)class="command">.*?<code>(.*?)</code>', text)
    assert found
    return shlex.split(html.unescape(found[1]))[1:]


# --- the list --------------------------------------------------------------------------------------------------------


def test_the_list_leads_through_all_runs_by_its_pages(client: TestClient, archive: RunRepository) -> None:
    seen: list[str] = []
    address = "/runs?limit=13"
    while True:
        page = client.get(address).text
        seen += re.findall(r'<th scope="row"[^>]*><a href="\./runs/(\w+)"', page)
        if "Earlier runs" not in page:
            break
        address = f"/runs{link(page, 'Earlier runs')}"
    assert seen == [run["id"] for run in archive.find(limit=1000).runs]
    back = client.get(f"/runs{link(client.get(address).text, 'Later runs')}").text
    assert re.findall(r'<th scope="row"[^>]*><a href="\./runs/(\w+)"', back) == seen[-26:-13] or "First page" in back


def test_facets_are_links_with_counts_and_a_chosen_one_can_be_left_again(
    client: TestClient, archive: RunRepository
) -> None:
    page = client.get("/runs").text
    failed = archive.count(status="failed")
    assert f"failed {failed}" in words(page)
    chosen = client.get(f"/runs{link(page, 'failed')}").text
    assert f"{failed} runs match" in words(chosen)
    assert "status: failed" in words(chosen)
    assert f"completed {archive.count(status='completed')}" in words(chosen)  # what could be chosen instead
    both = client.get(f"/runs{link(chosen, 'completed')}").text
    assert f"{archive.count(status=['failed', 'completed'])} runs match" in words(both)
    assert link(chosen, "status: failed") == "?"


def test_a_search_finds_texts_and_ignores_fields_that_were_left_empty(client: TestClient) -> None:
    page = client.get("/runs?text=GÜLşEN&created_from=&created_before=").text
    assert "No run matches" in words(page)
    page = client.get("/runs?text=gülşen&created_from=&created_before=2100-01-01").text
    assert "48 runs match" in words(page).replace("text: gülşen", "")
    assert 'value="gülşen"' in page


@pytest.mark.parametrize(
    "query",
    [
        {"status": "failed", "text": "a 'quoted' $text"},
        {"created_from": "2023-01-01", "total_tokens_min": "-5", "order": "asc"},
        {"metadata": "user=a=b", "requires_action": "false", "limit": "3"},
        {"metadata_key": "--help", "model": "-x"},
    ],
)
def test_the_command_under_a_page_asks_the_same(
    client: TestClient, archive: RunRepository, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def find(_: RunRepository, *__: Any, **arguments: Any) -> RowPage:
        where = {name: value for name, value in arguments.items() if name in FILTERS}
        place = {name: value for name, value in arguments.items() if name not in FILTERS and value is not None}
        asked.append(place | filters.read(where))
        return RowPage([], None)

    monkeypatch.setattr(RunRepository, "find_rows", find)
    page = client.get(f"/runs?{urlencode(query)}")
    assert page.status_code == 200
    result = CliRunner().invoke(command_line, [*command(page.text), "--format", "csv", "--db", str(archive.place)])
    assert result.exception is None, result.output
    by_page, by_command = asked
    assert by_command == by_page


def test_csv_has_all_runs_that_match_without_long_texts(client: TestClient, archive: RunRepository) -> None:
    answer = client.get("/" + link(client.get("/runs?thread_id=thread_a&limit=5").text, "CSV"))
    assert answer.headers["content-disposition"] == 'attachment; filename="runs.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["id"] for row in rows} == {run["id"] for run in A_RUNS}
    assert not {"instructions", "metadata"} & rows[0].keys()


# --- a run, a thread, prompts ----------------------------------------------------------------------------------------


def test_a_run_is_shown_with_its_history(client: TestClient, archive: RunRepository) -> None:
    run = threaded(
        900,
        status="failed",
        started_at=1_700_000_460,
        failed_at=1_700_000_521,
        last_error={"code": "server_error", "message": "Broken."},
        tools=[{"type": "function", "function": {"name": "find", "description": "Finds.", "parameters": {"a": 1}}}],
    )
    archive.save({**run, "status": "queued", "last_error": None, "note": 1}, observed_at=1)
    archive.save(run, observed_at=2_000_000)
    text = words(client.get("/runs/run_900").text)
    for part in ("server_error", "Broken.", "901", "900 in the prompts", "10 s queued, 1 min 1 s in progress", "find",
                 "Finds.", "a=b", "last observed 1970-01-01 00:00:02", "status queued → failed", "note 1 → absent",
                 "thread_a", "runstore show run_900"):  # fmt: skip
        assert part in text, part


@pytest.mark.parametrize("run_id", ["a/b", "a b", "a?b#c", "ü%2F", "%"])
def test_ids_of_any_characters_lead_to_their_page(client: TestClient, archive: RunRepository, run_id: str) -> None:
    archive.save(a_run(run_id, thread_id=f"t/{run_id[:1]}", assistant_id="x/y", created_at=2**33))
    page = client.get("/runs").text
    (address,) = [each for each in links(page) if each.startswith("./runs/") and "run_" not in each]
    shown = client.get(address[1:])
    assert shown.status_code == 200
    thread = next(each for each in links(shown.text) if "/threads/" in each)
    up = address[1:].count("/") - 1
    assert thread.startswith("../" * up)
    assert client.get("/" + thread[3 * up :]).status_code == 200
    prompts = next(each for each in links(shown.text) if "/prompts" in each)
    assert client.get("/" + prompts[3 * up :]).status_code == 200


def test_odd_values_of_members_do_not_break_a_page(client: TestClient, archive: RunRepository) -> None:
    odd: tuple[Any, ...] = ("text", 5, [1], {"a": {"b": [None]}}, True, None, 10**15, -(2**63))
    for number, value in enumerate(odd):
        names = ("created_at", "status", "model", "tools", "metadata", "last_error", "required_action", "usage",
                 "instructions", "thread_id", "started_at", "incomplete_details", "response_format")  # fmt: skip
        archive.save(a_run(f"odd_{number}", **dict.fromkeys(names, value)), observed_at=2)
        archive.save(a_run(f"odd_{number}", created_at=value, thread_id=value, note=value), observed_at=1)
        assert client.get(f"/runs/odd_{number}").status_code == 200, value
    assert client.get("/runs?limit=100").status_code == 200
    assert client.get("/stats?by=status&by=day&show=cost").status_code == 200


def test_a_thread_has_its_runs_in_order_and_their_sums(client: TestClient) -> None:
    text = client.get("/threads/thread_a?limit=30").text
    assert "Runs 45 0 failed Tokens 1,035" in words(text)
    assert re.findall(r"runs/(run_\d+)\"", text) == [run["id"] for run in A_RUNS[:30]]
    more = client.get(f"/threads/thread_a{link(text, 'Later runs')}").text
    assert re.findall(r"runs/(run_\d+)\"", more) == [run["id"] for run in A_RUNS[30:]]


def test_prompts_are_shown_with_their_changes(client: TestClient, archive: RunRepository) -> None:
    for number, text in enumerate(("Be brief.", "Be brief and kind.", "Be brief and kind.")):
        archive.save(a_run(f"p{number}", assistant_id="asst_p", instructions=text, created_at=86_400 * number))
    page = client.get("/assistants/asst_p/prompts").text
    assert "2 versions in 3 runs" in words(page)
    assert "1970-01-02 to 1970-01-03 · 2 runs" in words(page)
    assert "Be<del> brief.</del><ins> brief and kind.</ins>" in page
    assert "2 runs match" in words(client.get("/" + link(page, "2 runs").removeprefix("../../")).text)


# --- statistics ------------------------------------------------------------------------------------------------------


def test_statistics_are_those_of_the_command_with_a_chart(client: TestClient, archive: RunRepository) -> None:
    text = client.get("/stats?by=day&by=status&show=total_tokens").text
    rows = archive.stats(["day", "status"], columns=["total_tokens"])
    for row in rows:
        if row["total_tokens"]:
            assert f"{row['day']}: {row['status']}: " in text  # the tip of a bar
            assert f"{row['total_tokens']:,}" in words(text)
    assert re.search(r'<svg [^>]*role="img" aria-labelledby="stats-title stats-desc"', text)
    assert '<title id="stats-title">Tokens by day and status</title>' in text
    table = list(csv.DictReader(io.StringIO(client.get("/" + link(text, "CSV")).text)))
    assert [row["total_tokens"] for row in table] == [str(row["total_tokens"] or "") for row in rows]
    assert client.get("/" + link(text, "JSON")).json()["data"][0].keys() >= {"day", "status", "total_tokens"}
    assert command(text)[:3] == ["stats", "--by", "day,status"]


def test_a_large_archive_is_counted_in_part_and_the_page_says_so(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runstore.web.pages.statistics.MOST_RUNS", 10)
    page = client.get("/stats").text
    assert "The archive has many runs. This page counts the newest" in words(page)
    assert "The archive has many runs" not in words(client.get(f"/stats{link(page, 'Count all runs')}").text)


# --- SQL -------------------------------------------------------------------------------------------------------------


def test_a_query_is_answered_and_written_as_csv(client: TestClient) -> None:
    query = urlencode({"query": "SELECT status, count(*) AS n FROM runs WHERE thread_id = 'thread_a' GROUP BY 1"})
    assert "1 row. The result of the query status n completed 45" in words(client.get(f"/sql?{query}").text)
    assert client.get(f"/sql.csv?{query}").text == "status,n\r\ncompleted,45\r\n"
    many = urlencode({"query": "SELECT a.id FROM runs a, runs b"})
    assert "The first 200 rows" in words(client.get(f"/sql?{many}").text)


@pytest.mark.parametrize("query", ["DELETE FROM run_object", "SELECT nothing", "SELECT 1; SELECT 2", "DROP TABLE x"])
def test_a_query_that_is_refused_has_its_reason_on_the_page(client: TestClient, query: str) -> None:
    answer = client.get(f"/sql?{urlencode({'query': query})}")
    assert (answer.status_code, "The database refused the query" in answer.text) == (400, True)
    assert client.get(f"/sql.csv?{urlencode({'query': query})}").status_code == 400


def test_a_link_on_another_site_shows_a_query_and_does_not_run_it(client: TestClient) -> None:
    query = urlencode({"query": "SELECT 4242 + 1"})
    foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    text = client.get(f"/sql?{query}", headers=foreign).text
    assert "SELECT 4242 + 1" in text
    assert "4,243" not in text
    assert client.get(f"/sql.csv?{query}", headers=foreign).status_code == 403
    assert "4,243" in client.get(f"/sql?{query}", headers=foreign | {"Sec-Fetch-Site": "same-origin"}).text


def test_a_query_with_parameters_is_refused_with_the_command_to_use(browse: Callable[..., TestClient]) -> None:
    query = urlencode({"query": "SELECT id FROM runs WHERE model = :model"})
    answer = browse(sql=True).get(f"/sql?{query}")
    assert answer.status_code == 400
    assert "this page has no values for parameters such as :name; use runstore sql" in words(answer.text)
    assert browse(sql=True).get(f"/sql.csv?{query}").status_code == 400


def test_there_is_no_sql_unless_it_is_asked_for(browse: Callable[..., TestClient], archive: RunRepository) -> None:
    client = browse()
    assert client.get("/sql?query=SELECT+1").status_code == 404
    assert client.get("/sql.csv?query=SELECT+1").status_code == 404
    assert ">SQL<" not in client.get("/runs").text
    with pytest.raises(ConfigurationError, match="exclude each other"):
        asgi_app(archive, sql=True, hide_text=True)


# --- hidden texts ----------------------------------------------------------------------------------------------------


def test_hidden_texts_are_nowhere(browse: Callable[..., TestClient], archive: RunRepository) -> None:
    secret = "s3cr3t-of-a-user"
    run = threaded(
        901,
        assistant_id="asst_h",
        thread_id="thread_h",
        status="requires_action",
        instructions=secret,
        metadata={"k": secret, secret: "k"},
        last_error={"code": "server_error", "message": secret},
        tools=[{"type": "function", "function": {"name": "f", "description": secret, "parameters": {"d": secret}}}],
        required_action={
            "type": "submit_tool_outputs",
            "submit_tool_outputs": {"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": secret}}]},
        },
        own_member={"x": secret},
    )
    archive.save({**run, "instructions": f"{secret} before", "status": "queued"}, observed_at=1)
    archive.save(run)
    client = browse(hide_text=True)
    for path in ("/runs", "/runs/run_901", "/threads/thread_h", "/assistants/asst_h/prompts", "/stats", "/runs.csv"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert secret not in answer.text, path
    for path in ("/v1/runs", "/v1/threads/thread_h/runs", "/v1/threads/thread_h/runs/run_901"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "text_hidden")
    for query in ("text=s3", "metadata=k=s", "metadata_key=s"):
        for path in ("/runs", "/stats", "/v1/stats", "/runs.csv", "/stats.csv"):
            assert client.get(f"{path}?{query}").status_code == 403
    assert client.get("/v1/stats").status_code == 200


# --- security --------------------------------------------------------------------------------------------------------


def test_hostile_texts_are_shown_and_inert(client: TestClient, archive: RunRepository) -> None:
    run = threaded(902, thread_id=HOSTILE, assistant_id=HOSTILE, model=HOSTILE, status=HOSTILE, instructions=HOSTILE)
    call = {"name": HOSTILE, "arguments": HOSTILE}
    run |= {
        "id": HOSTILE,
        "metadata": {HOSTILE: HOSTILE},
        "last_error": {"code": HOSTILE, "message": HOSTILE},
        "incomplete_details": {"reason": HOSTILE},
        "tools": [{"type": HOSTILE}, {"type": "function", "function": {"name": HOSTILE, "description": HOSTILE}}],
        "required_action": {"submit_tool_outputs": {"tool_calls": [{"function": call}]}},
        HOSTILE: HOSTILE,
    }
    archive.save({**run, "status": "queued", HOSTILE: "x"}, source=HOSTILE, observed_at=1)
    archive.save(run, source=HOSTILE)
    quoted = urlencode({"": HOSTILE})[1:].replace("+", "%20")
    hostile = urlencode({"model": HOSTILE})
    for path in ("/runs", f"/runs/{quoted}", f"/threads/{quoted}", f"/assistants/{quoted}/prompts", f"/runs?{hostile}",
                 "/stats?by=day&by=model", "/stats?by=error&by=source&show=runs", f"/stats?{hostile}",
                 f"/sql?{urlencode({'query': 'SELECT model, id FROM runs ORDER BY observed_at DESC'})}",
                 f"/sql?{urlencode({'query': HOSTILE.replace(chr(27), '')})}",
                 f"/runs?{urlencode({'text': HOSTILE})}"):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code in (200, 400), path
        assert "alert" in answer.text, path
        assert "<script>alert" not in answer.text, path
        assert "<img" not in answer.text, path
        assert "\u202e" not in answer.text, path
        assert "\x1b" not in answer.text, path
        assert not re.search(r'<\w+(\s[\w-]+(="[^"<>]*")?)*\s+on\w+=', answer.text), path
    for path in (f"/{quoted}", f"/runs?{quoted}=1", f"/runs?status=a&order={quoted}", f"/runs/{quoted}x"):
        answer = client.get(path)
        assert answer.status_code in (400, 404)
        assert "<script>alert" not in answer.text


def test_every_page_has_the_strict_headers(client: TestClient) -> None:
    for path in (
        "/runs",
        "/runs/run_001",
        "/runs/none",
        "/stats",
        "/sql",
        "/runs?x=1",
        "/static/style.css",
        "/runs.csv",
    ):
        headers = client.get(path).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy == {
            "default-src": "'none'", "style-src": "'self'", "script-src": "'self'", "img-src": "'self' data:",
            "form-action": "'self'", "frame-ancestors": "'none'", "base-uri": "'none'",
        }  # fmt: skip
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
    text = client.get("/stats").text + client.get("/runs/run_001").text
    assert not re.search(r"style=|<style|\shref=\"(https?:)?//|src=\"(https?:)?//", text)


def test_a_browser_gives_the_key_as_a_password(browse: Callable[..., TestClient]) -> None:
    client = browse(api_keys=[KEY])
    refused = client.get("/runs")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (
        401,
        'Basic realm="runstore", charset="UTF-8"',
    )
    assert "A key is required" in refused.text
    for given, status in ((f"anyone:{KEY}", 200), (f":{KEY}", 200), (KEY, 401), (f"{KEY}:", 401), ("a:b", 401)):
        headers = {"Authorization": f"Basic {base64.b64encode(given.encode()).decode()}"}
        assert client.get("/runs", headers=headers).status_code == status, given
    assert client.get("/runs", headers={"Authorization": "Basic ???"}).status_code == 401
    programs = client.get("/v1/runs")
    assert (programs.status_code, programs.headers["www-authenticate"]) == (401, "Bearer")


def test_what_a_page_of_another_site_loads_is_refused(browse: Callable[..., TestClient]) -> None:
    client = browse(allowed_origins=["https://ours.example"])
    image = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    frame = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    script = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
    link_to = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    for path in ("/runs", "/v1/runs"):
        for headers in (image, frame, script | {"Origin": "https://evil.example"}):
            assert client.get(path, headers=headers).status_code == 403
        assert client.get(path, headers=link_to).status_code == 200
        assert client.get(path, headers=script | {"Origin": "https://ours.example"}).status_code == 200


# --- the paths of pages and of the API -------------------------------------------------------------------------------


def test_programs_get_json_and_browsers_pages_at_the_same_path(ask: Ask, client: TestClient) -> None:
    programs = ask()
    for path in ("/runs", "/stats"):
        assert programs.get(path).headers["content-type"] == "application/json"
        page = client.get(path)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "Accept" in page.headers["vary"].split(", ")
    assert programs.get("/threads/thread_a").json()["error"]["code"] == "not_archived"
    assert programs.get("/runs/run_001").json()["error"]["code"] == "unknown_url"
    assert client.get("/v1/runs").headers["content-type"] == "application/json"
    assert client.get("/threads/thread_a/runs").headers["content-type"] == "application/json"
    assert client.get("/", follow_redirects=False).headers["location"] == "runs"
    assert client.post("/runs").status_code == 405


def test_pages_work_under_any_path(archive: RunRepository) -> None:
    with TestClient(Starlette(routes=[Mount("/of/archive", asgi_app(archive))]), headers=BROWSER) as client:
        page = client.get("/of/archive/runs/run_001")
        assert page.status_code == 200
        assert 'href="../static/style.css?' in page.text
        assert client.get("/of/archive/assistants/asst_1/prompts").text.count('href="../../runs"') >= 1


# --- failures --------------------------------------------------------------------------------------------------------


def test_an_empty_archive_says_what_to_do(runs: RunRepository) -> None:
    with TestClient(asgi_app(runs), headers=BROWSER) as client:
        for path in ("/runs", "/stats"):
            assert "The archive has no runs yet" in client.get(path).text
            assert "runstore import runs.jsonl" in client.get(path).text


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        ("/runs/none", 404, "No run found with id 'none'"),
        ("/threads/none", 404, "No thread found"),
        ("/assistants/none/prompts", 404, "No assistant found"),
        ("/nowhere", 404, "nothing at this path"),
        ("/runs?created_from=soon", 400, "Invalid 'created_from': expected"),
        ("/runs?colour=red", 400, "Unknown parameter: 'colour'"),
        ("/runs?cursor=x", 400, "Invalid 'cursor'"),
        ("/runs?after=none", 400, "There is no run 'none' in this list"),
        ("/stats?by=colour", 400, "Invalid value for 'by'"),
    ],
)
def test_a_failure_is_a_page_that_says_what_to_do(client: TestClient, path: str, status: int, expected: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert expected in words(answer.text)
    assert "All runs" in words(answer.text)


def test_a_slow_query_and_a_database_that_is_away_are_pages_too(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error, status, expected in (
        (QueryTimeout(place="db", seconds=10), 504, "choose a shorter time"),
        (DatabaseUnreachable(place="db", reason="refused"), 503, "in a moment"),
        (ValueError("broken"), 500, "could not complete the request"),
    ):

        def fail(*_: Any, error: Exception = error, **__: Any) -> Any:
            raise error

        monkeypatch.setattr(RunRepository, "find_rows", fail)
        answer = client.get("/runs")
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert expected in answer.text
        assert client.get("/runs.csv").status_code == 200


def test_a_file_that_would_be_too_large_is_refused_with_the_command(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runstore.web.pages.download.MOST_ROWS", 3)
    answer = client.get("/runs.csv?thread_id=thread_a")
    assert answer.status_code == 413
    assert "runstore export" in words(answer.text)
    assert "--thread thread_a" in words(answer.text)
