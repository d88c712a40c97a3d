"""`ops verify` finds any row that the log does not say, and nothing else."""

import json
import os

import pytest
from logbook import Logbook
from test_shop_found import ops

from chalicelib import config, projector, store
from ops import verify as verifying

DESCRIPTION = {"brand": "b", "name": "n", "description": "d", "category": "cups"}


pytestmark = pytest.mark.usefixtures("unsplit")


@pytest.fixture
def book(shop):
    """A shop with a product that was listed, photographed, seen and bought; and some nonsense."""
    book = Logbook(shop)
    book.fold(
        book.record("created", **DESCRIPTION),
        book.record("photographed", image="https://pictures.example/1.png"),
        book.record("viewed"),
        book.record("purchased"),
        book.nonsense(),
        book.record("created", actor="other", **DESCRIPTION),
    )
    return book


def put(pk, sk):
    item = {"pk": {"S": pk}, "sk": {"S": sk}, "body": {"S": "{}"}}
    config.client("dynamodb").put_item(TableName=config.settings().table, Item=item)


def the_row(prefix):
    (found,) = [item for item in store.scan() if item["pk"]["S"].startswith(prefix)]
    return found


def test_a_shop_that_was_folded_from_its_log_has_no_difference(book):
    report = verifying.verify()
    assert (report.records, report.differences, report.parked) == (6, [], 0)
    assert report.rows == sum(item["pk"]["S"] != "checkpoint/live" for item in store.scan())


@pytest.mark.parametrize(
    "prefix", ["subject@2/product", "catalog@1/products", "contributions@1/", "verdict/", "event/"]
)
def test_a_row_that_was_lost_is_a_difference(book, prefix):
    row = next(item for item in store.scan() if item["pk"]["S"].startswith(prefix))
    key = {name: row[name] for name in ("pk", "sk")}
    config.client("dynamodb").delete_item(TableName=config.settings().table, Key=key)
    (difference,) = verifying.verify().differences
    assert difference.startswith(f"{row['pk']['S']} {row['sk']['S']}: is not there")


def test_a_score_that_nobody_earned_is_a_difference(book):
    row = the_row("scores@2/creator")
    row["rank"] = {"N": "2"}
    config.client("dynamodb").put_item(TableName=config.settings().table, Item=row)
    (difference,) = verifying.verify().differences
    assert "'rank': 2" in difference
    assert "'rank': 1" in difference


def test_a_row_that_the_log_knows_nothing_of_is_a_difference(book):
    put("catalog@1/products/ghost", "product/ghost")
    (difference,) = verifying.verify().differences
    assert "the log knows nothing of it" in difference


def test_what_is_folded_while_the_rows_are_compared_is_no_difference(book, monkeypatch):
    """The checkpoints were read, then more was folded, then the table was scanned."""
    scan = store.scan

    def folded_meanwhile():
        book.fold(book.record("purchased"), book.record("created", product="jug", **DESCRIPTION))
        return scan()

    monkeypatch.setattr(store, "scan", folded_meanwhile)
    assert verifying.verify().differences == []


def test_a_group_that_is_half_committed_is_no_difference(book, monkeypatch):
    monkeypatch.setattr(store, "MOST_ROWS", 8)
    monkeypatch.setattr(projector.chunk.Chunk, "commit_end", _crash)
    with pytest.raises(RuntimeError, match="crashed"):
        book.fold(*(book.record("viewed", product=f"p{number}") for number in range(20)))
    assert len(list(store.scan())) > 12, "some of the group is committed"
    assert verifying.verify().differences == []


def _crash(*_):
    raise RuntimeError("crashed")


def test_the_verb_says_how_many_rows_it_compared_and_exits_with_one_where_one_differs(book):
    sound = ops("verify", "--json", env=os.environ)
    assert sound.returncode == 0, sound.stderr
    assert json.loads(sound.stdout)["differences"] == []
    put("scores@2/creator", "nobody")
    unsound = ops("verify", env=os.environ)
    assert unsound.returncode == 1
    assert "1 differ" in unsound.stdout
