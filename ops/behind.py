"""Which shards the table has not caught up on: of what they hold further on, no list tells yet."""

from __future__ import annotations

from chalicelib import archive, checkpoint


def shards() -> list[str]:
    """The shards of which the archive holds what is not judged yet."""
    known = archive.shards()
    found = checkpoint.all_of(known)
    return [str(shard) for shard in known if not checkpoint.is_level(shard, found.get(shard))]


def warned(behind: list[str]) -> None:
    """Say so to a person, if there are any."""
    if behind:
        print(
            f"The table is behind the archive on {', '.join(behind)}: "
            "what is not judged yet is not told here."
        )
