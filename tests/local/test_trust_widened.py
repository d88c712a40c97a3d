"""A shop on an archive begun by code that said less: its trust document is raised, once."""

import shutil
import threading

import pytest

import local.cloud
from chalicelib import config, projector, store
from chalicelib.events import SYSTEM, Batch, Envelope, Position, Record, Shard
from chalicelib.signing import SigningKey, Trust, keys, seal
from chalicelib.signing.trust import SYSTEM_GRANTS, opened
from local import provision

BEGUN_MS = 1_795_224_680_000
PRICE = {"amount": 250, "currency": "EUR"}
LINE = {"productId": "cup", "name": "Cup", "quantity": 1, "price": PRICE}
ORDERED = {
    "branch": "collect",
    "lines": [LINE | {"creator": "mia", "photographer": "phil"}],
    "total": PRICE,
    "card": False,
    "channels": [],
    "pii": f"h..{'i' * 16}.c.{'t' * 22}",
}
CUP = {"brand": "b", "name": "n", "description": "d", "category": "cups"}
STRANGER = SigningKey(keys.new_key())


@pytest.fixture
def old(shop, cloud, monkeypatch):
    """The shop as code made it that knew no orders."""
    monkeypatch.setattr("chalicelib.log.ancestors", lambda _: [])
    config.client("s3").delete_object(Bucket=shop.archive_bucket, Key="trust/1.json")
    with monkeypatch.context() as then:
        then.setattr("chalicelib.signing.trust.SYSTEM_GRANTS", SYSTEM_GRANTS[:2])
        provision.make_trust(shop, cloud.state)
    keys.forget()
    return shop


def started(shop, cloud):
    """What each start does, by the code of today."""
    local.cloud.enter(cloud.state, shop)
    provision.provision(shop, cloud.state, local.cloud.SHARDS)


def newest(cloud):
    root = provision.key(cloud.state, "root").public
    return opened(keys.newest()[1], {root.kid: root})


def versions(shop):
    found = config.client("s3").list_objects_v2(Bucket=shop.archive_bucket, Prefix="trust/")
    return [item["Key"] for item in found["Contents"]]


def fold(shop, *told):
    """A batch of records: (number, subject, move, data), by the producer unless another key."""
    shard = Shard(shop.stream, "shardId-000000000000")
    records = [record(shop, *one) for one in told]
    projector.project(Batch(shard, records))
    return [str(Position(shard, record.sequence)) for record in records]


def record(shop, number, subject, move, data, key=None):
    kind = subject.partition("/")[0]
    event = Envelope(
        id=f"event-{number}",
        source=SYSTEM,
        type=f"tillstream.{kind}.{move}.v1",
        subject=subject,
        time="2026-11-21T01:31:20.000Z",
        stream=shop.stream,
        actor="cleo",
        data=data,
    )
    sealed = seal(event, key or keys.producer()).encode()
    return Record(number, BEGUN_MS + number, subject, sealed)


def rows():
    """Every row but the checkpoints, whose tokens are random."""
    found = {(item["pk"]["S"], item["sk"]["S"]): item for item in store.scan()}
    return {key: item for key, item in found.items() if key[0] not in ("checkpoint/live", "ready")}


def history(shop):
    """What the shop of then had recorded: counted, ignored and not believed."""
    return fold(
        shop,
        (1, "product/cup", "created", CUP),
        (2, "product/cup", "created", CUP | {"name": "m"}),
        (3, "product/cup", "updated", CUP | {"name": "o"}),
        (4, "product/cup", "viewed", {}, STRANGER),
    )


def test_a_shop_on_an_archive_of_the_old_grants_can_take_orders(old, cloud):
    history(old)
    assert newest(cloud)["version"] == 1
    started(old, cloud)
    fold(old, (5, "order/1", "placed", ORDERED))
    assert ("subject@1/order/1", "order/1") in rows()


