"""The stories that the shop came from, in the shop that `make run` starts.

They are the coffee shop's, the cake shop's and the workshop's. Dispatcher, worker and bank are
processes of their own; mails and text messages are read where the emulator of SES and SNS keeps
them, the courier's message is received from the queue.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import boto3
import contract
import pytest
from whole_shop import Shop

PATIENCE_S = 20
JOHNS_MAIL, JOHNS_PHONE = "john@example.com", "+4915155501234"
PHILS_PHONE = "+4915155505678"
PICTURE = {"image": "https://pictures.example/red-mug.jpg"}
MUG = {"id": "red-mug", "brand": "Kiln", "name": "Red mug", "description": "", "category": "mugs"}
COFFEES = {"espresso": 250, "flat-white": 420, "cappuccino": 400, "batch-brew": 300}
T = TypeVar("T")


class Town:
    """The shop and whoever has to do with it."""

    def __init__(self, state: Path) -> None:
        self.shop = Shop(state, ["admin"])
        self.ports = json.loads((state / "ports.json").read_text())

    def person(self, name: str, role: str) -> Person:
        status, said = self.shop.send("POST", "/sessions", {"name": name, "roles": [role]})
        assert status == 200, said
        return Person(self, json.loads(said)["token"])

    def mails(self, to: str) -> list[str]:
        """The texts of the mails to this address, the oldest first."""
        found = self._sent("ses/messages")
        return [mail["BodyText"] for mail in found if mail["To"] == [to]]

    def texts(self, to: str) -> list[str]:
        """The text messages to this number."""
        found = self._sent("sns/sms-messages")
        return [text["Message"] for text in found if text["PhoneNumber"] == to]

    def _sent(self, path: str) -> list[dict[str, Any]]:
        return list(messages(self._told("ministack", f"/_ministack/{path}")))

    def bank(self, what: str, **where: str) -> list[dict[str, Any]]:
        """The bank's charges or refunds."""
        query = "&".join(f"{name}={value}" for name, value in where.items())
        return list(self._told("bank", f"/{what}?{query}")["items"])

    def _told(self, part: str, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[part]}{path}") as answer:
            return json.load(answer)

    def courier_queue(self) -> Iterator[dict[str, Any]]:
        """What the courier's queue holds; it is received and done with."""
        sqs = boto3.client(
            "sqs",
            endpoint_url=f"http://127.0.0.1:{self.ports['ministack']}",
            region_name="eu-central-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        url = sqs.get_queue_url(QueueName="tillstream-local-courier")["QueueUrl"]
        while found := sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"):
            for each in found:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
                yield json.loads(each["Body"])


class Person:
    """Somebody with a token, who waits for the shop where it asks them to."""

    def __init__(self, town: Town, token: str) -> None:
        self.town, self.token = town, token
        self.after = ""

    def asks(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer, once what this person did before is judged."""
        given = {"Authorization": f"Bearer {self.token}"} | headers
        given |= {"Read_After": self.after} if self.after else {}
        answer = self.town.shop.send
        status, said = until(lambda: answer(method, path, body, **given), lambda a: a[0] != 503)
        assert status in (200, 202), (method, path, said)
        found = json.loads(said)
        self.after = found.get("position", self.after) if status == 202 else self.after
        return found

    def orders(self, body: Any, **headers: str) -> str:
        """A new order; its id."""
        return str(self.asks("POST", "/orders", body, **headers)["subject"]).partition("/")[2]

    def order(self, entity: str) -> dict[str, Any]:
        return dict(self.asks("GET", f"/orders/{entity}"))

    def sees(self, entity: str, status: str) -> dict[str, Any]:
        """The order, once it has the status."""
        return until(lambda: self.order(entity), lambda order: order["status"] == status)

    def knows(self, entity: str, step: str) -> dict[str, Any]:
        """The order, once this is the last that happened to it."""
        last = lambda order: order["timeline"][-1]["status"] == step  # noqa: E731
        return until(lambda: self.order(entity), last)

    def listed(self, role: str) -> dict[str, dict[str, Any]]:
        """The orders in the list of this role."""
        items = self.asks("GET", f"/orders?as={role}")["items"]
        return {item["id"]: item for item in items}


def until(look: Callable[[], T], holds: Callable[[T], Any]) -> T:
    """What is seen as soon as it is so. Fails where it does not come about."""
    end = time.monotonic() + PATIENCE_S
    while not holds(found := look()):
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


def messages(found: Any) -> Iterator[dict[str, Any]]:
    """Every message in the emulator's answer, wherever it stands there."""
    if isinstance(found, dict) and "MessageId" in found:
        yield found
    elif isinstance(found, dict | list):
        for each in found.values() if isinstance(found, dict) else found:
            yield from messages(each)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    found = Town(tmp_path_factory.mktemp("town") / "state")
    try:
        merchant = found.person("Mia", "merchant")
        for name, cents in (COFFEES | {"productId11": 1900}).items():
            merchant.asks(
                "POST",
                "/products",
                {
                    "id": name,
                    "brand": "Corner",
                    "name": name.replace("-", " ").title(),
                    "description": "",
                    "category": "coffee" if name in COFFEES else "cakes",
                    "price": {"amount": cents, "currency": "EUR"},
                },
            )
        merchant.asks("GET", "/products")
        yield found
    finally:
        found.shop.stop()


def test_john_orders_two_flat_whites_with_oat_milk(town: Town) -> None:
    john, barista = town.person("John", "customer"), town.person("Bea", "barista")

    # At the website he found there is a wide variety of beverage to choose from.
    menu = john.asks("GET", "/products?category=coffee")["items"]
    assert {item["id"]: item["price"]["amount"] for item in menu} == COFFEES

    # He placed an order for two flat white, and is asked to pay by his credit card.
    entity = john.orders(
        {
            "lines": [{"productId": "flat-white", "quantity": 2, "options": ["oat milk"]}],
            "collect": True,
            "name": "John",
            "contact": {"email": JOHNS_MAIL, "phone": JOHNS_PHONE},
            "payment": {"token": "tok_approved"},
        }
    )
    paid = john.sees(entity, "paid")
    assert paid["paidByCard"] is True
    assert paid["total"] == {"amount": 840, "currency": "EUR"}
    (charge,) = town.bank("charges", order=entity)
    assert charge["amount"] == paid["total"]

    # He gets a notification to let him know when the coffee will be ready.
    (mail,) = until(lambda: town.mails(JOHNS_MAIL), len)
    (text,) = until(lambda: town.texts(JOHNS_PHONE), len)
    ready_at = john.knows(entity, "notified")["readyAt"]
    assert ready_at > paid["timeline"][0]["at"]
    for said in (mail, text):
        assert f"at {ready_at[11:16]} UTC" in said
        assert entity in said

    # The barista received the order, and also his details and what kind of milk he wants.
    order = until(lambda: barista.listed("barista"), lambda found: entity in found)[entity]
    (line,) = order["lines"]
    assert (order["name"], line["name"], line["quantity"]) == ("John", "Flat White", 2)
    assert line["options"] == ["oat milk"]
    assert not order.keys() & {"contact", "address"}
    barista.asks("POST", f"/orders/{entity}/ready")

    # He is told again.
    for look in (lambda: town.mails(JOHNS_MAIL), lambda: town.texts(JOHNS_PHONE)):
        _, again = until(look, lambda found: len(found) == 2)
        assert "ready: it waits on the counter" in again
    john.knows(entity, "notified")

    # John walked away with the coffee.
    barista.asks("POST", f"/orders/{entity}/collected")
    assert entity not in barista.listed("barista")
    told = john.sees(entity, "collected")
    steps = [step["status"] for step in told["timeline"]]
    assert steps == ["placed", "paid", "notified", "ready", "notified", "collected"]
    assert len(town.mails(JOHNS_MAIL)) == len(town.texts(JOHNS_PHONE)) == 2
    assert len(town.bank("charges", order=entity)) == 1


def test_the_cake_shops_own_bodies_go_from_the_order_to_the_doorstep(town: Town) -> None:
    marcia = town.person("Marcia", "customer")
    maker, courier = town.person("Marco", "maker"), town.person("Cora", "courier")

    body = {"name": "marcia", "address": "somewhere", "productId": "productId11", "quantity": "10"}
    entity = marcia.orders(body)
    assert marcia.order(entity)["total"]["amount"] == 19_000

    of_this = lambda: [m for m in town.mails("maker@shop.example") if entity in m]  # noqa: E731
    (mail,) = until(of_this, len)
    for said in ("10 x Productid11 (productId11)", "For marcia", "somewhere"):
        assert said in mail
    marcia.knows(entity, "notified")
    order = until(lambda: maker.listed("maker"), lambda found: entity in found)[entity]
    assert (order["name"], order["address"]) == ("marcia", "somewhere")

    maker.asks("POST", "/fulfillments", {"orderId": entity, "fulfillmentId": "CakeProducer1"})
    marcia.sees(entity, "dispatched")
    assert list(town.courier_queue()) == [
        {
            "orderId": entity,
            "name": "marcia",
            "address": "somewhere",
            "lines": [{"productId": "productId11", "name": "Productid11", "quantity": 10}],
        }
    ]
    order = until(lambda: courier.listed("courier"), lambda found: entity in found)[entity]
    assert (order["status"], order["address"]) == ("dispatched", "somewhere")

    body = {"orderId": entity, "deliveryCompanyId": "CakeCourier1"}
    courier.asks("POST", "/deliveries", body)
    told = marcia.sees(entity, "delivered")
    steps = [step["status"] for step in told["timeline"]]
    assert steps == ["placed", "notified", "fulfilled", "dispatched", "delivered"]
    assert entity not in courier.listed("courier")
    assert len(of_this()) == 1
    assert town.bank("charges", order=entity) == []


def test_a_declined_card_is_final_and_another_one_pays(town: Town) -> None:
    mail = "jane@example.com"
    jane = town.person("Jane", "customer")
    cart = {"lines": [{"productId": "espresso", "quantity": 1}], "collect": True, "name": "Jane"}
    card = {"payment": {"token": "tok_declined"}, "contact": {"email": mail}}
    entity = jane.orders(cart | card)
    assert jane.sees(entity, "payment-declined")["paidByCard"] is False
    (said,) = until(lambda: town.mails(mail), len)
    assert "Offer another card" in said
    jane.asks("POST", f"/orders/{entity}/payments", {"token": "tok_approved"})
    jane.sees(entity, "paid")
    until(lambda: town.mails(mail), lambda found: len(found) == 2)
    jane.asks("POST", f"/orders/{entity}/cancelled")
    back = lambda order: "refunded" in order  # noqa: E731
    told = until(lambda: jane.order(entity), back)
    assert (told["status"], told["refunded"]) == ("cancelled", told["total"])
    until(lambda: town.mails(mail), lambda found: "We gave back 2.50 EUR" in found[-1])
    (charge,) = [each for each in town.bank("charges", order=entity) if "payment" in each]
    (refund,) = town.bank("refunds", payment=charge["payment"])
    assert refund["amount"] == charge["amount"] == told["total"]


def test_a_hundred_identical_orders_under_one_key_are_one_order_and_one_charge(town: Town) -> None:
    hugo = town.person("Hugo", "customer")
    cart = {"lines": [{"productId": "espresso", "quantity": 3}], "collect": True, "name": "Hugo"}
    body = json.dumps(cart | {"payment": {"token": "tok_approved"}}).encode()
    headers = {
        "Authorization": f"Bearer {hugo.token}",
        "Content-Type": "application/json",
        "Idempotency-Key": "hugos-three",
    }

    def send(_: int) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", town.shop.port, timeout=30)
        connection.request("POST", "/orders", body, headers)
        answer = connection.getresponse()
        told = answer.status, dict(answer.headers), answer.read()
        connection.close()
        contract.held(("POST", "/orders", body, headers), told)
        assert answer.status == 202, told
        found: dict[str, Any] = json.loads(told[2])
        return found

    with ThreadPoolExecutor(20) as pool:
        said = list(pool.map(send, range(100)))
    (subject,) = {each["subject"] for each in said}
    assert len({each["id"] for each in said}) == 1
    hugo.after = max(said, key=lambda each: int(each["position"].rpartition(":")[2]))["position"]
    entity = subject.partition("/")[2]
    hugo.sees(entity, "paid")
    assert [*hugo.listed("customer")] == [entity]
    assert [charge["amount"]["amount"] for charge in town.bank("charges", order=entity)] == [750]


def scores(town: Town, role: str) -> dict[str, int]:
    """What each merchant or photographer has sold, by their id."""
    status, said = town.shop.send("GET", f"/scores?role={role}")
    assert status == 200, said
    return {item["userId"]: item["score"] for item in json.loads(said)["items"]}


def test_merchants_list_photographers_photograph_customers_buy_and_both_are_credited(
    town: Town,
) -> None:
    mia, cleo = town.person("Mia", "merchant"), town.person("Cleo", "customer")
    phil, pia = town.person("Phil", "photographer"), town.person("Pia", "photographer")
    for entity in (*COFFEES, "productId11"):  # what has its picture is asked of nobody
        pia.asks("PUT", f"/products/{entity}/photo", PICTURE)
    me = {each: each.asks("GET", "/customers/me")["id"] for each in (mia, phil)}

    # A photographer registers a telephone number, and is told what that comes to.
    phil.asks("POST", "/photographers", {"phone": "+49 151 5550 5678", "name": "Phil"})
    (welcome,) = until(lambda: town.texts(PHILS_PHONE), len)
    assert welcome.startswith("We may ask you for 3 pictures until ")

    # A merchant enters a product, and the photographer is asked for its picture.
    mia.asks("POST", "/products", MUG)
    assignments = lambda: phil.asks("GET", "/assignments")["items"]  # noqa: E731
    (asked,) = until(assignments, len)
    assert (asked["product"], asked["name"], asked["photographer"]) == (
        "red-mug",
        "Red mug",
        me[phil],
    )
    _, text = until(lambda: town.texts(PHILS_PHONE), lambda texts: len(texts) == 2)
    assert text.startswith('We ask you for a picture of "Red mug".')
    assert pia.asks("GET", "/assignments")["items"] == []

    # The photographer gives it a picture, and it is in the catalog.
    phil.asks("PUT", "/products/red-mug/photo", PICTURE)
    assert phil.asks("GET", "/products/red-mug")["image"] == PICTURE["image"]
    until(assignments, lambda items: items == [])
    standing = phil.asks("GET", f"/photographers/{me[phil]}")
    assert (standing["completed"], standing["left"], standing["phone"]) == (1, 2, PHILS_PHONE)

    # A customer buys it, and both scores rise.
    before = scores(town, "creator").get(me[mia], 0)
    cleo.after = phil.after
    cleo.asks("POST", "/products/red-mug/purchases")
    until(lambda: scores(town, "creator").get(me[mia]), lambda score: score == before + 1)
    until(lambda: scores(town, "photographer").get(me[phil]), lambda score: score == 1)
