"""What tests share: a cloud of their own, and in it a fresh shop for each test that asks."""

import itertools
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings

import local.cloud
from chalicelib import config, register
from chalicelib.signing import keys
from local import provision

_numbers = itertools.count(1)

# How long an example takes says something of the machine, and nothing of the code.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    """MiniStack and Kinesis, for the whole run; nothing is in them yet."""
    running = local.cloud.Cloud(tmp_path_factory.mktemp("state"))
    running.start()
    yield running
    running.stop()


@contextmanager
def _in_new_shop(cloud):
    names = local.cloud.Names(stage=f"t{next(_numbers)}")
    with mock.patch.dict(os.environ):
        local.cloud.enter(cloud.state, names)
        provision.provision(names, cloud.state, local.cloud.SHARDS)
        yield names
    config.settings.cache_clear()
    keys.forget()
    register.forget()


@pytest.fixture
def shop(cloud):
    """The names of a new, empty shop (stream, table, buckets, keys); the environment says so too.

    Clients are kept from test to test: what differs is names.
    """
    with _in_new_shop(cloud) as names:
        yield names


@pytest.fixture(scope="module")
def shared_shop(cloud):
    """The same for all tests of a module: each leaves it as it was."""
    with _in_new_shop(cloud) as names:
        yield names


@pytest.fixture(scope="session")
def like_stripe():
    """Where localstripe is, for the whole run: a process that is ended by its own number."""
    script = Path(__file__).parent / "payments" / "like_stripe.py"
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE) as running:
        try:
            yield json.loads(running.stdout.readline())["url"]
        finally:
            running.terminate()


def pytest_sessionfinish(session, exitstatus):
    """In CI a test that was skipped did not pass."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and exitstatus == pytest.ExitCode.OK and reporter.stats.get("skipped"):
        reporter.write_line("CI: a test was skipped", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
