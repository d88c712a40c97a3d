"""`ops redrive`: what stood still goes on, and each way in which it does not is a sentence."""

import json
import os

import pytest
from logbook import folds_by, unable
from test_shop_found import ops
from typer.testing import CliRunner

from chalicelib import store
from chalicelib.replay.alone import alone
from ops import parked, verify
from ops import redrive as redriving
from ops.__main__ import app
from ops.progress import steps

CUP = "product/cup"


pytestmark = pytest.mark.usefixtures("unsplit")


@pytest.fixture
def parked_cup(book):
    """A cup that the scores cannot fold, and a bowl that they can."""
    with folds_by(unable("scores")):
        book.fold(*(book.record("purchased") for _ in range(3)))
    book.fold(book.record("purchased", "bowl"))
    assert [(each.view, each.subject) for each in parked.state().subjects] == [("scores@2", CUP)]
    return book


def here(*words):
    """The verb in this process."""
    return CliRunner().invoke(app, ["redrive", *words])


def rows():
    return {(item["pk"]["S"], item["sk"]["S"]): item for item in store.scan()}


def test_what_ops_parked_says_to_do_heals_the_subject_and_what_waited(parked_cup):
    ran = ops("redrive", CUP, "--view", "scores", env=dict(os.environ))
    folded = "product/cup  scores@2: 3 events folded\n"
    assert (ran.returncode, ran.stdout) == (0, f"{folded}{redriving.FOLDED}\n")
    assert parked.state().subjects == []
    assert store.get(store.Key("scores@2/creator", "UNKNOWN")).rank == 4
    assert verify.verify().differences == []


def test_of_a_type_that_no_code_knows_it_says_that_it_stands_still_again_and_1(book):
    book.fold(book.record("transmogrified"), book.record())
    ran = here(CUP)
    assert ran.exit_code == 1
    first, second, third = ran.stdout.splitlines()
    assert first == "product/cup  all views: 0 events folded"
    assert second.endswith(f"it stands still again at {book.shard}:1")
    assert third.strip().startswith("UnknownType: this code does not know")
    told = json.loads(here(CUP, "--json").stdout)
    assert (told["subject"], told["redriven"][0]["since"]) == (CUP, f"{book.shard}:1")
    assert verify.verify().differences == []


def test_why_it_stands_still_again_speaks_to_no_terminal(parked_cup, monkeypatch):
    (place,) = redriving.find(CUP, None)
    broken = place._replace(code=unable("scores"))
    monkeypatch.setattr(redriving, "find", lambda *_: [broken])
    ran = here(CUP)
    assert ran.exit_code == 1
    assert r"ZeroDivisionError: by this \x1b[2J event" in ran.stdout
    assert "\x1b" not in ran.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([""], "'' is no subject: one looks like product/cup, and `ops parked` tells which"),
        (["nonsense"], "'nonsense' is no subject"),
        ([CUP, "--view", "scores@9"], "product/cup does not stand still in scores@9;"),
        (["--all", "--view", "score@2"], "there is no view 'score'; there are catalog,"),
        ([], "a subject, or --all"),
        ([CUP, "--all"], "a subject, or --all"),
        (["product/bowl"], "product/bowl does not stand still; `ops parked` tells who does"),
        ([CUP, "--view", "catalog"], "product/cup does not stand still in catalog;"),
        ([CUP, "--view", "*"], "product/cup does not stand still in all views;"),
        ([CUP, "--view", "score"], "there is no view 'score'; there are catalog,"),
        (["\x1b[2J\udcff"], "ops: '\\x1b[2J\\udcff' is no subject"),
    ],
)
def test_what_cannot_be_redriven_is_a_sentence_and_2_and_changes_nothing(parked_cup, words, says):
    before = rows()
    ran = here(*words)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert says in ran.stderr
    assert rows() == before


def test_two_at_once(parked_cup):
    with alone(f"redrive {CUP}"):
        before = rows()
        ran = here(CUP)
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert "another `ops redrive product/cup` is at it, or was killed less than" in ran.stderr
        assert rows() == before
    assert [each.events for each in redriving.redrive_all(CUP, redriving.find(CUP, None))] == [3]


def both_parked(book):
    """A bowl that stands still beside the cup, and a mug for all views, for good."""
    with folds_by(unable("scores")):
        book.fold(book.record("purchased", "bowl"), book.record("transmogrified", "mug"))


def test_all_is_each_in_turn_in_that_view_or_anywhere_and_1_where_one_stands_still_again(
    parked_cup, monkeypatch
):
    both_parked(parked_cup)
    ran = here("--all", "--view", "scores@2")
    said = ["product/bowl  scores@2: 1 events folded", "product/cup  scores@2: 3 events folded"]
    assert (ran.exit_code, ran.stdout.splitlines()) == (0, [*said, redriving.FOLDED])
    ran = here("--all", "--json")
    (told,) = map(json.loads, ran.stdout.splitlines())
    assert (ran.exit_code, told["subject"]) == (1, "product/mug")
    ran = here("--all", "--view", "scores")
    assert (ran.exit_code, ran.stdout) == (0, "Nothing stands still there.\n")
    assert verify.verify().differences == []


def test_of_all_one_that_cannot_be_redriven_now_holds_up_no_other(parked_cup, monkeypatch):
    both_parked(parked_cup)
    with alone("redrive product/bowl"):
        ran = here("--all", "--view", "scores")
    assert (ran.exit_code, ran.stdout.splitlines()[0]) == (
        2,
        "product/cup  scores@2: 3 events folded",
    )
    assert "ops: product/bowl: another `ops redrive product/bowl` is at it" in ran.stderr
    assert {each.subject for each in parked.state().subjects} == {"product/bowl", "product/mug"}


def test_the_steps_that_are_told_are_no_more_than_there_are(capsys):
    with steps("segments read", 3) as step:
        for _ in range(7):
            step()
    assert capsys.readouterr().err.splitlines()[-1] == "segments read 3 of 3"
