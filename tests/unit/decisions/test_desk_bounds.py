"""The fullest desk that there may be fits its row; what is longer is refused before it is said."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from chalicelib.decisions import DECIDERS
from chalicelib.decisions.desk import (
    FETCH,
    KIND,
    MESSAGE,
    SUBJECT,
    TIME_OUT,
    Assignment,
    Desk,
    Photographer,
)
from chalicelib.decisions.desk.doubts import MOST_LEFT
from chalicelib.decisions.desk.state import (
    MOST_MESSAGES,
    MOST_PHOTOGRAPHERS,
    MOST_PRODUCTS,
    Waiting,
)
from chalicelib.decisions.subject import ENTRY, MOST, Subject
from chalicelib.decisions.todo import Todo
from chalicelib.events.desk import MOST_CLOCK_MS, PictureReceived
from chalicelib.store import rows
from chalicelib.subjects import subject_row

STREAM = "tillstream-as-long-a-name-as-a-stage-may-have-in-its-bucket-s-name-1"
MOST_UNSAID = MOST_MESSAGES + 2 * MOST_PHOTOGRAPHERS
EARLY = MOST_CLOCK_MS
TWILIO = f"https://api.twilio.com/2010-04-01/Accounts/AC{'0' * 32}/Messages/MM{'0' * 32}/Media/ME"


def todo(kind: str, number: int, **about: str) -> tuple[str, Todo]:
    """A to-do with the longest id, of the person who takes the most bytes in a row."""
    name = f"{kind}@{STREAM}/shardId-000000000000:{number:056}"
    return name, Todo(kind=kind, since=EARLY, person=person(number), **about)


def person(number: int) -> str:
    """Whose id is of quotes: each is four bytes in the JSON of a row."""
    return f"{number:03}".rjust(64, '"')


def photographer(number: int) -> Photographer:
    assignment = Assignment(
        product=f"{number:064}",
        waited=EARLY,
        since=EARLY,
        until=EARLY,
        timer=todo(TIME_OUT, number)[0],
        fetch=todo(FETCH, number)[0],
        media=longest(),
    )
    return Photographer(
        phone_key="k" * 43,
        left=MOST_LEFT + 99,
        until=EARLY,
        free=EARLY,
        completed=10**6,
        stopped=False,
        returned=MOST_LEFT + 99,
        told=EARLY,
        assignment=assignment,
    )


def longest() -> str:
    """The longest address of media that may be said."""
    address = "https://" + "m" * 492
    assert PictureReceived(media=address).media == address
    with pytest.raises(ValidationError):
        PictureReceived(media=f"{address}m")
    return address


def fullest() -> Desk:
    """Everybody is asked, has sent a picture, and is to be told of all that there is."""
    everybody = range(MOST_PHOTOGRAPHERS)
    owed = [todo(kind, number) for number in everybody for kind in (TIME_OUT, FETCH)]
    owed += [todo(MESSAGE, number, about="registered") for number in range(MOST_UNSAID)]
    waiting = range(MOST_PHOTOGRAPHERS, MOST_PRODUCTS)
    return Desk(
        photographers={person(number): photographer(number) for number in everybody},
        waiting={f"{n:064}": Waiting(since=EARLY, let_go=person(n)) for n in waiting},
        todos=dict(owed),
    )


def test_the_fullest_desk_fits_its_row():
    subject = Subject(fullest(), 10**9, b"m" * MOST * ENTRY, EARLY)
    put = subject_row(DECIDERS[KIND], SUBJECT, subject)
    size = rows.size(put)
    assert rows.ROW_BYTES * 0.8 < size < rows.ROW_BYTES


@pytest.mark.parametrize("media", [f"{TWILIO}{'0' * 32}", "http://a"])
def test_addresses_as_twilio_gives_them_may_be_said(media):
    assert PictureReceived(media=media).media == media


@pytest.mark.parametrize("sign", ['"', "\\", " ", "\x00", "é"])
def test_what_stands_in_no_address_may_not(sign):
    with pytest.raises(ValidationError):
        PictureReceived(media=f"https://media.example/{sign}")
