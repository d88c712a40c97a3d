"""The reference: the same views kept the usual way, a read and a write per event and view.

This is what hello-retail's catalog.js and winner.js do, written anew against the same DynamoDB:
each event alone, each write conditional on `lastEvent < :e`, a score read, added to and written
back. It verifies no signature and archives nothing, so that what it is measured for is only this.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from bench import world
from chalicelib import config

if TYPE_CHECKING:
    from chalicelib.events import Envelope
    from local.cloud import Cloud

TABLES = {"catalog": "id", "categories": "category", "contributions": "id", "scores": "id"}


def events_per_s(running: Cloud, mix: world.Mix) -> tuple[float, float]:
    """Events a second, and DynamoDB requests an event."""
    names = world.open_shop(running)
    views = Views(f"{names.table}-reference")
    found = world.events(mix, names.stream)
    begun = time.perf_counter()
    for number, event in enumerate(found):
        views.fold(event, f"{number:056d}")
    return len(found) / (time.perf_counter() - begun), views.requests / len(found)


class Views:
    """Catalog, contributions and scores, a table each."""

    def __init__(self, prefix: str) -> None:
        self.client = config.client("dynamodb")
        self.prefix, self.requests = prefix, 0
        for table, key in TABLES.items():
            self.client.create_table(
                TableName=f"{prefix}-{table}",
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            )

    def fold(self, event: Envelope, position: str) -> None:
        """Every view's rows for one event."""
        product = event.subject.partition("/")[2]
        kind = event.type.split(".")[2]
        if kind == "purchased":
            owners = self._write("contributions", product, position, {"sold": position})
            for role in ("creator", "photographer"):
                self._add_sale(role, owners.get(role, "UNKNOWN"), position)
            return
        role = "creator" if kind == "created" else "photographer"
        self._write("catalog", product, position, {k: str(v) for k, v in event.data.items()})
        self._write("contributions", product, position, {role: event.actor})
        if kind == "created":
            self._write("categories", event.data["category"], position, {"seen": position})

    def _write(self, table: str, key: str, position: str, said: dict[str, str]) -> dict[str, str]:
        """The row as it was read, and then the event's own part of it, written if it is newer."""
        before = self._read(table, key)
        if before.get("lastEvent", "") < position:
            self._update(table, key, position, said)
        return before

    def _add_sale(self, role: str, person: str, position: str) -> None:
        key = f"{role}/{person}"
        score = int(self._read("scores", key).get("score", "0")) + 1
        self._update("scores", key, position, {"score": str(score)})

    def _read(self, table: str, key: str) -> dict[str, str]:
        self.requests += 1
        answer = self.client.get_item(
            TableName=f"{self.prefix}-{table}", Key={TABLES[table]: {"S": key}}, ConsistentRead=True
        )
        return {name: value["S"] for name, value in answer.get("Item", {}).items()}

    def _update(self, table: str, key: str, position: str, said: dict[str, str]) -> None:
        self.requests += 1
        names: dict[str, str] = {f"#{name}": name for name in said}
        values: dict[str, Any] = {f":{name}": {"S": value} for name, value in said.items()}
        sets = ", ".join(f"#{name} = :{name}" for name in said)
        try:
            self.client.update_item(
                TableName=f"{self.prefix}-{table}",
                Key={TABLES[table]: {"S": key}},
                UpdateExpression=f"SET #last = :last, {sets}",
                ConditionExpression="attribute_not_exists(#last) OR #last < :last",
                ExpressionAttributeNames=names | {"#last": "lastEvent"},
                ExpressionAttributeValues=values | {":last": {"S": position}},
            )
        except ClientError as refusal:
            if refusal.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
