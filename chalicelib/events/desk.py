"""What can happen at the photo desk: who is there, what waits for a picture, and who is asked.

How a photographer is reached is personal, and stands in `pii` alone; `phoneKey` is a fingerprint of
the number that only this shop can make. How long somebody stays, and until when they are asked, is
a setting of the shop when it was said: it stands in the event, so no verdict hangs on a setting.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from chalicelib.events.envelope import Fact, Model, Outcome, Pii, Told, TriedInVain, example
from chalicelib.events.person import Dialled, Name
from chalicelib.events.product import Image

MOST_STAY_S = 7 * 24 * 3600
MOST_CLOCK_MS = 10**14

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$")]
Person = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]
PhoneKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
Media = Annotated[str, StringConstraints(pattern=r"^https?://[!#-\[\]-~]{1,492}$")]
Fault = Literal["unreachable", "no-picture", "too-large"]


class ProductWaiting(Fact):
    """A product asks for a picture."""

    type: ClassVar[str] = "tillstream.desk.product-waiting.v1"
    product: Id


class ProductPictured(Fact):
    """A product has its picture by another way than the desk's, of this photographer."""

    type: ClassVar[str] = "tillstream.desk.product-pictured.v1"
    product: Id
    photographer: Person


class PhotographerRegistered(Told):
    """A photographer came, for so many assignments more and so long."""

    type: ClassVar[str] = "tillstream.desk.photographer-registered.v1"
    pii: Pii
    phone_key: PhoneKey
    assignments: Annotated[int, Field(ge=1, le=100)]
    stay_s: Annotated[int, Field(ge=1, le=MOST_STAY_S)]


class Registration(Model):
    """Who wants to be asked for pictures, and under which number: in clear, before there is a fact.

    `comes_to` is the event that is made of it.
    """

    model_config = example(phone="+49 151 5550123", name="Phil")

    comes_to: ClassVar[str] = PhotographerRegistered.type
    phone: Dialled
    name: Name | None = None


class PhotographerLeft(Fact):
    """They want no assignments any more; erased, nothing of them is kept."""

    type: ClassVar[str] = "tillstream.desk.photographer-left.v1"
    photographer: Person
    erased: bool = False


class Assigned(Outcome):
    """A product was offered to a photographer, until this clock (ms)."""

    type: ClassVar[str] = "tillstream.desk.assigned.v1"
    product: Id
    photographer: Person
    until: Annotated[int, Field(ge=0, le=MOST_CLOCK_MS)]


class AssignmentExpired(Outcome):
    """No picture came in time."""

    type: ClassVar[str] = "tillstream.desk.assignment-expired.v1"


class PictureReceived(Fact):
    """The photographer sent a picture, which lies at this address; nobody has looked at it."""

    type: ClassVar[str] = "tillstream.desk.picture-received.v1"
    media: Media


class PicturePassedOn(Outcome):
    """It is a picture, and the product has it."""

    type: ClassVar[str] = "tillstream.desk.picture-passed-on.v1"
    image: Image


class PictureRefused(Outcome):
    """What was sent is none, or cannot be had."""

    type: ClassVar[str] = "tillstream.desk.picture-refused.v1"
    fault: Fault


class Notified(Outcome):
    """The photographer was told; or not, where they cannot be reached or it is no longer so."""

    type: ClassVar[str] = "tillstream.desk.notified.v1"
    told: bool


class GivenUp(TriedInVain):
    """So often it was tried in vain."""

    type: ClassVar[str] = "tillstream.desk.given-up.v1"


FACTS = (
    ProductWaiting,
    ProductPictured,
    PhotographerRegistered,
    PhotographerLeft,
    Assigned,
    AssignmentExpired,
    PictureReceived,
    PicturePassedOn,
    PictureRefused,
    Notified,
    GivenUp,
)
