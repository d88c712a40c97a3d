"""The photo desk: no product is asked of two, and none is lost between its own word and the desk's.

A product and the desk are two subjects, read one after the other: what looks lost is looked at
again, as the table has both, before it is called so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from chalicelib import store
from chalicelib.decisions import DECIDERS
from chalicelib.decisions.desk import SUBJECT
from chalicelib.decisions.desk.state import Desk
from chalicelib.decisions.product import KIND, Product
from chalicelib.subjects import subject_key, subject_of
from chalicelib.todos.send_to_desk import desk_now
from ops.naive.subjects import Subject


def desk_of(subjects: Mapping[str, Subject]) -> Desk:
    """The desk, as its events have it."""
    found = subjects.get(SUBJECT)
    return found.state if found and isinstance(found.state, Desk) else Desk()


def wrong(desk: Desk, lost: Sequence[str]) -> Iterator[str]:
    """What is asked of two, and what nobody will ever be asked for."""
    assigned = [each.assignment for each in desk.photographers.values() if each.assignment]
    asked = Counter(each.product for each in assigned)
    for product, many in sorted(asked.items()):
        if many > 1:
            yield f"{KIND}/{product} is asked of {many} photographers at once"
        if product in desk.waiting:
            yield f"{KIND}/{product} is asked of a photographer, and waits for one as well"
    for product in lost:
        yield f"{product} waits for a picture, and the photo desk does not know of it"


def lost(subjects: Mapping[str, Subject]) -> list[str]:
    """Whatever is lost as its events have it, and still is as the table has it."""
    desk = desk_of(subjects)
    doubtful = [name for name, each in subjects.items() if is_lost(name, each.state, desk)]
    if not doubtful:
        return []
    now = desk_now()
    return sorted(name for name in doubtful if is_lost(name, _now(name), now))


def is_lost(name: str, state: object, desk: Desk) -> bool:
    """Whether it counts on the desk, which does not know it, and owes nothing that helps."""
    if not isinstance(state, Product) or not state.at_desk or state.image or state.todos:
        return False
    return not desk.knows(name.partition("/")[2])


def _now(name: str) -> object:
    return subject_of(DECIDERS[KIND], store.get(subject_key(DECIDERS[KIND], name))).state


def told(desk: Desk) -> str:
    """In a line."""
    asked = sum(each.assignment is not None for each in desk.photographers.values())
    return f"{len(desk.waiting):,} products wait, {asked:,} are asked for"
