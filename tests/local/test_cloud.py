"""The local cloud: isolated, on loopback only, idempotent, and durable where it must be."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

import local.cloud
from chalicelib import config
from chalicelib.signing import keys
from local import provision
from local.errors import LocalError


@pytest.fixture
def lone_cloud(tmp_path, monkeypatch):
    """A cloud that a test may stop, kill and start again."""
    for name, value in os.environ.items():
        monkeypatch.setenv(name, value)
    running = local.cloud.Cloud(tmp_path / "state")
    running.start()
    yield running
    running.stop()
    config.forget()


def test_a_shop_has_what_the_app_needs(shop):
    settings = config.settings()
    table = config.client("dynamodb").describe_table(TableName=settings.table)["Table"]
    shards = config.client("kinesis").list_shards(StreamName=settings.stream)["Shards"]
    versioning = config.client("s3").get_bucket_versioning(Bucket=settings.archive_bucket)
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == {
        "listing",
        "ranking",
    }
    assert len(shards) == 2
    assert versioning["Status"] == "Enabled"
    assert config.client("s3").list_objects_v2(Bucket=settings.vault_bucket)["KeyCount"] == 0


def test_the_trust_document_is_signed_by_the_root_and_names_the_producer(shop):
    assert keys.trust().key(keys.producer().kid, 0)


def test_what_one_test_writes_no_other_test_sees(shop, cloud):
    item = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    config.client("dynamodb").put_item(TableName=shop.table, Item=item)
    other = local.cloud.Names(stage=f"{shop.stage}x")
    local.cloud.enter(cloud.state, other)
    provision.provision(other, cloud.state, 2)
    answer = config.client("dynamodb").scan(TableName=config.settings().table)
    assert answer["Items"] == []


def test_provisioning_again_changes_nothing(shop, cloud):
    s3, item = config.client("s3"), {"pk": {"S": "a"}, "sk": {"S": "b"}}
    before = s3.get_object(Bucket=shop.archive_bucket, Key="trust/1.json")["Body"].read()
    config.client("dynamodb").put_item(TableName=shop.table, Item=item)
    provision.provision(shop, cloud.state, 2)
    after = s3.get_object(Bucket=shop.archive_bucket, Key="trust/1.json")["Body"].read()
    assert before == after
    assert config.client("dynamodb").scan(TableName=shop.table)["Count"] == 1


def test_an_emptied_table_has_no_row_and_its_indexes(shop):
    dynamodb = config.client("dynamodb")
    dynamodb.put_item(TableName=shop.table, Item={"pk": {"S": "a"}, "sk": {"S": "b"}})
    provision.empty_table(shop.table)
    assert dynamodb.scan(TableName=shop.table)["Count"] == 0
    assert dynamodb.scan(TableName=shop.table, IndexName="ranking")["Count"] == 0


def test_keys_are_for_their_owner_alone(shop, cloud):
    for name in ("root", "system"):
        assert stat.S_IMODE((cloud.state / "keys" / f"{name}.jwk").stat().st_mode) == 0o600
    assert stat.S_IMODE(cloud.state.stat().st_mode) == 0o700


def test_a_root_key_that_did_not_sign_the_archive_is_refused(lone_cloud):
    local.cloud.open_shop(lone_cloud.state)
    (lone_cloud.state / "keys" / "root.jwk").unlink()
    with pytest.raises(LocalError, match="root key did not sign"):
        local.cloud.open_shop(lone_cloud.state)


def test_objects_and_records_outlive_kill_9_and_the_address_stays(lone_cloud):
    local.cloud.open_shop(lone_cloud.state)
    s3, kinesis = config.client("s3"), config.client("kinesis")
    bucket, stream = config.settings().archive_bucket, config.settings().stream
    s3.put_object(Bucket=bucket, Key="segments/x", Body=b"kept", IfNoneMatch="*")
    put = kinesis.put_record(StreamName=stream, PartitionKey="k", Data=b"kept")
    for name in ("ministack", "kinesis"):
        lone_cloud.parts[name].kill()
        lone_cloud.restart(name)
    lone_cloud.restart("kinesis")
    assert lone_cloud.parts["kinesis"].arguments.count("--port") == 1
    local.cloud.open_shop(lone_cloud.state)
    assert s3.get_object(Bucket=bucket, Key="segments/x")["Body"].read() == b"kept"
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="segments/x", Body=b"forked", IfNoneMatch="*")
    assert _records(kinesis, stream, put["ShardId"]) == [b"kept"]


def test_a_lost_log_is_followed_by_a_stream_of_another_name(lone_cloud):
    local.cloud.open_shop(lone_cloud.state)
    config.client("s3").put_object(
        Bucket=config.settings().archive_bucket, Key="segments/tillstream-local-1/shard/x", Body=b""
    )
    config.client("kinesis").delete_stream(StreamName="tillstream-local-1")
    local.cloud.open_shop(lone_cloud.state)
    assert config.settings().stream == "tillstream-local-2"
    assert local.cloud.environment(lone_cloud.state)["STREAM"] == "tillstream-local-2"


def test_every_listener_is_on_loopback(cloud):
    ours = {part.process.pid for part in cloud.parts.values()}
    sockets = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout
    found = [line.split() for line in sockets.splitlines()]
    addresses = [words[3] for words in found if any(f"pid={pid}," in words[-1] for pid in ours)]
    assert len(addresses) == 3
    assert all(address.startswith("127.0.0.1:") for address in addresses)


def test_whoever_is_in_a_shop_cannot_reach_another_account(shop, cloud, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    local.cloud.enter(cloud.state, shop)
    config.forget()
    assert config.client("s3").list_buckets()["Buckets"]
    config.forget()


def test_when_the_parent_is_killed_the_parts_end(tmp_path):
    code = (
        "import local.cloud, pathlib, sys, time\n"
        "running = local.cloud.Cloud(pathlib.Path(sys.argv[1])); running.start()\n"
        "print(*(part.process.pid for part in running.parts.values()), flush=True)\n"
        "time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "state")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        pids = parent.stdout.readline().split()
        parent.kill()
    assert len(pids) == 3
    assert all(_is_gone(pid) for pid in pids)


def test_a_state_on_which_no_shop_was_started_is_named(tmp_path):
    with pytest.raises(LocalError, match="no shop was ever started"):
        local.cloud.environment(tmp_path)


def _records(kinesis, stream, shard):
    start = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    return [each["Data"] for each in kinesis.get_records(ShardIterator=start)["Records"]]


def _is_gone(pid, patience_s=8.0):
    end = time.monotonic() + patience_s
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.02)
    return not Path(f"/proc/{pid}").exists()
