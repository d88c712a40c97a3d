"""Whether the archive is what was notarised: every byte, every link, every signature.

    tree      the bundles and the heads that were signed over them
    chains    what lies under segments/, beside what the tree says of it
    records   one run of segments, byte by byte; done by several processes
    seen      the tree head that the auditor keeps

Only the archive bucket is read, and nothing there is believed but what follows from the root key.
Traffic may go on: what is listed first is what must be found later.

What was notarised and then changed, dropped, inserted, swapped or put back is told as a sentence.
What is not notarised yet is read, and only its chain and its signatures are checked. A record that
is not believed is counted, and is not wrong: anybody may put nonsense on the log. Where some may
have expired from the stream unread, that is wrong for good.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from ops import gaps
from ops.audit import chains, records, seen, tree
from ops.audit.chains import Chunk
from ops.audit.records import Read
from ops.audit.seen import Seen
from ops.audit.tree import Notarised

Step = Callable[[], None]
WORTH = 8  # so many runs of segments are worth a process


@dataclass(slots=True)
class Report:
    """What was read; how much of it no tree head covers; and each flaw as a sentence.

    Of the leaves in the `tree` the last `unsigned` are under no signed head, and so are segments
    that have no other leaf: what those say of a segment is compared, but proves nothing.
    """

    segments: int = 0
    records: int = 0
    not_notarised: int = 0
    tree: int = 0
    unsigned: int = 0
    not_believed: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def audit(kept: Seen | None = None, step: Step = lambda: None, jobs: int | None = None) -> Report:
    """Read the whole archive. `step` is called after each segment."""
    heads = tree.heads()
    notarised = tree.read(heads)
    listed = chains.listed(notarised)
    report = Report(tree=len(notarised.leaves), wrong=notarised.wrong + listed.wrong)
    report.unsigned = report.tree - notarised.signed
    if kept is not None:
        report.wrong += seen.compare(kept, notarised)
    report.not_notarised = _not_notarised(notarised, listed.chunks)
    with _reading(listed.chunks, jobs or os.cpu_count() or 1) as reading:
        report.wrong += chains.unlinked(list(_counted(report, listed.chunks, reading, step)))
    report.wrong += [gap for gap in gaps.told() if gap not in report.wrong]
    if kept is not None and heads.newest is not None and not report.wrong:
        seen.keep(kept, heads.newest)
    return report


def _not_notarised(notarised: Notarised, chunks: Sequence[Chunk]) -> int:
    """How many segments are under no signed head."""
    covered = {(leaf.shard, leaf.before) for leaf in notarised.leaves[: notarised.signed]}
    return sum((c.shard, before) not in covered for c in chunks for before, _ in c.segments)


def _counted(
    report: Report, chunks: Sequence[Chunk], reading: Iterable[Read], step: Step
) -> Iterator[Read]:
    for chunk, read in zip(chunks, reading, strict=True):
        report.segments += len(chunk.segments)
        report.records += read.records
        report.not_believed = dict(Counter(report.not_believed) + read.not_believed)
        report.wrong += read.wrong
        for _ in chunk.segments:
            step()
        yield read


@contextmanager
def _reading(chunks: Sequence[Chunk], jobs: int) -> Iterator[Iterable[Read]]:
    """What is found in each, in this order; a process costs as much as many segments do."""
    jobs = min(jobs, len(chunks) // WORTH)
    if jobs <= 1:
        yield map(records.read, chunks)
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        yield pool.map(records.read, chunks)


def told(report: Report) -> str:
    """The report in sentences."""
    reasons = ", ".join(f"{count:,} {code}" for code, count in sorted(report.not_believed.items()))
    read, wrong = f"{report.segments:,} segments, {report.records:,} records", len(report.wrong)
    lines = [
        f"{report.tree:,} leaves in the tree, {report.not_notarised:,} segments not notarised yet",
        f"not believed: {reasons or 'none'}",
        f"{read}: {wrong} wrong",
    ]
    if report.unsigned:
        why = "a sweep was cut short, or its heads are gone"
        lines.insert(1, f"under no signed tree head: {report.unsigned:,} of the leaves; {why}")
    return "\n".join([*report.wrong, *lines])
