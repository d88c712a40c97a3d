"""The shelves are filled over REST: what is listed and photographed already is left as it is.

A picture is one of the files that the shop itself serves, by the address at which it is filled: no
other host is needed. Whoever opens the page at another address sees the tiles instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from drills.client import Answer, Client, UnreachableError, session
from drills.demo.goods import Good
from drills.loopback import Endpoint


def fill(client: Client, goods: Sequence[Good]) -> None:
    """All of it, until the catalog shows it. Raises UnreachableError."""
    last: dict[str, str] = {}
    for good in goods:
        for answer in _offer(client, good):
            if answer.status != 202:
                raise UnreachableError(f"{good.name} cannot be sold: {answer.status} {answer.body}")
            position = str(answer.position)
            last[position.rpartition(":")[0]] = position
    for position in last.values():
        client.ask("GET", "/products?limit=1", headers={"Read-After": position})


def _offer(client: Client, good: Good) -> list[Answer]:
    """What had to be said so that the good is there with its picture."""
    path, image = f"/products/{quote(good.id)}", _address(client.endpoint, good)
    there = client.ask("GET", path)
    said = []
    if there.status == 404:
        merchant, _ = session(client, good.merchant, "merchant")
        keyed = merchant | {"Idempotency-Key": f"demo-{good.id}"}
        said.append(client.ask("POST", "/products", good.body, headers=keyed))
    if there.status == 404 or there.body.get("image") != image:
        photographer, _ = session(client, good.photographer, "photographer")
        keyed = photographer | {"Idempotency-Key": image}
        said.append(client.ask("PUT", f"{path}/photo", {"image": image}, headers=keyed))
    return said


def _address(shop: Endpoint, good: Good) -> str:
    """The picture's address; an event names no host by its IPv6 address."""
    host = "localhost" if ":" in shop.host else shop.host
    return f"{Endpoint(host, shop.port)}/web/{good.picture}.svg"
