"""What was acknowledged is compared with what is there; and a shop is struck under load."""

import json
import subprocess
import sys
from pathlib import Path

from chalicelib import checkpoint
from chalicelib.checkpoint import Checkpoint
from chalicelib.events import Shard
from drills.kill.found import compare, unjudged
from drills.kill.load import Heard

SHARD = Shard("s-1", "shardId-000000000000")
HERE, THERE, ELSEWHERE = f"{SHARD}:7", f"{SHARD}:9", "s-1/shardId-000000000001:7"
HEARD = Heard("a", HERE)


def found(records, ignored=(), heard=(HEARD,), waiting=()):
    return compare(heard, records, set(waiting), lambda places: places & set(ignored))


def test_what_lies_once_where_it_was_said_to_lie_is_found():
    result = found([(HERE, "a"), (THERE, "b")])
    assert (result.found, result.copies, result.missing, result.twice) == (1, 0, [], [])


def test_what_is_not_in_the_archive_is_missing():
    result = found([(THERE, "b")])
    assert result.found == 0
    assert result.missing == [f"a is not at {HERE}"]


def test_what_lies_somewhere_else_or_under_another_id_is_missing():
    assert found([(ELSEWHERE, "a")]).missing == [f"a is not at {HERE}"]
    assert found([(HERE, "b")]).missing == [f"a is not at {HERE}"]


def test_what_no_record_of_counts_is_missing():
    assert found([(HERE, "a")], {HERE}).missing == ["a is in the archive, and does not count"]


def test_a_copy_that_is_ignored_is_told_and_one_that_counts_is_twice():
    records = [(HERE, "a"), (THERE, "a")]
    ignored = found(records, {THERE})
    assert (ignored.found, ignored.copies, ignored.missing, ignored.twice) == (1, 1, [], [])
    assert found(records).twice == ["a counts 2 times"]


def test_a_position_that_the_archive_holds_twice_is_told():
    assert found([(HERE, "a"), (HERE, "a")]).twice == [f"{HERE} is in the archive 2 times"]


def test_what_is_acknowledged_and_archived_and_not_judged_when_patience_ends_is_missing():
    result = found([(HERE, "a"), (THERE, "b")], heard=[HEARD, Heard("b", THERE)], waiting={THERE})
    assert (result.found, result.missing) == (2, [f"b at {THERE} is not judged"])


def test_rows_that_stand_still_leave_what_lies_behind_them_unjudged(monkeypatch):
    heard = [HEARD, Heard("b", THERE), Heard("c", ELSEWHERE)]
    rows = {SHARD: Checkpoint(SHARD, position=7)}
    monkeypatch.setattr(checkpoint, "read", rows.get)
    monkeypatch.setattr("drills.kill.found.PATIENCE_S", 0)
    assert unjudged(heard) == {THERE, ELSEWHERE}


def test_rows_that_come_as_far_while_one_waits_leave_nothing(monkeypatch):
    steps = iter([None, Checkpoint(SHARD, position=8), Checkpoint(SHARD, position=9)])
    monkeypatch.setattr(checkpoint, "read", lambda _: next(steps))
    monkeypatch.setattr("drills.kill.found.LOOK_S", 0)
    assert unjudged([HEARD, Heard("b", THERE)]) == set()


def drill(*options):
    return subprocess.run(
        [sys.executable, "-m", "drills", "kill", "--json", *options],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_shop_that_is_struck_under_load_whole_or_in_part_loses_nothing_and_doubles_nothing():
    every = ("--signal", "KILL", "--signal", "TERM", "--part", "all", "--part", "any")
    ran = drill("--rounds", "4", *every, "--no-cards", "--seed", "55")
    assert ran.returncode == 0, (ran.stdout, ran.stderr)
    told = json.loads(ran.stdout)
    strikes = "SIGKILL to all, SIGTERM to all, SIGKILL to any, SIGTERM to any"
    assert told["what"] == f"4 rounds of {strikes}"
    assert told["acknowledged"] == told["found"] > 20
    assert told["missing"] == told["twice"] == told["wrong"] == []
    assert told["rows"] > 20


def test_a_part_that_there_is_not_is_refused_with_2():
    ran = drill("--part", "roof")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "roof" in ran.stderr
    assert "Traceback" not in ran.stderr
