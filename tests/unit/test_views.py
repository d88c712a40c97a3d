"""Reducers are pure and total: any product gives rows that the table takes, and they add up."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.decisions import product as products
from chalicelib.decisions.customer import Customer, Register
from chalicelib.decisions.product import UNKNOWN, Product
from chalicelib.decisions.subject import Ignored
from chalicelib.events import SYSTEM, Envelope, Event, Fact, Position, Shard, customer, product
from chalicelib.events.person import as_seen
from chalicelib.store import Add, Delete, Put
from chalicelib.views import VIEWS, catalog, contributions, names, sales, scores

PLACE = Position(Shard("tillstream-local-1", "shardId-000000000000"), 7)
TIME = "2026-01-02T03:04:05.678Z"


def event(data: Fact, entity: str = "cup", actor: str = "mia") -> Event:
    kind = data.type.split(".")[1]
    envelope = Envelope(
        id="e",
        source=SYSTEM,
        type=data.type,
        subject=f"{kind}/{entity}",
        time=TIME,
        stream=PLACE.shard.stream,
        actor=actor,
        data={},
    )
    return Event(envelope, data, PLACE, 1)


def created(category: str = "cups", **more: Any) -> product.Created:
    return product.Created(brand="B", name="Cup", description="", category=category, **more)


def updated(category: str) -> product.Updated:
    return product.Updated(brand="B", name="Cup", description="", category=category)


def told(*events: Event) -> tuple[list[Any], Product | None]:
    """All writes of the catalog for the events in this order, and the state after them."""
    state: Product | None = None
    writes: list[Any] = []
    for each in events:
        after = products.evolve(state, each)
        assert not isinstance(after, Ignored)
        if type(each.data) in catalog.FEEDS:
            writes += catalog.VIEW.writes(each, state, after)
        state = after
    return writes, state


def tallies(writes: list[Any]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for write in writes:
        if isinstance(write, Add):
            found[write.key.sk] += write.amount
    return {category: count for category, count in found.items() if count}


def standing(writes: list[Any]) -> set[tuple[str, str]]:
    rows: set[tuple[str, str]] = set()
    for write in writes:
        if isinstance(write, Put):
            rows.add(write.key)
        elif isinstance(write, Delete):
            rows.discard(write.key)
    return rows


def test_a_product_stands_once_in_the_list_and_once_in_its_category() -> None:
    writes, _ = told(event(created("cups")), event(updated("mugs")), event(updated("mugs")))
    place = f"{TIME} product/cup"
    assert standing(writes) == {
        ("catalog@1/products/cup", "product/cup"),
        ("catalog@1/category/mugs", place),
    }
    assert tallies(writes) == {"mugs": 1}


def test_a_picture_before_the_creation_lists_nothing_and_is_there_after_it() -> None:
    photo = event(product.Photographed(image="https://a.example/p"), actor="phil")
    assert told(photo)[0] == []
    writes, _ = told(photo, event(created()))
    (listed,) = [w for w in writes if isinstance(w, Put) and w.listing]
    assert listed.body["image"] == "https://a.example/p"
    assert listed.listing == ("catalog@1/newest", f"{TIME} product/cup")


CATEGORY = st.sampled_from(["cups", "mugs", "cups ", "a/b", "products", "newest", "ü", "😀" * 100])


@given(st.lists(CATEGORY, min_size=1, max_size=12))
def test_whatever_is_moved_where_the_counts_are_what_stands(path: list[str]) -> None:
    writes, _ = told(event(created(path[0])), *(event(updated(c)) for c in path[1:]))
    assert tallies(writes) == {path[-1]: 1}
    lists = {pk for pk, _ in standing(writes)}
    assert lists == {"catalog@1/products/cup", f"catalog@1/category/{path[-1]}"}


LINES = st.text(min_size=1, max_size=100).filter(
    lambda text: text.strip() and not set(text) & set(map(chr, [*range(32), 127, 133, 8232, 8233]))
)


@given(brand=LINES, name=LINES, category=LINES, amount=st.integers(0, 10**12))
def test_no_product_that_the_model_takes_is_a_misfit(
    brand: str, name: str, category: str, amount: int
) -> None:
    data = product.Created(
        brand=brand,
        name=name,
        description="😀" * 4_000,
        category=category,
        price=product.Price(amount=amount, currency="EUR"),
    )
    entity = "x" * 64
    writes, state = told(event(data, entity))
    assert state is not None
    assert state == Product.model_validate_json(state.model_dump_json(by_alias=True))
    body = next(w.body for w in writes if isinstance(w, Put))
    assert (body["name"], body["price"]) == (name, {"amount": amount, "currency": "EUR"})


def test_a_sale_is_one_more_for_both_and_unknown_stands_in_no_list() -> None:
    state = Product(creator="mia", created=TIME, listed=products._listed(created()))
    sale = event(product.Purchased(), actor="cleo")
    first, second = scores.VIEW.writes(sale, state, state)
    assert (first.key, first.amount, first.ranking) == (
        ("scores@2/creator", "mia"),
        1,
        "scores@2/creator",
    )
    assert (second.key, second.ranking) == (("scores@2/photographer", UNKNOWN), None)


def test_contributions_are_written_only_where_they_changed() -> None:
    state = Product(creator="mia")
    sale = event(product.Purchased())
    assert contributions.VIEW.writes(sale, state, state) == []
    (write,) = contributions.VIEW.writes(sale, state, state.model_copy(update={"orphan": True}))
    assert write.body == {"productId": "cup", "creator": UNKNOWN, "photographer": UNKNOWN}


def test_a_person_is_called_what_they_chose() -> None:
    said = event(customer.Registered(public_name="Mia"), "someone", "someone")
    (write,) = names.VIEW.writes(said, None, Customer(public_name="Mia"))
    place = ("names@2/people/someone", "customer/someone")
    assert (write.key, write.body) == (place, {"name": "Mia"})


def test_another_public_name_is_news_and_the_same_is_none() -> None:
    said = event(customer.Updated(public_name="Mo"), "someone", "someone")
    (write,) = names.VIEW.writes(said, Customer(public_name="Mia"), Customer(public_name="Mo"))
    assert write.body == {"name": "Mo"}
    assert names.VIEW.writes(said, Customer(public_name="Mo"), Customer(public_name="Mo")) == []
    assert names.VIEW.writes(said, None, Customer()) == []


def test_who_is_erased_has_no_name() -> None:
    said = event(customer.Erased(), "someone", "someone")
    (write,) = names.VIEW.writes(said, Customer(public_name="Mia"), Customer(erased=True))
    assert isinstance(write, Delete)
    assert write.key == ("names@2/people/someone", "customer/someone")
    assert names.VIEW.writes(said, None, Customer(erased=True)) == []


def test_no_two_views_share_a_name_and_each_says_what_feeds_it() -> None:
    assert len({view.name for view in VIEWS}) == len(VIEWS)
    assert all(view.feeds for view in VIEWS)


def test_each_view_declares_its_version_among_its_versions() -> None:
    for module in (catalog, contributions, names, sales, scores):
        assert module.versions[module.VIEW.version] is module.VIEW.reduce


@given(st.text(max_size=100))
def test_a_name_as_seen_is_seen_the_same_again_and_fits_its_event(text: str) -> None:
    try:
        name = Register(public_name=text).public_name
    except ValueError:
        return
    assert as_seen(name) == name
    assert customer.Registered(public_name=name).public_name == name


@pytest.mark.parametrize("text", ["Mi\u200ba", " Mia ", "Mia\ufe0f", "\u2066Mia\u2069"])
def test_what_cannot_be_seen_is_not_kept(text: str) -> None:
    assert as_seen(text) == "Mia"
