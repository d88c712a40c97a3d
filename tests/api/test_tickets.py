"""What people ask of the shop: opened, listed, updated, and read by those whom it concerns."""

from __future__ import annotations

from typing import Any

import pytest
from ordering import CART, menu, place
from shopfront import Answer, Shopfront, names

from chalicelib import access, door, personal, store
from chalicelib.access import guest
from chalicelib.decisions import DECIDERS
from chalicelib.events import customer
from chalicelib.store import Query
from chalicelib.subjects import subject_key, subject_of
from chalicelib.views import tickets

TEXT = "The cup came without its handle."
KEY = "7f3c2a10-0b1d-4c55-9d64-6a1f0c2b9e01"


@pytest.fixture(autouse=True, scope="module")
def people(front: Shopfront) -> None:
    """Whoever answers tickets."""
    for role in ("support", "admin"):
        front.person(role, name=role)


@pytest.fixture
def ann(front: Shopfront) -> str:
    """A customer of whom the shop knows nothing yet."""
    return front.person("customer")


def opened(front: Shopfront, to: str | None = None, text: str = TEXT, **members: Any) -> Answer:
    """A ticket that is judged."""
    answer = front.call("POST", "/tickets", {"text": text, **members}, to=to)
    assert answer.status == 202, answer.body
    front.settle()
    return answer


def path_of(answer: Answer) -> str:
    """The ticket's address, with its key where its author was given one."""
    said = answer.said
    plain = "/tickets/" + said["subject"].removeprefix("ticket/")
    return plain + (f"?key={said['key']}" if "key" in said else "")


def changed(front: Shopfront, path: str, to: str | None, **headers: str) -> Answer:
    body = {"text": "The saucer, too.", "checked": True}
    answer = front.call("PUT", path, body, to=to, **headers)
    front.settle()
    return answer


def erase(front: Shopfront, person: str) -> None:
    """The person is erased, and the worker has destroyed their key."""
    assert front.call("DELETE", f"/customers/{person}", to="admin").status == 202
    front.settle()
    row = store.get(subject_key(DECIDERS["customer"], f"customer/{person}"))
    (todo,) = subject_of(DECIDERS["customer"], row).state.todos
    personal.destroy(person)
    done = customer.KeyDestroyed(todo=todo)
    door.record(door.envelope(done, f"customer/{person}", "system", None))
    front.settle()


def test_a_ticket_is_opened_listed_updated_and_survives_an_emptied_table(
    front: Shopfront, ann: str
) -> None:
    path = path_of(opened(front, ann))
    first = front.get(path, to=ann).said
    assert first == {
        "id": path.removeprefix("/tickets/"),
        "text": TEXT,
        "checked": False,
        "createdAt": first["createdAt"],
        "updatedAt": first["createdAt"],
    }
    assert first["createdAt"] > 1_600_000_000_000, "milliseconds, as the seed has them"
    assert front.get("/tickets", to=ann).said["items"] == [first]

    assert changed(front, path, ann).status == 202
    second = front.get(path, to=ann).said
    assert (second["text"], second["checked"]) == ("The saucer, too.", True)
    assert second["createdAt"] == first["createdAt"] <= second["updatedAt"]
    history = front.get(f"{path}/history", to=ann).said

    front.empty_table()
    assert front.get(path, to=ann).slug == "catching-up"
    assert front.get("/tickets", to=ann).slug == "catching-up"
    front.sweep()
    assert front.get(path, to=ann).said == second
    assert front.get("/tickets", to=ann).said["items"] == [second]
    assert front.get(f"{path}/history", to=ann).said == history


def test_its_history_says_who_said_what_the_oldest_first_page_by_page(
    front: Shopfront, ann: str
) -> None:
    path = path_of(opened(front, ann))
    assert front.call("PUT", path, {"checked": True}, to="support").status == 202
    front.settle()
    assert changed(front, path, ann).status == 202
    steps = front.listed(f"{path}/history", 2, to=ann)
    assert [(s["event"], s["by"], s["checked"], s["text"]) for s in steps] == [
        ("opened", "author", False, TEXT),
        ("updated", "support", True, TEXT),
        ("updated", "author", True, "The saucer, too."),
    ]
    assert [s["at"] for s in steps] == sorted(s["at"] for s in steps)


def test_everybody_sees_their_own_and_support_and_an_admin_see_all(
    front: Shopfront, ann: str, refused: Any
) -> None:
    bob = front.person("merchant")
    hers, his = path_of(opened(front, ann)), path_of(opened(front, bob))
    for who, foreign in ((ann, his), (bob, hers)):
        for path in (foreign, f"{foreign}/history", "/tickets/nothing", "/tickets/nothing/history"):
            answer = refused(404, "GET", path, to=who)
            assert (answer.slug, answer.fields) == ("unknown-ticket", {"id"})
        answer = refused(404, "PUT", foreign, {"checked": True}, to=who)
        assert answer.said == refused(404, "PUT", "/tickets/none", {"checked": True}, to=who).said
        assert len(front.get("/tickets", to=who).said["items"]) == 1
    for who in ("support", "admin"):
        listed = [item["id"] for item in front.listed("/tickets", 3, to=who)]
        assert listed.index(his.removeprefix("/tickets/")) == 0, "the newest first"
        assert listed.index(hers.removeprefix("/tickets/")) == 1
        assert front.get(hers, to=who).said["text"] == TEXT
        assert front.get(f"{hers}/history", to=who).status == 200


