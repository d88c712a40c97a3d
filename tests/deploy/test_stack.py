"""The packaged stage as a stack in MiniStack: its API and its consumer do what the shop does here.

MiniStack passes over the gateway responses that stand in an API's document, so they are put into
the deployed API as they stand in the packaged template. Bodies are compared, never a status alone.
"""

import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime

import boto3
import pytest

from chalicelib.events import Envelope, Shard
from chalicelib.signing import keys, seal
from chalicelib.signing.jws import SigningKey
from chalicelib.signing.trust import Trust, system_trust
from local import batches
from ops.deploy import deploy, outputs

ROOT_KEY, SYSTEM_KEY = keys.new_key(), keys.new_key()
STREAM, TABLE = "tillstream-prod-1", "tillstream-prod-views"
ARCHIVE = "tillstream-prod-archive-000000000000"


@pytest.fixture(scope="module")
def api(ministack, packaged):
    """The stack with its keys in place and its mapping off; the API's address."""
    said = deploy("prod", packaged, "deployments", TrustRoot=ROOT_KEY["x"])
    functions = boto3.client("lambda")
    (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    boto3.client("ssm").put_parameter(
        Name="/tillstream/prod/producer-key", Value=json.dumps(SYSTEM_KEY), Type="SecureString"
    )
    believed = system_trust(SigningKey(SYSTEM_KEY).public.jwk)
    document = Trust.sign(believed, SigningKey(ROOT_KEY))
    boto3.client("s3").put_object(Bucket=ARCHIVE, Key="trust/1.json", Body=document)
    _put_gateway_responses(said["RestAPIId"], packaged.template)
    return f"{ministack}/restapis/{said['RestAPIId']}/api/_user_request_"


def _put_gateway_responses(api, template):
    gateway = boto3.client("apigateway")
    for kind, given in template["Resources"]["RestAPI"]["Properties"]["GatewayResponses"].items():
        headers = given["ResponseParameters"]["Headers"]
        gateway.put_gateway_response(
            restApiId=api,
            responseType=kind,
            statusCode=given["StatusCode"],
            responseParameters={f"gatewayresponse.header.{k}": v for k, v in headers.items()},
            responseTemplates=given["ResponseTemplates"],
        )
    gateway.create_deployment(restApiId=api, stageName="api")


def call(api, method, path, body=None, **headers):
    request = urllib.request.Request(f"{api}{path}", method=method, headers=headers)
    request.data = None if body is None else json.dumps(body).encode()
    request.add_header("Content-Type", "application/json")
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    with answer:
        return answer.status, answer.headers["Content-Type"], json.loads(answer.read())


def invoke(function, event):
    answer = boto3.client("lambda").invoke(
        FunctionName=f"tillstream-prod{function}", Payload=json.dumps(event)
    )
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


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
    endings = ("", "-authorize", "-project", "-sweep")
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
    (mapping,) = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mapping["BatchSize"] == 1000
    assert mapping["StartingPosition"] == "TRIM_HORIZON"


def test_health_and_lists_answer_as_they_do_locally(api):
    assert call(api, "GET", "/health") == (200, "application/json", {"status": "ok"})
    for path in ("/categories", "/contributions", "/scores?role=creator"):
        status, kind, said = call(api, "GET", path)
        assert (status, kind) == (200, "application/json")
        assert said["items"] == []
        assert said["next"] is None


def test_who_sends_no_token_is_refused_before_the_shop_is_asked(api):
    status, kind, said = call(api, "POST", "/products", {})
    assert (status, kind) == (401, "application/problem+json")
    assert (said["status"], said["type"]) == (401, "/problems/unauthenticated")


def test_a_token_that_nobody_issued_opens_nothing(api):
    status, kind, said = call(api, "POST", "/products", {}, Authorization="Bearer x.y.z")
    assert (status, kind) == (403, "application/problem+json")
    assert (said["status"], said["type"]) == (403, "/problems/forbidden")


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
    assert {"checkpoint", "subject@1", "catalog@1"} <= kept
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


def test_deploying_the_same_again_changes_nothing(api, packaged):
    said = outputs("tillstream-prod")
    assert deploy("prod", packaged, "deployments", TrustRoot=ROOT_KEY["x"]) == said
