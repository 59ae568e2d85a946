"""The API as SDKs know it: pages, runs and errors, as the server used to return them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from runstore import RunRepository
from runstore.query.criteria import FILTERS
from tests.helpers.comparison import difference
from tests.web.conftest import A_RUNS, B_RUNS, PUBLISHED, Ask, Run, newest_first, threaded

PREFIXES = ["", "/v1", "/openai", "/openai/v1", "/api/projects/p-1"]
NEWEST = newest_first(A_RUNS)
URL = "/v1/threads/thread_a/runs"


@pytest.fixture
def client(ask: Ask) -> TestClient:
    return ask()


def ids(body: dict[str, Any]) -> list[str]:
    return [run["id"] for run in body["data"]]


def error(client: TestClient, path: str, **request: Any) -> tuple[int, dict[str, Any]]:
    answer = client.request(request.pop("method", "GET"), path, **request)
    body = answer.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"message", "type", "param", "code"}
    assert body["error"]["code"]
    return answer.status_code, body["error"]


# --- fidelity --------------------------------------------------------------------------------------------------------


def test_a_run_is_answered_as_the_bytes_that_the_archive_keeps(client: TestClient, archive: RunRepository) -> None:
    assert PUBLISHED
    for run in [*A_RUNS, *B_RUNS, *PUBLISHED]:
        answer = client.get(f"/v1/threads/{run['thread_id']}/runs/{run['id']}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.content == archive.load_json(run["id"]).text
        assert not difference(run, json.loads(answer.content))


def test_a_page_holds_the_same_bytes(client: TestClient, archive: RunRepository) -> None:
    answer = client.get("/v1/threads/thread_published/runs?limit=100")
    runs = b",".join(archive.iterate_json(thread_id="thread_published", newest_first=True))
    assert answer.content.startswith(b'{"object":"list","data":[' + runs + b'],"first_id":')


def test_all_forms_of_a_url_lead_to_the_same_answers(client: TestClient, subtests: pytest.Subtests) -> None:
    for prefix in PREFIXES:
        with subtests.test(prefix):
            for path in ("/threads/thread_a/runs", "/threads/thread_a/runs/run_001"):
                answer = client.get(f"{prefix}{path}?api-version=2024-05-01-preview")
                assert answer.status_code == 200
                assert answer.content == client.get(f"/v1{path}").content


# --- pages -----------------------------------------------------------------------------------------------------------


def test_a_page_has_the_members_of_the_api(client: TestClient) -> None:
    body = client.get(URL).json()
    assert list(body) == ["object", "data", "first_id", "last_id", "has_more"]
    assert body["object"] == "list"
    assert ids(body) == [run["id"] for run in NEWEST[:20]]
    assert (body["first_id"], body["last_id"], body["has_more"]) == (NEWEST[0]["id"], NEWEST[19]["id"], True)


def walked(client: TestClient, order: str, limit: int) -> Iterator[str]:
    after = ""
    while True:
        body = client.get(f"{URL}?order={order}&limit={limit}{after}").json()
        yield from ids(body)
        if not body["has_more"]:
            return
        after = f"&after={body['last_id']}"


def test_pages_by_after_give_each_run_once_in_both_orders(client: TestClient, subtests: pytest.Subtests) -> None:
    for order, expected in (("asc", NEWEST[::-1]), ("desc", NEWEST)):
        for limit in (1, 7, 45, 100):
            with subtests.test(f"{order} {limit}"):
                assert list(walked(client, order, limit)) == [run["id"] for run in expected]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_before_gives_the_page_in_front_of_a_run_in_the_same_order(client: TestClient, order: str) -> None:
    expected = [run["id"] for run in (NEWEST if order == "desc" else NEWEST[::-1])]
    for place in (0, 1, 5, 6, 44):
        body = client.get(f"{URL}?order={order}&limit=5&before={expected[place]}").json()
        assert ids(body) == expected[max(0, place - 5) : place]
        assert body["has_more"] is (place > 5)
        if not place:
            assert (body["first_id"], body["last_id"]) == (None, None)
    body = client.get(f"{URL}?order={order}&limit=5&after={expected[3]}&before={expected[6]}").json()
    assert (ids(body), body["has_more"]) == (expected[4:6], False)


def test_an_empty_page_after_the_last_run(client: TestClient) -> None:
    body = client.get(f"{URL}?after={NEWEST[-1]['id']}").json()
    assert body == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


# --- errors ----------------------------------------------------------------------------------------------------------


UNUSABLE = [
    ("limit=0", "limit", "integer_below_min_value"),
    ("limit=-1", "limit", "integer_below_min_value"),
    ("limit=101", "limit", "integer_above_max_value"),
    (f"limit={'9' * 5000}", "limit", "invalid_type"),
    ("limit=ten", "limit", "invalid_type"),
    ("limit=%D9%A1", "limit", "invalid_type"),
    ("limit=", "limit", "invalid_type"),
    ("limit=1&limit=2", "limit", "too_many_values"),
    ("order=up", "order", "invalid_value"),
    ("order=DESC", "order", "invalid_value"),
    ("after=", "after", "invalid_value"),
    ("after=run_none", "after", "run_not_found"),
    ("before=run_none", "before", "run_not_found"),
    ("after=run_100", "after", "run_not_found"),  # of another thread
    ("status=failed", "status", "unknown_parameter"),
    ("limt=1", "limt", "unknown_parameter"),
    ("limit=%FF", "", "invalid_query"),
    ("%FF=1", "", "invalid_query"),
]


def test_a_parameter_that_cannot_be_used_is_refused_by_name(client: TestClient, subtests: pytest.Subtests) -> None:
    for query, param, code in UNUSABLE:
        with subtests.test(query):
            status, found = error(client, f"{URL}?{query}")
            assert (status, found["type"]) == (400, "invalid_request_error")
            assert (found["param"], found["code"]) == (param, code)


def test_what_the_archive_does_not_have_is_not_found(client: TestClient) -> None:
    assert error(client, "/v1/threads/thread_none/runs")[1]["code"] == "thread_not_found"
    assert error(client, "/v1/threads/thread_a/runs/run_none")[1]["code"] == "run_not_found"
    assert error(client, "/v1/threads/thread_a/runs/run_100")[1]["code"] == "run_not_found"
    assert error(client, "/v1/threads/thread_a/runs/%00%FF")[1]["code"] == "run_not_found"


NOT_ARCHIVED = [
    *("/threads", "/threads/thread_a", "/threads/thread_a/messages", "/threads/thread_a/messages/msg_1"),
    *("/threads/thread_a/runs/run_001/steps", "/threads/thread_a/runs/run_001/steps/step_1"),
    *("/assistants", "/assistants/asst_1"),
]


def test_what_is_not_archived_says_so(client: TestClient, subtests: pytest.Subtests) -> None:
    for prefix in PREFIXES:
        for path in NOT_ARCHIVED:
            with subtests.test(prefix + path):
                status, found = error(client, prefix + path)
                assert (status, found["code"]) == (404, "not_archived")
                assert "The archive holds runs only" in found["message"]


WRITES = [
    ("POST", "/v1/threads"),
    ("POST", "/v1/threads/runs"),
    ("POST", "/v1/threads/thread_a"),
    ("DELETE", "/v1/threads/thread_a"),
    ("POST", "/v1/threads/thread_a/messages"),
    ("POST", "/v1/threads/thread_a/runs"),
    ("POST", "/v1/threads/thread_a/runs/run_001"),
    ("PATCH", "/v1/threads/thread_a/runs/run_001"),
    ("POST", "/v1/threads/thread_a/runs/run_001/cancel"),
    ("POST", "/v1/threads/thread_a/runs/run_001/submit_tool_outputs"),
    ("PUT", "/openai/assistants"),
    ("OPTIONS", "/v1/runs"),
    ("TRACE", "/v1/runs"),
]


def test_nothing_can_be_written(client: TestClient, archive: RunRepository, subtests: pytest.Subtests) -> None:
    for method, path in WRITES:
        with subtests.test(f"{method} {path}"):
            status, found = error(client, path, method=method, content=b'{"assistant_id": "asst_1"}')
            assert (status, found["code"]) == (405, "method_not_allowed")
            assert client.request(method, path).headers["allow"] == "GET, HEAD"
            assert archive.count() == len([*A_RUNS, *B_RUNS, *PUBLISHED])


UNKNOWN = [
    "/",
    "/v1",
    "/v1/",
    "/v2/runs",
    "/v1/runs/",
    "/v1/threads/thread_a/runs/",
    "/v1/../etc/passwd",
    "/v1//runs",
    "/x",
]


def test_an_unknown_path_is_not_found_by_any_method(client: TestClient, subtests: pytest.Subtests) -> None:
    for path in UNKNOWN:
        with subtests.test(path):
            for method in ("GET", "POST"):
                status, found = error(client, path, method=method)
                assert (status, found["code"]) == (404, "unknown_url")


# --- HTTP ------------------------------------------------------------------------------------------------------------


def test_a_client_that_has_an_answer_is_told_so(client: TestClient, archive: RunRepository) -> None:
    path = f"{URL}/run_001"
    digest = archive.load_json("run_001").digest.hex()
    assert client.get(path).headers["etag"] == f'"{digest}"'
    for tags in (f'"{digest}"', f'W/"{digest}"', f'"other", "{digest}"', "*"):
        answer = client.get(path, headers={"If-None-Match": tags})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == f'"{digest}"'
    assert client.get(path, headers={"If-None-Match": digest[:-1]}).status_code == 200
    whole = f"{URL}?limit=100"
    page = client.get(whole)
    assert client.get(whole, headers={"If-None-Match": page.headers["etag"]}).status_code == 304
    assert client.get(f"{URL}?limit=5", headers={"If-None-Match": page.headers["etag"]}).status_code == 200
    archive.save(threaded(1, status="failed", completed_at=1), on_conflict="replace")
    assert client.get(path, headers={"If-None-Match": f'"{digest}"'}).status_code == 200
    assert client.get(whole, headers={"If-None-Match": page.headers["etag"]}).status_code == 200


def test_head_has_the_headers_of_get_and_no_body(client: TestClient) -> None:
    for path in (URL, f"{URL}/run_001", "/v1/runs", "/v1/stats", "/openapi.json", "/healthz", "/readyz", "/v1/x"):
        get, head = client.get(path), client.head(path)
        assert head.content == b""
        assert (head.status_code, head.headers) == (get.status_code, get.headers)


def test_answers_are_compressed_for_those_who_can_read_it(client: TestClient) -> None:
    plain = client.get(URL)
    zipped = client.get(URL, headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.content == plain.content
    assert int(zipped.headers["content-length"]) < len(plain.content) / 4
    assert zipped.headers["etag"] == f"W/{plain.headers['etag']}"
    assert [zipped.headers["vary"], plain.headers["vary"]] == ["Accept-Encoding"] * 2
    again = client.get(URL, headers={"Accept-Encoding": "gzip", "If-None-Match": plain.headers["etag"]})
    assert again.status_code == 304


def test_pages_of_other_origins_read_nothing_unless_they_are_allowed(ask: Ask) -> None:
    origin = {"Origin": "https://app.example.com"}
    preflight = {**origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    closed = ask()
    assert "access-control-allow-origin" not in closed.get(URL, headers=origin).headers
    assert closed.options(URL, headers=preflight).status_code == 405
    opened = ask(allowed_origins=["https://app.example.com"], api_keys=["k" * 16])
    assert opened.options(URL, headers=preflight).status_code == 200
    answer = opened.get(URL, headers=origin)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, origin["Origin"])
    other = opened.get(URL, headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


# --- beyond the API --------------------------------------------------------------------------------------------------


def test_runs_of_all_threads_are_paged_by_cursors(client: TestClient) -> None:
    found: list[Run] = []
    cursor = ""
    while True:
        body = client.get(f"/v1/runs?limit=10&order=asc{cursor}").json()
        found += body["data"]
        if body["next"] is None:
            break
        cursor = f"&cursor={body['next']}"
    assert not body["has_more"]
    assert {run["id"] for run in found} == {run["id"] for run in [*A_RUNS, *B_RUNS, *PUBLISHED]}


PARAMETERS: list[tuple[str, dict[str, Any]]] = [
    ("id=run_001&id=run_100", {"id": ["run_001", "run_100"]}),
    ("thread_id=thread_b", {"thread_id": "thread_b"}),
    ("assistant_id=asst_1&status=failed&status=x", {"assistant_id": "asst_1", "status": ["failed", "x"]}),
    ("model=gpt-4o&limit=100", {"model": "gpt-4o", "limit": 100}),
    ("source=x", {"source": "x"}),
    ("created_from=2023-11-14T22:13:21Z", {"created_from": 1_700_000_001}),
    ("created_before=1700000010", {"created_before": 1_700_000_010}),
    ("started_from=7d&started_before=2020-01-01", {"started_from": "7d", "started_before": 1}),
    ("finished_from=7d&finished_before=1h", {"finished_from": "7d", "finished_before": "1h"}),
    ("metadata=number=7&metadata=user=a=b", {"metadata": {"number": "7", "user": "a=b"}}),
    ("metadata_key=number&metadata_key=none", {"metadata_key": ["number", "none"]}),
    ("text=answer&text=B=c", {"text": ["answer", "B=c"]}),
    ("tool_type=code_interpreter&function_name=f", {"tool_type": "code_interpreter", "function_name": "f"}),
    ("file_id=file_1", {"file_id": "file_1"}),
    ("error_code=server_error&incomplete_reason=x", {"error_code": "server_error", "incomplete_reason": "x"}),
    ("total_tokens_min=10&total_tokens_max=12", {"total_tokens_min": 10, "total_tokens_max": 12}),
    (f"total_seconds_min=0&total_seconds_max={9**20}", {"total_seconds_min": 0, "total_seconds_max": 9**20}),
    ("requires_action=true", {"requires_action": True}),
    ("requires_action=false", {"requires_action": False}),
]


def test_each_filter_is_a_parameter(client: TestClient, archive: RunRepository, subtests: pytest.Subtests) -> None:
    for query, where in PARAMETERS:
        with subtests.test(query):
            answer = client.get(f"/v1/runs?{query}")
            assert answer.status_code == 200, answer.text
            page = archive.find(**where)
            assert ids(answer.json()) == [run["id"] for run in page.runs]
            assert answer.json()["next"] == page.next


def test_no_filter_is_left_out_of_the_test_above() -> None:
    assert {name for _, where in PARAMETERS for name in where} == {*FILTERS, "limit"}


UNUSABLE_FILTERS = [
    ("created_from=yesterday", "created_from"),
    ("created_from=", "created_from"),
    ("metadata=number", "metadata"),
    ("metadata=a=1&metadata=a=2", "metadata"),
    ("&".join(f"metadata_key={n}" for n in range(17)), "metadata_key"),
    ("total_tokens_min=many", "total_tokens_min"),
    ("requires_action=yes", "requires_action"),
    ("cursor=x", "cursor"),
    ("cursor=W10", "cursor"),
    ("cursor=WzE3MDAwMDAwMTQsInJ1bl8yOSJd&after=run_001", "cursor"),
    ("after=run_none", "after"),
    ("after=run_001&before=run_none", "before"),
    ("by=model", "by"),
]


def test_a_filter_that_cannot_be_used_is_refused_by_name(client: TestClient, subtests: pytest.Subtests) -> None:
    for query, param in UNUSABLE_FILTERS:
        with subtests.test(query):
            status, found = error(client, f"/v1/runs?{query}")
            assert (status, found["param"]) == (400, param)


def test_statistics_are_those_of_the_archive(client: TestClient, archive: RunRepository) -> None:
    body = client.get("/v1/stats?by=thread&by=status&columns=runs&columns=total_tokens&thread_id=thread_a").json()
    expected = archive.stats(["thread", "status"], columns=["runs", "total_tokens"], thread_id="thread_a")
    assert body == {"object": "list", "data": expected, "has_more": False}
    (alone,) = client.get("/v1/stats").json()["data"]
    assert alone["runs"] == archive.count()
    limited = client.get("/v1/stats?by=thread&limit=1&sort=runs&columns=runs").json()
    assert (len(limited["data"]), limited["has_more"]) == (1, True)
    assert limited["data"][0]["runs"] == 45
    for query, param in (
        ("by=x", "by"),
        ("sort=runs&columns=cost", "sort"),
        ("limit=1001", "limit"),
        ("order=asc", "order"),
    ):
        assert error(client, f"/v1/stats?{query}")[1]["param"] == param
