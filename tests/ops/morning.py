"""A café's morning on the archive of a shop: every event is decided by its subject's decider."""

import random
from datetime import UTC, datetime
from functools import partial

from chalicelib import archive
from chalicelib.decisions import DECIDERS
from chalicelib.decisions.customer import Register
from chalicelib.decisions.order.commands import Cancel, Collect, Fulfil, Place, Ready, Refund
from chalicelib.decisions.product import Create, View
from chalicelib.decisions.subject import Ignored
from chalicelib.events import SYSTEM, Batch, Envelope, Event, Position, Record, Shard, order
from chalicelib.events.order import Returned
from chalicelib.events.product import Price
from chalicelib.signing import keys, seal

OPENED = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
SECRET = "c2VjcmV0IG5hbWUgYW5kIGNhcmQ"
PII = f"e30..aaaaaaaaaaaaaaaa.{SECRET}.aaaaaaaaaaaaaaaaaaaaaa"
PRICES = {"espresso": 220, "flat-white": 380, "cinnamon-bun": 310, "plum-cake": 2400}
BARISTAS = {"b-1": "Kim", "b-2": "Lou", "b-3": "Rae"}
# How many come in each half hour from seven on.
ARRIVALS = (8, 18, 32, 44, 28, 18, 12, 8)


class Morning:
    """One shard of the shop; `say` lets a subject decide, `close` puts it all on the archive."""

    def __init__(self, names):
        self.shard = Shard(names.stream, "shardId-000000000000")
        self.states, self.records, self.events = {}, [], []

    def say(self, subject, command, actor, at):
        """The event that the command comes to, `at` seconds after the doors were opened."""
        decider = DECIDERS[subject.partition("/")[0]]
        fact = decider.decide(self.states.get(subject), command, actor)
        return self.put(subject, fact, actor, at)

    def put(self, subject, fact, actor, at):
        """An event that nobody asked the decider about at the door."""
        number = len(self.records) + 1
        arrival = int((OPENED.timestamp() + at) * 1000)
        moment = datetime.fromtimestamp(arrival / 1000, UTC).isoformat(timespec="milliseconds")
        envelope = Envelope(
            id=f"event-{number}",
            source=SYSTEM,
            type=fact.type,
            subject=subject,
            time=moment.replace("+00:00", "Z"),
            stream=self.shard.stream,
            actor=actor,
            data=fact.model_dump(mode="json", by_alias=True, exclude_none=True),
        )
        record = Record(number, arrival, subject, seal(envelope, keys.producer()).encode())
        event = Event(envelope, fact, Position(self.shard, number), arrival)
        decider = DECIDERS[subject.partition("/")[0]]
        state = decider.evolve(self.states.get(subject), event)
        if not isinstance(state, Ignored):
            self.states[subject] = state
            self.events.append(event)
        self.records.append(record)
        return event

    def settle(self, entity, kind, fact, at, **members):
        """What an open to-do of the order came to."""
        todos = self.states[f"order/{entity}"].todos
        (todo,) = [name for name, each in todos.items() if each.kind == kind]
        return self.say(f"order/{entity}", fact(todo=todo, **members), "system", at)

    def close(self):
        """All of it on the archive, in segments of 100 records."""
        for start in range(0, len(self.records), 100):
            records = tuple(self.records[start : start + 100])
            archive.append(Batch(self.shard, records), lambda _: [])
        return self


def placed(lines, *, card, branch="collect", currency="EUR"):
    """An order of so many of each product."""
    items = [
        order.Item(
            product_id=product,
            name=product.replace("-", " "),
            quantity=quantity,
            price=Price(amount=PRICES[product], currency=currency),
            creator="merchant",
            photographer="UNKNOWN",
        )
        for product, quantity in lines.items()
    ]
    total = sum(PRICES[product] * quantity for product, quantity in lines.items())
    return Place(
        branch=branch,
        lines=items,
        total=Price(amount=total, currency=currency),
        card=card,
        channels=[],
        pii=PII,
    )


