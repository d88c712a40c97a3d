"""A shop made whole again from copies of its two buckets and of its keys.

    copies   the folders, and whether each is what it is given as
    chain    the archive's copy, read as the archive is
    people   whom the log erased, and whose key the vault's copy does not have
    fill     what lies in the copies, put into the buckets

All is looked at before anything is written. While it is written, `restoring` lies in STATE and
nobody but the same verb begins there: so nothing is read before the erased have no keys.

Where the environment names a whole shop, its operator has filled the buckets, and only what the log
wants of the vault is done. Doing it again changes nothing.

Raises CopyError, LocalError, CloudFailure, Behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chalicelib import archive, personal, vault
from chalicelib.config import settings
from chalicelib.events import Shard
from chalicelib.signing import keys
from local import claim, cloud, provision
from ops import logs
from ops.restore.chain import Chains
from ops.restore.copies import KEYS, NAMES, Copies, CopyError, body, names
from ops.restore.fill import erase, fill, renew
from ops.restore.people import Logs, People, Steps, look

LOCKS = {"runner", "lock"}
STARTING = "a restore was begun here, and is not done: `python -m ops restore ...` goes on\n"


@dataclass(frozen=True, slots=True)
class Restored:
    """What there is now, and the name of the stream that goes on.

    `objects` were put; `lost` are persons whose key is in no copy.
    """

    stream: str
    segments: int
    objects: int
    erased: int
    lost: list[str]


def restore(state: Path, copies: Copies, steps: Steps) -> Restored:
    """The shop on this STATE, which `make run` then starts."""
    _refuse_used(state)
    trust = copies.check()
    chains = Chains(copies.archive)
    stream = _next(cloud.Names().stage, chains.shards)
    read = Logs(chains.segments, chains.read)
    people = look(read, lambda: trust, copies.has_key, steps)
    objects = sum(1 for folder in (copies.vault, copies.archive) for _ in names(folder))
    with _unfinished(state) as lock:
        _keep_keys(copies, state)
        with _buckets(state, lock), steps("objects put", objects) as step:
            fill(copies, people, step)
    return _told(stream, chains.segments, objects, people)


def reapply(steps: Steps) -> Restored:
    """What the log wants of the vault, in the shop that this process is in."""
    if vault.read(NAMES) is None:
        raise CopyError(f"the vault lacks {NAMES}: everybody would get another id than before")
    shards = archive.shards()
    if not shards:
        raise CopyError("the archive has no segments")
    stream = _next(settings().stage, shards)
    read = Logs(logs.segments(), partial(logs.read, shards))
    people = look(read, keys.trust, personal.has_key, steps)
    erase(people.erased)
    renew(people.lost)
    return _told(stream, read.segments, 0, people)


def _told(stream: str, segments: int, objects: int, people: People) -> Restored:
    return Restored(stream, segments, objects, len(people.erased), sorted(people.lost))


def _next(stage: str, shards: Iterable[Shard]) -> str:
    """The stream after all that the archive knows, which must be this stage's."""
    begins = f"tillstream-{stage}-"
    for shard in shards:
        if not (shard.stream.startswith(begins) and shard.stream.removeprefix(begins).isdecimal()):
            raise CopyError(f"the archive is of {shard.stream}, and this shop is {begins}*")
    newest = max(int(shard.stream.removeprefix(begins)) for shard in shards)
    return f"{begins}{newest + 1}"


def _refuse_used(state: Path) -> None:
    """Raises CopyError where anything lies there that a restore has not begun."""
    if (state / claim.RESTORING).exists() or not state.is_dir():
        return
    if other := sorted({each.name for each in state.iterdir()} - LOCKS):
        why = f"{state} is not empty: {other[0]} lies there"
        if "ports.json" in other:
            why = f"a shop is there already on {state}"
        raise CopyError(f"{why}; choose an empty folder with STATE=...")


@contextmanager
def _unfinished(state: Path) -> Iterator[int]:
    """Nobody else begins on STATE until this is done; its lock, for the parts that it starts."""
    lock = claim.state(state, restoring=True)
    _refuse_used(state)
    mark = state / claim.RESTORING
    mark.write_text(STARTING)
    yield lock
    mark.unlink()


def _keep_keys(copies: Copies, state: Path) -> None:
    """The keys, each for its owner alone, whole or not at all."""
    folder = state / "keys"
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = {name: body(copies.key_file(name)) for name in KEYS}
    for name, key in kept.items():
        there = folder / f"{name}.jwk"
        if there.exists() and there.read_bytes() != key:
            raise CopyError(f"another key than that of the copy lies in {there}: begin anew")
    for name, key in kept.items():
        fresh = folder / f".{name}"
        fresh.unlink(missing_ok=True)
        fresh.touch(0o600)
        fresh.write_bytes(key)
        fresh.rename(folder / f"{name}.jwk")


@contextmanager
def _buckets(state: Path, lock: int) -> Iterator[None]:
    """In a shop that has its buckets, and nothing else yet."""
    running = cloud.Cloud(state, inherits=(lock,))
    try:
        running.start()
        cloud.enter(state, cloud.Names())
        provision.make_buckets(cloud.Names())
        yield
    finally:
        running.stop()