def test_support_updates_any_ticket_and_an_admin_reads_alone(
    front: Shopfront, ann: str, refused: Any
) -> None:
    path = path_of(opened(front, ann))
    assert changed(front, path, "support").status == 202
    assert front.get(path, to=ann).said["text"] == "The saucer, too."
    answer = refused(403, "PUT", path, {"checked": False}, to="admin")
    assert (answer.slug, answer.fields) == ("not-yours", {"id"})


def test_an_update_holds_on_what_was_seen_alone(front: Shopfront, ann: str, refused: Any) -> None:
    path = path_of(opened(front, ann))
    seen = front.get(path, to=ann).headers["ETag"]
    assert front.call("GET", path, to=ann, If_None_Match=seen).status == 304
    one, two = (
        front.call("PUT", path, {"checked": True}, to=who, If_Match=seen)
        for who in (ann, "support")
    )
    assert (one.status, two.status) == (202, 202), "both pass the door"
    front.settle()
    verdict = front.call("GET", two.headers["Location"], to=ann).said
    assert (verdict["verdict"], verdict["reason"]) == ("ignored", "expects")
    late = refused(412, "PUT", path, {"checked": False}, to=ann, If_Match=seen)
    assert (late.slug, late.fields) == ("changed", {"If-Match"})


def test_a_ticket_names_an_order_of_ones_own_and_no_other(
    front: Shopfront, ann: str, refused: Any
) -> None:
    menu(front)
    order = place(front, CART, ann)
    path = path_of(opened(front, ann, orderId=order))
    assert front.get(path, to=ann).said["orderId"] == order
    for who in (None, front.person("customer"), "support", "admin"):
        for name in (order, "nothing"):
            answer = refused(422, "POST", "/tickets", {"text": TEXT, "orderId": name}, to=who)
            assert (answer.slug, answer.fields) == ("unknown-order", {"orderId"})


class TestGuests:
    """Whoever has no token."""

    def test_one_reads_and_updates_the_ticket_by_its_key_and_no_other_way(
        self, front: Shopfront, refused: Any
    ) -> None:
        path = path_of(opened(front))
        plain, _, key = path.partition("?key=")
        assert front.get(path).said["text"] == TEXT
        assert changed(front, path, None).status == 202
        assert front.get(path).said["text"] == "The saucer, too."
        steps = front.get(f"{plain}/history?key={key}").said["items"]
        assert [step["by"] for step in steps] == ["author", "author"]
        other = path_of(opened(front)).partition("?key=")[2]
        for suffix in ("", f"?key={other}", "?key=" + "A" * 22):
            assert refused(404, "GET", plain + suffix).slug == "unknown-ticket"
            assert refused(404, "GET", f"{plain}/history{suffix}").slug == "unknown-ticket"
            assert refused(404, "PUT", plain + suffix, {"checked": True}).slug == "unknown-ticket"

    def test_the_key_opens_that_ticket_to_nobody_with_a_token_and_no_list(
        self, front: Shopfront, ann: str, refused: Any
    ) -> None:
        path = path_of(opened(front))
        assert refused(404, "GET", path, to=ann).slug == "unknown-ticket"
        assert front.get("/tickets").said["items"] == []
        assert refused(400, "GET", "/tickets?" + path.partition("?")[2]).fields == {"key"}

    def test_what_the_log_tells_everybody_does_not_open_it(
        self, front: Shopfront, ann: str
    ) -> None:
        answer = opened(front)
        flow = front.get("/events", to=ann).said["items"]
        assert answer.said["subject"] in {event["subject"] for event in flow}
        verdict = front.call("GET", answer.headers["Location"], to=ann)
        key = answer.said["key"].encode()
        assert key not in verdict.body
        assert "data" not in verdict.said
        rows, _ = store.page(Query(tickets.VIEW.pk("newest"), index="listing"), 100)
        assert not [row for row in rows if key.decode() in str(row)]

    def test_each_ticket_is_a_persons_of_its_own(self, front: Shopfront) -> None:
        one, two = (path_of(opened(front)).partition("?")[0] for _ in range(2))
        authors = {front.get(path, to="support").said["author"] for path in (one, two)}
        assert len(authors) == 2
        assert guest.person(one.removeprefix("/tickets/")) in authors

    def test_a_cookie_and_a_password_are_no_token(self, front: Shopfront, refused: Any) -> None:
        cookie = {"Cookie": f"token={front.tokens['support']}; session=1"}
        assert front.call("GET", "/tickets", **cookie).said["items"] == []
        assert "Set-Cookie" not in opened(front).headers
        basic = {"Authorization": "Basic c3VwcG9ydDpzdXBwb3J0"}
        assert refused(401, "GET", "/tickets", **basic).fields == {"Authorization"}

    def test_the_same_key_and_text_are_one_ticket_and_another_text_is_another(
        self, front: Shopfront
    ) -> None:
        send = lambda text: front.call(  # noqa: E731
            "POST", "/tickets", {"text": text}, Idempotency_Key=KEY
        )
        one, again, other = send(TEXT), send(TEXT), send("Something else.")
        assert one.said["subject"] == again.said["subject"] != other.said["subject"]
        assert one.said["key"] == again.said["key"] != other.said["key"]
        front.settle()
        assert send(TEXT).said == one.said
        assert front.get(path_of(again)).said["text"] == TEXT

    def test_a_key_of_theirs_must_be_one_that_nobody_guesses(self, refused: Any) -> None:
        answer = refused(400, "POST", "/tickets", {"text": TEXT}, Idempotency_Key="1" * 21)
        assert answer.fields == {"Idempotency-Key"}

    def test_erased_by_an_admin_the_ticket_says_so_and_others_stay(
        self, front: Shopfront, refused: Any
    ) -> None:
        path, other = path_of(opened(front)), path_of(opened(front))
        author = front.get(path.partition("?")[0], to="support").said["author"]
        erase(front, author)
        assert "text" not in front.get(path).said
        assert front.get(path).said["erased"]
        assert front.get(other).said["text"] == TEXT
        assert refused(410, "PUT", path, {"text": "Again", "checked": False}).slug == "erased"


