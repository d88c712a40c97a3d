"""`ops restore` refuses copies that are not whole: a sentence, 2, and nothing is written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from copied import BEGUN_MS, ONE, STREAM, ZERO, Shop, asked, furnished, restored, written

from chalicelib.notary import kept
from chalicelib.notary.bundle import EMPTY, encode
from chalicelib.notary.leaf import Leaf
from chalicelib.signing import keys
from ops.restore.chain import Chains


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return furnished(tmp_path / "copies")


@pytest.fixture
def refused(shop: Shop, tmp_path: Path) -> Any:
    def check(*words: str) -> None:
        ran = restored(shop, tmp_path / "state")
        assert (ran.exit_code, ran.stdout) == (2, ""), ran.output
        assert ran.stderr.splitlines()[-1].startswith("ops: ")
        for word in words:
            assert word in ran.stderr
        assert not (tmp_path / "state").exists()

    return check


def test_a_state_in_which_anything_lies(shop: Shop, tmp_path: Path) -> None:
    state = tmp_path / "state"
    for name, why in (
        ("notes", f"{state} is not empty: notes lies there"),
        ("ports.json", f"a shop is there already on {state}"),
    ):
        written(state / name, b"{}")
        ran = restored(shop, state)
        assert ran.exit_code == 2
        assert f"{why}; choose an empty folder" in ran.stderr
    assert {each.name for each in state.iterdir()} == {"notes", "ports.json"}


@pytest.mark.parametrize("folder", ["archive", "vault", "keys"])
def test_a_folder_that_is_not_there(shop: Shop, refused: Any, folder: str) -> None:
    shutil.rmtree(getattr(shop.copies, folder))
    refused(folder, "is no folder")


@pytest.mark.parametrize("needed", ["segments", "trust"])
def test_an_archive_that_is_none(shop: Shop, refused: Any, needed: str) -> None:
    shutil.rmtree(shop.copies.archive / needed)
    refused("is no copy of an archive", needed)


def test_an_archive_without_a_segment(shop: Shop, refused: Any) -> None:
    shutil.rmtree(shop.copies.archive / "segments")
    (shop.copies.archive / "segments").mkdir()
    refused("it has no segments")


def test_folders_that_were_swapped(shop: Shop, refused: Any, tmp_path: Path) -> None:
    shop.copies.archive.rename(tmp_path / "other")
    shop.copies.vault.rename(shop.copies.archive)
    (tmp_path / "other").rename(shop.copies.vault)
    refused(str(shop.copies.vault), "is no copy of a vault")


def test_a_vault_in_the_archive(shop: Shop, refused: Any) -> None:
    shutil.copytree(shop.copies.vault, shop.copies.archive, dirs_exist_ok=True)
    refused("is no copy of an archive", "people/ann")


def test_a_vault_without_the_secret_of_names(shop: Shop, refused: Any) -> None:
    (shop.copies.vault / "secrets/names").unlink()
    refused("lacks secrets/names", "another id")


@pytest.mark.parametrize("name", ["root", "system", "notary"])
def test_a_key_that_is_not_there(shop: Shop, refused: Any, name: str) -> None:
    shop.copies.key_file(name).unlink()
    refused(f"{name}.jwk is not there")


def test_a_key_that_others_may_read(shop: Shop, refused: Any) -> None:
    shop.copies.key_file("notary").chmod(0o644)
    refused("notary.jwk", "chmod 600")


def test_a_key_that_is_none(shop: Shop, refused: Any) -> None:
    shop.copies.key_file("system").write_text("{")
    refused("system.jwk is no key")


def test_a_root_key_that_did_not_sign_the_trust(shop: Shop, refused: Any) -> None:
    shop.copies.key_file("root").unlink()
    keys.write_key_file(shop.copies.key_file("root"))
    refused("trust/1.json is not to be believed", "root.jwk")


@pytest.mark.parametrize("at", [0, 1], ids=["the newest", "the one before it"])
@pytest.mark.parametrize("how", ["cut", "changed", "emptied"])
def test_a_damaged_segment(shop: Shop, refused: Any, at: int, how: str) -> None:
    path = sorted((shop.copies.archive / "segments" / STREAM).rglob("*0/*.gz"))[at]
    body = path.read_bytes()
    spoilt = {"cut": body[:-9], "changed": body[:20] + b"!" + body[21:], "emptied": b""}
    path.write_bytes(spoilt[how])
    refused(path.name, "is damaged")


def test_a_file_that_cannot_be_read(shop: Shop, refused: Any) -> None:
    path = min((shop.copies.archive / "segments").rglob("*.gz"))
    path.unlink()
    path.symlink_to("nowhere")
    refused(path.name, "cannot be read")


def test_a_segment_that_is_lost(shop: Shop, refused: Any) -> None:
    shop.segment(shop.said("product/cup", "viewed", "ann"))
    middle = sorted((shop.copies.archive / "segments" / STREAM).rglob("*0/*.gz"))[1]
    middle.unlink()
    refused("lacks the segment of", "after 3")


def test_a_segment_under_another_name(shop: Shop, refused: Any) -> None:
    newest, before = sorted((shop.copies.archive / "segments").rglob("*0/*.gz"))
    newest.write_bytes(before.read_bytes())
    refused(newest.name, "another segment")


def test_what_is_no_segment_among_them(shop: Shop, refused: Any) -> None:
    written(shop.copies.archive / "segments" / STREAM / ONE / "x.gz.6eF3bC21", b"")
    refused("x.gz.6eF3bC21 is no segment")


def test_a_shard_whose_parent_is_lost(shop: Shop, refused: Any) -> None:
    gone = "tillstream-local-2/shardId-000000000000"
    child = shop.said("product/cup", "viewed", "ann")
    shop.segment(child, shard="shardId-000000000002", parents=(gone,))
    refused("lacks", gone)


def test_a_shard_whose_parents_end_is_lost(shop: Shop, refused: Any) -> None:
    child = shop.said("product/cup", "viewed", "ann")
    shop.segment(child, shard="shardId-000000000002", parents=(shop.of(ONE),), clock=BEGUN_MS + 8)
    refused("lacks the end", "copy the bucket again")


def test_of_two_parents_the_end_of_the_one_that_ended_first(shop: Shop, refused: Any) -> None:
    """The child's clock is the other's: what the tree had of it tells; before that nothing does."""
    end = shop.segment(shop.said("product/cup", "viewed", "ann"))
    shop.segment(shop.said("product/mug", "viewed", "ann"), shard=ONE)
    parents, child = (shop.of(ZERO), shop.of(ONE)), shop.said("product/cup", "viewed", "ann")
    shop.segment(
        child, shard="shardId-000000000002", parents=parents, clock=shop.ends[ONE].tail.clock
    )
    leaves = [Leaf(each.shard, each.before, each.last, b"x" * 32) for each in shop.ends.values()]
    tree = shop.archived(kept.name(0), encode(EMPTY.grown(leaves)))
    assert Chains(shop.copies.archive).segments == 6, "whole"
    end.unlink()
    refused("lacks the end of what", "copy the bucket again")
    tree.write_bytes(b"{}")
    assert Chains(shop.copies.archive).segments == 5, "the limit that docs/restore.md tells"


def test_the_archive_of_another_stage(refused: Any, shop: Shop) -> None:
    shutil.rmtree(shop.copies.archive)
    shutil.rmtree(shop.copies.vault)
    shutil.rmtree(shop.copies.keys)
    furnished(shop.folder, "tillstream-prod-3")
    refused("is of tillstream-prod-3", "tillstream-local-")


@pytest.mark.parametrize("given", [(), ("archive",), ("archive", "keys")])
def test_fewer_than_three_folders(shop: Shop, tmp_path: Path, given: Any) -> None:
    words = [w for each in given for w in (f"--{each}", getattr(shop.copies, each))]
    ran = asked(tmp_path / "state", *words)
    assert ran.exit_code == 2
    assert "all three" in ran.stderr
    assert not (tmp_path / "state").exists()
