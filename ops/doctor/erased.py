"""Who was erased, and whether their key is really gone: the vault is asked, not the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from chalicelib import personal
from chalicelib.decisions.customer import Customer
from ops.naive.subjects import Subject

TOGETHER = 8


def people(subjects: Mapping[str, Subject]) -> list[str]:
    """Who was erased, and of whom the log says that their key was destroyed."""
    return [
        name.partition("/")[2]
        for name, each in subjects.items()
        if isinstance(each.state, Customer) and each.state.erased and not each.state.todos
    ]


def readable(erased: Sequence[str]) -> list[str]:
    """Those whose key can be read all the same."""
    with ThreadPoolExecutor(TOGETHER) as pool:
        gone = pool.map(personal.is_erased, erased)
        return [person for person, is_gone in zip(erased, gone, strict=True) if not is_gone]


def wrong(found: Sequence[str]) -> Iterator[str]:
    """Each of them: a vault that was put back from a copy has keys that were destroyed since."""
    for person in found:
        yield (
            f"customer/{person} was erased, and their key is in the vault: what is personal can "
            "still be read. Was the vault restored from a copy?"
        )
