"""Photographers over HTTP: they register, are told how they stand, are asked, leave, are erased."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from typing import Any

import pytest
from photographing import at_desk, happened, id_of, number, offered, register, registered
from shopfront import Answer, Shopfront, at

from chalicelib import config, personal, photographers, store, vault
from chalicelib.decisions.desk import MESSAGE, SUBJECT, doubts
from chalicelib.events import desk
from ops import verify as verifying


@pytest.fixture
def phil(front: Shopfront) -> str:
    """A photographer whom nobody has seen."""
    return front.person("photographer")


@pytest.fixture(autouse=True)
def _go_home(front: Shopfront) -> Any:
    """At the end of a test nobody is there any more, and nothing waits."""
    yield
    front.settle()
    for person in at_desk().photographers:
        happened(front, desk.PhotographerLeft(photographer=person, erased=True))
    for product in at_desk().waiting:
        happened(front, desk.ProductPictured(product=product, photographer="nobody"))


def standing(front: Shopfront, person: str, to: str) -> dict[str, Any]:
    answer = front.get(f"/photographers/{person}", to=to)
    assert answer.status == 200, answer.body
    return dict(answer.said)


def asked(front: Shopfront, to: str) -> list[dict[str, Any]]:
    answer = front.get("/assignments", to=to)
    assert answer.status == 200, answer.body
    return list(answer.said["items"])


def rows_of(person: str) -> list[str]:
    """The rows of the view that tell of somebody."""
    ours = [row for row in store.scan() if row["pk"]["S"].startswith("desk@")]
    return [row["pk"]["S"] for row in ours if person in row["pk"]["S"]]


class TestRegistering:
    def test_it_buys_three_assignments_for_two_hours_and_again_three_more(
        self, front: Shopfront, phil: str
    ) -> None:
        phone = number()
        person = registered(front, phil, phone, name="Phil Otto")
        found = standing(front, person, phil)
        until = datetime.fromisoformat(found.pop("until")).timestamp()
        assert found == {
            "id": person,
            "name": "Phil Otto",
            "phone": phone,
            "left": 3,
            "completed": 0,
        }
        assert abs(until - time.time() - config.settings().photo_stay_s) < 60
        registered(front, phil, phone)
        again = standing(front, person, phil)
        assert again["left"] == 6
        assert again["name"] == "Phil Otto", "a name that is left out stays"

    def test_it_owes_the_photographer_a_message(self, front: Shopfront, phil: str) -> None:
        person = registered(front, phil)
        (todo,) = at_desk().owed(MESSAGE, person)
        assert at_desk().todos[todo].about == "registered"

    def test_a_number_is_kept_as_e164_whatever_stands_between_its_digits(
        self, front: Shopfront, phil: str
    ) -> None:
        person = registered(front, phil, "+49 (151) 777.66-55")
        assert standing(front, person, phil)["phone"] == "+491517776655"
        key = at_desk().photographers[person].phone_key
        assert key == photographers.phone_key("+491517776655")

    def test_registered_again_without_a_name_one_keeps_it(
        self, front: Shopfront, phil: str
    ) -> None:
        person = registered(front, phil, number(), name="Phil Otto")
        other = number()
        registered(front, phil, other)
        known = standing(front, person, phil)
        assert (known["name"], known["phone"]) == ("Phil Otto", other)
        registered(front, phil, other, name="Phil")
        assert standing(front, person, phil)["name"] == "Phil"

    def test_number_and_name_are_on_the_log_as_a_ciphertext_alone(
        self, front: Shopfront, phil: str
    ) -> None:
        phone = number()
        answer = register(front, phil, phone, name="Phil Otto")
        said = front.get(f"/events/{answer.said['id']}", to="admin", at=answer.said["position"])
        data = said.said["data"]
        assert data.keys() == {"pii", "phoneKey", "assignments", "stayS"}
        assert phone not in json.dumps(data)
        known = personal.decrypt(id_of(front, phil), SUBJECT, data["pii"])
        assert known == {"phone": phone, "name": "Phil Otto"}

    @pytest.mark.parametrize(
        "phone",
        [
            *("", "phone", "4255552603", "+", "+0151555012", "+123456", "+1234567890123456"),
            *("0049151555012", "+49 151 555\n", "+49  -  151555012", "+4915155501x", "tel:+491"),
            *("+49(0)1515550123", "+44 (0)20 7946 0018", "+49 ( 0) 151 5550123"),
            *("+٤٩١٥١٥٥٥٠١٢", " +49151555012", 49151555012, None, ["+49151555012"], {}),
        ],
    )
    def test_what_is_no_telephone_number_is_422_and_named(
        self, refused: Any, phil: str, phone: Any
    ) -> None:
        answer = refused(422, "POST", "/photographers", {"phone": phone}, to=phil)
        assert answer.fields == {"phone"}

    def test_without_a_number_or_with_a_name_that_is_none_it_is_422_and_named(
        self, refused: Any, phil: str
    ) -> None:
        path = "/photographers"
        assert refused(422, "POST", path, {"name": "Phil"}, to=phil).fields == {"phone"}
        nameless = {"phone": number(), "name": " "}
        assert refused(422, "POST", path, nameless, to=phil).fields == {"name"}

    def test_another_photographers_number_is_409(
        self, front: Shopfront, phil: str, refused: Any
    ) -> None:
        phone, other = number(), front.person("photographer")
        registered(front, phil, phone)
        answer = refused(409, "POST", "/photographers", {"phone": phone}, to=other)
        assert (answer.slug, answer.fields) == ("phone-taken", {"phone"})
        assert front.call("DELETE", f"/photographers/{id_of(front, phil)}", to=phil).status == 202
        front.settle()
        assert registered(front, other, phone), "who left has it no longer"

    def test_a_full_desk_takes_nobody_more(
        self, front: Shopfront, phil: str, refused: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        registered(front, phil)
        monkeypatch.setattr(doubts, "MOST_PHOTOGRAPHERS", 1)
        body = {"phone": number()}
        other = front.person("photographer")
        front.settle()
        assert refused(409, "POST", "/photographers", body, to=other).slug == "desk-full"
        assert register(front, phil).status == 202, "who is there may stay"

    def test_enough_assignments_are_enough(
        self, front: Shopfront, phil: str, refused: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(doubts, "MOST_LEFT", 6)
        body = {"phone": number()}
        for _ in range(2):
            registered(front, phil, body["phone"])
        assert refused(409, "POST", "/photographers", body, to=phil).slug == "enough-assignments"

    def test_the_same_command_again_has_the_answer_it_had(
        self, front: Shopfront, phil: str
    ) -> None:
        body = {"phone": number()}
        first, again = (
            front.call("POST", "/photographers", body, to=phil, Idempotency_Key="k")
            for _ in range(2)
        )
        front.settle()
        assert again.said["id"] == first.said["id"]
        assert at_desk().photographers[id_of(front, phil)].left == 3


class TestStanding:
    def test_somebody_else_is_as_if_they_were_not_there(
        self, front: Shopfront, phil: str, refused: Any
    ) -> None:
        person, other = registered(front, phil), front.person("photographer")
        front.settle()
        for method in ("GET", "DELETE"):
            answer = refused(404, method, f"/photographers/{person}", to=other)
            assert (answer.slug, answer.fields) == ("unknown-photographer", {"id"})
        assert standing(front, person, "admin") == standing(front, person, phil)

    def test_who_never_registered_is_not_there(
        self, front: Shopfront, phil: str, refused: Any
    ) -> None:
        person = id_of(front, phil)
        for method in ("GET", "DELETE"):
            answer = refused(404, method, f"/photographers/{person}", to=phil)
            assert answer.slug == "unknown-photographer"

    def test_who_has_what_is_told_gets_304_until_it_changes(
        self, front: Shopfront, phil: str
    ) -> None:
        path = f"/photographers/{registered(front, phil)}"
        tag = front.get(path, to=phil).headers["ETag"]
        assert front.call("GET", path, to=phil, If_None_Match=tag).status == 304
        register(front, phil)
        assert front.call("GET", path, to=phil, If_None_Match=tag).status == 200


class TestAssignments:
    def test_who_is_asked_sees_for_which_product_and_until_when(
        self, front: Shopfront, phil: str
    ) -> None:
        person, other = registered(front, phil), front.person("photographer")
        product = front.product("merchant", name="Red mug")
        assert asked(front, phil) == []
        assert offered(front, product) == person
        (item,) = asked(front, phil)
        since, until = (datetime.fromisoformat(item.pop(name)) for name in ("since", "until"))
        assert 599 < (until - since).total_seconds() < 601
        assert item == {
            "photographer": person,
            "product": product,
            "name": "Red mug",
            "received": False,
        }
        found = standing(front, person, phil)
        assert (found["left"], found["assignment"]["product"]) == (2, product)
        assert found["assignment"]["name"] == "Red mug"
        assert asked(front, other) == []

    def test_an_admin_sees_what_everybody_is_asked_for_the_newest_first(
        self, front: Shopfront, phil: str
    ) -> None:
        other = front.person("photographer")
        people = [registered(front, phil), registered(front, other)]
        for _ in people:
            offered(front, front.product("merchant"))
        assert [item["photographer"] for item in asked(front, "admin")] == people[::-1]
        first = front.get("/assignments", to="admin", limit=1).said
        rest = front.get("/assignments", to="admin", limit=1, cursor=first["next"]).said
        told = [item["photographer"] for item in first["items"] + rest["items"]]
        assert told == people[::-1]

    def test_a_picture_that_came_is_told_and_the_tag_changes(
        self, front: Shopfront, phil: str
    ) -> None:
        person = registered(front, phil)
        offered(front, front.product("merchant"))
        answer = front.get("/assignments", to=phil)
        known = {"If_None_Match": answer.headers["ETag"]}
        assert front.call("GET", "/assignments", to=phil, **known).status == 304
        media = desk.PictureReceived(media="https://api.twilio.com/media/1")
        happened(front, media, person)
        assert front.call("GET", "/assignments", to=phil, **known).status == 200
        assert [item["received"] for item in asked(front, phil)] == [True]

    def test_a_picture_by_another_way_completes_it(self, front: Shopfront, phil: str) -> None:
        person = registered(front, phil)
        product = front.product("merchant")
        offered(front, product)
        happened(front, desk.ProductPictured(product=product, photographer=person))
        assert asked(front, phil) == asked(front, "admin") == []
        assert standing(front, person, phil)["completed"] == 1


class TestLeaving:
    def test_who_leaves_is_asked_no_more_and_their_product_waits_again(
        self, front: Shopfront, phil: str
    ) -> None:
        person = registered(front, phil)
        product = front.product("merchant")
        offered(front, product)
        assert front.call("DELETE", f"/photographers/{person}", to=phil).status == 202
        front.settle()
        assert standing(front, person, phil)["left"] == 0
        assert asked(front, phil) == asked(front, "admin") == []
        assert product in at_desk().waiting

    def test_an_admin_may_send_them_away(self, front: Shopfront, phil: str) -> None:
        person = registered(front, phil)
        assert front.call("DELETE", f"/photographers/{person}", to="admin").status == 202
        front.settle()
        assert standing(front, person, phil)["left"] == 0

    def test_it_says_nothing_more(self, refused: Any, front: Shopfront, phil: str) -> None:
        person = registered(front, phil)
        answer = refused(400, "DELETE", f"/photographers/{person}", {"why": "x"}, to=phil)
        assert answer.fields == {"body"}


@pytest.mark.parametrize("entity", ["a%2Fb", ".a", "%20", "x" * 65, "%C3%A9"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_id_that_nobody_can_have_is_422(refused: Any, method: str, entity: str) -> None:
    assert refused(422, method, f"/photographers/{entity}", to="admin").fields == {"id"}


UPDATE_PHONE = {"schema": "com.nordstrom/user-info/update-phone/1-0-0", "id": "any@canary.example"}
INGRESS = {
    "schema": "com.nordstrom/retail-stream-ingress/1-0-0",
    "origin": "hello-retail/web-client-update-phone/ann@canary.example/Ann Canary",
}


def ten_digits() -> str:
    return number()[-10:]


class TestHelloRetail:
    def test_who_updates_their_phone_there_registers_here(
        self, front: Shopfront, phil: str
    ) -> None:
        digits = ten_digits()
        answer = front.call("POST", "/events", UPDATE_PHONE | {"phone": digits}, to=phil)
        assert (answer.status, answer.said["subject"]) == (202, SUBJECT)
        front.settle()
        found = standing(front, id_of(front, phil), phil)
        assert (found["phone"], found["left"]) == (f"+1{digits}", 3)

    def test_an_importer_registers_others_alone_and_in_a_batch(self, front: Shopfront) -> None:
        def says(person: str) -> dict[str, Any]:
            return UPDATE_PHONE | {"id": person, "phone": ten_digits()}

        batch = [says("ann@canary.example"), says("ben@canary.example")]
        items = front.call("POST", "/events/batch", batch, to="admin").said["items"]
        assert [item["status"] for item in items] == [202, 202]
        one = front.call("POST", "/events", says("ann@canary.example"), to="admin")
        front.settle()
        found = front.call("GET", f"/events/{one.said['id']}?at={at(one)}", to="admin")
        assert "canary" not in found.body.decode()
        assert sorted(each.left for each in at_desk().photographers.values()) == [3, 6]
        for person in at_desk().photographers:
            assert re.fullmatch(r"[0-9a-f-]{36}", person)
            assert standing(front, person, "admin")["phone"].startswith("+1")

    @pytest.mark.parametrize("phone", ["", "12345", "no number", "+0123456789", 4255552603, None])
    def test_what_is_no_telephone_number_is_422_and_named(
        self, refused: Any, phil: str, phone: Any
    ) -> None:
        said = UPDATE_PHONE | {"phone": phone}
        assert refused(422, "POST", "/events", said, to=phil).fields == {"phone"}
        within = INGRESS | {"timeOrigin": "2026-11-20T10:00:00Z", "data": said}
        assert refused(422, "POST", "/events", within, to=phil).fields == {"data.phone"}

    def test_a_registration_of_long_ago_is_over_and_nobody_is_asked_because_of_it(
        self, front: Shopfront, refused: Any
    ) -> None:
        said = UPDATE_PHONE | {"phone": ten_digits()}
        old = INGRESS | {"timeOrigin": "2017-03-28T23:29:23.160Z", "data": said}
        assert refused(422, "POST", "/events", old, to="admin").fields == {"timeOrigin"}
        (item,) = front.call("POST", "/events/batch", [old], to="admin").said["items"]
        assert (item["status"], item["errors"][0]["field"]) == (422, "timeOrigin")

    def test_it_needs_the_role_of_its_route(self, refused: Any) -> None:
        said = UPDATE_PHONE | {"phone": ten_digits()}
        for to in ("customer", "merchant"):
            refused(403, "POST", "/events", said, to=to)

    def test_what_the_desk_refuses_is_refused_here_too(
        self, front: Shopfront, phil: str, refused: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        digits, other = ten_digits(), front.person("photographer")
        registered(front, phil, f"+1{digits}")
        said = UPDATE_PHONE | {"phone": digits}
        assert refused(409, "POST", "/events", said, to=other).slug == "phone-taken"
        for name, most, slug in (
            ("MOST_PHOTOGRAPHERS", 1, "desk-full"),
            ("MOST_LEFT", 3, "enough-assignments"),
        ):
            monkeypatch.setattr(doubts, name, most)
            who = other if slug == "desk-full" else phil
            phone = UPDATE_PHONE | {"phone": ten_digits()}
            assert refused(409, "POST", "/events", phone, to=who).slug == slug


class TestErased:
    def erase(self, front: Shopfront, to: str) -> str:
        """They are erased; what that comes to the worker does next."""
        person = id_of(front, to)
        answer: Answer = front.call("DELETE", f"/customers/{person}", to=to)
        assert answer.status == 202
        front.settle()
        return person

    def test_they_register_no_more_though_their_key_is_still_there(
        self, front: Shopfront, phil: str, refused: Any
    ) -> None:
        registered(front, phil)
        person = self.erase(front, phil)
        assert vault.read(f"people/{person}") != personal.TOMBSTONE
        assert refused(410, "POST", "/photographers", {"phone": number()}, to=phil).slug == "erased"
        said = UPDATE_PHONE | {"phone": ten_digits()}
        assert refused(410, "POST", "/events", said, to=phil).slug == "erased"

    def test_nothing_of_them_is_left_at_the_desk_and_every_row_is_what_the_log_says(
        self, front: Shopfront, phil: str, refused: Any
    ) -> None:
        person = registered(front, phil)
        product = front.product("merchant")
        offered(front, product)
        assert len(rows_of(person)) == 2
        url = config.client("sqs").get_queue_url(QueueName=config.settings().work_queue)["QueueUrl"]
        config.client("sqs").purge_queue(QueueUrl=url)  # what the tests before this one owe
        self.erase(front, phil)
        while vault.read(f"people/{person}") != personal.TOMBSTONE:
            front.work()
        front.settle()
        assert rows_of(person) == []
        state = at_desk()
        assert person not in state.photographers
        assert state.owed(MESSAGE, person) == []
        assert product in state.waiting
        refused(404, "GET", f"/photographers/{person}", to="admin")
        assert asked(front, "admin") == []
        assert verifying.verify().differences == []
