"""Fetch: the picture that a photographer sent, from where it lies; then the product has it.

That the product has it is said first, under an id of the to-do's own: who is stopped after that
says it again, and it counts once. What is no picture, and what is not to be had, is told the desk.
"""

from __future__ import annotations

from chalicelib import telemetry
from chalicelib.errors import NoPicture, PictureTooLarge, TryAgain, Unreachable
from chalicelib.events.desk import Fault, PicturePassedOn, PictureRefused
from chalicelib.events.product import Photographed
from chalicelib.pictures import media, shelf
from chalicelib.pictures.image import cleaned
from chalicelib.todos import saying
from chalicelib.todos.kind import Owed

PATIENCE = 3  # attempts, with 12 s between them: the photographer can send it again
FAULTS: dict[type[Exception], Fault] = {
    NoPicture: "no-picture",
    PictureTooLarge: "too-large",
    Unreachable: "unreachable",
    TryAgain: "unreachable",
}


def do(owed: Owed) -> PicturePassedOn | PictureRefused:
    """What the picture came to. Raises TryAgain, CloudFailure."""
    assignment = owed.state.photographers[owed.todo.person].assignment
    try:
        image = shelf.keep(cleaned(media.fetch(assignment.media)))
    except tuple(FAULTS) as flaw:
        if isinstance(flaw, TryAgain) and owed.attempt < PATIENCE:
            raise
        telemetry.say("picture-refused", todo=owed.id, reason=str(flaw))
        return PictureRefused(todo=owed.id, fault=FAULTS[type(flaw)])
    photographed = Photographed(image=image, assignment=owed.id)
    product = f"product/{assignment.product}"
    saying.say(owed.id, photographed, product, "photographed", actor=owed.todo.person)
    return PicturePassedOn(todo=owed.id, image=image)
