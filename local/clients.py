"""The app's boto3 clients, made before there are threads.

A client is safe in many threads, making one is not (boto3's default session is shared): two first
requests at once could fail. Lambda has one request at a time and does not need this.
"""

from __future__ import annotations

from chalicelib import config

USED = ("kinesis", "dynamodb", "s3", "ssm")


def make() -> None:
    """All that the app asks for; whoever asks later gets these."""
    for service in USED:
        config.client(service)
