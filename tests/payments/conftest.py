"""The two gateways over real HTTP, each before a process of its own."""

from __future__ import annotations

import pytest
from counterparts import LikeStripe, Sandboxed


@pytest.fixture(params=["sandbox", "stripe"])
def provider(request: pytest.FixtureRequest) -> Sandboxed | LikeStripe:
    """A gateway, with what a test must know of the provider behind it."""
    if request.param == "sandbox":
        return Sandboxed(request.getfixturevalue("cloud").endpoints["bank"])
    return LikeStripe(request.getfixturevalue("like_stripe"))
