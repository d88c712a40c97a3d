"""Every verb on an archive with a damaged segment: refused in a sentence, and nothing is changed.

A verb that needs no such segment answers as it did.
"""

import re
from contextlib import contextmanager
from dataclasses import replace

import pytest
from botocore.exceptions import FlexibleChecksumError
from logbook import Logbook, folds_by, unable
from test_audit import Vandal
from test_doctor import PLACED
from typer.testing import CliRunner

from chalicelib import archive, config, notary, projector, store
from chalicelib.archive import objects
from chalicelib.signing import keys, seal
from ops import doctor, erase
from ops.__main__ import app
from ops.doctor import waits

OLDEST, MIDDLE, NEWEST = "oldest", "middle", "newest"
PLACES = (OLDEST, MIDDLE, NEWEST)
# What each reads of the archive. In the middle lies what is quarantined, and what stands still.
READS = {
    "verify": PLACES,
    "rebuild scores": PLACES,
    "redrive product/bowl": PLACES,
    "redrive --all": PLACES,
    "explain order/o1": PLACES,
    "prove event-0-1 --at {oldest} --out {out}": (OLDEST,),
    "query 'select 1'": PLACES,
    "tail --no-follow --limit 1": (NEWEST,),
    "tail --no-follow --limit 100": PLACES,
    "parked": (MIDDLE, NEWEST),
    "quarantine": (MIDDLE,),
    "quarantine --show {middle}": (MIDDLE,),
    "views": (),
    "retry --all": (),
    "erase mia": (),
}


class Till(Logbook):
    """A logbook that takes orders."""

    def order(self, move, subject="order/o1", **data):
        event = replace(self.event(), type=f"tillstream.order.{move}.v1", subject=subject)
        return self.put(seal(replace(event, data=data), keys.producer()).encode(), subject)


@pytest.fixture(scope="module")
def till(shared_shop):
    """Three segments, folded and notarised."""
    with pytest.MonkeyPatch.context() as alone:
        alone.setattr("chalicelib.log.ancestors", lambda _: [])
        book = Till(shared_shop)
        book.fold(book.record(), book.order("placed", **PLACED))
        projector.sweep()
        (todo,) = doctor.examine(quick=True).open
        with folds_by(unable("scores")):
            book.fold(
                book.nonsense(),
                book.record("purchased", product="bowl"),
                book.order("given-up", todo=todo.todo, attempts=6),
            )
        book.fold(book.record(), book.record("purchased", product="bowl"))
        notary.sweep()
        book.befores = {OLDEST: 0, MIDDLE: 2, NEWEST: 5}
        yield book


@contextmanager
def damaged(till, place):
    """Meanwhile the segment is none."""
    name = archive.name_of(till.shard, till.befores[place])
    body = objects.body(name)
    objects.overwrite(name, b"damaged")
    try:
        yield
    finally:
        objects.overwrite(name, body)


def kept():
    """The table but for leases, and what S3 calls the state of each object."""
    rows = [row for row in store.scan() if row["pk"]["S"] != "lease"]
    found = objects.call("list_objects_v2")
    assert not found["IsTruncated"]
    return sorted(map(repr, rows)), {each["Key"]: each["ETag"] for each in found["Contents"]}


def asked(till, verb, out):
    """The verb, by somebody who has never asked before."""
    for row in store.scan():
        if row["pk"]["S"] == "lease":
            config.client("dynamodb").delete_item(
                TableName=config.settings().table, Key={"pk": row["pk"], "sk": row["sk"]}
            )
    at = {place: f"{till.shard}:{before + 1}" for place, before in till.befores.items()}
    return CliRunner().invoke(app, verb.format(out=out, **at))


def said(ran):
    """How it ended and what it said, but for times, numbers and files."""
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran.exit_code, re.sub(r"(in )/.*|[0-9]+", "#", ran.stdout)


@pytest.fixture(scope="module")
def answers(till, tmp_path_factory):
    """What each says while the archive is whole, asked for once."""
    folder, known = tmp_path_factory.mktemp("whole"), {}

    def answer(verb):
        if verb not in known:
            known[verb] = said(asked(till, verb, folder / "proof.json"))
        return known[verb]

    return answer


