"""Faults planted in the engine, each a rule of it left out: the schedules must find every one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from chalicelib import archive, config, log, projector, store
from chalicelib.archive import objects
from chalicelib.errors import CloudFailure
from chalicelib.events import Batch, Position, Shard
from chalicelib.notary import kept
from chalicelib.notary.kept import Published
from chalicelib.projector import Code
from chalicelib.store import Guard, Put, Write

Plant = Callable[[pytest.MonkeyPatch], None]


def without_token(patch: pytest.MonkeyPatch) -> None:
    """A commit does not ask whether somebody else has committed since."""
    asked = store._condition
    patch.setattr(store, "_condition", lambda guard: {} if guard.token else asked(guard))


def deaf_to_412(patch: pytest.MonkeyPatch) -> None:
    """Whose put finds a segment there goes on as if it were its own."""
    put = archive._put
    patch.setattr(archive, "_put", lambda segment: put(segment) or True)


def head_before_it_is_kept(patch: pytest.MonkeyPatch) -> None:
    """A tree head is shown, and then put among those that are kept for good."""

    def publish(note: str, size: int, over: Published | None) -> bool:
        is_shown = objects.replace(kept.HEAD, note.encode(), over and over.tag)
        objects.put(f"{kept.HEADS}{size}", note.encode())
        return is_shown

    patch.setattr(kept, "publish", publish)


def checkpoint_first(patch: pytest.MonkeyPatch) -> None:
    """The checkpoint is committed, and then its rows."""
    whole = store.commit

    def commit(
        guarded: Put,
        guard: Guard,
        writes: Iterable[Write],
        also: Sequence[Guard] = (),
        beside: Sequence[tuple[Put, Guard]] = (),
    ) -> None:
        actions = list(map(store._action, writes))
        whole(guarded, guard, [], also, beside)
        if actions:
            store._call("transact_write_items", TransactItems=actions)

    patch.setattr(store, "commit", commit)


def rows_first(patch: pytest.MonkeyPatch) -> None:
    """The rows are committed, and then the checkpoint that explains them."""
    whole = store.commit

    def commit(
        guarded: Put,
        guard: Guard,
        writes: Iterable[Write],
        also: Sequence[Guard] = (),
        beside: Sequence[tuple[Put, Guard]] = (),
    ) -> None:
        if actions := list(map(store._action, writes)):
            store._call("transact_write_items", TransactItems=actions)
        whole(guarded, guard, [], also, beside)

    patch.setattr(store, "commit", commit)


def half_read(patch: pytest.MonkeyPatch) -> None:
    """Rows that DynamoDB did not get round to reading are taken for rows that are not there."""
    ask = store._call

    def call(operation: str, **request: Any) -> dict[str, Any]:
        answer = ask(operation, **request)
        return {name: said for name, said in answer.items() if name != "UnprocessedKeys"}

    patch.setattr(store, "_call", call)


def swallowed(patch: pytest.MonkeyPatch) -> None:
    """A batch that failed is taken for done."""
    project = projector.project

    def careless(batch: Batch, code: Code) -> None:
        try:
            project(batch, code)
        except CloudFailure:
            return

    patch.setattr(projector, "project", careless)


def misplaced(patch: pytest.MonkeyPatch) -> None:
    """Of a PutRecords call that was done in part, the answers are read as if all were there."""

    def some(
        entries: Sequence[tuple[str, str]], places: list[int], found: list[Position | None]
    ) -> bool:
        records = [{"PartitionKey": entries[p][0], "Data": entries[p][1].encode()} for p in places]
        stream = config.settings().stream
        answer = log._call("put_records", StreamName=stream, Records=records)
        taken = [said for said in answer["Records"] if "SequenceNumber" in said]
        for place, said in zip(places, taken, strict=False):
            found[place] = Position(Shard(stream, said["ShardId"]), int(said["SequenceNumber"]))
        return True

    patch.setattr(log, "_append_some", some)


PLANTS: dict[str, Plant] = {
    plant.__name__: plant
    for plant in (
        without_token,
        deaf_to_412,
        checkpoint_first,
        rows_first,
        half_read,
        swallowed,
        misplaced,
        head_before_it_is_kept,
    )
}
