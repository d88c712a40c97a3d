"""An event that comes in another format: what every such format comes to, and how it is read.

`valid` names each member at fault, and nothing else of what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from chalicelib.errors import Invalid
from chalicelib.events.desk import Registration
from chalicelib.events.envelope import Claimed, Told

MOST_ERRORS, MOST_NAME = 20, 40
ENTITY = r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}"
RFC3339 = r"^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Converted:
    """An event as ours.

    `actor` is whom an importer speaks for; None is the caller. `key` is what names the event
    where it comes from, the same each time that it is sent; `named` is the member that says so.
    `personal` is for the fact's `pii`, under the key of the person who is its subject.
    """

    subject: str
    fact: Told | Registration
    claimed: Claimed | None = None
    actor: str | None = None
    key: str | None = None
    named: str = "id"
    personal: dict[str, Any] | None = None

    @property
    def kind(self) -> str:
        """The type of the event that it becomes."""
        return self.fact.comes_to if isinstance(self.fact, Registration) else self.fact.type


def valid(model: type[M], value: Any, within: str = "") -> M:
    """The value as the model has it; `within` is how the names of its members begin.

    Raises Invalid, naming each member at fault.
    """
    try:
        return model.model_validate(value, by_alias=True, by_name=False)
    except ValidationError as refusals:
        found = refusals.errors(include_url=False, include_context=False, include_input=False)
        errors = [
            {"field": _name(within, e["loc"]), "detail": _mend(e)} for e in found[:MOST_ERRORS]
        ]
        names = ", ".join(error["field"] for error in errors)
        raise Invalid(f"these members are wrong: {names}", errors=errors) from None


def _name(within: str, place: tuple[int | str, ...]) -> str:
    inner = ".".join(map(str, place))
    return (within + inner if inner else within.rstrip(".") or "body")[:MOST_NAME]


def _mend(refusal: ErrorDetails) -> str:
    """What pydantic says, less what it says of our code."""
    if refusal["type"] in ("model_type", "dict_type"):
        return "Input should be a JSON object"
    return refusal["msg"].removeprefix("Value error, ")


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a date and time that exist") from None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


Entity = Annotated[str, StringConstraints(pattern=f"^{ENTITY}$")]
Time = Annotated[str, StringConstraints(pattern=RFC3339), AfterValidator(_moment)]