def cafe(names, seed=4):
    """Four hours: arrivals, a rush at half past eight, declined cards and people who give up."""
    morning, chance = Morning(names), random.Random(seed)
    for product, price in PRICES.items():
        morning.say(f"product/{product}", listing(product, price), "merchant", 0)
    for actor, name in BARISTAS.items():
        morning.say(f"customer/{actor}", Register(public_name=name), actor, 1)
    steps = []
    for half, arrivals in enumerate(ARRIVALS):
        for number in range(arrivals):
            at = half * 1800 + chance.uniform(5, 1795)
            steps += visit(morning, chance, f"{half}-{number}", at)
    steps += regrets(morning)
    for at, step in sorted(steps, key=lambda each: each[0]):
        step(at)
    return morning.close()


def listing(product, amount):
    price = Price(amount=amount, currency="EUR")
    return Create(brand="Corner", name=product, description="", category="café", price=price)


def visit(morning, chance, number, at):
    """What somebody does who comes in at that second: pairs of a second and a step."""
    who = f"c-{number}"
    wanted = dict.fromkeys(chance.choices(list(PRICES), (4, 8, 5, 1), k=chance.randint(1, 3)), 1)
    steps = [
        (at + chance.uniform(0, 60), partial(morning.say, f"product/{product}", View(), who))
        for product in wanted
    ]
    if chance.random() < 0.25:
        return steps
    bought = {product: chance.randint(1, 2) for product in wanted if chance.random() < 0.8}
    return steps + (ordering(morning, chance, number, at + 70, bought) if bought else [])


def ordering(morning, chance, number, at, lines):
    """An order and what follows: it is paid and handed over, declined, or given up."""
    subject, who = f"order/o-{number}", f"c-{number}"
    fate = chance.choices(("card", "counter", "declined", "given up"), (70, 16, 8, 6))[0]
    branch = "deliver" if "plum-cake" in lines else "collect"
    command = placed(lines, card=fate in ("card", "declined"), branch=branch)
    steps = [(at, partial(morning.say, subject, command, who))]
    if fate == "declined":
        settle = partial(morning.settle, f"o-{number}", "charge", order.PaymentDeclined)
        return [*steps, (at + 4, partial(settle, reason="declined"))]
    if fate == "given up":
        return [*steps, (at + 30, partial(morning.say, subject, Cancel(), who))]
    if fate == "card":
        settle = partial(morning.settle, f"o-{number}", "charge", order.Paid)
        paid = partial(settle, payment=f"pay-{number}", amount=command.total)
        steps.append((at + chance.uniform(1, 4), paid))
    if branch == "deliver":
        made = partial(morning.say, subject, Fulfil(fulfillment_id=f"f-{number}"), "maker")
        return [*steps, (at + 2400, made)]
    barista = chance.choice(list(BARISTAS))
    ready = at + 5 + chance.uniform(60, 150) * (1 + int(barista[-1])) / 2
    return [
        *steps,
        (ready, partial(morning.say, subject, Ready(), barista)),
        (ready + chance.uniform(10, 300), partial(morning.say, subject, Collect(), barista)),
    ]


def regrets(morning):
    """One cake of two is given back, a paid order is cancelled, and a stranger pays in francs."""
    steps = []
    for entity, product, currency in (
        ("cakes", "plum-cake", "EUR"),
        ("cancelled", "cinnamon-bun", "EUR"),
        ("stranger", "flat-white", "CHF"),
    ):
        command = placed({product: 2}, card=True, currency=currency)
        paid = partial(morning.settle, entity, "charge", order.Paid, payment=entity)
        steps += [
            (1200, partial(morning.say, f"order/{entity}", command, entity)),
            (1202, partial(paid, amount=command.total)),
        ]
    back = Refund(lines=[Returned(line=0, quantity=1)])
    return [
        *steps,
        (1300, partial(morning.say, "order/cancelled", Cancel(), "cancelled")),
        (1302, partial(given_back, morning, "cancelled", 2 * PRICES["cinnamon-bun"])),
        (9000, partial(morning.say, "order/cakes", back, "support")),
        (9002, partial(given_back, morning, "cakes", PRICES["plum-cake"])),
    ]


def given_back(morning, entity, amount, at):
    """The gateway has refunded it."""
    price = Price(amount=amount, currency="EUR")
    morning.settle(entity, "refund", order.Refunded, at, refund=f"back-{entity}", amount=price)
