"""Each part of a sweep is done, and the sweep has failed where one did."""

import json

import pytest

from chalicelib import sweeping
from chalicelib.errors import CloudFailure


def test_a_part_that_fails_keeps_no_other_from_being_done_and_is_raised_at_the_end(capsys):
    done = []

    def unreachable():
        raise CloudFailure("the table")

    def faulty():
        raise KeyError("a fault of ours")

    with pytest.raises(CloudFailure, match="the table"):
        sweeping.run(lambda: done.append(1), unreachable, faulty, lambda: done.append(4))
    assert done == [1, 4]
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    told = [(each["what"], each["part"], each["error"]) for each in said]
    assert told == [("part-failed", __name__, name) for name in ("CloudFailure", "KeyError")]


def test_where_none_fails_nothing_is_raised_and_nothing_is_said(capsys):
    done = []
    sweeping.run(lambda: done.append(1), lambda: done.append(2))
    assert (done, capsys.readouterr().err) == ([1, 2], "")
