"""Whatever is sent, by whomever: no 500, and no answer that the contract does not have.

schemathesis makes the requests of the contract: some as it has them, some with a flaw.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import contract
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as of_openapi
from shopfront import Shopfront

import app
from chalicelib import access
from chalicelib.openapi import Route

SCHEMA = schemathesis.openapi.from_dict(app.contract.document)
CHECKS = [
    checks.not_a_server_error,
    of_openapi.status_code_conformance,
    of_openapi.content_type_conformance,
    of_openapi.response_headers_conformance,
    of_openapi.response_schema_conformance,
]
# What a request that is right in itself can still miss.
NEEDED = {"not-found", "unknown-product", "unknown-order", "unknown-event", "give-at"}
NEEDED |= {"unknown-picture", "unknown-ticket", "unknown-photographer"}
WHO = [None, *sorted(access.ROLES)]
play = settings(
    max_examples=10,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def people(front: Shopfront) -> dict[str | None, str]:
    """The token of one person of each role, and none."""
    front.product(to="merchant")
    front.sweep()  # until something is notarised there is no tree head to be given
    return {None: ""} | {role: front.tokens[front.person(role)] for role in access.ROLES}


def played() -> list[Any]:
    """Every route in both modes; but nothing that is sent can be wrong where any text is right."""
    return [
        pytest.param(route, mode, id=f"{mode.value} {route.method} {route.path}")
        for route in app.contract.routes
        for mode in GenerationMode
        if mode.is_positive or route.takes or route.asks or "Read-After" in route.hears
    ]


@pytest.mark.parametrize(("route", "mode"), played())
def test_no_request_is_answered_outside_the_contract(
    front: Shopfront, people: dict[str | None, str], route: Route, mode: GenerationMode
) -> None:
    operation = SCHEMA[route.path][route.method]
    may = [None] if route.public else sorted(access.MAY[route.method, route.path])
    met: Counter[int] = Counter()

    @play
    @given(
        case=operation.as_strategy(generation_mode=mode),
        who=st.sampled_from(may) | st.sampled_from(WHO),
    )
    def send(case: Any, who: str | None) -> None:
        headers = {"Authorization": f"Bearer {people[who]}"} if who else {}
        answer = case.call(base_url=f"http://127.0.0.1:{front.port}", headers=headers)
        sent = answer.request
        contract.held(
            (sent.method, sent.path_url, sent.body, sent.headers),
            (answer.status_code, {n: v[0] for n, v in answer.headers.items()}, answer.content),
        )
        case.validate_response(answer, checks=CHECKS)
        met[answer.status_code] += 1

    send()
    front.settle()
    if mode.is_positive and not {way.slug for way in route.refusals} & NEEDED:
        assert min(met) < 400, "nothing that was sent came through"
