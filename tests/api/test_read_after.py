"""`Read-After`: what is answered is no older than the position; and an emptied table says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from shopfront import Answer, Shopfront, names

from chalicelib import config, read

CUP = {"brand": "B", "name": "Cup", "description": "", "category": "cups"}
READS = [
    "/products",
    "/products?category=cups",
    "/categories",
    "/contributions",
    "/scores?role=creator",
    "/scores?role=photographer",
]


@pytest.fixture
def recorded(front: Shopfront) -> Answer:
    """A product that is on the log and not judged yet."""
    front.settle()
    body = CUP | {"id": f"fresh-{next(names)}"}
    answer = front.call("POST", "/products", body, to="merchant")
    assert answer.status == 202
    return answer


def path_of(recorded: Answer) -> str:
    return "/products/" + recorded.said["subject"].partition("/")[2]


def after(recorded: Answer) -> str:
    return str(recorded.said["position"])


def not_yet(answer: Answer, field: str = "Read-After") -> None:
    assert (answer.status, answer.slug) == (503, "not-yet")
    assert answer.fields == {field}
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_202_says_where_the_event_lies_and_where_to_ask_for_it(recorded: Answer) -> None:
    said = recorded.said
    assert said.keys() == {"id", "type", "subject", "position"}
    assert said["type"] == "tillstream.product.created.v1"
    assert said["position"].startswith(f"{config.settings().stream}/shardId-")
    location = f"/events/{said['id']}?at={said['position']}"
    assert recorded.headers["Location"] == location


def test_what_is_not_judged_yet_is_503_and_never_404(front: Shopfront, recorded: Answer) -> None:
    not_yet(front.get(path_of(recorded), after=after(recorded)))
    assert front.get(path_of(recorded)).status == 404


def test_once_judged_a_read_by_key_is_exact(front: Shopfront, recorded: Answer) -> None:
    front.settle()
    answer = front.get(path_of(recorded), after=after(recorded))
    assert (answer.status, answer.said["name"]) == (200, "Cup")


def test_each_of_many_writes_is_seen_by_the_read_after_it(front: Shopfront) -> None:
    product = front.product("merchant")
    for n in range(10):
        body = CUP | {"name": f"No {n}"}
        made = front.call("PUT", f"/products/{product}", body, to="merchant")
        front.settle()
        answer = front.get(f"/products/{product}", after=after(made))
        assert answer.said["name"] == f"No {n}"


def test_a_read_waits_for_a_judgement_that_comes_in_time(
    front: Shopfront, recorded: Answer
) -> None:
    with judged_meanwhile(front):
        answer = front.get(path_of(recorded), after=after(recorded))
    assert answer.status == 200


@contextmanager
def judged_meanwhile(front: Shopfront) -> Iterator[None]:
    """Judged a tenth of a second from now, by a shop that waits however slow this machine is."""
    timer = threading.Timer(0.1, front.settle)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read, "WAIT_S", 20)
        timer.start()
        yield
        timer.join()


@pytest.mark.parametrize("path", READS)
def test_a_list_waits_about_a_third_of_a_second_then_says_not_yet(
    front: Shopfront, recorded: Answer, path: str
) -> None:
    started = time.monotonic()
    not_yet(front.get(path, after=after(recorded)))
    assert read.WAIT_S == 0.3
    assert 0.3 <= time.monotonic() - started < 3
    front.settle()
    assert front.get(path, after=after(recorded)).status == 200


def test_a_list_by_an_index_says_as_of_when(front: Shopfront) -> None:
    for path in READS:
        indexed = path in ("/products", "/scores?role=creator", "/scores?role=photographer")
        assert ("asOf" in front.get(path).said) == indexed


def test_a_future_position_is_503_not_yet_on_every_route(
    front: Shopfront, recorded: Answer
) -> None:
    shard = after(recorded).partition(":")[0]
    for path in ("/products/any", "/events/any", "/scores?role=creator"):
        not_yet(front.call("GET", path, to="admin", Read_After=f"{shard}:{'9' * 56}"))


def test_a_shard_that_is_not_known_yet_is_waited_for(front: Shopfront) -> None:
    text = f"{config.settings().stream}/shardId-000000000077:1"
    not_yet(front.get("/products/any", after=text))


def test_passed_means_judged_whatever_the_verdict(front: Shopfront) -> None:
    product = front.product("merchant")
    raced = [front.call("POST", "/products", CUP | {"id": product + "x"}, to="merchant")]
    raced += [front.call("POST", "/products", CUP | {"id": product + "x"}, to="merchant")]
    front.settle()
    for answer in raced:
        assert front.get(f"/products/{product}x", after=after(answer)).status == 200


class TestWrites:
    def test_a_decision_reads_state_that_may_lag(self, front: Shopfront, recorded: Answer) -> None:
        assert front.call("PUT", path_of(recorded), CUP, to="merchant").status == 404

    def test_a_decision_after_a_position_waits_for_it(
        self, front: Shopfront, recorded: Answer
    ) -> None:
        before = front.records()
        position = recorded.position
        not_yet(front.call("PUT", path_of(recorded), CUP, to="merchant", **header(position)))
        assert front.records() == before
        front.settle()
        answer = front.call("PUT", path_of(recorded), CUP, to="merchant", **header(position))
        assert answer.status == 202

    def test_a_decision_after_a_position_sees_what_lies_there(
        self, front: Shopfront, recorded: Answer
    ) -> None:
        body, position = CUP | {"id": path_of(recorded).rpartition("/")[2]}, recorded.position
        with judged_meanwhile(front):
            answer = front.call("POST", "/products", body, to="merchant", **header(position))
        assert (answer.status, answer.slug) == (409, "exists")

    def test_a_session_after_a_position_waits_too(self, front: Shopfront, recorded: Answer) -> None:
        body = {"name": "Ada", "roles": ["customer"]}
        not_yet(front.call("POST", "/sessions", body, **header(recorded.position)))


def header(position: dict[str, str]) -> dict[str, str]:
    return {"Read_After": position["Read-After"]}


@pytest.fixture(scope="class")
def emptied(front: Shopfront) -> Iterator[None]:
    front.product("merchant", id=f"whole-{next(names)}")
    front.empty_table()
    yield
    front.sweep()
    assert front.get("/health").said == {"status": "ok"}


@pytest.mark.usefixtures("emptied")
class TestEmptied:
    """The table was deleted and made anew: nothing is answered until it is whole again."""

    def test_the_shop_is_up_and_says_that_it_is_catching_up(self, front: Shopfront) -> None:
        answer = front.get("/health")
        assert (answer.status, answer.said) == (200, {"status": "catching-up"})

    @pytest.mark.parametrize("path", ["/products/any", "/events/any", *READS])
    def test_a_query_is_503_and_never_a_false_404(self, front: Shopfront, path: str) -> None:
        catching_up(front.call("GET", path, to="admin"))

    @pytest.mark.parametrize(
        ("method", "path", "to", "body"),
        [
            ("POST", "/products", "merchant", CUP),
            ("PUT", "/products/any", "merchant", CUP),
            ("PUT", "/products/any/photo", "photographer", {"image": "https://a.example/p"}),
            ("POST", "/products/any/views", "customer", {}),
            ("POST", "/products/any/purchases", "customer", {}),
            ("POST", "/sessions", None, {"name": "Ada", "roles": ["customer"]}),
        ],
    )
    def test_a_command_is_503_and_records_nothing(
        self, front: Shopfront, method: str, path: str, to: str | None, body: Any
    ) -> None:
        before = front.records()
        catching_up(front.call(method, path, body, to=to))
        catching_up(front.call(method, path, body, to=to, Idempotency_Key="k"))
        assert front.records() == before

    def test_what_is_wrong_is_told_even_now(self, front: Shopfront) -> None:
        assert front.call("POST", "/products", {}, to="merchant").status == 422
        assert front.get("/products", limit=0).status == 400

    def test_an_operator_sees_which_view_is_behind(self, front: Shopfront) -> None:
        answer = front.call("GET", "/views", to="admin")
        assert answer.status == 200
        levels = [s["level"] for item in answer.said["items"] for s in item["shards"].values()]
        assert levels
        assert not any(levels)


def catching_up(answer: Answer) -> None:
    assert (answer.status, answer.slug) == (503, "catching-up"), answer.body
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_an_emptied_table_comes_back_as_it_was(front: Shopfront) -> None:
    photo = {"image": "https://a.example/p"}
    product = f"/products/{front.product('merchant')}"
    front.call("PUT", f"{product}/photo", photo, to="photographer")
    front.call("POST", f"{product}/purchases", to="customer")
    front.settle()
    before = [front.get(path).said["items"] for path in READS]
    assert all(before)
    front.empty_table()
    front.sweep()
    assert [front.get(path).said["items"] for path in READS] == before


def test_while_the_table_is_missing_every_answer_is_503(front: Shopfront) -> None:
    table = config.settings().table
    dynamodb = config.client("dynamodb")
    front.product("merchant")
    dynamodb.delete_table(TableName=table)
    try:
        before = front.records()
        for path in ("/products/any", "/events/any", "/views", *READS):
            answer = front.call("GET", path, to="admin")
            assert answer.status == 503, path
            assert "Retry-After" in answer.headers
        assert front.call("POST", "/products", CUP, to="merchant").status == 503
        assert front.get("/health").said == {"status": "catching-up"}
        assert front.records() == before
    finally:
        front.empty_table()
        front.sweep()
    assert front.get("/products").status == 200


def test_a_position_of_a_stream_that_the_shop_once_had_is_known(
    front: Shopfront, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream made anew has a new name; what was recorded on the old one is still told."""
    made = front.call("POST", "/products", CUP | {"id": f"old-{next(names)}"}, to="merchant")
    front.settle()
    stream = config.settings().stream.removesuffix("-1")
    monkeypatch.setenv("STREAM", f"{stream}-2")
    config.settings.cache_clear()
    try:
        assert front.get(path_of(made), after=after(made)).status == 200
        query = urlencode({"at": after(made)})
        answer = front.call("GET", f"/events/{made.said['id']}?{query}", to="admin")
        assert (answer.status, answer.said["verdict"]) == (200, "counted")
        assert front.get("/products", after=f"{stream}-3/shardId-000000000000:1").status == 400
    finally:
        monkeypatch.undo()
        config.settings.cache_clear()
