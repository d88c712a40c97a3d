"""Tell desk: a product that the photo desk knows of has a picture by another way.

What the desk does not wait for any more it ignores.
"""

from __future__ import annotations

from chalicelib.decisions import desk
from chalicelib.errors import CloudFailure, TryAgain
from chalicelib.events.desk import ProductPictured
from chalicelib.events.product import SentToDesk
from chalicelib.todos import saying
from chalicelib.todos.kind import Owed


def do(owed: Owed) -> SentToDesk:
    """That the desk is told. Raises TryAgain."""
    told = ProductPictured(product=owed.entity, photographer=owed.state.photographer)
    try:
        saying.say(owed.id, told, desk.SUBJECT, "product-pictured")
    except CloudFailure as failure:
        raise TryAgain(str(failure)) from failure
    return SentToDesk(todo=owed.id)