def test_its_old_events_are_judged_as_they_were(old, cloud):
    history(old)
    before = rows()
    assert [pk for pk, _ in before if pk.startswith("verdict/")]
    started(old, cloud)
    provision.empty_table(old.table)
    projector.sweep()
    assert rows() == before


def test_the_next_version_adds_the_grants_of_the_key_and_changes_nothing_else(old, cloud):
    first = newest(cloud)
    started(old, cloud)
    second = newest(cloud)
    assert (first["version"], second["version"]) == (1, 2)
    assert second["revoked"] == first["revoked"]
    assert first["keys"][1] == second["keys"][1], "the notary's"
    was, now = first["keys"][0], second["keys"][0]
    assert now | {"grants": ...} == was | {"grants": ...}
    assert now["grants"] == [{"type": kind, "subject": subject} for kind, subject in SYSTEM_GRANTS]
    assert now["grants"][:2] == was["grants"]


def test_a_start_on_what_grants_enough_raises_no_version(old, cloud):
    started(old, cloud)
    started(old, cloud)
    assert versions(old) == ["trust/1.json", "trust/2.json"]


def test_what_others_may_say_is_in_the_next_version_too(old, cloud):
    root = provision.key(cloud.state, "root")
    partner = {"kid": STRANGER.kid, "x": STRANGER.public.x, "nbf": 0}
    partner |= {"source": "urn:tillstream:till", "grants": []}
    document = newest(cloud)
    document |= {"version": 2, "revoked": {STRANGER.kid: 7}}
    document["keys"] = [partner, *document["keys"]]
    publish(old, document, root)
    started(old, cloud)
    raised = newest(cloud)
    assert (raised["version"], raised["revoked"]) == (3, {STRANGER.kid: 7})
    assert raised["keys"][0] == partner
    assert len(raised["keys"]) == 3


def publish(shop, document, root):
    key = f"trust/{document['version']}.json"
    body = Trust.sign(document, root)
    config.client("s3").put_object(Bucket=shop.archive_bucket, Key=key, Body=body)


def test_starts_that_race_leave_one_next_version(old, cloud, monkeypatch):
    together = threading.Barrier(4, timeout=20)
    honest = keys.newest
    seen = threading.local()

    def at_once(above=0):
        """All have read the first version before anybody writes the second."""
        found = honest(above)
        if not hasattr(seen, "once"):
            seen.once = together.wait()
        return found

    with monkeypatch.context() as racing:
        racing.setattr(keys, "newest", at_once)
        starts = [
            threading.Thread(target=provision.make_trust, args=(old, cloud.state)) for _ in range(4)
        ]
        for start in starts:
            start.start()
        for start in starts:
            start.join(timeout=30)
    assert versions(old) == ["trust/1.json", "trust/2.json"]
    assert len(newest(cloud)["keys"][0]["grants"]) == len(SYSTEM_GRANTS)


def test_a_shop_that_lost_its_key_speaks_under_a_new_one_and_the_old_one_stays(
    old, cloud, tmp_path
):
    before = newest(cloud)["keys"]
    (tmp_path / "keys").mkdir()
    shutil.copy(cloud.state / "keys" / "root.jwk", tmp_path / "keys")
    provision.make_trust(old, tmp_path)
    keys.forget()
    document = newest(cloud)
    assert document["keys"][:2] == before
    assert [each["kid"] for each in document["keys"][2:]] == [
        keys.producer().kid,
        keys.notary().kid,
    ]
    assert document["version"] == 2


def test_a_consumer_that_holds_the_old_document_asks_for_the_new_one_once_more(old, cloud):
    assert keys.trust().version == 1
    keys._held.read_at -= keys.RELOAD_S  # it was read a while ago
    provision.make_trust(old, cloud.state)
    fold(old, (1, "order/1", "placed", ORDERED))
    assert ("subject@1/order/1", "order/1") in rows()
