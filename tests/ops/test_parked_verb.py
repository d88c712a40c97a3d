"""`ops parked`: what stands still, since which event, how much waits behind it, and what to do."""

import json
import os

import pytest
from logbook import Logbook, folds_by, unable
from test_shop_found import ops

from chalicelib import config, projector, store
from chalicelib.projector import chunk as chunks
from local import provision
from ops import parked
from ops.parked import Parked, Standing

IMAGE = {"image": "https://pictures.example/1.png"}


pytestmark = pytest.mark.usefixtures("unsplit")


@pytest.fixture
def broken():
    """Contributions cannot be folded."""
    with folds_by(unable("contributions")):
        yield


def test_a_subject_that_one_view_cannot_fold_is_told_with_its_event_and_what_to_do(book, broken):
    before, first, after = (
        book.record("viewed"),
        book.record("photographed", **IMAGE),
        book.record("purchased"),
    )
    book.fold(before, first, after)
    (told,) = parked.state().subjects
    assert (told.shard, told.view, told.subject) == (
        str(book.shard),
        "contributions@1",
        "product/cup",
    )
    assert (told.since, told.arrived) == (book.position(first), "2026-11-21T01:31:20.002Z")
    assert (told.type, told.id) == ("tillstream.product.photographed.v1", "event-0-2")
    assert told.why == "ZeroDivisionError: by this \x1b[2J event"
    assert (told.waiting, told.more) == (1, False)
    assert told.next.startswith(
        "Mend the reducer of contributions and deploy it, "
        "then `ops redrive product/cup --view contributions`;"
    )


def test_a_type_that_this_code_does_not_know_parks_for_all_views_and_says_to_deploy(book):
    book.fold(book.record("transmogrified"), book.record(), book.record(product="bowl"))
    (told,) = parked.state().subjects
    assert (told.view, told.subject, told.waiting) == ("*", "product/cup", 1)
    assert told.next == "Deploy code that knows the event's type, then `ops redrive product/cup`."


def test_what_waits_is_counted_over_segments_without_what_can_never_count(book):
    described = {"brand": "b", "name": "n", "description": "d", "category": "c"}
    book.fold(book.record("transmogrified"))
    book.fold(book.record(), book.nonsense(), book.record(product="bowl"))
    book.fold(book.record("created", **described))
    book.archive(book.record())
    (told,) = parked.state().subjects
    assert (told.waiting, told.more) == (3, False)


def test_what_a_subject_ignores_does_not_wait_for_its_view(book, broken):
    described = {"brand": "b", "name": "n", "description": "d", "category": "c"}
    book.fold(
        book.record("created", **described),
        book.record("created", actor="other", **described),
        book.record("purchased"),
    )
    (told,) = parked.state().subjects
    assert told.waiting == 1


@pytest.mark.parametrize(("bound", "most"), [("SEGMENTS", 3), ("EVENTS", 2)])
def test_a_count_that_was_not_finished_says_so(book, monkeypatch, bound, most):
    monkeypatch.setattr(parked, bound, most)
    book.fold(book.record("transmogrified"))
    for _ in range(4):
        book.fold(book.record())
    (told,) = parked.state().subjects
    assert (told.waiting, told.more) == (2, True)
    assert "more than 2 later events" in parked.line(told)


def test_a_child_shard_inherits_it_and_it_is_told_once_with_what_waits_on_both(
    book, shop, monkeypatch
):
    child = Logbook(shop, 1)
    monkeypatch.setattr(
        "chalicelib.log.ancestors", lambda shard: [book.shard] if shard == child.shard else []
    )
    first = book.record("transmogrified")
    book.fold(first, book.record())
    child.fold(child.record(), child.record())
    (told,) = parked.state().subjects
    assert (told.shard, told.since) == (str(book.shard), book.position(first))
    assert told.waiting == 3


def test_a_view_that_left_the_live_set_is_told(book, broken, monkeypatch):
    monkeypatch.setattr(chunks, "MOST_PARKED", 2)
    book.fold(*(book.record("photographed", f"p{number}", **IMAGE) for number in range(3)))
    found = parked.state()
    (gone,) = found.left
    assert (found.subjects, gone.view) == ([], "contributions@1")
    assert gone.why == (
        "too many subjects stood still in it; "
        "the last was product/p2: ZeroDivisionError: by this \x1b[2J event"
    )
    told = ops("parked", env=dict(os.environ)).stdout
    assert told.startswith("contributions@1 left the live set")
    assert r"the last was product/p2: ZeroDivisionError: by this \x1b[2J event" in told
    assert "Mend the reducer of contributions and deploy it: the sweep" in told
    assert "`ops redrive` has nothing to do in it." in told


def test_of_a_view_that_left_before_reasons_were_kept_it_says_so(capsys):
    parked.show(parked.Parked([], [parked.Left("scores@2", None)], []))
    assert "the reason is not in the table" in capsys.readouterr().out


def test_a_table_made_anew_with_the_code_mended_has_nobody_stand_still(book, monkeypatch):
    with folds_by(unable("scores")):
        book.fold(book.record("purchased"), book.record("purchased"))
    assert len(parked.state().subjects) == 1
    provision.empty_table(config.settings().table)
    emptied = parked.state()
    assert (emptied.subjects, emptied.behind) == ([], [str(book.shard)])
    assert "Nothing is parked.\nThe table is behind" in ops("parked", env=dict(os.environ)).stdout
    projector.sweep()
    healed = parked.state()
    assert (healed.subjects, healed.left, healed.behind) == ([], [], [])
    row = store.get(store.Key("scores@2/creator", "UNKNOWN"))
    assert row.rank == 2, "what waited counts too"


def stood(subject, why, view="scores@2"):
    told = dict.fromkeys(("shard", "since", "arrived", "type", "id", "next"), "-")
    return Standing(view=view, subject=subject, why=why, waiting=0, more=False, **told)


def test_many_are_summed_up_first_and_so_many_follow_at_length(capsys):
    many = [stood(f"product/{n}", f"KeyError: {n}") for n in range(30)]
    found = Parked([stood("order/1", "UnknownType: x\x1b", view="*"), *many], [], [])
    parked.tell(found, 2)
    first, second, third, *rest = capsys.readouterr().out.splitlines()
    assert (
        first
        == "30 subjects stand still in scores@2: KeyError: 0 (and 29 more reasons of this kind)"
    )
    assert second == r"1 subject stands still in all views: UnknownType: x\x1b"
    assert third == "The first 2 follow, 29 more do not: --limit, or --json for all."
    assert [line.split()[-1] for line in rest if line.startswith("-")] == ["order/1", "product/0"]
    parked.tell(found, 31)
    assert "follow" not in capsys.readouterr().out


def test_nothing_is_said_plainly_and_is_no_failure(shop):
    ran = ops("parked", env=dict(os.environ))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "Nothing is parked.\n", "")


def test_as_a_process_it_answers_in_words_that_do_no_harm_and_in_json(book, broken):
    book.fold(book.record("photographed", **IMAGE))
    ran = ops("parked", env=dict(os.environ))
    assert ran.returncode == 0, ran.stderr
    assert r"by this \x1b[2J event" in ran.stdout
    assert "0 later events of it wait in the archive" in ran.stdout
    told = json.loads(ops("parked", "--json", env=dict(os.environ)).stdout)
    assert [each["view"] for each in told["subjects"]] == ["contributions@1"]
