"""Where keys and the trust document are kept: SSM and S3 in process, and files."""

import json

import boto3
import pytest
from moto import mock_aws
from signing_cases import CLOCK, JWK, KEY, PARTNER, ROOT, STRANGER, a_document

from chalicelib import config
from chalicelib.errors import CloudFailure, Malformed
from chalicelib.signing import Trust, keys

BUCKET = "tillstream-test-archive"


@pytest.fixture
def clock(monkeypatch):
    """A clock of seconds that stands still until it is moved."""
    now = [1_000.0]
    monkeypatch.setattr(keys.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def shop(monkeypatch, clock):
    """An archive bucket and a secret store, empty."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name, value in {
        "STAGE": "test",
        "STREAM": "tillstream-test-1",
        "TABLE": "t",
        "ARCHIVE_BUCKET": BUCKET,
        "VAULT_BUCKET": "v",
        "WORK_QUEUE": "w",
        "COURIER_QUEUE": "c",
        "PRODUCER_KEY": "/tillstream/test/producer",
        "TRUST_ROOT": ROOT.public.x,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    config.forget()
    keys.forget()
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        yield s3
    config.forget()
    keys.forget()


def publish(s3, version, root=ROOT, *, name=None):
    blob = Trust.sign(a_document() | {"version": version}, root)
    s3.put_object(Bucket=BUCKET, Key=name or f"trust/{version}.json", Body=blob)


def calls(s3_name):
    """How often the client asks S3 for an operation."""
    asked = []
    config.client("s3").meta.events.register(
        f"before-call.s3.{s3_name}", lambda **_: asked.append(s3_name)
    )
    return asked


def test_the_producer_key_is_read_from_the_secret_store_once(shop):
    ssm = boto3.client("ssm")
    secret = json.dumps(JWK)
    ssm.put_parameter(Name="/tillstream/test/producer", Value=secret, Type="SecureString")
    assert keys.producer().kid == KEY.kid
    ssm.delete_parameter(Name="/tillstream/test/producer")
    assert keys.producer() is keys.producer()


def test_without_a_producer_key_the_cloud_has_failed(shop):
    with pytest.raises(CloudFailure):
        keys.producer()


@pytest.mark.parametrize("secret", ["{}", "[]", "not json", "kms:something"])
def test_a_secret_that_is_no_key_is_the_clouds_failure_too(shop, secret):
    boto3.client("ssm").put_parameter(
        Name="/tillstream/test/producer", Value=secret, Type="SecureString"
    )
    with pytest.raises(CloudFailure):
        keys.producer()


def test_the_highest_version_is_the_one_believed(shop):
    for version in [9, 10, 2]:
        publish(shop, version)
    shop.put_object(Bucket=BUCKET, Key="trust/99.json.bak", Body=b"x")
    shop.put_object(Bucket=BUCKET, Key="trust/099.json", Body=b"x")
    assert keys.trust().version == 10
    assert keys.trust().key(PARTNER.kid, CLOCK).kid == PARTNER.kid


def test_versions_beyond_one_page_are_seen(shop):
    for version in range(1, 8):
        publish(shop, version)
    config.client("s3").meta.events.register(
        "before-parameter-build.s3.ListObjectsV2", lambda params, **_: params.update(MaxKeys=2)
    )
    asked = calls("ListObjectsV2")
    assert keys.trust().version == 7
    assert len(asked) == 4


def test_the_document_is_read_again_after_five_minutes(shop, clock):
    publish(shop, 1)
    assert keys.trust().version == 1
    publish(shop, 2)
    clock[0] += 299
    assert keys.trust().version == 1
    clock[0] += 1
    assert keys.trust().version == 2


def test_an_unknown_key_reloads_at_most_every_ten_seconds(shop, clock):
    publish(shop, 1)
    keys.trust()
    publish(shop, 2)
    clock[0] += 9
    assert keys.trust(reload=True).version == 1
    clock[0] += 1
    asked = calls("ListObjectsV2")
    for _ in range(50):
        assert keys.trust(reload=True).version == 2
    assert len(asked) == 1


def test_a_document_already_held_is_not_fetched_again(shop, clock):
    publish(shop, 1)
    held = keys.trust()
    asked = calls("GetObject")
    clock[0] += 10
    assert keys.trust(reload=True) is held
    assert not asked


def test_a_process_never_goes_back_to_a_lower_version(shop, clock):
    publish(shop, 1)
    publish(shop, 2)
    assert keys.trust().version == 2
    shop.delete_object(Bucket=BUCKET, Key="trust/2.json")
    clock[0] += 1_000
    assert keys.trust().version == 2


def test_an_older_document_under_a_newer_name_is_refused(shop, clock):
    publish(shop, 1)
    keys.trust()
    publish(shop, 1, name="trust/2.json")
    clock[0] += 10
    with pytest.raises(CloudFailure):
        keys.trust(reload=True)


@pytest.mark.parametrize("publisher", [STRANGER, None])
def test_a_document_that_cannot_be_believed_stops_the_batch_and_blames_no_record(shop, publisher):
    if publisher:
        publish(shop, 1, publisher)
    else:
        shop.put_object(Bucket=BUCKET, Key="trust/1.json", Body=b"x")
    with pytest.raises(CloudFailure):
        keys.trust()


def test_without_a_document_or_a_bucket_the_cloud_has_failed(shop):
    with pytest.raises(CloudFailure, match="has no trust document"):
        keys.trust()
    shop.delete_bucket(Bucket=BUCKET)
    with pytest.raises(CloudFailure):
        keys.trust()


def test_a_new_key_is_a_private_jwk_like_no_other():
    first, second = keys.new_key(), keys.new_key()
    assert first.keys() == {"kty", "crv", "x", "d", "kid"}
    assert first["d"] != second["d"]


def test_a_key_file_is_its_owners_alone_and_reads_back(tmp_path):
    path = tmp_path / "root.jwk"
    written = keys.write_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.read_key_file(path).kid == written.kid


def test_a_key_file_is_never_overwritten(tmp_path):
    path = tmp_path / "root.jwk"
    written = keys.write_key_file(path)
    with pytest.raises(FileExistsError):
        keys.write_key_file(path)
    assert keys.read_key_file(path).kid == written.kid


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666])
def test_a_key_file_that_others_may_reach_is_not_read(tmp_path, mode):
    path = tmp_path / "root.jwk"
    keys.write_key_file(path)
    path.chmod(mode)
    with pytest.raises(PermissionError):
        keys.read_key_file(path)


def test_a_link_is_no_key_file(tmp_path):
    path, link = tmp_path / "root.jwk", tmp_path / "link.jwk"
    keys.write_key_file(path)
    link.symlink_to(path)
    with pytest.raises(OSError, match="symbolic"):
        keys.read_key_file(link)
    dangling = tmp_path / "dangling.jwk"
    dangling.symlink_to(tmp_path / "nothing")
    with pytest.raises(FileExistsError):
        keys.write_key_file(dangling)


def test_a_file_without_a_key_is_refused(tmp_path):
    path = tmp_path / "root.jwk"
    path.write_text("{}")
    path.chmod(0o600)
    with pytest.raises(Malformed):
        keys.read_key_file(path)
