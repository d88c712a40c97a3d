"""Time-out: no picture came in the time that the photographer was told."""

from __future__ import annotations

from chalicelib.errors import Waits
from chalicelib.events.desk import AssignmentExpired
from chalicelib.todos import lease
from chalicelib.todos.kind import Owed


def do(owed: Owed) -> AssignmentExpired:
    """The time-out. Raises Waits until it is time."""
    assignment = owed.state.photographers[owed.todo.person].assignment
    if lease.now() < assignment.until:
        raise Waits("the photographer has time yet")
    return AssignmentExpired(todo=owed.id)
