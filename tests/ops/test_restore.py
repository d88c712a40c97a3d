"""`ops restore` fills the buckets with what the copies hold and the log wants in them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from copied import BEGUN_MS, ONE, PII, ZERO, Shop, furnished, written
from typer.testing import CliRunner

from chalicelib import config, personal, vault
from chalicelib.archive import objects
from chalicelib.signing import SigningKey, keys
from local import claim
from local.errors import LocalError
from ops import restore as restoring
from ops import shop as shops
from ops.__main__ import app
from ops.progress import steps
from ops.restore import CopyError, fill
from ops.restore.chain import Chains
from ops.restore.copies import KEYS
from ops.restore.people import Logs, People, look

STRANGER = SigningKey(keys.new_key())


def people(of: Shop) -> People:
    """Whom the log of the copy speaks of."""
    chains, trust = Chains(of.copies.archive), of.copies.check()
    return look(Logs(chains.segments, chains.read), lambda: trust, of.copies.has_key, steps)


class TestPeople:
    @pytest.fixture
    def copied(self, tmp_path: Path) -> Shop:
        return furnished(tmp_path)

    def test_who_was_erased_and_whose_key_is_missing(self, copied: Shop) -> None:
        found = people(copied)
        assert found == People(frozenset({"ben"}), frozenset({"cid", "dot"}))

    def test_shards_that_came_after_others_are_read_after_them(self, copied: Shop) -> None:
        parents, two = (copied.of(ZERO), copied.of(ONE)), "shardId-000000000002"
        erased = copied.said("customer/cid", "erased", "cid")
        copied.segment(erased, shard=two, parents=parents, clock=BEGUN_MS + 7)
        copied.segment(copied.said("customer/eve", "updated", "eve", pii=PII), shard=two)
        assert people(copied) == People(frozenset({"ben", "cid"}), frozenset({"dot", "eve"}))

    def test_a_guest_is_erased_as_anybody_is(self, copied: Shop) -> None:
        copied.segment(copied.said("customer/dot", "erased", "admin"))
        assert people(copied) == People(frozenset({"ben", "dot"}), frozenset({"cid"}))

    def test_nobody_is_erased_by_a_stranger(self, copied: Shop) -> None:
        copied.segment(copied.said("customer/ann", "erased", "ann", STRANGER))
        assert people(copied).erased == {"ben"}

    def test_nobody_is_erased_by_what_did_not_count(self, copied: Shop) -> None:
        copied.segment(
            copied.said("customer/ann", "erased", "ann", expects=7),
            copied.said("customer/cid", "key-destroyed", "system", todo="destroy-key@x"),
        )
        assert people(copied).erased == {"ben"}

    def test_a_key_is_asked_for_once_and_of_a_ticket_its_authors_alone(self, copied: Shop) -> None:
        copied.segment(
            copied.said("ticket/1", "updated", "support", checked=True, pii=PII),
            copied.said("ticket/2", "opened", "ann", pii=PII),
            copied.said("order/1", "placed", "eve", pii=PII),
            copied.said("desk/photos", "photographer-registered", "phil", pii=PII),
        )
        asked: list[str] = []
        chains, trust = Chains(copied.copies.archive), copied.copies.check()
        has_key = lambda person: bool(asked.append(person)) or person == "ann"  # noqa: E731
        found = look(Logs(chains.segments, chains.read), lambda: trust, has_key, steps)
        assert found.lost == {"cid", "dot", "eve", "phil"}
        assert sorted(asked) == ["ann", "ben", "cid", "dot", "eve", "phil"]


class TestFilled:
    """Into a shop on the shared cloud, which has its buckets and nothing in them."""

    @pytest.fixture
    def copied(self, shop: Any, tmp_path: Path) -> Iterator[Shop]:
        config.client("s3").delete_object(Bucket=shop.archive_bucket, Key="trust/1.json")
        personal.forget()
        yield furnished(tmp_path)
        personal.forget()

    def test_both_buckets_are_the_copies_but_for_the_keys_of_whom_the_log_erased(
        self, shop: Any, copied: Shop
    ) -> None:
        fill(copied.copies, people(copied), lambda: None)
        check(shop, copied)

    def test_stopped_before_or_after_any_write_it_goes_on(
        self, shop: Any, copied: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found, stops = people(copied), 0
        while True:
            with monkeypatch.context() as dying:
                dies = Dying(stops)
                dies.at(dying)
                try:
                    fill(copied.copies, found, lambda: None)
                    break
                except Killed:
                    stops += 1
            assert vault.read("people/ben") in (None, personal.TOMBSTONE)
        assert stops > 2 * 14
        check(shop, copied)

    def test_what_is_another_than_that_of_the_copy_is_left_as_it_is(self, copied: Shop) -> None:
        vault.create("secrets/names", b"another")
        with pytest.raises(CopyError, match="secrets/names"):
            fill(copied.copies, people(copied), lambda: None)
        assert vault.read("secrets/names") == b"another"
        copied.secret("secrets/names", b"another")
        objects.put("done/charge@x", b"{1}")
        with pytest.raises(CopyError, match="done/charge@x"):
            fill(copied.copies, people(copied), lambda: None)
        assert objects.body("done/charge@x") == b"{1}"


def check(shop: Any, copied: Shop) -> None:
    """What lies in the buckets is what lies in the copies; but for three persons."""
    put, kept = files(copied.copies.archive), files(copied.copies.vault)
    assert lying(shop.archive_bucket) == put
    found = lying(shop.vault_bucket)
    new = {name: found.pop(f"people/{name}") for name in ("cid", "dot")}
    assert found == kept | {"people/ben": personal.TOMBSTONE}
    assert all(json.loads(body)["follows"] for body in new.values())


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def lying(bucket: str) -> dict[str, bytes]:
    s3 = config.client("s3")
    names = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]
    return {name: s3.get_object(Bucket=bucket, Key=name)["Body"].read() for name in names}


class Killed(BaseException):
    """The process ended here."""


class Dying:
    """The first writes are done; before the one after them, or after it, all ends."""

    def __init__(self, stops: int) -> None:
        self.left, self.late = divmod(stops, 2)

    def at(self, patched: pytest.MonkeyPatch) -> None:
        put = config.client("s3").put_object

        def dies(**asked: Any) -> Any:
            self.left -= 1
            if self.left < -1 or (self.left == -1 and not self.late):
                raise Killed
            answer = put(**asked)
            if self.left == -1:
                raise Killed
            return answer

        patched.setattr(config.client("s3"), "put_object", dies)


class TestInAShopThatIsNamed:
    """As in AWS: its operator has filled the buckets."""

    @pytest.fixture
    def filled(self, shop: Any, tmp_path: Path) -> Iterator[Shop]:
        config.client("s3").delete_object(Bucket=shop.archive_bucket, Key="trust/1.json")
        made = furnished(tmp_path, shop.stream)
        for name, body in files(made.copies.archive).items():
            objects.put(name, body)
        for name, body in files(made.copies.vault).items():
            vault.create(name, body)
        personal.forget()
        yield made
        personal.forget()

    @pytest.fixture
    def ran(self, filled: Shop, monkeypatch: pytest.MonkeyPatch) -> Any:
        root = keys.read_key_file(filled.copies.key_file("root")).public.x
        monkeypatch.setenv("TRUST_ROOT", root)
        config.settings.cache_clear()
        keys.forget()
        return lambda *words: CliRunner().invoke(app, ["restore", *words])

    def test_the_erased_have_no_key_the_lost_a_new_one_and_the_next_stream_is_told(
        self, shop: Any, filled: Shop, ran: Any
    ) -> None:
        told = ran("--json")
        assert told.exit_code == 1, told.output
        assert json.loads(told.stdout) == {
            "stream": f"tillstream-{shop.stage}-2",
            "segments": 3,
            "objects": 0,
            "erased": 1,
            "lost": ["cid", "dot"],
        }
        check(shop, filled)
        again = ran()
        assert again.exit_code == 0, "nobody's key is missing any more"
        assert f"The log goes on in tillstream-{shop.stage}-2." in again.stdout

    def test_a_vault_without_the_secret_of_names_is_refused(self, shop: Any, ran: Any) -> None:
        config.client("s3").delete_object(Bucket=shop.vault_bucket, Key="secrets/names")
        told = ran()
        assert (told.exit_code, told.stdout) == (2, "")
        assert "lacks secrets/names" in told.stderr
        assert not personal.is_erased("ben")

    def test_an_archive_without_a_segment_is_refused(self, shop: Any, ran: Any) -> None:
        for name in objects.names("segments/"):
            config.client("s3").delete_object(Bucket=shop.archive_bucket, Key=name)
        told = ran()
        assert (told.exit_code, told.stdout) == (2, "")
        assert "the archive has no segments" in told.stderr

    def test_an_archive_that_lost_what_another_shard_came_after_is_refused(
        self, shop: Any, filled: Shop, ran: Any
    ) -> None:
        gone = f"{shop.stream}/shardId-000000000007"
        late = filled.said("product/cup", "viewed", "ann")
        path = filled.segment(late, shard="shardId-000000000008", parents=(gone,))
        name = path.relative_to(filled.copies.archive).as_posix()
        objects.put(name, path.read_bytes())
        told = ran()
        assert (told.exit_code, told.stdout) == (2, "")
        assert "has lost a shard that" in told.stderr


class TestSteps:
    """The verb as a whole, without a cloud: what lies in STATE after each of its steps."""

    @pytest.fixture
    def copied(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
        def claimed(folder: Path, *, restoring: bool) -> int:
            assert restoring
            folder.mkdir(exist_ok=True)
            return 0

        monkeypatch.setattr("local.claim.state", claimed)
        monkeypatch.setattr(restoring, "_buckets", lambda *_: contextlib.nullcontext())
        monkeypatch.setattr(restoring, "fill", lambda *_: None)
        return furnished(tmp_path)

    @pytest.mark.parametrize("step", ["_keep_keys", "_buckets", "fill"])
    @pytest.mark.parametrize("late", [False, True], ids=["before it", "after it"])
    def test_killed_at_a_step_nobody_else_begins_there_and_the_same_command_goes_on(
        self, copied: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, late: bool
    ) -> None:
        state, done = tmp_path / "state", getattr(restoring, step)

        def dies(*asked: Any) -> None:
            if late:
                done(*asked)
            raise Killed

        with monkeypatch.context() as dying:
            dying.setattr(restoring, step, dies)
            with pytest.raises(Killed):
                restoring.restore(state, copied.copies, steps)
        with pytest.raises(LocalError):
            claim.refuse_unfinished(state)
        found = restoring.restore(state, copied.copies, steps)
        assert (found.stream, found.erased, found.lost) == (
            "tillstream-local-4",
            1,
            ["cid", "dot"],
        )
        claim.refuse_unfinished(state)
        for name in KEYS:
            kept, given = state / "keys" / f"{name}.jwk", copied.copies.key_file(name)
            assert kept.read_bytes() == given.read_bytes()
            assert kept.stat().st_mode & 0o777 == 0o600

    def test_with_the_keys_of_another_shop_it_does_not_go_on(
        self, copied: Shop, tmp_path: Path
    ) -> None:
        state = tmp_path / "state"
        written(state / claim.RESTORING, b"")
        other = written(state / "keys" / "notary.jwk", b"another")
        with pytest.raises(CopyError, match="another key"):
            restoring.restore(state, copied.copies, steps)
        assert [each.name for each in (state / "keys").iterdir()] == ["notary.jwk"]
        assert other.read_bytes() == b"another"
        assert (state / claim.RESTORING).exists()


class TestNotDone:
    """A STATE on which a restore was begun is nobody else's."""

    @pytest.fixture
    def state(self, tmp_path: Path) -> Path:
        written(tmp_path / "state" / claim.RESTORING, b"")
        written(tmp_path / "state" / "ports.json", b'{"ministack": 9, "kinesis": 9}')
        return tmp_path / "state"

    def test_no_shop_is_started_there(self, state: Path) -> None:
        with pytest.raises(LocalError, match="is not whole"):
            claim.state(state)

    def test_no_operator_finds_a_shop_there(
        self, state: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("STATE", str(state))
        monkeypatch.setenv("STREAM", "")
        with pytest.raises(shops.NoShopError, match="is not whole"):
            shops.enter()
