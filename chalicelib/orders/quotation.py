"""What the lines of an order cost, what they are called and whom their sale credits.

All of it is quoted from the products' rows at one moment when the order is placed, and recorded in
its event; what becomes of the products later changes nothing of the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from chalicelib.decisions import DECIDERS, product
from chalicelib.errors import Invalid, MixedCurrencies, NoPrice, NoSuchProduct, Problem
from chalicelib.events.order import Item
from chalicelib.events.product import MOST_AMOUNT, Price
from chalicelib.orders.body import Line, Wanted
from chalicelib.store import Key, Row
from chalicelib.subjects import subject_key, subject_of

DECIDER = DECIDERS[product.KIND]


class Good(NamedTuple):
    """A product of the catalog as an order meets it."""

    name: str
    price: Price | None
    credit: tuple[str, str]


def keys(wanted: Wanted) -> list[Key]:
    """Where the rows of its products lie."""
    return [subject_key(DECIDER, f"{product.KIND}/{name}") for name in _products(wanted)]


def items(wanted: Wanted, rows: Sequence[Row | None]) -> list[Item]:
    """The lines with their names, prices and credits; `rows` are those of `keys`.

    Raises NoSuchProduct, NoPrice and MixedCurrencies, naming each line at fault.
    """
    known = _goods(wanted, rows)
    found = [known.get(line.product_id) for line in wanted.lines]
    unknown = [good is None for good in found]
    _refuse(wanted, NoSuchProduct, "the catalog has no such product", unknown)
    goods = [good for good in found if good]
    _refuse(wanted, NoPrice, "this product has no price", [good.price is None for good in goods])
    prices = [good.price for good in goods if good.price]
    others = [price.currency != prices[0].currency for price in prices]
    _refuse(wanted, MixedCurrencies, f"it is not sold in {prices[0].currency}", others)
    lines = zip(wanted.lines, goods, prices, strict=True)
    return [_item(line, good, price) for line, good, price in lines]


def total(items: list[Item]) -> Price:
    """What they come to. Raises Invalid for more than an amount can be."""
    amount = sum(item.price.amount * item.quantity for item in items)
    if amount > MOST_AMOUNT:
        raise Invalid(f"an order comes to {MOST_AMOUNT} at most: order less", field="lines")
    return Price(amount=amount, currency=items[0].price.currency)


def _products(wanted: Wanted) -> list[str]:
    return sorted({line.product_id for line in wanted.lines})


def _goods(wanted: Wanted, rows: Sequence[Row | None]) -> dict[str, Good]:
    """Those of the products that are listed, by id."""
    found = (subject_of(DECIDER, row).state for row in rows)
    return {
        name: Good(state.listed.name, state.listed.price, state.credit)
        for name, state in zip(_products(wanted), found, strict=True)
        if state is not None and state.listed is not None
    }


def _item(line: Line, good: Good, price: Price) -> Item:
    creator, photographer = good.credit
    return Item(
        product_id=line.product_id,
        name=good.name,
        quantity=line.quantity,
        price=price,
        creator=creator,
        photographer=photographer,
    )


def _refuse(wanted: Wanted, kind: type[Problem], detail: str, flawed: list[bool]) -> None:
    """Raises the problem where any line has the flaw."""
    at = [number for number, flaw in enumerate(flawed) if flaw]
    if at:
        errors = [{"field": wanted.member.format(each), "detail": detail} for each in at]
        raise kind(f"{detail}; nothing was ordered", errors=errors)