@pytest.mark.parametrize("verb", READS)
def test_what_reads_a_damaged_segment_is_refused_and_what_does_not_answers(
    till, answers, verb, tmp_path, monkeypatch
):
    monkeypatch.setattr(erase, "WAIT_S", 0)
    for place in PLACES:
        with damaged(till, place):
            before = kept()
            ran = asked(till, verb, tmp_path / place)
            assert kept() == before, place
        if place in READS[verb]:
            assert said(ran) == (2, ""), place
            after = till.befores[place]
            told = f"the archive of {till.shard} is damaged after {after}: not a segment"
            assert re.search(rf"^ops: (product/bowl: )?{told}", ran.stderr, re.MULTILINE), place
            assert not (tmp_path / place).exists()
        else:
            assert said(ran) == answers(verb), place


class Rotten:
    """The bytes of an object that are not those of which S3 keeps the checksum."""

    def read(self):
        raise FlexibleChecksumError(error_msg="Expected checksum a did not match b")


@pytest.mark.parametrize(
    ("verb", "code", "says"),
    [
        ("verify", 2, "ops: the archive of {0} is damaged after 2: not what was"),
        ("explain product/cup", 2, "ops: the archive of {0} is damaged after 2: not what was"),
        (
            "doctor --quick",
            1,
            "wrong the archive of {0} is damaged after 2: not what was",
        ),
        ("audit", 1, "{0}: the segment after 2 was changed"),
    ],
)
def test_bytes_that_are_not_those_that_were_put_are_damage_and_no_failure_of_the_cloud(
    till, verb, code, says, monkeypatch
):
    def call(operation, **request):
        answer = whole(operation, **request)
        rotten = (operation, request.get("Key")) == ("get_object", name)
        return answer | {"Body": Rotten()} if rotten else answer

    monkeypatch.setattr(waits, "PATIENCE_S", 0)
    name, whole = archive.name_of(till.shard, till.befores[MIDDLE]), objects.call
    monkeypatch.setattr(objects, "call", call)
    ran = asked(till, verb, "")
    assert ran.exit_code == code
    assert says.format(till.shard) in ran.output


class TestDoctor:
    @pytest.fixture(autouse=True)
    def quickly(self, monkeypatch):
        monkeypatch.setattr(waits, "PATIENCE_S", 0)

    @pytest.mark.parametrize("place", PLACES)
    def test_it_tells_where_and_goes_on_and_calls_nothing_well_that_it_did_not_look_at(
        self, till, place
    ):
        whole = doctor.examine(quick=True)
        with damaged(till, place):
            before = kept()
            found = doctor.examine()
            ran = CliRunner().invoke(app, ["doctor", "--quick"])
            assert kept() == before
        assert any("is damaged after" in each for each in found.wrong)
        assert found.unseen.keys() >= {"views", "rows", "quarantine", "money", "erased"}
        new = [matter for matter in found.unwell if matter not in whole.unwell]
        assert new == [*(["consumer", "sweep"] if place == NEWEST else []), "archive"]
        looked_at = found.well.keys() | found.told.keys() | set(found.unwell)
        assert looked_at == {check.matter for check in doctor.CHECKS} - found.unseen.keys()
        assert {"gaps", "left", "listed"} <= looked_at, "and goes on with all else"
        assert (ran.exit_code, "Traceback" in ran.output) == (1, False)
        assert "unseen money" in ran.stdout
        assert f"wrong the archive of {till.shard} is damaged after {till.befores[place]}" in (
            ran.stdout
        )

    def test_where_the_archive_is_needed_to_know_what_is_listed_it_is_not_called_well(
        self, till, monkeypatch
    ):
        view = doctor.owed.view
        monkeypatch.setattr(view, "VIEW", replace(view.VIEW, version=99))
        with damaged(till, OLDEST):
            assert doctor.examine(quick=True).unseen["listed"] == "the archive is damaged"

    def test_what_lies_among_the_segments_and_is_none_is_told(self, till, shared_shop):
        stray, vandal = f"segments/{till.shard}/0tmp", Vandal(shared_shop)
        vandal.write(stray, b"")
        try:
            found = doctor.examine(quick=True)
        finally:
            vandal.drop(stray)
        assert found.unwell[:3] == ["consumer", "sweep", "archive"]
        assert sum(f"{stray} lies among the segments" in each for each in found.wrong) == 3

    def test_a_tree_that_is_damaged_is_told_and_not_said_to_be_rolled_back(self, till, shared_shop):
        vandal, name = Vandal(shared_shop), "tree/999999999999999.json"
        body = vandal.read(name)
        vandal.write(name, b"{}")
        try:
            found = doctor.examine(quick=True)
        finally:
            vandal.write(name, body)
        assert [each for each in found.wrong if "tree" in each] == [
            f"the tree is damaged: {name}: not a bundle of the tree: KeyError('leaves')"
        ]
