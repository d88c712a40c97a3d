"""The money of every order, counted from the log alone: not from the rows that are to be checked.

What counted is what the naive fold says. Of an order no more is captured than its total, no more
given back than was captured, it is paid once, and at most one charge is open; and the order's own
state says the same of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from chalicelib.decisions.order import Order
from chalicelib.events import order
from ops.naive.subjects import Subject
from ops.query.judged import Judged


@dataclass(slots=True)
class Account:
    """What one order's counted events say, each amount in its minor unit."""

    total: int = 0
    paid: list[int] = field(default_factory=list)
    refunded: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Books:
    """All accounts."""

    accounts: defaultdict[str, Account] = field(default_factory=lambda: defaultdict(Account))

    def enter(self, judged: Judged) -> None:
        """One event; only what counted is looked at."""
        account, subject = self.accounts, judged.envelope.subject
        match judged.fact:
            case order.Placed(total=total):
                account[subject].total = total.amount
            case order.Paid(amount=amount):
                account[subject].paid.append(amount.amount)
            case order.Refunded(amount=amount):
                account[subject].refunded.append(amount.amount)

    def wrong(self, subjects: Mapping[str, Subject]) -> Iterator[str]:
        """Each thing that does not hold, as a sentence."""
        for subject, account in sorted(self.accounts.items()):
            yield from (f"{subject}: {why}" for why in _wrong(account))
            found = subjects[subject].state if subject in subjects else None
            if isinstance(found, Order):
                yield from (f"{subject}: {why}" for why in _at_odds(account, found))


def _wrong(account: Account) -> Iterator[str]:
    captured, refunded = sum(account.paid), sum(account.refunded)
    if captured > account.total:
        yield f"{captured} captured of a total of {account.total}"
    if refunded > captured:
        yield f"{refunded} given back of {captured} captured"
    if len(account.paid) > 1:
        yield f"paid {len(account.paid)} times"


def _at_odds(account: Account, state: Order) -> Iterator[str]:
    said = state.total.amount, state.captured, state.refunded
    told = account.total, sum(account.paid), sum(account.refunded)
    if said != told:
        yield f"its events come to total, captured, refunded {told}, its state says {said}"
    charges = sum(todo.kind == "charge" for todo in state.todos.values())
    if charges > 1:
        yield f"{charges} charges are open"
