"""The register: what a process makes of a row that other code wrote."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from chalicelib import read, register
from chalicelib.errors import CatchingUp, Promoted
from chalicelib.register import READY, Entry, Register
from chalicelib.store import Row
from chalicelib.views import scores

VIEW = replace(scores.VIEW, version=2, older=())
NEXT = replace(VIEW, version=3, older=(VIEW,))


def told(**entry: object) -> Register:
    return Register.of(Row(READY, {"views": {"scores": entry}, "born": "b", "token": "t"}))


def test_what_later_code_says_besides_is_passed_over() -> None:
    assert told(read="scores@3", later=1).entry("scores") == Entry("scores@3")


def test_what_earlier_code_did_not_say_is_as_it_was_for_it() -> None:
    assert told(read="scores@3").entry("scores") == Entry("scores@3", None, None, 0, 0, "")


class TestReading:
    """Two releases read one register: `VIEW` is of the one before `NEXT`."""

    @pytest.fixture(autouse=True)
    def nothing_heard(self) -> Iterator[None]:
        register.forget()
        yield
        register.forget()

    @pytest.mark.parametrize(
        ("current", "kept", "by_the_one_before", "by_the_next"),
        [
            (None, None, "scores@2", "scores@3"),
            ("scores@2.1", None, "scores@2.1", "scores@2.1"),
            ("scores@3.3", "scores@2.2", "scores@2.2", "scores@3.3"),
            ("scores@2.2", "scores@3.3", "scores@2.2", "scores@2.2"),
            ("scores@3.3", None, "scores@2", "scores@3.3"),
            ("scores@4.1", "scores@3.1", "scores@2", "scores@3.1"),
        ],
    )
    def test_what_is_kept_is_read_by_whose_code_lacks_what_is_read(
        self, current: str | None, kept: str | None, by_the_one_before: str, by_the_next: str
    ) -> None:
        put = told(read=current, kept=kept).row()
        register.heard(Row(put.key, dict(put.body)))
        assert (VIEW.reading, NEXT.reading) == (by_the_one_before, by_the_next)

    def test_who_hears_of_a_promotion_while_it_asks_asks_again_of_what_it_can_read(self) -> None:
        named = told(read="scores@3.3", kept="scores@2.2")
        read._check_whole(named, VIEW, "scores@2.2", left=False)
        read._check_whole(named, NEXT, "scores@2.2", left=False)
        with pytest.raises(Promoted):
            read._check_whole(named, VIEW, "scores@2.1", left=False)
        with pytest.raises(Promoted):
            read._check_whole(named, NEXT, "scores@2.2", left=True)
        with pytest.raises(CatchingUp):
            read._check_whole(named, VIEW, "scores@2.2", left=True)
        with pytest.raises(CatchingUp):
            read._check_whole(told(read="scores@3.3"), VIEW, "scores@2", left=False)
