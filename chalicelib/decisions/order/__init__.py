"""Order: from the cart to the counter or the doorstep, by one table: `moves`.

An order paid by card is made once it is paid; one without a card, or with nothing to charge, is
settled where it is handed over. What a to-do came to counts in every state while the to-do is open;
where its move no longer applies the status stays, and a payment that comes too late is given back.
So no more is captured than the total, no more given back than was captured, and an order is paid
once. A charge that was given up is open: nobody knows of that card, so no other may be offered, and
one that turns out to be paid counts as usual. Whatever can happen is either doubted, or counts:
there is no third way.
"""

from __future__ import annotations

from chalicelib.decisions.order.commands import SAYS, Command
from chalicelib.decisions.order.moves import (
    CHARGE,
    COURIER,
    EXPIRE,
    MAKER,
    MOVES,
    NOTIFY,
    REFUND,
    SETTLES,
    UNPAID,
    Status,
    in_words,
    move_of,
    told,
)
from chalicelib.decisions.order.state import Order
from chalicelib.decisions.subject import Ignored
from chalicelib.decisions.todo import Todo
from chalicelib.errors import (
    Exists,
    IllegalMove,
    Invalid,
    MixedCurrencies,
    Problem,
    RefundTooLarge,
    UnknownOrder,
)
from chalicelib.events import Event, Fact, Outcome, order

__all__ = ["KIND", "MOVES", "NOTIFY", "UNPAID", "Order", "Status", "decide", "evolve", "told"]

KIND = "order"
MOST_CARDS, MOST_REFUNDS = 10, 50


def decide(state: Order | None, command: Command | Outcome, actor: str) -> Fact:  # noqa: ARG001
    """The event that the command comes to; what a to-do came to is said as it is.

    Raises Exists, UnknownOrder, IllegalMove, RefundTooLarge, MixedCurrencies, Invalid; the state
    may lag, so `evolve` judges again.
    """
    if isinstance(command, Outcome):
        return command
    fact = SAYS[type(command)].model_validate(command.model_dump())
    if doubt := _doubt(state, fact):
        refusal, field = REFUSALS[doubt.reason]
        raise refusal(doubt.detail, field=field)
    return fact


def evolve(state: Order | None, event: Event) -> Order | Ignored:
    """The order after the event, or why the event does not count."""
    data = event.data
    if doubt := _doubt(state, data):
        return doubt
    if isinstance(data, order.Placed):
        return _placed(event, data)
    assert state is not None  # or it was in doubt
    return _settled(state, event, data) if isinstance(data, Outcome) else _moved(state, event)


def _doubt(state: Order | None, data: Fact) -> Ignored | None:
    """Why this cannot happen to the order, if it cannot."""
    if isinstance(data, order.Placed):
        return _mispriced(data) if state is None else EXISTS
    if state is None:
        return NO_ORDER
    if isinstance(data, Outcome):
        return state.unless_open(data) or _not_what_it_comes_to(state, data)
    return _not_now(state, data) or _too_much(state, data)


def _mispriced(data: order.Placed) -> Ignored | None:
    if {line.price.currency for line in data.lines} != {data.total.currency}:
        return Ignored("mixed-currencies", "an order is in one currency")
    if data.total.amount != sum(line.price.amount * line.quantity for line in data.lines):
        return Ignored("wrong-total", "the total is not what its lines come to")
    return None


def _not_what_it_comes_to(state: Order, data: Outcome) -> Ignored | None:
    todo = state.todos[data.todo]
    if not isinstance(data, (*SETTLES[todo.kind], order.GivenUp)):
        return Ignored("wrong-outcome", f"this is not what a {todo.kind} comes to")
    if isinstance(data, order.Paid) and data.amount != state.total:
        return Ignored("wrong-amount", "what was captured is not the total")
    if isinstance(data, order.Refunded) and data.amount != state.price(todo.amount):
        return Ignored("wrong-amount", "what was given back is not what was asked for")
    return None


def _not_now(state: Order, data: Fact) -> Ignored | None:
    move = MOVES[type(data)]
    if move.branch not in (None, state.branch):
        return Ignored("illegal-move", f"an order to {state.branch} is never {move.to}")
    if state.stands not in move.after:
        after = ", ".join(map(in_words, move.after))
        return Ignored("illegal-move", f"it is {in_words(state.stands)}; this comes after {after}")
    return None


def _too_much(state: Order, data: Fact) -> Ignored | None:
    match data:
        case order.PaymentOffered() if state.cards == MOST_CARDS:
            return Ignored("illegal-move", f"{MOST_CARDS} cards were declined; order anew")
        case order.RefundRequested(lines=lines):
            return _too_much_back(state, lines)
        case _:
            return None


