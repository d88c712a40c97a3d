"""A served shop for the tests of the routes: one for each module, its log driven by hand."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import contract
import pytest
from shopfront import PROBLEM, Answer, Shopfront, forget, served

from chalicelib import access, read
from local.cloud import SHARDS, Cloud, Names, enter
from local.provision import provision

numbers = itertools.count(1)

# They have a tree of their own: what its routes answer is not counted (tests/whole.py).
APART = {"test_contributing.py", "test_workshop.py"}


@pytest.fixture(scope="module")
def front(cloud: Cloud) -> Iterator[Shopfront]:
    """The shop, with one person of each role, called as the role is."""
    names = Names(stage=f"api{next(numbers)}")
    # The log is driven by hand: nobody makes the table level while a request waits for it.
    at_once = mock.patch.object(read, "LEVEL_S", 0.05)
    with mock.patch.dict(os.environ), at_once:
        enter(cloud.state, names)
        forget()
        provision(names, cloud.state, SHARDS)
        with served() as (application, port):
            shop = Shopfront(port, application)
            for role in sorted(access.ROLES):
                shop.person(role, name=role)
            shop.settle()
            yield shop
    forget()


@pytest.fixture
def refused(front: Shopfront) -> Any:
    """Calls that must be refused: each a 4xx problem, and nothing of them reaches the log."""

    def call(status: int, *args: Any, **kwargs: Any) -> Answer:
        before = front.records()
        answer = front.call(*args, **kwargs)
        assert answer.status == status, (args, answer.status, answer.body)
        assert answer.headers["Content-Type"] == PROBLEM
        assert answer.said["status"] == status
        assert {"type", "title", "detail"} <= answer.said.keys()
        assert front.records() == before, "something refused is on the log"
        return answer

    return call


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Where this whole folder ran and passed, every declared answer was seen, or has a reason."""
    ran = {item.path for item in session.items}
    told = {path for path in Path(__file__).parent.glob("test_*.py") if path.name not in APART}
    whole = ran >= told and not (session.config.option.keyword or session.config.option.markexpr)
    if exitstatus == pytest.ExitCode.OK and whole and (left := sorted(contract.missing())):
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        reporter.write_line("declared, and seen in no test: " + ", ".join(left), red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
