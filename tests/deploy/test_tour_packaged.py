"""The README's tour against the packaged API: CloudFormation, API Gateway and Lambda of MiniStack.

As in AWS, tokens come from an OIDC issuer that the authorizer asks for its keys, routes append to
a stream of MiniStack's Kinesis, and the stack's mapping hands its records to `project`. Not as in
AWS: MiniStack leaves out the gateway responses of an API's document (`stack.py` puts them), keeps
a mapping's position in memory and cannot split a shard (the stack has one), and enforces no policy
(`test_policies.py` holds them to the calls).
"""

import json
import time
import urllib.error
import urllib.request

import boto3
import pytest
import stack
from oidc import AUDIENCE
from tour import check, taken


@pytest.fixture(scope="module")
def api(ministack, packaged, issuer):
    """The API's address; its functions are awake, for to wake one takes seconds here."""
    address = stack.begun(ministack, packaged, issuer)
    token = {"Authorization": f"Bearer {issuer.token()}"}
    _, seen = call("POST", f"{address}/products/sunrise/views", token)
    end = time.monotonic() + 120
    while call("GET", f"{address}/categories", {"Read-After": seen["position"]})[0] != 200:
        assert time.monotonic() < end
    return address


def call(method, url, headers, body=b"{}"):
    """The status and the JSON of one answer."""
    headers = {"Content-Type": "application/json", **headers}
    data = body if method == "POST" else None
    asked = urllib.request.Request(url, data, headers, method=method)
    try:
        answer = urllib.request.urlopen(asked, timeout=60)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    with answer:
        return answer.status, json.loads(answer.read())


def test_the_tour_of_the_readme_passes_with_tokens_of_an_issuer(api, issuer, tmp_path):
    roles = ["merchant", "photographer", "customer", "barista", "maker", "courier"]
    cognito = {"cognito:groups": roles, "token_use": "access", "client_id": AUDIENCE}
    token = issuer.token(sub="mia", aud=None, roles=None, **cognito)
    tour = taken(tmp_path, api, TOKEN=token)
    check(tour)
    assert tour[0].calls == []
    assert stack.mapping("project")["State"] == "Enabled"
    archived = boto3.client("s3").list_objects_v2(Bucket=stack.ARCHIVE, Prefix="segments/")
    assert archived["KeyCount"] >= 1


def test_there_are_no_sessions_there(api):
    body = json.dumps({"name": "Mia", "roles": ["merchant"]}).encode()
    status, said = call("POST", f"{api}/sessions", {}, body)
    assert (status, said["type"]) == (404, "/problems/not-found")
