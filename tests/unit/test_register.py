"""The register: what a process makes of a row that other code wrote."""

from chalicelib.register import READY, Entry, Register
from chalicelib.store import Row


def told(**entry: object) -> Register:
    return Register.of(Row(READY, {"views": {"scores": entry}, "born": "b", "token": "t"}))


def test_what_later_code_says_besides_is_passed_over() -> None:
    assert told(read="scores@3", later=1).entry("scores") == Entry("scores@3")


def test_what_earlier_code_did_not_say_is_as_it_was_for_it() -> None:
    assert told(read="scores@3").entry("scores") == Entry("scores@3", None, None, 0, 0, "")
