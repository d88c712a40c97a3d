"""The archive's copy, read as the archive itself is: every shard a chain without a gap.

What a shard came after must be there up to where it began. A copy that was made while the log was
split or merged may lack the end of a parent. A shard says the clock at which it began, which is its
latest parent's, and the tree how far each parent went when it was last notarised: a copy that has
less is refused, and made again. That the other parents are whole beyond that, no copy says.

Of a shard no more is held at once than the names of its segments.

Raises CopyError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from chalicelib import archive
from chalicelib.archive import EMPTY, Segment
from chalicelib.events import Record, Shard
from chalicelib.notary import kept
from chalicelib.notary.bundle import decode
from ops import naive
from ops.audit.chains import FOLDER
from ops.restore.copies import CopyError, body, names

Step = Callable[[], None]


class Chains:
    """All shards of the copy in a folder, by their segments' names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shards: dict[Shard, list[str]] = {}
        for name in names(folder, FOLDER):
            shard = Shard(*name.split("/")[1:3])
            self.shards.setdefault(shard, []).append(name)
        if not self.shards:
            raise CopyError(f"{folder} is no copy of an archive: it has no segments")
        for each in self.shards.values():
            each.sort(reverse=True)
        notarised = self._notarised()
        for shard in self.shards:
            self._check_parents(shard, notarised)

    @property
    def segments(self) -> int:
        """How many there are."""
        return sum(map(len, self.shards.values()))

    def read(self, step: Step) -> dict[str, naive.Log]:
        """Each shard's log by its name. `step` is called after each segment."""
        return {str(shard): self._log(shard, step) for shard in self.shards}

    def _log(self, shard: Shard, step: Step) -> naive.Log:
        return naive.Log(self._first(shard).parents, self._records(shard, step))

    def _first(self, shard: Shard) -> Segment:
        return self._segment(self.shards[shard][0])

    def _records(self, shard: Shard, step: Step) -> Iterator[Record]:
        end = EMPTY.last
        for name in self.shards[shard]:
            segment = self._segment(name)
            if segment.before != end:
                raise CopyError(f"{self.folder} lacks the segment of {shard} after {end}")
            end = segment.last
            yield from segment.records
            step()

    def _notarised(self) -> Mapping[Shard, int]:
        """Where each shard ended when it was last notarised, as far as this copy says it.

        A bundle that is damaged says nothing: the archive itself may have it so, and what is not as
        it was notarised, `ops audit` names.
        """
        newest = min(names(self.folder, kept.FOLDER), default=None)
        if newest is None:
            return {}
        try:
            return decode(body(self.folder / newest)).ends
        except ValueError:
            return {}

    def _check_parents(self, shard: Shard, notarised: Mapping[Shard, int]) -> None:
        """Raises CopyError where one is not there, or ends before this shard begins."""
        first, clocks, is_short = self._first(shard), [0], False
        for parent in map(Shard.parse, first.parents):
            if parent not in self.shards:
                raise CopyError(f"{self.folder} lacks {parent}, which {shard} came after")
            end = self._segment(self.shards[parent][-1]).tail
            clocks.append(end.clock)
            is_short |= end.last < notarised.get(parent, 0)
        if first.parents and (is_short or max(clocks) < first.clock):
            raise CopyError(
                f"{self.folder} lacks the end of what {shard} came after: copy the bucket again"
            )

    def _segment(self, name: str) -> Segment:
        try:
            segment = archive.decode(body(self.folder / name))
        except ValueError as flaw:
            raise CopyError(f"{self.folder / name} is damaged: {flaw}") from None
        if archive.name_of(segment.shard, segment.before) != name:
            raise CopyError(f"{self.folder / name} is another segment than its name says")
        return segment
