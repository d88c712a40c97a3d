"""Order: from the cart to the counter or the doorstep, by one table: `moves`.

An order paid by card is made once it is paid; one without a card is settled where it is handed
over. What a to-do came to counts in every state while the to-do is open; where its move no longer
applies the status stays, and a payment that comes too late is given back. So no more is captured
than the total, no more given back than was captured, and an order is paid once.
"""

from __future__ import annotations

from pydantic import Field

from chalicelib.decisions.order.commands import SAYS, Command, Place
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
)
from chalicelib.decisions.subject import Ignored
from chalicelib.decisions.todo import Owing, Todo
from chalicelib.errors import Exists, IllegalMove, RefundTooLarge, UnknownOrder
from chalicelib.events import Event, Fact, Outcome, order
from chalicelib.events.envelope import Pii
from chalicelib.events.order import Branch, Channel, Item, Returned
from chalicelib.events.product import Price

KIND = "order"


class Order(Owing):
    """`returned` is how many of each line were asked back; amounts are in the total's currency.

    `pii` says who ordered; in `offer`, which may be the same, stands the token of the newest card.
    `created` is when it was placed; `due` the clock, in ms, from which on it was to be made.
    """

    customer: str
    created: str
    branch: Branch
    status: Status
    by_card: bool
    lines: list[Item]
    total: Price
    channels: list[Channel]
    pii: Pii
    offer: Pii
    returned: list[int]
    due: int = 0
    payment: str = ""
    captured: int = 0
    refunded: int = 0
    given_up: list[str] = Field(default_factory=list)

    @property
    def stands(self) -> str:
        """The status, as the table of moves has it."""
        return UNPAID if self.status == "placed" and not self.by_card else self.status

    @property
    def left(self) -> list[int]:
        """What was not asked back yet, by line."""
        pairs = zip(self.lines, self.returned, strict=True)
        return [line.quantity - back for line, back in pairs]

    def worth(self, quantities: list[int]) -> int:
        """What so many of each line cost."""
        pairs = zip(self.lines, quantities, strict=True)
        return sum(line.price.amount * quantity for line, quantity in pairs)


def decide(state: Order | None, command: Command | Outcome, actor: str) -> Fact:  # noqa: ARG001
    """The event that the command comes to; what a to-do came to is said as it is.

    Raises Exists, UnknownOrder, IllegalMove, RefundTooLarge; the state may lag, so `evolve` judges
    again.
    """
    if isinstance(command, Outcome):
        return command
    if isinstance(command, Place):
        if state is not None:
            raise Exists("there is an order with this id already", field="id")
        return _fact(command)
    if state is None:
        raise UnknownOrder("there is no order with this id", field="id")
    fact = _fact(command)
    if isinstance(doubt := _moved(state, fact), Ignored):
        refuse = RefundTooLarge if doubt.reason == RefundTooLarge.slug else IllegalMove
        raise refuse(doubt.detail)
    return fact


def _fact(command: Command) -> Fact:
    return SAYS[type(command)].model_validate(command.model_dump())


def evolve(state: Order | None, event: Event) -> Order | Ignored:
    """The order after the event, or why the event does not count."""
    data = event.data
    if isinstance(data, order.Placed):
        return _placed(event, data) if state is None else EXISTS
    if state is None:
        return Ignored("unknown-order", "there is no order with this id")
    if isinstance(data, Outcome):
        return _settled(state, event, data)
    moved = _moved(state, data)
    return moved if isinstance(moved, Ignored) else _follow(state, moved, event)


def _placed(event: Event, data: order.Placed) -> Order | Ignored:
    if data.total.amount != sum(line.price.amount * line.quantity for line in data.lines):
        return Ignored("wrong-total", "the total is not what its lines come to")
    if {line.price.currency for line in data.lines} != {data.total.currency}:
        return Ignored("mixed-currencies", "an order is in one currency")
    members = {name: getattr(data, name) for name in ("branch", "lines", "total", "channels")}
    placed = Order(
        customer=event.actor,
        created=event.time,
        status="placed",
        by_card=data.card,
        pii=data.pii,
        offer=data.pii,
        returned=[0] * len(data.lines),
        **members,
    )
    return placed.owing(event, (CHARGE, "")) if data.card else _accepted(placed, event)


def _accepted(state: Order, event: Event) -> Order:
    """An order that is to be made: the customer is told, and so is the maker of what is sent."""
    told = [(NOTIFY, "accepted")] if state.channels else []
    made = [(MAKER, "")] if state.branch == "deliver" else []
    return state.model_copy(update={"due": event.clock}).owing(event, *told, *made)


