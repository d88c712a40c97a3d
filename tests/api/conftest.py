"""A served shop for the tests of the routes: one for all of them, its log driven by hand."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from chalice import local as chalice_local
from chalice.config import Config
from shopfront import Answer, Shopfront, forget

from local.cloud import SHARDS, Cloud, Names, enter
from local.provision import provision


@pytest.fixture(scope="package")
def front(cloud: Cloud) -> Iterator[Shopfront]:
    """The shop, with one person of each kind: `merchant`, `photographer`, `customer`, `admin`."""
    names = Names(stage="api")
    with mock.patch.dict(os.environ):
        enter(cloud.state, names)
        forget()
        provision(names, cloud.state, SHARDS)
        with served() as (application, port):
            shop = Shopfront(port, application)
            for role in ("merchant", "photographer", "customer", "admin"):
                shop.person(role, name=role)
            shop.settle()
            yield shop
    forget()


class served:  # noqa: N801
    """The app behind a real HTTP server, in this process."""

    def __enter__(self) -> tuple[Any, int]:
        import app  # noqa: PLC0415

        chalice_local.CustomLocalChalice.__bases__ = (
            chalice_local.LocalChalice,
            app.app.__class__,
        )
        app.app.__class__ = chalice_local.CustomLocalChalice
        config = Config.create(lambda_timeout=60, lambda_memory_size=512, chalice_app=app.app)
        self.server = chalice_local.LocalDevServer(
            app.app, config, "127.0.0.1", 0, handler_cls=Quiet
        ).server
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return app, self.server.server_port

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class Quiet(chalice_local.ChaliceRequestHandler):
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def refused(front: Shopfront) -> Any:
    """Calls that must be refused: each a 4xx problem, and nothing of them reaches the log."""

    def call(status: int, *args: Any, **kwargs: Any) -> Answer:
        before = front.records()
        answer = front.call(*args, **kwargs)
        assert answer.status == status, (args, answer.status, answer.body)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.said["status"] == status
        assert {"type", "title", "detail"} <= answer.said.keys()
        assert front.records() == before, "something refused is on the log"
        return answer

    return call