def _too_much_back(state: Order, lines: list[order.Returned]) -> Ignored | None:
    if state.captured == 0:
        return Ignored("refund-too-large", "nothing was paid by card")
    if state.refunds == MOST_REFUNDS:
        return Ignored("refund-too-large", f"{MOST_REFUNDS} refunds were asked for: no more are")
    for each in lines:
        if each.line >= len(state.lines):
            return Ignored("refund-too-large", f"the order has no line {each.line}")
    asked = state.counted(lines)
    for number, (quantity, left) in enumerate(zip(asked, state.left, strict=True)):
        if quantity > left:
            return Ignored("refund-too-large", f"of line {number} only {left} can be given back")
    return None if state.worth(asked) else Ignored("refund-too-large", "these lines cost nothing")


def _placed(event: Event, data: order.Placed) -> Order:
    by_card = data.card and data.total.amount > 0
    members = {name: getattr(data, name) for name in ("branch", "lines", "total", "channels")}
    placed = Order(
        customer=event.actor,
        created=event.time,
        status="placed",
        by_card=by_card,
        cards=int(by_card),
        pii=data.pii,
        offer=data.pii,
        returned=[0] * len(data.lines),
        **members,
    )
    return placed.owing(event, (CHARGE, "")) if by_card else _accepted(placed, event)


def _accepted(state: Order, event: Event) -> Order:
    """An order that is to be made: the customer is told, and so is the maker of what is sent."""
    made = [(MAKER, "")] if state.branch == "deliver" else []
    return _telling(state.having(due=event.clock), event, "accepted").owing(event, *made)


def _moved(before: Order, event: Event) -> Order:
    """The order where the table has it now, with what that makes it owe."""
    state = before.having(status=MOVES[type(event.data)].to or before.status)
    match event.data:
        case order.PaymentOffered(pii=pii):
            offered = _in_time(state).having(offer=pii, cards=state.cards + 1)
            return offered.owing(event, (CHARGE, ""))
        case order.Ready():
            return _telling(state, event, "ready")
        case order.Fulfilled():
            return state.owing(event, (COURIER, ""))
        case order.Cancelled():
            return _cancelled(_giving_all_back(_in_time(state), event), event)
        case order.RefundRequested(lines=lines):
            asked = state.having(refunds=state.refunds + 1)
            return _giving_back(asked, event, state.counted(lines))
        case _:
            return state


def _settled(before: Order, event: Event, data: Outcome) -> Order:
    """The order with that to-do done; where its move applies, with the status of the table."""
    state, todo = before.heard(data), before.todos[data.todo]
    move = move_of(data, stands=before.stands)
    moved = state.having(status=move.to) if move else state
    match data:
        case order.Paid(payment=payment):
            paid = moved.having(payment=payment, captured=state.total.amount)
            return _accepted(paid, event) if move else _giving_all_back(paid, event)
        case order.PaymentDeclined() if move:
            return _telling(moved.owing(event, (EXPIRE, "")), event, "payment-declined")
        case order.Expired():
            return _telling(moved, event, "expired")
        case order.Refunded():
            refunded = state.refunded + todo.amount
            whole = moved if refunded == state.captured else state
            return _telling(whole.having(refunded=refunded), event, "refunded")
        case _:
            return moved


def _cancelled(state: Order, event: Event) -> Order:
    """The customer is told what somebody else did."""
    return state if event.actor == state.customer else _telling(state, event, "cancelled")


def _telling(state: Order, event: Event, about: str) -> Order:
    """The customer is told, who can be reached."""
    return state.owing(event, (NOTIFY, about)) if state.channels else state


def _in_time(state: Order) -> Order:
    """The same, no longer waiting for another card."""
    return state.settled(*(name for name, todo in state.todos.items() if todo.kind == EXPIRE))


def _giving_all_back(state: Order, event: Event) -> Order:
    """All that was paid and not asked back before."""
    return _giving_back(state, event, state.left) if state.captured else state


def _giving_back(state: Order, event: Event, quantities: list[int]) -> Order:
    """So many of each line, where they cost something."""
    if (amount := state.worth(quantities)) == 0:
        return state
    todo = Todo(kind=REFUND, since=event.clock, amount=amount, quantities=quantities)
    returned = [sum(pair) for pair in zip(state.returned, quantities, strict=True)]
    return state.having(returned=returned).owing_also(event, [todo])


EXISTS = Ignored("exists", "there is an order with this id already")
NO_ORDER = Ignored("unknown-order", "there is no order with this id")
REFUSALS: dict[str, tuple[type[Problem], str | None]] = {
    "exists": (Exists, "id"),
    "unknown-order": (UnknownOrder, "id"),
    "mixed-currencies": (MixedCurrencies, "lines"),
    "wrong-total": (Invalid, "total"),
    "illegal-move": (IllegalMove, None),
    "refund-too-large": (RefundTooLarge, "lines"),
}
