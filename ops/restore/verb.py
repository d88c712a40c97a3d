"""`python -m ops restore`, as it is typed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ops import restore as restoring
from ops import shop, shown, verb
from ops.progress import steps
from ops.restore.copies import Copies

MOST_TOLD = 20
ALL_THREE = "--archive, --vault and --keys, all three; in AWS, where the environment names a whole "
ALL_THREE += "shop, none"

Archive = Annotated[Path | None, typer.Option(metavar="DIR", help="the archive bucket's copy")]
Vault = Annotated[Path | None, typer.Option(metavar="DIR", help="the vault bucket's copy")]
Keys = Annotated[Path | None, typer.Option(metavar="DIR", help="root, system and notary .jwk")]


def restore(
    *, archive: Archive = None, vault: Vault = None, keys: Keys = None, as_json: verb.AsJson = False
) -> None:
    """The shop from copies of its buckets and keys, on an empty STATE; 1 where keys are missing."""
    given = [folder for folder in (archive, vault, keys) if folder is not None]
    with verb.or_why_not():
        if archive and vault and keys:
            found = restoring.restore(shop.state(), Copies(archive, vault, keys), steps)
        elif given or not shop.is_named():
            raise typer.BadParameter(ALL_THREE, param_hint="--archive")
        else:
            shop.enter()
            found = restoring.reapply(steps)
    print(verb.as_json(asdict(found)) if as_json else _told(found))
    raise typer.Exit(1 if found.lost else 0)


def _told(found: restoring.Restored) -> str:
    """In sentences."""
    lines = [
        f"{found.segments:,} segments read, {found.objects:,} objects put",
        f"erased on the log, and without a key: {found.erased:,}",
    ]
    if found.lost:
        lines.append(
            f"whose key is in no copy: {len(found.lost):,}; what was personal of them reads as "
            "erased, and they have another key"
        )
        lines += [shown.printable(f"    {person}") for person in found.lost[:MOST_TOLD]]
    return "\n".join([*lines, f"The log goes on in {found.stream}."])
