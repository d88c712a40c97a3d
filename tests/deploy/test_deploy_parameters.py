"""What the stack is told: what is asked for, what is said beside it, and nothing unknown."""

import json
from argparse import Namespace
from pathlib import Path

import pytest

from ops.deploy import DeployError, check, parameters

ASKED = json.loads((Path(__file__).parents[2] / ".chalice" / "resources.json").read_text())
ISSUER = "https://people.example"


def told(*others):
    given = Namespace(
        trust_root="x" * 43, oidc_issuer=ISSUER, oidc_audience="shop", others=list(others)
    )
    said = parameters(given)
    check(ASKED["Parameters"], said)
    return said


def test_what_is_said_beside_it_is_told_too():
    assert told("Payments=stripe", "MailFrom=till@shop.example")["Payments"] == "stripe"
    assert told("MakerMail=a=b@shop.example")["MakerMail"] == "a=b@shop.example"
    assert "Payments" not in told()


@pytest.mark.parametrize("other", ["Payments=sandbox", "Payments=cash", "Paymets=stripe", "stripe"])
def test_what_the_template_does_not_take_is_refused_before_anything_is_made(other):
    with pytest.raises(DeployError, match=other.partition("=")[0]):
        told(other)
