"""The commands that the tests run, each in an environment that names no other shop."""

import os
import subprocess
import sys
from pathlib import Path

from ops.package import CHALICE

ROOT = Path(__file__).parents[2]
REGION = "eu-central-1"
ACCESS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "no_proxy": "127.0.0.1",
}
# chalice waits seconds for IAM to spread over a region; MiniStack has nothing to spread.
HASTY = f"import time; pause = time.sleep; time.sleep = lambda s: pause(min(s, 0.01)); {CHALICE}"


def apart(**variables):
    """An environment with nothing of another shop, or of this machine's user, in it."""
    names = (
        "AWS_",
        "STAGE",
        "STREAM",
        "TABLE",
        "ARCHIVE_",
        "VAULT_",
        "WORK_",
        "COURIER_",
        "MAIL_",
        "MAKER_",
        "PAYMENTS",
        "SANDBOX_",
        "STRIPE_",
        "CARD_",
        "PRODUCER_",
        "TRUST_",
        "OIDC_",
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith((*names, "IDENTITY"))}
    return kept | ACCESS | variables


def chalice(project, *arguments, **variables):
    """What `chalice` said, once it is through."""
    done = subprocess.run(
        [sys.executable, "-c", HASTY, "--project-dir", str(project), *arguments],
        env=apart(PYTHONDONTWRITEBYTECODE="1", **variables),
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Could not install dependencies" not in said
    return said


def lint(path):
    """What cfn-lint says, and whether it is content."""
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "--regions", REGION, "--template", path],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
