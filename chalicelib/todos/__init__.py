"""What is owed to the world, one file for each kind of effect. The table is last."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.decisions.customer import DESTROY_KEY
from chalicelib.todos import destroy_key, expire
from chalicelib.todos.kind import Kind, Owed

__all__ = ["KINDS", "Kind", "Owed"]

KINDS: Mapping[str, Kind] = {
    "expire": expire.do,
    DESTROY_KEY: destroy_key.do,
}
