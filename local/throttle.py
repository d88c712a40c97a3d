"""How often a method may be called: what API Gateway counts in AWS, counted here.

The figures are those of `.chalice/resources.json`, for the methods that it names; the bound of the
whole stage is not counted here, where one machine is the bound. As in AWS a method has one bucket,
whoever calls it: it holds as many calls as may come at once, and fills at the rate.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.part import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Method = tuple[str, str]
TEMPLATE = PROJECT / ".chalice" / "resources.json"
EVERY = "*"


@dataclass(slots=True)
class Bucket:
    """So many calls at once, and so many a second; `left` are those of the moment `at`."""

    rate: float
    burst: float
    left: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        self.left = self.burst

    def take(self, now: float) -> bool:
        """Whether there is a call left, which then is none."""
        self.left = min(self.burst, self.left + (now - self.at) * self.rate)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Throttle:
    """The buckets of the methods that have one. Safe to be asked from many threads."""

    def __init__(
        self, buckets: Mapping[Method, Bucket], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._buckets, self._clock = buckets, clock
        self._lock = threading.Lock()

    def lets(self, method: str, route: str) -> bool:
        """Whether this call of the route's method is let through."""
        bucket = self._buckets.get((method, route))
        if bucket is None:
            return True
        with self._lock:
            return bucket.take(self._clock())


def declared() -> Throttle:
    """What the template that is packaged says."""
    return Throttle(dict(_declared()))


def _declared() -> Iterator[tuple[Method, Bucket]]:
    api = json.loads(TEMPLATE.read_text())["Resources"]["RestAPI"]["Properties"]
    for setting in api["MethodSettings"]:
        route = setting["ResourcePath"].removeprefix("/").replace("~1", "/")
        if EVERY not in (setting["HttpMethod"], route):
            bucket = Bucket(setting["ThrottlingRateLimit"], setting["ThrottlingBurstLimit"])
            yield (setting["HttpMethod"], route), bucket
