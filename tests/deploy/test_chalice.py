"""Chalice's own commands, as they come: `chalice deploy` into MiniStack, `chalice local` on a shop.

MiniStack ignores the document that `chalice deploy` imports, so its API has no routes: what is
shown of it is functions, roles and mapping. Routes are shown in test_stack.py.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from unittest import mock
from urllib.parse import unquote

import boto3
import pytest
from commands import ROOT, apart, chalice

import local.cloud
from local import provision
from ops.package import CHALICE

FUNCTIONS = {
    "tillstream-dev": "policy-api.json",
    "tillstream-dev-authorize": "policy-authorize.json",
    "tillstream-dev-project": "policy-project.json",
    "tillstream-dev-work": "policy-work.json",
    "tillstream-dev-sweep": "policy-sweep.json",
}


@pytest.fixture(scope="module")
def deployed(ministack, project):
    """The functions of `dev`; its stream and table were there before."""
    boto3.client("kinesis").create_stream(StreamName="tillstream-dev-1", ShardCount=1)
    boto3.client("dynamodb").create_table(TableName="tillstream-dev-views", **provision.TABLE)
    boto3.client("sqs").create_queue(QueueName="tillstream-dev-work")
    for kind in ("archive", "vault"):
        boto3.client("s3").create_bucket(
            Bucket=f"tillstream-dev-{kind}",
            CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        )
    return chalice(project, "deploy", "--stage", "dev", AWS_ENDPOINT_URL=ministack)


def test_chalice_deploy_makes_each_function_with_the_policy_of_its_file(deployed):
    assert "Resources deployed" in deployed
    found = {f["FunctionName"]: f for f in boto3.client("lambda").list_functions()["Functions"]}
    assert found.keys() == FUNCTIONS.keys()
    iam = boto3.client("iam")
    for name, function in found.items():
        role = function["Role"].rpartition("/")[2]
        (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
        given = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        given = json.loads(unquote(given)) if isinstance(given, str) else given
        assert given == json.loads((ROOT / ".chalice" / FUNCTIONS[name]).read_text())
        assert function["Environment"]["Variables"]["STREAM"] == "tillstream-dev-1"


def mapping_of(function):
    mappings = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    (found,) = [each for each in mappings if each["FunctionArn"].endswith(f":{function}")]
    return found


def test_chalice_deploy_maps_the_queue_to_the_worker(deployed):
    mapping = mapping_of("tillstream-dev-work")
    assert mapping["EventSourceArn"].endswith(":tillstream-dev-work")
    assert mapping["BatchSize"] == 1


def test_chalice_deploy_maps_the_stream_to_the_consumer(deployed):
    mapping = mapping_of("tillstream-dev-project")
    assert mapping["EventSourceArn"].endswith(":stream/tillstream-dev-1")
    assert mapping["BatchSize"] == 1000


def test_a_deployed_function_runs(deployed):
    event = {
        "httpMethod": "GET",
        "resource": "/health",
        "headers": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": None,
        "requestContext": {"httpMethod": "GET", "resourcePath": "/health"},
    }
    answer = boto3.client("lambda").invoke(FunctionName="tillstream-dev", Payload=json.dumps(event))
    said = json.loads(answer["Payload"].read())
    assert json.loads(said["body"]) == {"status": "ok"}


@pytest.fixture
def plain(cloud):
    """`chalice local --stage local` in a shell that `ops env` brought into a shop; its port."""
    names = local.cloud.Names()
    with mock.patch.dict(os.environ):
        local.cloud.enter(cloud.state, names)
        provision.provision(names, cloud.state, local.cloud.SHARDS)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = f"--stage local --port {port} --no-autoreload"
    shell = f'eval "$("$0" -m ops env)"; exec "$0" -c "$1" local {options}'
    process = subprocess.Popen(
        ["bash", "-euc", shell, sys.executable, CHALICE],
        cwd=ROOT,
        env=apart(PYTHONDONTWRITEBYTECODE="1", STATE=str(cloud.state)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield port
    process.send_signal(signal.SIGTERM)
    process.wait(10)


def call(port, method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    text = None if body is None else json.dumps(body)
    with contextlib.closing(connection):
        connection.request(method, path, text, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def patiently(port, *args):
    end = time.monotonic() + 20
    while True:
        try:
            return call(port, *args)
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_plain_chalice_local_serves_the_routes_of_a_shop(plain):
    assert patiently(plain, "GET", "/health") == (200, {"status": "ok"})
    status, said = call(plain, "POST", "/sessions", {"name": "Mia", "roles": ["merchant"]})
    assert status == 200
    product = {"brand": "Kiln", "name": "Mug", "description": "-", "category": "mugs"}
    token = {"Authorization": f"Bearer {said['token']}"}
    status, said = call(plain, "POST", "/products", product | {"id": "mug"}, **token)
    assert (status, said["subject"]) == (202, "product/mug")
    assert said["position"].startswith("tillstream-local-1/")
    assert call(plain, "POST", "/products", product)[0] == 401
