"""Which shop an operator means, and that it is there.

An environment that names a whole shop (stream, table, buckets) is taken as it is: so ops work in
AWS too. Otherwise it is the shop that `make run` keeps on STATE.

Raises NoShopError with a sentence for whoever typed the verb.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import config
from local import claim, cloud
from local.errors import LocalError

NAMED = (
    "STAGE",
    "STREAM",
    "TABLE",
    "ARCHIVE_BUCKET",
    "VAULT_BUCKET",
    "UPLOAD_BUCKET",
    "WORK_QUEUE",
    "COURIER_QUEUE",
    "PRODUCER_KEY",
    "NOTARY_KEY",
    "TRUST_ROOT",
)


class NoShopError(Exception):
    """There is no shop where one was looked for."""


def enter() -> None:
    """From here on this process reads the shop that the operator means."""
    where = "the environment names"
    if not is_named():
        where = f"runs on {state()}"
        _enter_local(state())
    _check_is_there(where)


def is_named() -> bool:
    """Whether the environment names a whole shop."""
    return all(os.environ.get(name) for name in NAMED)


def lines() -> list[str]:
    """What a shell must be told to be in the shop on STATE, and out of any other AWS."""
    foreign = {name for name in os.environ if name.startswith("AWS_")}
    told = _enter_local(state())
    _check_is_there(f"runs on {state()}")
    unset = [f"unset {name}" for name in sorted(foreign - told.keys())]
    return unset + [f"export {name}={shlex.quote(value)}" for name, value in told.items()]


def state() -> Path:
    """The folder that STATE names."""
    return Path(os.environ.get("STATE") or "~/.local/state/tillstream").expanduser().absolute()


def _enter_local(state: Path) -> dict[str, str]:
    if not (state / "ports.json").exists():
        raise NoShopError(f"no shop was ever started on {state}: `make run`, or set STATE")
    try:
        claim.refuse_unfinished(state)
        environment = cloud.environment(state)
    except LocalError as reason:
        raise NoShopError(str(reason)) from None
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= environment
    config.forget()
    return environment


def _check_is_there(where: str) -> None:
    try:
        config.client("s3").head_bucket(Bucket=config.settings().archive_bucket)
    except (ClientError, BotoCoreError) as reason:
        raise NoShopError(f"no shop {where}, or it is not up ({reason})") from None
