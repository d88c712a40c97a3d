"""The way out: a query is answered only from a table that was level once since it was created.

Until then every answer is 503 `catching-up`, never a false 404. With `Read-After` an answer knows
what lies at that position: by key it is one moment's snapshot of checkpoint and row; a list waits
for the checkpoint, and says `asOf` where its index may trail by moments. All that one request reads
of views is of versions that the register names; where it names others meanwhile, it reads again.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, NotRequired, TypeVar

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib import archive, checkpoint, config, http, register, store, vault
from chalicelib.checkpoint import Checkpoint
from chalicelib.decisions import DECIDERS
from chalicelib.errors import BadRequest, CatchingUp, NotFound, NotYet, Promoted
from chalicelib.events import Position
from chalicelib.http import Answer, Request
from chalicelib.register import READY, Register
from chalicelib.store import Key, Query, Row
from chalicelib.subjects import subject_key, subject_of
from chalicelib.view import View

WAIT_S = 0.3
LEVEL_S = 2.0  # a new shop is level in moments, if not in its very first
PAUSE_S = 0.015
MOST_ITEMS = 100
ITEMS = 50
MOST_CURSOR = 4000
MARK = 16
TRIES = 3
VERSION = re.compile(r"[a-z]+@\d+(\.\d+)?(?=/)")
PARTITIONS = {"pk", "listing", "ranking"}

T = TypeVar("T")


Limit = Annotated[
    int, Field(ge=1, le=MOST_ITEMS, description=f"How many items at most; else {ITEMS}.")
]


class Paging(TypedDict, total=False):
    """What every list asks: how many items, and where to go on."""

    limit: Limit
    cursor: Annotated[
        str,
        Field(max_length=MOST_CURSOR, description="Where to go on: `next` of the page before."),
    ]


class Page(TypedDict, Generic[T]):
    """One page of a list; `next` is the cursor of the page after it, null on the last.

    An index may trail by moments: `asOf` says when it was asked.
    """

    items: list[T]
    next: str | None
    asOf: NotRequired[str]


def settled(ask: Callable[[], T]) -> T:
    """What is asked, of one version of each view: again, where another was promoted meanwhile.

    Raises CatchingUp where that does not end.
    """
    for _ in range(TRIES):
        with register.bound():
            try:
                return ask()
            except Promoted:
                continue
    raise CatchingUp("the views are changed while they are read; please ask again")


def rows(request: Request, *keys: Key, view: View | None = None) -> list[Row | None]:
    """The rows at one moment, in a table that is level, and no older than `Read-After`.

    Raises CatchingUp, NotYet, BadRequest, Promoted.
    """
    return _moment(request, [view] if view else [], keys)[1]


def _moment(
    request: Request, views: Sequence[View], keys: Sequence[Key]
) -> tuple[str | None, list[Row | None]]:
    """What no two tables share, and the rows.

    A shop whose archive is empty has no register yet: its table is whole as it is.
    """
    after = read_after(request)
    versions = [view.reading for view in views]
    extra = [checkpoint.left_key(version) for version in versions]
    extra += [checkpoint.key_of(after.shard)] if after else []
    until = time.monotonic() + WAIT_S
    while True:
        ready, *found = store.snapshot(READY, *extra, *keys)
        if ready is None and archive.shards():
            _find_ready()
            continue
        named = register.heard(ready)
        for view, version in zip(views, versions, strict=True):
            _check_whole(named, view, version, left=found.pop(0) is not None)
        if after is None or _passed(found.pop(0), after):
            return None if named is None else named.born, found
        if time.monotonic() > until:
            raise NotYet("the position is not judged yet", field="Read-After")
        time.sleep(PAUSE_S)


def _check_whole(named: Register | None, view: View, version: str, *, left: bool) -> None:
    """Raises CatchingUp where the table is not filled for the view, or it has left.

    Raises Promoted where another version is to be read: this one is not folded any more.
    """
    entry = named.entry(view.name) if named else register.Entry(version)
    if not left and version in entry.readable:
        return
    if view.first_of(entry.readable) not in (None, version):
        raise Promoted(f"{entry.read} is read by now, not {version}")
    raise CatchingUp("this view is behind; what it would answer is not whole")


def _find_ready() -> None:
    if not checkpoint.is_ready(wait_s=LEVEL_S):
        raise CatchingUp("the views are being filled again from the archive")


def _passed(row: Row | None, position: Position) -> bool:
    return checkpoint.passed(None if row is None else Checkpoint.of(row), position)


def read_after(request: Request) -> Position | None:
    """The position in the header `Read-After`, if it is given. Raises BadRequest."""
    text = request.headers.get("read-after")
    return None if text is None else position(text, "Read-After")


def position(text: str, name: str) -> Position:
    """The position that a header or parameter states.

    Raises BadRequest when it is none, or one of a stream that this shop never had.
    """
    try:
        found = Position.parse(text)
    except ValueError as flaw:
        raise BadRequest(str(flaw), field=name) from None
    if not _is_ours(found.shard.stream):
        raise BadRequest("this shop has no such stream", field=name)
    return found


def _is_ours(stream: str) -> bool:
    """Whether the shop writes to the stream, or once did."""
    return stream == config.settings().stream or stream in {
        shard.stream for shard in archive.shards()
    }


def one(request: Request, view: View, key: Key, unknown: type[NotFound]) -> Answer:
    """What a view says of the subject `key.sk`, its version as the ETag. Raises `unknown`."""
    kind, subject = key.sk.partition("/")[0], key.sk
    decider = DECIDERS[kind]
    place = Key(view.pk(key.pk), key.sk)
    row, judged = rows(request, place, subject_key(decider, subject), view=view)
    if row is None:
        raise unknown(f"there is no {kind} with this id")
    tag = http.etag(subject_of(decider, judged).version, view.reading)
    return http.tagged(request, row.body, tag)


def page(
    request: Request,
    view: View,
    query: Query,
    tell: Callable[[list[Row]], list[T]],
    *also: View,
) -> Page[T]:
    """One page of a view's rows, as `tell` tells them; it may read more, of views `also` too."""
    limit, after = most(request), _cursor(request, query)

    def look() -> tuple[list[T], Any]:
        found, more = store.page(query, limit, after)
        return tell(found), more

    items, more = whole(request, look, view, *also)
    page = Page[T](items=items, next=more and _write_cursor(query, more))
    return {**page, "asOf": stamp(now_ms())} if query.index else page


