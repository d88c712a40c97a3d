"""Looks for texts in everything that a shop keeps, however it is packed there.

Each file is read raw; what is gzip is inflated; what is SQLite is also read row by row, with its
write-ahead log; of every compact JWS the header and payload are decoded. What comes out is looked
at as it is, percent-decoded (until nothing changes) and with its JSON escapes undone; in any case.
"""

from __future__ import annotations

import base64
import binascii
import re
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

# From the beginning of a run on, and without going back in it: runs of base64 are long.
JWS = re.compile(
    rb"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]{8,}+)\.([A-Za-z0-9_-]{2,}+)\.[A-Za-z0-9_-]{20,}"
)
ESCAPE = re.compile(rb"\\+u([0-9a-fA-F]{4})")


def found(folder: Path, texts: Iterable[str]) -> dict[str, set[str]]:
    """Which of the texts lie in which file under the folder, or in a file's name."""
    wanted = {text.lower().encode(): text for text in texts}
    hits: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*")):
        held = [str(path.relative_to(folder)).encode()]
        if path.is_file():
            held += contents(path)
        seen = {wanted[w] for blob in held for view in views(blob) for w in wanted if w in view}
        for text in seen:
            hits.setdefault(text, set()).add(str(path.relative_to(folder)))
    return hits


def holds(blob: bytes, texts: Iterable[str]) -> set[str]:
    """Which of the texts lie in these bytes, however often they are escaped."""
    return {text for text in texts for view in views(blob) if text.lower().encode() in view}


def contents(path: Path) -> Iterator[bytes]:
    """What the file says: raw, inflated, and row by row."""
    raw = path.read_bytes()
    yield raw
    if raw[:2] == b"\x1f\x8b":
        yield zlib.decompressobj(wbits=31).decompress(raw)
    if raw[:15] == b"SQLite format 3":
        yield from _rows(path)


def _rows(path: Path) -> Iterator[bytes]:
    """Every row of a copy, so that the write-ahead log beside it stays what it is."""
    with tempfile.TemporaryDirectory() as folder:
        for each in path.parent.glob(path.name + "*"):
            shutil.copy(each, folder)
        database = sqlite3.connect(Path(folder) / path.name)
        database.text_factory = bytes
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in database.execute(f'SELECT * FROM "{table.decode()}"'):
                yield b"\n".join(
                    value if isinstance(value, bytes) else str(value).encode() for value in row
                )
        database.close()


def views(blob: bytes) -> Iterator[bytes]:
    """The bytes, and what is sealed in them, in lower case and with every escape undone."""
    for plain in (blob, *_sealed(blob)):
        yield plain.lower()
        undone = _without_escapes(plain)
        if undone != plain:
            yield undone.lower()


def _sealed(blob: bytes) -> Iterator[bytes]:
    for match in JWS.finditer(blob):
        for part in match.groups():
            try:
                yield base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
            except binascii.Error:
                continue


def _without_escapes(plain: bytes) -> bytes:
    while True:
        undone = ESCAPE.sub(lambda m: chr(int(m[1], 16)).encode(errors="replace"), plain)
        undone = unquote_to_bytes(undone)
        if undone == plain:
            return plain
        plain = undone