def _moved(state: Order, data: Fact) -> Order | Ignored:
    """The order with the status that the table gives it, or why it cannot move there."""
    move = MOVES[type(data)]
    if move.branch not in (None, state.branch):
        return Ignored("illegal-move", f"an order to {state.branch} is never {move.to}")
    if state.stands not in move.after:
        allowed = ", ".join(move.after)
        return Ignored("illegal-move", f"it is {state.stands}; this comes after {allowed}")
    match data:
        case order.RefundRequested(lines=lines):
            return _asked_back(state, lines)
        case order.PaymentOffered(pii=pii):
            return state.model_copy(update={"status": move.to, "offer": pii})
        case _:
            return state.model_copy(update={"status": move.to})


def _asked_back(state: Order, lines: list[Returned]) -> Order | Ignored:
    asked = [0] * len(state.lines)
    for each in lines:
        if each.line >= len(asked):
            return Ignored("refund-too-large", f"the order has no line {each.line}")
        asked[each.line] += each.quantity
    if state.captured == 0:
        return Ignored("refund-too-large", "nothing was paid by card")
    for number, (quantity, left) in enumerate(zip(asked, state.left, strict=True)):
        if quantity > left:
            return Ignored("refund-too-large", f"of line {number} only {left} can be given back")
    returned = [before + more for before, more in zip(state.returned, asked, strict=True)]
    return state.model_copy(update={"returned": returned})


def _follow(before: Order, after: Order, event: Event) -> Order:
    """The order with what the move makes it owe."""
    match event.data:
        case order.PaymentOffered():
            return _in_time(after).owing(event, (CHARGE, ""))
        case order.Ready():
            return _told(after, event, "ready")
        case order.Fulfilled():
            return after.owing(event, (COURIER, ""))
        case order.Cancelled():
            return _given_back(_in_time(after), event)
        case order.RefundRequested():
            asked = zip(after.returned, before.returned, strict=True)
            return _refunding(after, event, [now - then for now, then in asked])
        case _:
            return after


def _in_time(state: Order) -> Order:
    """The same, no longer waiting for another card."""
    return state.settled(*(name for name, todo in state.todos.items() if todo.kind == EXPIRE))


def _told(state: Order, event: Event, about: str) -> Order:
    return state.owing(event, (NOTIFY, about)) if state.channels else state


def _given_back(state: Order, event: Event) -> Order:
    """All that was paid and not asked back before."""
    left = state.left
    if state.captured == 0 or not any(left):
        return state
    returned = [line.quantity for line in state.lines]
    return _refunding(state.model_copy(update={"returned": returned}), event, left)


def _refunding(state: Order, event: Event, quantities: list[int]) -> Order:
    amount = state.worth(quantities)
    todo = Todo(kind=REFUND, since=event.clock, amount=amount, quantities=quantities)
    return state.owing_also(event, [todo])


def _settled(state: Order, event: Event, data: Outcome) -> Order | Ignored:
    """What a to-do came to: it counts while the to-do is open, whatever the order's status."""
    if doubt := state.unless_open(data):
        return doubt
    todo = state.todos[data.todo]
    if not isinstance(data, SETTLES[todo.kind]):
        return Ignored("wrong-outcome", f"this is not what a {todo.kind} comes to")
    move = MOVES.get(type(data))
    after, applies = state.settled(data.todo), move is not None and state.stands in move.after
    if move is not None and applies:
        after = after.model_copy(update={"status": move.to})
    return _follow_outcome(after, event, todo, applies=applies)


def _follow_outcome(state: Order, event: Event, todo: Todo, *, applies: bool) -> Order:
    """The order with what the outcome makes it owe; a move that came too late does not apply."""
    match event.data:
        case order.Paid(payment=payment):
            paid = state.model_copy(update={"payment": payment, "captured": state.total.amount})
            return _accepted(paid, event) if applies else _given_back(paid, event)
        case order.PaymentDeclined() if applies:
            return _told(state.owing(event, (EXPIRE, "")), event, "payment-declined")
        case order.Expired() if applies:
            return _told(state, event, "expired")
        case order.Refunded():
            return _refunded(state, event, todo)
        case order.GivenUp(todo=name):
            return state.model_copy(update={"given_up": [*state.given_up, name]})
        case _:
            return state


def _refunded(state: Order, event: Event, todo: Todo) -> Order:
    refunded = state.refunded + todo.amount
    whole = refunded >= state.captured and state.status not in ("cancelled", "expired")
    status = "refunded" if whole else state.status
    after = state.model_copy(update={"refunded": refunded, "status": status})
    return _told(after, event, "refunded")


EXISTS = Ignored("exists", "there is an order with this id already")