def whole(request: Request, look: Callable[[], T], *views: View) -> T:
    """What several reads find, all of them in one table that is level. Raises CatchingUp."""
    before, _ = _moment(request, views, ())
    found = look()
    if _moment(request, views, ())[0] != before:
        raise CatchingUp("the table was emptied while it was read")
    return found


def now_ms() -> int:
    """The time, in ms."""
    return time.time_ns() // 1_000_000


def stamp(ms: int) -> str:
    """The moment as it is told: UTC, milliseconds, `Z`."""
    text = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def most(request: Request) -> int:
    """How many items at most. Raises BadRequest."""
    text = request.query.get("limit", str(ITEMS))
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 3):
        raise BadRequest(f"limit is a number from 1 to {MOST_ITEMS}", field="limit")
    if not 1 <= int(text) <= MOST_ITEMS:
        raise BadRequest(f"limit is a number from 1 to {MOST_ITEMS}", field="limit")
    return int(text)


def _write_cursor(query: Query, more: dict[str, Any]) -> str:
    """Where the page stopped, sealed for this list: nobody else can write one.

    It names no version of the view: the next page may be of another.
    """
    named = _placed(more, _version(query), "")
    place = json.dumps(named, separators=(",", ":"), sort_keys=True).encode()
    return base64.urlsafe_b64encode(_mark(query, place) + place).decode().rstrip("=")


def _cursor(request: Request, query: Query) -> dict[str, Any] | None:
    """Where a page goes on: what `_write_cursor` wrote, for this very list."""
    text = request.query.get("cursor")
    if text is None:
        return None
    sealed = _decoded(text) if len(text) <= MOST_CURSOR else b""
    mark, place = sealed[:MARK], sealed[MARK:]
    if not hmac.compare_digest(mark, _mark(query, place)):
        raise BadRequest("this cursor was not given by this list", field="cursor")
    return _placed(json.loads(place), "", _version(query))


def _version(query: Query) -> str:
    found = VERSION.match(query.partition)
    return found[0] if found else ""


def _placed(place: dict[str, Any], before: str, after: str) -> dict[str, Any]:
    """The same place in another version's rows; `""` is none."""
    told = dict(place)
    for name in PARTITIONS & place.keys():
        text = place[name].get("S", "")
        if text.startswith(f"{before}/"):
            told[name] = {"S": after + text.removeprefix(before)}
    return told


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""


def _mark(query: Query, place: bytes) -> bytes:
    version = _version(query)
    partition = register.view_of(version) + query.partition.removeprefix(version)
    listed = replace(query, partition=partition)
    return vault.fingerprint("cursors", repr(listed).encode() + b"\0" + place)[:MARK]
