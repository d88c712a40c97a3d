"""The settings, read from the environment once, typed and frozen; and the AWS clients they give.

Chalice puts stage-level variables into the environment before it imports the app, so nothing here
is read at import: the first caller reads, and everyone sees the same.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any

from chalicelib.errors import CloudFailure

MEDIA_HOSTS = "api.twilio.com,mms.twiliocdn.com,media.twiliocdn.com"

_making = Lock()


@dataclass(frozen=True, slots=True)
class Settings:
    """What a stage is made of. Names are literal per stage."""

    stage: str
    stream: str
    table: str
    archive_bucket: str
    vault_bucket: str
    producer_key: str
    trust_root: str
    identity: str
    notary_key: str = ""
    oidc_issuer: str = ""
    oidc_audience: str = ""
    work_queue: str = ""
    courier_queue: str = ""
    mail_from: str = ""
    maker_mail: str = ""
    payments: str = ""  # stripe, sandbox, or nobody takes cards
    sandbox_url: str = ""
    stripe_key: str = ""  # the names of SecureStrings in SSM, as producer_key is
    stripe_webhook: str = ""
    stripe_url: str = ""  # where Stripe is, if not where it says
    upload_bucket: str = ""  # where photographers send pictures to; they are gone after a day
    card_wait_s: int = 1800  # how long a declined card's order waits for another
    photo_wait_s: int = 600  # how long a photographer has for a picture
    photo_stay_s: int = 7200  # how long one who registers is asked for pictures, at most
    photo_assignments: int = 3  # and how often
    public_url: str = ""  # where the shop is seen from outside
    twilio_token: str = ""  # a SecureString's name; without one no picture messages are taken
    media_hosts: str = MEDIA_HOSTS  # that pictures of messages may be fetched from


@cache
def settings() -> Settings:
    """The settings of this process.

    Raises KeyError naming the variable that is missing.
    """
    env = os.environ
    return Settings(
        stage=env["STAGE"],
        stream=env["STREAM"],
        table=env["TABLE"],
        archive_bucket=env["ARCHIVE_BUCKET"],
        vault_bucket=env["VAULT_BUCKET"],
        producer_key=env["PRODUCER_KEY"],
        trust_root=env["TRUST_ROOT"],
        identity=env.get("IDENTITY", ""),
        notary_key=env.get("NOTARY_KEY", ""),
        oidc_issuer=env.get("OIDC_ISSUER", ""),
        oidc_audience=env.get("OIDC_AUDIENCE", ""),
        work_queue=env["WORK_QUEUE"],
        courier_queue=env["COURIER_QUEUE"],
        mail_from=env.get("MAIL_FROM", ""),
        maker_mail=env.get("MAKER_MAIL", ""),
        payments=env.get("PAYMENTS", ""),
        sandbox_url=env.get("SANDBOX_URL", ""),
        stripe_key=env.get("STRIPE_KEY", ""),
        stripe_webhook=env.get("STRIPE_WEBHOOK", ""),
        stripe_url=env.get("STRIPE_URL", ""),
        card_wait_s=int(env.get("CARD_WAIT_S", "1800")),
        **_desk(env),
    )


def _desk(env: Mapping[str, str]) -> dict[str, Any]:
    """The settings of the photo desk."""
    return {
        "upload_bucket": env.get("UPLOAD_BUCKET", ""),
        "photo_wait_s": int(env.get("PHOTO_WAIT_S", "600")),
        "photo_stay_s": int(env.get("PHOTO_STAY_S", "7200")),
        "photo_assignments": int(env.get("PHOTO_ASSIGNMENTS", "3")),
        "public_url": env.get("PUBLIC_URL", ""),
        "twilio_token": env.get("TWILIO_TOKEN", ""),
        "media_hosts": env.get("MEDIA_HOSTS", MEDIA_HOSTS),
    }


def client(service: str) -> Any:
    """One thread-safe low-level client per service and process, made when first asked for.

    A client may be used by many threads, but not made by two at once: boto3's session is shared.

    Retries are boto3's standard mode (3 attempts); the read time-out is short enough that a
    stuck call ends inside a Lambda's life. botocore honours AWS_ENDPOINT_URL[_SERVICE].
    """
    with _making:
        return _client(service)


@cache
def _client(service: str) -> Any:
    import boto3  # noqa: PLC0415  (100 ms of a cold start; a pure test needs none of it)
    from botocore.config import Config  # noqa: PLC0415

    return boto3.client(
        service,
        config=Config(
            retries={"mode": "standard", "total_max_attempts": 3},
            connect_timeout=2,
            read_timeout=10,
            max_pool_connections=64,
            tcp_keepalive=True,
            user_agent="tillstream",  # botocore builds its own anew for each call: an eighth of it
            parameter_validation=False,  # a tenth of a batch's time; store.py checks its rows
            s3={"addressing_style": "path"},
        ),
    )


def parameter(name: str) -> str:
    """What SSM keeps as a SecureString under this name. Raises CloudFailure."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  (as boto3, above)

    try:
        answer = client("ssm").get_parameter(Name=name, WithDecryption=True)
    except (BotoCoreError, ClientError) as error:
        raise CloudFailure(f"no parameter {name}: {error}") from error
    found: str = answer["Parameter"]["Value"]
    return found


def forget() -> None:
    """Read the environment anew, with new clients: for tests that run several shops in turn."""
    settings.cache_clear()
    _client.cache_clear()
