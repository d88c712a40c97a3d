"""Whether anything expired from the stream unread: once an hour the sweep asks, shard by shard.

All that arrived in a shard until some moment is known to be archived: until its last record there
arrived; or until the stream was last read after that record and held nothing more. What arrived
later is still in the stream for as long as the stream keeps a record. So while that time is not
over, nothing can have expired unread, and once it is, nothing shows that none has: a gap.

A consumer that comes back after so long finds that by itself, before it puts the next segment: the
end of its archive is then as young as ever. Nothing is known of the time before a stream was first
looked at, unless it was new then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from chalicelib import archive, config, log, telemetry
from chalicelib.archive import EMPTY, Gap, Tail, gaps
from chalicelib.archive.gaps import HOUR_MS, Seen
from chalicelib.errors import Behind
from chalicelib.events import Shard
from chalicelib.log import Kept

# Arrival is approximate, and clocks differ.
MARGIN_MS = 600_000
TOGETHER = 8


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the stream: what it keeps, where its shards begin, and what was seen before."""

    at: int
    kept: Kept
    begins: Mapping[Shard, int]
    before: Seen

    def is_over(self, until: int) -> bool:
        """Whether what arrived right after this may have expired by now."""
        return self.at - until > self.kept.retention - MARGIN_MS


def sweep() -> None:
    """Look at the stream, if nobody has for an hour. Raises CloudFailure."""
    stream, at = config.settings().stream, gaps.now()
    seen = gaps.seen(stream)
    if seen is None or at - seen.looked >= HOUR_MS:
        gaps.see(stream, _looked(stream, seen, at))


def _looked(stream: str, seen: Seen | None, at: int) -> Seen:
    look = Look(at, log.kept(stream), log.listed(stream), Seen(at, {}))
    look = replace(look, before=seen or _first(look))
    asked = list({**look.begins, **look.before.until})
    with ThreadPoolExecutor(TOGETHER) as pool:
        found = pool.map(lambda shard: _known(shard, look), asked)
        until = dict(zip(asked, found, strict=True))
    listed = look.begins.keys()
    return Seen(at, {each: ms for each, ms in until.items() if each in listed or ms is not None})


def _first(look: Look) -> Seen:
    """What is known where nothing was seen yet: of a stream that is new, all."""
    return Seen(look.at if look.is_over(look.kept.created) else look.kept.created, {})


def _known(shard: Shard, look: Look) -> int | None:
    """Until when all that arrived in the shard is archived; where its end is damaged, as before."""
    try:
        if shard in look.begins:
            return _until(shard, look)
        _expired(shard, look)
    except Behind as damage:
        telemetry.say("not-looked-at", shard=str(shard), reason=str(damage))
        return look.before.until.get(shard, look.before.looked)
    return None


def _expired(shard: Shard, look: Look) -> None:
    """Of a shard that the stream lists no more: a gap, where it was not read to its end."""
    if (known := look.before.until[shard]) is not None:
        gaps.put(shard, archive.tail(shard).last, Gap(known, look.at))


def _until(shard: Shard, look: Look) -> int | None:
    """Until when all that arrived in the shard is archived; None once it was read to its end.

    A shard that was not listed the last time has come to be since.
    """
    known = look.before.until.get(shard, look.before.looked)
    if known is None:
        return None
    tail = archive.tail(shard)
    known = max(known, tail.clock)
    if look.is_over(known):
        known = max(known, _clock(log.ancestors(shard)) if tail == EMPTY else 0)
    if look.is_over(known):
        gaps.put(shard, tail.last, Gap(known, look.at))
    return _read_on(shard, tail, known, look)


def _clock(shards: Iterable[Shard]) -> int:
    """When the last of what is archived of these arrived; nothing of their children came before."""
    return max((archive.tail(shard).clock for shard in shards), default=0)


def _read_on(shard: Shard, tail: Tail, known: int, look: Look) -> int | None:
    """The same, once the stream was asked whether it holds more."""
    is_of_it = tail.last >= look.begins[shard]
    since = known - MARGIN_MS if known > tail.clock else None
    found = log.waiting(shard, tail.last if is_of_it else 0, since, stop=1)
    if found.records or not found.whole:
        return known
    return None if found.ended else look.at
