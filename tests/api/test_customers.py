"""What a person tells of themselves, reads again, and has forgotten."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from ordering import HOME, declined, menu, place
from shopfront import Answer, Shopfront

from chalicelib import access, door, personal, store, vault
from chalicelib.decisions import DECIDERS
from chalicelib.events import FACTS
from chalicelib.subjects import subject_key, subject_of
from chalicelib.todos import KINDS, Owed
from ops import verify as verifying

MIA = {"name": "Mia Moe", "contact": {"email": "mia@example.com", "phone": "+4915112345678"}}
numbers = itertools.count(1)


@pytest.fixture
def mia(front: Shopfront) -> str:
    """Somebody new, whom this test may erase."""
    person = front.person("customer", "merchant", name=f"Person {next(numbers)}")
    front.settle()
    return person


def put(front: Shopfront, who: str, body: Any, **headers: str) -> Answer:
    answer = front.call("PUT", "/customers/me", body, to=who, **headers)
    assert answer.status == 202, answer.body
    front.settle()
    return answer


def me(front: Shopfront, who: str) -> dict[str, Any]:
    answer = front.get("/customers/me", to=who)
    assert answer.status == 200, answer.body
    return dict(answer.said)


def id_of(front: Shopfront, who: str) -> str:
    return str(me(front, who)["id"])


def erase(front: Shopfront, who: str, *, by: str | None = None) -> str:
    """The person is erased, judged so, and their key is not destroyed yet."""
    person = id_of(front, who)
    answer = front.call("DELETE", f"/customers/{person}", to=by or who)
    assert answer.status == 202, answer.body
    front.settle()
    return person


def state_of(person: str) -> Any:
    subject = f"customer/{person}"
    row = store.get(subject_key(DECIDERS["customer"], subject))
    return subject_of(DECIDERS["customer"], row).state


def do_what_is_owed(front: Shopfront, person: str) -> None:
    """The to-do as its kind does it, and its outcome said, as by a worker."""
    state, subject = state_of(person), f"customer/{person}"
    ((name, todo),) = state.todos.items()
    outcome = KINDS[todo.kind](Owed(name, subject, person, state, todo))
    assert outcome.todo == name
    door.record(door.envelope(outcome, subject, "system", None))
    front.settle()


def test_who_one_is_is_read_back_in_clear_and_lies_on_the_log_as_a_ciphertext(
    front: Shopfront, mia: str
) -> None:
    said = put(front, mia, MIA)
    assert me(front, mia) == {"id": said.said["subject"][9:], "publicName": mia, **MIA}
    verdict = front.call("GET", said.headers["Location"], to=mia).said
    assert verdict["data"].keys() == {"pii"}
    row = store.get(subject_key(DECIDERS["customer"], said.said["subject"]))
    assert row is not None
    for word in ("Moe", "mia@", "+4915"):
        assert word not in json.dumps(verdict)
        assert word not in json.dumps(row.body)


def test_of_somebody_new_the_public_name_is_known_and_nothing_else(
    front: Shopfront, mia: str
) -> None:
    assert me(front, mia) == {"id": id_of(front, mia), "publicName": mia, "contact": {}}


def test_what_is_left_out_is_forgotten_but_for_the_public_name(front: Shopfront, mia: str) -> None:
    put(front, mia, MIA)
    put(front, mia, {"contact": {"phone": "+4915112345678"}})
    assert me(front, mia).keys() == {"id", "publicName", "contact"}
    assert me(front, mia)["contact"] == {"phone": "+4915112345678"}
    put(front, mia, {})
    assert me(front, mia)["contact"] == {}


def test_another_public_name_is_shown_on_the_board(front: Shopfront, mia: str) -> None:
    product = front.product(mia)
    buyer = front.person("customer")
    front.call("POST", f"/products/{product}/purchases", to=buyer)
    new = f"{mia} the second"
    put(front, mia, {"publicName": new})
    assert me(front, mia)["publicName"] == new
    board = {one["userId"]: one["name"] for one in front.listed("/scores", 50, role="creator")}
    assert board[id_of(front, mia)] == new
    erased = erase(front, mia)
    board = {one["userId"]: one["name"] for one in front.listed("/scores", 50, role="creator")}
    assert board[erased] is None


def test_a_name_is_kept_as_it_is_seen(front: Shopfront, mia: str) -> None:
    put(front, mia, {"name": "\u202eMia\u200b  Moe "})
    assert me(front, mia)["name"] == "Mia Moe"


class TestVersions:
    def test_who_has_what_is_known_is_told_so_without_a_body(
        self, front: Shopfront, mia: str
    ) -> None:
        first = front.get("/customers/me", to=mia)
        tag = first.headers["ETag"]
        assert first.headers["Cache-Control"] == "private, no-cache"
        again = front.call("GET", "/customers/me", to=mia, If_None_Match=tag)
        assert (again.status, again.body) == (304, b"")
        put(front, mia, MIA, If_Match=tag)
        assert front.get("/customers/me", to=mia).headers["ETag"] != tag

    def test_an_update_of_what_is_no_longer_so_is_412(
        self, front: Shopfront, mia: str, refused: Any
    ) -> None:
        tag = front.get("/customers/me", to=mia).headers["ETag"]
        put(front, mia, MIA)
        late = refused(412, "PUT", "/customers/me", {}, to=mia, If_Match=tag)
        assert (late.slug, late.fields) == ("changed", {"If-Match"})
        person = id_of(front, mia)
        refused(412, "DELETE", f"/customers/{person}", to=mia, If_Match=tag)

    def test_the_same_command_again_has_the_answer_it_had(self, front: Shopfront, mia: str) -> None:
        """Though each time it is encrypted anew."""
        first = put(front, mia, MIA, Idempotency_Key="once")
        assert put(front, mia, MIA, Idempotency_Key="once").said == first.said

    def test_the_same_key_with_another_command_is_409(
        self, front: Shopfront, mia: str, refused: Any
    ) -> None:
        put(front, mia, MIA, Idempotency_Key="once")
        other = refused(409, "PUT", "/customers/me", {}, to=mia, Idempotency_Key="once")
        assert other.slug == "key-reused"


EMAILS = ["", "mia", "@a.example", "mia@", "mia@example", "a b@c.example", 5, "é@a.example"]
EMAILS += ["mia@a..example", "mia@a.example\nBcc: b@c.example", "<mia@a.example>"]
EMAILS += ["a@b.example,c@d.example", "x" * 65 + "@a.example", f"a@{'b.' * 130}example"]
PHONES = ["", "015112345678", "+0151", "+49 151 1234567", "+49151123456789012", "+49", 49]
BAD: list[tuple[dict[str, Any], str]] = [
    *(({"contact": {"email": value}}, "contact.email") for value in EMAILS),
    *(({"contact": {"phone": value}}, "contact.phone") for value in PHONES),
]
BAD += [({"name": value}, "name") for value in ["", "  ", "\u200b", "\u202e", "a\nb", "x" * 81, 5]]
BAD += [({"publicName": value}, "publicName") for value in ["", "\u200b", "x" * 81, "a\nb", 5]]
BAD += [
    ({"contact": "mia@example.com"}, "contact"),
    ({"contact": {"fax": "1"}}, "contact.fax"),
    ({"email": "mia@example.com"}, "email"),
    ({"pii": "x"}, "pii"),
    ({"id": "x"}, "id"),
]


@pytest.mark.parametrize(("body", "field"), BAD, ids=str)
def test_what_nobody_can_be_reached_by_is_422_and_named(
    refused: Any, body: dict[str, Any], field: str
) -> None:
    answer = refused(422, "PUT", "/customers/me", body, to="customer")
    assert answer.fields == {field}


class TestErased:
    @pytest.fixture
    def gone(self, front: Shopfront, mia: str) -> str:
        put(front, mia, MIA)
        return erase(front, mia)

    def test_by_themselves_they_are_410_from_then_on(
        self, front: Shopfront, mia: str, gone: str, refused: Any
    ) -> None:
        for method, path, body in (
            ("GET", "/customers/me", None),
            ("PUT", "/customers/me", MIA),
            ("DELETE", f"/customers/{gone}", None),
        ):
            assert refused(410, method, path, body, to=mia).slug == "erased"
        session = refused(410, "POST", "/sessions", {"name": mia, "roles": ["customer"]})
        assert session.slug == "erased"

    def test_they_order_and_pay_nothing_from_the_erase_on_though_their_key_is_still_there(
        self, front: Shopfront, mia: str, refused: Any
    ) -> None:
        menu(front)
        entity, gone = declined(front, to=mia), id_of(front, mia)
        said = front.call("DELETE", f"/customers/{gone}", to=mia).said
        front.settle()
        after = {"Read_After": said["position"]}
        assert not personal.is_erased(gone)
        for path, body in (("/orders", HOME), (f"/orders/{entity}/payments", {"token": "t"})):
            for headers in (after, {}):
                assert refused(410, "POST", path, body, to=mia, **headers).slug == "erased"

    def test_by_an_admin_too(self, front: Shopfront, mia: str, refused: Any) -> None:
        person = erase(front, mia, by="admin")
        refused(410, "GET", "/customers/me", to=mia)
        refused(410, "DELETE", f"/customers/{person}", to="admin")

    def test_by_nobody_else(self, front: Shopfront, mia: str, refused: Any) -> None:
        person = id_of(front, mia)
        for who in ("customer", "merchant", "photographer"):
            answer = refused(403, "DELETE", f"/customers/{person}", to=who)
            assert (answer.slug, answer.fields) == ("not-yours", {"id"})
        assert me(front, mia)["publicName"] == mia

    def test_their_key_is_destroyed_and_what_was_written_is_read_by_nobody(
        self, front: Shopfront, mia: str
    ) -> None:
        put(front, mia, MIA)
        subject = f"customer/{id_of(front, mia)}"
        pii = state_of(subject[9:]).pii
        assert personal.decrypt(subject[9:], subject, pii) == MIA
        gone = erase(front, mia)
        do_what_is_owed(front, gone)
        assert personal.decrypt(gone, subject, pii) is None
        assert vault.read(f"people/{gone}") == personal.TOMBSTONE

    def test_who_was_never_seen_is_erased_all_the_same(self, front: Shopfront) -> None:
        answer = front.call("DELETE", "/customers/never-seen", to="admin")
        assert answer.status == 202
        front.settle()
        assert state_of("never-seen").erased

    def test_before_the_erase_is_judged_their_key_may_be_gone_and_then_they_are_410(
        self, front: Shopfront, mia: str, refused: Any
    ) -> None:
        put(front, mia, MIA)
        personal.destroy(id_of(front, mia))
        refused(410, "GET", "/customers/me", to=mia)
        refused(410, "PUT", "/customers/me", MIA, to=mia)

    def test_the_same_erase_again_has_the_answer_it_had(self, front: Shopfront, mia: str) -> None:
        path = f"/customers/{id_of(front, mia)}"
        first = front.call("DELETE", path, to=mia, Idempotency_Key="go")
        front.settle()
        again = front.call("DELETE", path, to=mia, Idempotency_Key="go")
        assert (again.status, again.said) == (202, first.said)

    def test_an_order_of_theirs_stands_and_every_row_is_what_the_log_says(
        self, front: Shopfront, mia: str
    ) -> None:
        menu(front)
        order = place(front, HOME | MIA, mia)
        assert front.get(f"/orders/{order}", to=mia).said["name"] == "Mia Moe"
        gone = erase(front, mia)
        do_what_is_owed(front, gone)
        assert state_of(gone).todos == {}
        for reader in (mia, "admin"):
            found = front.get(f"/orders/{order}", to=reader).said
            assert (found["erased"], found["status"]) == (True, "placed")
            assert not found.keys() & {"name", "address", "contact"}
        assert verifying.verify().differences == []

    def test_they_stay_erased_when_the_table_is_made_anew(
        self, front: Shopfront, mia: str, gone: str, refused: Any
    ) -> None:
        do_what_is_owed(front, gone)
        front.empty_table()
        front.sweep()
        refused(410, "GET", "/customers/me", to=mia)
        assert state_of(gone).erased


def test_an_erase_says_nothing_more(refused: Any) -> None:
    path = "/customers/some-one"
    for body in ({}, {"really": True}, []):
        assert refused(400, "DELETE", path, body, to="admin").fields == {"body"}
    for header, given in (("Idempotency_Key", "a b"), ("Read_After", "x"), ("If_Match", "*")):
        answer = refused(400, "DELETE", path, to="admin", **{header: given})
        assert answer.fields == {header.replace("_", "-")}
    assert refused(400, "DELETE", f"{path}?dryRun=true", to="admin").fields == {"dryRun"}
    refused(415, "DELETE", path, to="admin", Content_Type="text/plain")


@pytest.mark.parametrize("entity", ["a%2Fb", ".a", "x" * 65, "%20"])
def test_an_id_that_nobody_can_have_is_422(refused: Any, entity: str) -> None:
    assert refused(422, "DELETE", f"/customers/{entity}", to="admin").fields == {"id"}


def test_a_token_whose_id_no_subject_can_have_is_422(front: Shopfront, refused: Any) -> None:
    """Some issuers put a bar or a slash into it."""
    front.tokens["bar"] = access.issue(access.Caller("auth0|7", frozenset({"customer"})))
    for method, body in (("GET", None), ("PUT", {})):
        assert refused(422, method, "/customers/me", body, to="bar").fields == {"id"}


def test_somebody_whom_an_issuer_names_and_nobody_knows_yet_may_say_who_they_are(
    front: Shopfront,
) -> None:
    front.tokens["new"] = access.issue(access.Caller("from-elsewhere", frozenset({"merchant"})))
    assert me(front, "new") == {"id": "from-elsewhere", "contact": {}}
    put(front, "new", {"publicName": "Newcomer", "name": "N"}, If_Match='"0-customer@1"')
    assert me(front, "new") == {
        "id": "from-elsewhere",
        "publicName": "Newcomer",
        "name": "N",
        "contact": {},
    }


def test_a_cloudevent_says_nothing_personal(refused: Any) -> None:
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "/x",
        "type": "tillstream.customer.updated.v1",
        "subject": "customer/x",
        "data": {"publicName": "x"},
    }
    kind = "application/cloudevents+json"
    answer = refused(422, "POST", "/events", event, to="admin", Content_Type=kind)
    assert answer.slug == "unknown-type"
    assert not [name for name in answer.said["known"] if "pii" in FACTS[name].model_fields]
