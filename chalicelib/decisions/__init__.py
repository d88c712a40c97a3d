"""One decider per subject: `decide` for the door, `evolve` for the fold, both pure.

A decider is a module with `KIND`, a `State`, commands, `decide(state, command, actor) -> Fact`
(raising what refuses) and `evolve(state, event) -> State | Ignored`. The table is last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.decisions import customer, desk, order, product, ticket
from chalicelib.decisions.subject import Evolve, State
from chalicelib.events import Fact

Decide = Callable[[Any, Any, str], Fact]


@dataclass(frozen=True, slots=True)
class Decider:
    """One kind of subject: its version names the rows, its state reads and writes them."""

    kind: str
    version: int
    state: type[State]
    decide: Decide
    evolve: Evolve

    def load(self, text: str) -> Any:
        """The state that a row's text holds."""
        return self.state.model_validate_json(text)


DECIDERS: Mapping[str, Decider] = {
    decider.kind: decider
    for decider in (
        Decider(product.KIND, 2, product.Product, product.decide, product.evolve),
        Decider(customer.KIND, 1, customer.Customer, customer.decide, customer.evolve),
        Decider(order.KIND, 1, order.Order, order.decide, order.evolve),
        Decider(ticket.KIND, 1, ticket.Ticket, ticket.decide, ticket.evolve),
        Decider(desk.KIND, 1, desk.Desk, desk.decide, desk.evolve),
    )
}
