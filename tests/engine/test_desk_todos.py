"""A product without a picture comes to the photo desk, and somebody is asked for one."""

from __future__ import annotations

import pytest
from desks import at_desk, come, desk_of, list_product, product_of, run

from chalicelib import projector
from chalicelib.todos import send_to_desk


@pytest.fixture
def till(monkeypatch):
    monkeypatch.setattr(send_to_desk, "WAIT_S", 0.0)
    with at_desk() as made:
        for subject in ("product/8", "product/9"):
            made.say("viewed", subject, {})
        made.deliver()
        projector.sweep()
        yield made


def test_a_new_product_is_known_at_the_desk_and_whoever_is_free_is_asked(till):
    come(till, "ada")
    list_product(till, 1)
    run(till)
    assert product_of(till, "1").at_desk
    assert desk_of(till).photographers["ada"].assignment.product == "1"
    assert (desk_of(till).waiting, desk_of(till).owed("offer")) == ({}, [])
    assert desk_of(till).photographers["ada"].left == 2
