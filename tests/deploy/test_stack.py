"""The packaged stage as a stack in MiniStack: its API and its consumer do what the shop does here.

Bodies are compared, never a status alone: MiniStack answers 200 for a function without code.
"""

import json
import re
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime

import boto3
import pytest
import stack
from oidc import JWKS
from stack import ARCHIVE, STREAM, SYSTEM_KEY, TABLE

from chalicelib import web
from chalicelib.events import Envelope, Shard
from chalicelib.signing import seal
from chalicelib.signing.jws import SigningKey
from local import batches
from ops.deploy import DeployError, check, outputs


@pytest.fixture(scope="module")
def api(ministack, packaged, issuer):
    """The API's address, once the log's mapping is off: batches are handed over by the tests."""
    address = stack.begun(ministack, packaged, issuer)
    functions = boto3.client("lambda")
    functions.update_event_source_mapping(UUID=stack.mapping("project")["UUID"], Enabled=False)
    return address


def call(api, method, path, body=None, **headers):
    request = urllib.request.Request(f"{api}{path}", method=method, headers=headers)
    request.data = None if body is None else json.dumps(body).encode()
    request.add_header("Content-Type", "application/json")
    try:
        answer = urllib.request.urlopen(request, timeout=90)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    with answer:
        return answer.status, answer.headers["Content-Type"], json.loads(answer.read())


def invoke(function, event):
    answer = boto3.client("lambda").invoke(
        FunctionName=f"tillstream-prod{function}", Payload=json.dumps(event)
    )
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def begin_anew(function):
    """The next call finds the function as cold as after a deployment."""
    boto3.client("lambda").update_function_configuration(
        FunctionName=f"tillstream-prod{function}", Description=str(time.time_ns())
    )


def batch(*products):
    """What Lambda's mapping hands over when these products were created."""
    now = int(time.time() * 1000)
    records = []
    for at, product in enumerate(products):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now / 1000))
        data = {"brand": "Kiln", "name": product, "description": "-", "category": "mugs"}
        envelope = Envelope(
            id=f"e-{product}",
            source="urn:tillstream:system",
            type="tillstream.product.created.v1",
            subject=f"product/{product}",
            time=stamp,
            stream=STREAM,
            actor="mia",
            data=data,
        )
        records.append(_record(envelope, now, 10**29 + at))
    return batches.invocation(Shard(STREAM, "shardId-000000000000"), records)


def _record(envelope, arrival, sequence):
    return {
        "SequenceNumber": str(sequence),
        "PartitionKey": envelope.subject,
        "Data": seal(envelope, SigningKey(SYSTEM_KEY)).encode(),
        "ApproximateArrivalTimestamp": datetime.fromtimestamp(arrival / 1000, UTC),
    }


def test_the_stack_is_called_and_made_as_the_design_has_it(api):
    assert outputs("tillstream-prod")["APIHandlerName"] == "tillstream-prod"
    names = {each["FunctionName"] for each in boto3.client("lambda").list_functions()["Functions"]}
    endings = ("", "-authorize", "-project", "-work", "-sweep")
    assert names == {f"tillstream-prod{ending}" for ending in endings}
    stream = boto3.client("kinesis").describe_stream_summary(StreamName=STREAM)
    assert stream["StreamDescriptionSummary"]["RetentionPeriodHours"] == 168
    table = boto3.client("dynamodb").describe_table(TableName=TABLE)["Table"]
    assert {each["IndexName"] for each in table["GlobalSecondaryIndexes"]} == {"listing", "ranking"}
    s3 = boto3.client("s3")
    assert s3.get_bucket_versioning(Bucket=ARCHIVE)["Status"] == "Enabled"
    vault = ARCHIVE.replace("archive", "vault")
    assert "Status" not in s3.get_bucket_versioning(Bucket=vault)


def test_the_mapping_begins_at_the_oldest_record(api):
    mapping = stack.mapping("project")
    assert mapping["BatchSize"] == 1000
    assert mapping["StartingPosition"] == "TRIM_HORIZON"


def test_health_and_lists_answer_as_they_do_locally(api):
    assert call(api, "GET", "/health") == (200, "application/json", {"status": "ok"})
    for path in ("/categories", "/contributions", "/scores?role=creator"):
        status, kind, said = call(api, "GET", path)
        assert (status, kind) == (200, "application/json")
        assert said["items"] == []
        assert said["next"] is None


@pytest.mark.parametrize("path", ["/", "/web/page.js", "/web/page.css", "/web/cup.svg"])
def test_the_pages_files_are_in_the_package_and_come_with_their_policy(api, path):
    known = web.files()[path.rpartition("/")[2] or web.PAGE]
    with urllib.request.urlopen(f"{api}{path}", timeout=90) as answer:
        assert answer.read().decode() == known.text
        for name, value in web.HEADERS.items():
            assert re.sub(r"(connect-src 'self') http[^; ]+", r"\1", answer.headers[name]) == value