def test_of_who_was_erased_no_ticket_says_what_they_wrote_and_each_row_stays(
    front: Shopfront, ann: str, refused: Any
) -> None:
    path = path_of(opened(front, ann))
    assert changed(front, path, "support").status == 202
    before, tag = front.get(path, to=ann).said, front.get(path, to=ann).headers["ETag"]
    rows, _ = store.page(Query(tickets.VIEW.pk(f"history/{path.removeprefix('/tickets/')}")), 10)
    erase(front, front.get(path, to="support").said["author"])

    after = front.get(path, to=ann)
    assert after.said == {**{n: v for n, v in before.items() if n != "text"}, "erased": True}
    assert after.headers["ETag"] != tag
    assert front.get("/tickets", to=ann).said["items"] == [after.said]
    steps = front.get(f"{path}/history", to="support").said["items"]
    assert [step["erased"] for step in steps] == [True, True]
    assert not [step for step in steps if "text" in step]
    assert store.page(Query(rows[0].key.pk), 10)[0] == rows, "rows are what the log says"

    assert refused(410, "POST", "/tickets", {"text": TEXT}, to=ann).slug == "erased"
    for who, whom in ((ann, "you"), ("support", "the ticket's author")):
        no = refused(410, "PUT", path, {"text": "x", "checked": True}, to=who)
        assert (no.slug, no.said["detail"].partition(" w")[0]) == ("erased", whom)
    assert front.call("PUT", path, {"checked": True}, to="support").status == 202, "it is done"


def test_the_text_is_in_the_ciphertext_and_nowhere_else(front: Shopfront, ann: str) -> None:
    path = path_of(opened(front, ann, text="a canary among tickets"))
    entity = path.removeprefix("/tickets/")
    (row,) = store.page(Query(tickets.VIEW.pk(f"tickets/{entity}")), 10)[0]
    (step,) = store.page(Query(tickets.VIEW.pk(f"history/{entity}")), 10)[0]
    assert "canary" not in f"{row} {step}"
    for each in (row, step):
        said = personal.decrypt(row.body["author"], f"ticket/{entity}", each.body["pii"])
        assert said == {"text": "a canary among tickets"}


def test_a_read_after_in_the_address_waits_for_what_lies_there(front: Shopfront) -> None:
    answer = front.call("POST", "/tickets", {"text": TEXT})
    path, at = path_of(answer), answer.said["position"].replace("/", "%2F")
    early = front.get(f"{path}&at={at}")
    assert (early.status, early.slug, early.headers["Retry-After"]) == (503, "not-yet", "1")
    front.settle()
    assert front.get(f"{path}&at={at}").said["text"] == TEXT
    assert front.get("/tickets", to="support", after=answer.said["position"]).status == 200


@pytest.mark.parametrize("role", sorted(access.ROLES))
def test_every_role_may_ask(front: Shopfront, role: str) -> None:
    who = front.person(role, name=f"{role} {next(names)}")
    assert front.get(path_of(opened(front, who)), to=who).said["text"] == TEXT


def test_a_key_that_stood_for_another_text_is_409(front: Shopfront, ann: str, refused: Any) -> None:
    send = {"to": ann, "Idempotency_Key": "mine"}
    first = front.call("POST", "/tickets", {"text": TEXT}, **send)
    front.settle()
    assert front.call("POST", "/tickets", {"text": TEXT}, **send).said == first.said
    assert refused(409, "POST", "/tickets", {"text": "Other"}, **send).slug == "key-reused"
