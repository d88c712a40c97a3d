"""A packaged stage, and a MiniStack of its own to deploy into; each made once a run."""

import os
import shutil
import subprocess
import sys
from unittest import mock

import boto3
import pytest
from commands import REGION, ROOT, apart
from oidc import issuing

from local.part import Part
from ops.package import Package


@pytest.fixture(scope="session")
def packaged(tmp_path_factory):
    """The stage `prod` as `make package STAGE=prod` makes it, and what that said."""
    out = tmp_path_factory.mktemp("packaged")
    done = subprocess.run(
        [sys.executable, "-m", "ops.package", "prod", str(out)],
        cwd=ROOT,
        env=apart(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    return Package(out)


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A copy of what Chalice looks at, so that it leaves nothing in the tree."""
    copy = tmp_path_factory.mktemp("project")
    for name in ("app.py", "requirements.txt"):
        shutil.copy(ROOT / name, copy)
    (copy / ".chalice").mkdir()
    for path in (ROOT / ".chalice").glob("*.json"):
        shutil.copy(path, copy / ".chalice")
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "chalicelib", copy / "chalicelib", ignore=leave)
    return copy


@pytest.fixture(scope="module")
def ministack(tmp_path_factory):
    """A MiniStack with its own state on a free port; boto3's clients in this process are its."""
    state = tmp_path_factory.mktemp("ministack")
    around = apart(STATE=str(state), TMPDIR=str(state))  # functions are unpacked in TMPDIR
    part = Part("ministack", "local.emulator", ["--data", str(state / "s3")], around)
    url = part.start()
    with mock.patch.dict(os.environ, apart(AWS_ENDPOINT_URL=url), clear=True):
        boto3.client("s3").create_bucket(
            Bucket="deployments", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield url
    part.stop()


@pytest.fixture(scope="module")
def issuer():
    """The issuer that the packaged stage believes."""
    with issuing() as found:
        yield found