def test_an_issuer_that_cannot_be_asked_is_503_and_no_fault_of_the_client(api, issuer):
    begin_anew("-authorize")
    issuer.bent[JWKS] = (500, {}, b"")
    status, kind, said = call(
        api, "POST", "/products", {}, Authorization=f"Bearer {issuer.token()}"
    )
    del issuer.bent[JWKS]
    begin_anew("-authorize")
    assert (status, kind) == (503, "application/problem+json")
    assert (said["status"], said["type"]) == (503, "/problems/unavailable")


def test_who_sends_no_token_is_refused_before_the_shop_is_asked(api):
    status, kind, said = call(api, "POST", "/products", {})
    assert (status, kind) == (401, "application/problem+json")
    assert (said["status"], said["type"]) == (401, "/problems/unauthenticated")


@pytest.mark.parametrize("token", ["x.y.z", "over", "of another issuer"])
def test_a_token_that_does_not_hold_is_401_too_and_says_how_to_come_again(api, issuer, token):
    known = {"over": {"exp": 1}, "of another issuer": {"iss": "https://issuer.example"}}
    token = issuer.token(**known[token]) if token in known else token
    request = urllib.request.Request(f"{api}/products", method="POST", data=b"{}")
    request.add_header("Authorization", f"Bearer {token}")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=90)
    answer = refusal.value
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert json.loads(answer.read())["type"] == "/problems/unauthenticated"


def test_a_token_of_the_issuer_opens_what_its_roles_may_and_nothing_else(api, issuer):
    merchant = {"Authorization": f"Bearer {issuer.token(roles=['merchant'])}"}
    status, kind, said = call(api, "POST", "/products", {}, **merchant)
    assert (status, kind) == (422, "application/problem+json")
    assert {each["field"] for each in said["errors"]} >= {"brand", "name"}
    for token in (merchant, {"Authorization": f"Bearer {issuer.token(roles=[])}"}):
        status, kind, said = call(api, "POST", "/products/mug/views", {}, **token)
        assert (status, kind) == (403, "application/problem+json")
        assert said["type"] == "/problems/forbidden"


def test_nobody_opens_a_session_in_a_packaged_stage(api):
    status, kind, said = call(api, "POST", "/sessions", {"name": "Eve", "roles": ["admin"]})
    assert (status, kind) == (404, "application/problem+json")
    assert said["type"] == "/problems/not-found"


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("DELETE", "/products")])
def test_what_is_no_route_is_404(api, method, path):
    status, kind, said = call(api, method, path)
    assert (status, kind) == (404, "application/problem+json")
    assert said["detail"] == "there is no such route"


def test_a_bad_argument_is_named_through_the_api_too(api):
    status, kind, said = call(api, "GET", "/products?limit=many")
    assert (status, kind) == (400, "application/problem+json")
    assert said["errors"][0]["field"] == "limit"


def test_the_deployed_consumer_folds_a_batch_and_the_deployed_api_shows_it(api):
    event = batch("mug", "cup")
    event["Records"].append(event["Records"][0] | {"eventID": "shardId-000000000000:" + "9" * 30})
    forged = event["Records"][2]["kinesis"] = dict(event["Records"][0]["kinesis"])
    forged |= {"sequenceNumber": "9" * 30, "data": "Zm9yZ2Vk"}
    assert invoke("-project", event) == (None, None)
    table = boto3.client("dynamodb").scan(TableName=TABLE)["Items"]
    kept = {item["pk"]["S"].partition("/")[0] for item in table}
    assert {"checkpoint", "subject@2", "catalog@1"} <= kept
    segments = boto3.client("s3").list_objects_v2(Bucket=ARCHIVE, Prefix="segments/")["Contents"]
    assert len(segments) == 1
    status, _, said = call(api, "GET", "/products")
    assert status == 200
    assert {item["name"] for item in said["items"]} == {"mug", "cup"}
    assert call(api, "GET", "/health")[2] == {"status": "ok"}


def test_the_deployed_sweep_fills_an_emptied_table(api):
    dynamodb = boto3.client("dynamodb")
    before = call(api, "GET", "/products/mug")
    for item in dynamodb.scan(TableName=TABLE)["Items"]:
        dynamodb.delete_item(TableName=TABLE, Key={name: item[name] for name in ("pk", "sk")})
    assert invoke("-sweep", batches.scheduled()) == (None, None)
    assert call(api, "GET", "/products/mug") == before
    assert before[2]["name"] == "mug"


def test_deploying_the_same_again_changes_nothing(api, packaged, issuer):
    said = outputs("tillstream-prod")
    assert stack.deployed(packaged, issuer) == said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TrustRoot", None),
        ("TrustRoot", "the-x-of-the-root-key"),
        ("OidcIssuer", None),
        ("OidcIssuer", ""),
        ("OidcIssuer", "http://issuer.example"),
        ("OidcIssuer", "issuer.example"),
        ("OidcAudience", None),
        ("OidcAudience", ""),
    ],
)
def test_a_stack_that_is_not_told_whom_to_believe_is_not_begun(packaged, name, value):
    given = {
        "TrustRoot": "x" * 43,
        "OidcIssuer": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc",
        "OidcAudience": "a-client",
    }
    asked = packaged.template["Parameters"]
    check(asked, given)
    given = {k: v for k, v in (given | {name: value}).items() if v is not None}
    with pytest.raises(DeployError, match=name):
        check(asked, given)
