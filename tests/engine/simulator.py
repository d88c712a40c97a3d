"""Four clouds in memory: the few calls of DynamoDB, S3, Kinesis and SQS that the engine makes.

A twin, not a stand-in: test_simulator.py makes the same calls here and over the wire and asks for
the same answers. What it adds is `around`: a hook before and after each call, where a scheduler
takes the turn away, a test raises, or a table is emptied.
"""

from __future__ import annotations

import hashlib
import io
import re
import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, Any]
Around = Callable[[str, str, str, dict[str, Any]], None]
MISSING = object()


def refusal(operation: str, code: str, status: int = 400, **more: Any) -> ClientError:
    """The exception that boto3 raises for this answer."""
    answer = {
        "Error": {"Code": code, "Message": code},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }
    return ClientError(answer, operation)


class Cloud:
    """The clients of one region, by service name, as `config.client` gives them."""

    def __init__(self, around: Around = lambda *_: None) -> None:
        self.around = around
        self.services = {"dynamodb": DynamoDB(), "s3": S3(), "kinesis": Kinesis(), "sqs": SQS()}

    def __getitem__(self, service: str) -> Any:
        return self.services[service]

    def client(self, service: str) -> Client:
        """What `config.client` is replaced by."""
        return Client(self, service)


class Client:
    """One service's client: each call is one step, with a hook before and after."""

    def __init__(self, cloud: Cloud, service: str) -> None:
        self._cloud, self._service = cloud, service

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            self._cloud.around("before", self._service, operation, request)
            service = self._cloud.services[self._service]
            with service.lock:
                answer = getattr(service, operation)(**request)
            self._cloud.around("after", self._service, operation, request)
            return answer

        return call


def _key(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


class DynamoDB:
    """Tables whose key is pk, sk, with an index `listing`; of queries only that index's."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tables: dict[str, dict[tuple[str, str], Item]] = {}

    def create(self, table: str) -> None:
        """A new, empty table."""
        self.tables[table] = {}

    def drop(self, table: str) -> None:
        """No table any more."""
        self.tables.pop(table, None)

    def _table(self, operation: str, name: str) -> dict[tuple[str, str], Item]:
        if name not in self.tables:
            raise refusal(operation, "ResourceNotFoundException")
        return self.tables[name]

    def get_item(self, TableName: str, Key: Item, ConsistentRead: bool) -> Any:
        assert ConsistentRead
        found = self._table("GetItem", TableName).get(_key(Key))
        return {"Item": dict(found)} if found else {}

    def batch_get_item(self, RequestItems: dict[str, Any]) -> Any:
        responses = {}
        for name, asked in RequestItems.items():
            keys = [_key(key) for key in asked["Keys"]]
            if not 0 < len(keys) <= 100 or len(set(keys)) < len(keys):
                raise refusal("BatchGetItem", "ValidationException")
            table = self._table("BatchGetItem", name)
            responses[name] = [dict(table[key]) for key in keys if key in table]
        return {"Responses": responses, "UnprocessedKeys": {}}

    def transact_get_items(self, TransactItems: list[Any]) -> Any:
        responses = []
        for entry in TransactItems:
            table = self._table("TransactGetItems", entry["Get"]["TableName"])
            found = table.get(_key(entry["Get"]["Key"]))
            responses.append({"Item": dict(found)} if found else {})
        return {"Responses": responses}

    def scan(self, TableName: str, ConsistentRead: bool) -> Any:
        assert ConsistentRead
        return {"Items": [dict(item) for item in self._table("Scan", TableName).values()]}

    def query(
        self,
        TableName: str,
        ExpressionAttributeValues: Item,
        Limit: int,
        IndexName: str | None = None,
        ExclusiveStartKey: Item | None = None,
        **_: Any,
    ) -> Any:
        """The rows of one list, or of one partition, in their order."""
        assert IndexName in (None, "listing")
        wanted, after = ExpressionAttributeValues[":h"], ExclusiveStartKey or {}
        items = [
            dict(item)
            for item in self._table("Query", TableName).values()
            if item.get(IndexName or "pk") == wanted and _place(item) > _place(after)
        ]
        items.sort(key=_place)
        answer: dict[str, Any] = {"Items": items[:Limit]}
        if len(items) >= Limit:
            names = ("pk", "sk", "listing", "listed")
            answer["LastEvaluatedKey"] = {name: items[Limit - 1][name] for name in names}
        return answer

    def transact_write_items(self, TransactItems: list[Any]) -> Any:
        operation = "TransactWriteItems"
        actions = [(kind, action) for entry in TransactItems for kind, action in entry.items()]
        table = self._table(operation, actions[0][1]["TableName"])
        keys = [
            _key(action["Item"] if kind == "Put" else action["Key"]) for kind, action in actions
        ]
        if len(actions) > 100 or len(set(keys)) < len(keys) or not all(map(_fits, actions)):
            raise refusal(operation, "ValidationException")
        if any(not (0 < len(pk) <= 2048 and 0 < len(sk) <= 1024) for pk, sk in keys):
            raise refusal(operation, "ValidationException")
        made = [
            (key, _outcome(table.get(key), kind, action))
            for key, (kind, action) in zip(keys, actions, strict=True)
        ]
        reasons = [{"Code": item if isinstance(item, str) else "None"} for _, item in made]
        if any(reason["Code"] != "None" for reason in reasons):
            raise refusal(operation, "TransactionCanceledException", CancellationReasons=reasons)
        for key, item in made:
            table.pop(key, None)
            if item is not None:
                table[key] = item
        return {}


def _place(item: Item) -> tuple[str, str, str]:
    """Where the item stands in its list."""
    if not item:
        return "", "", ""
    return item["listed"]["S"], item["pk"]["S"], item["sk"]["S"]


def _outcome(old: Item | None, kind: str, action: Item) -> Item | str | None:
    """The item after the action, None for none, or why the action is refused."""
    if not _holds(old, action):
        return "ConditionalCheckFailed"
    if kind == "Put":
        return action["Item"]
    if kind == "Delete":
        return None
    if kind == "ConditionCheck":
        return old
    item = _updated(dict(old or action["Key"]), action)
    return item if _sized(item) else "ValidationError"


def _fits(action: tuple[str, Item]) -> bool:
    """Whether what is sent is a possible item, whatever is there."""
    _, said = action
    return _sized(said.get("Item", {})) and _sized(said.get("ExpressionAttributeValues", {}))


def _sized(item: Item) -> bool:
    size = digits = 0
    for each in item.values():
        for kind, value in each.items():
            size += len(value)
            if kind == "N":
                digits = max(digits, len(value.lstrip("-")))
    return size <= 409_600 and digits <= 38


def _holds(item: Item | None, action: Item) -> bool:
    match action.get("ConditionExpression"):
        case None:
            return True
        case "attribute_not_exists(pk)":
            return item is None
        case "#token = :token":
            name = action["ExpressionAttributeNames"]["#token"]
            value = action["ExpressionAttributeValues"][":token"]
            return item is not None and item.get(name) == value
        case other:
            raise NotImplementedError(other)


def _updated(item: Item, action: Item) -> Item:
    names, values = action["ExpressionAttributeNames"], action["ExpressionAttributeValues"]
    add, _, sets = action["UpdateExpression"].partition("SET ")
    for name, value in re.findall(r"ADD (#\w+) (:\w+)", add):
        old = int(item.get(names[name], {"N": "0"})["N"])
        item[names[name]] = {"N": str(old + int(values[value]["N"]))}
    new = {}
    for assignment in filter(None, sets.split(", #")):
        name, _, value = assignment.removeprefix("#").partition(" = ")
        keep = value.startswith("if_not_exists(")
        place = ":" + value.rpartition(":")[2].rstrip(")")
        if not (keep and names[f"#{name}"] in item):
            new[names[f"#{name}"]] = values[place]
    return item | new


class S3:
    """Buckets of bytes under names."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.buckets: dict[str, dict[str, bytes]] = {}

    def put_object(
        self, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str = "", IfMatch: str = ""
    ) -> Any:
        bucket = self.buckets.setdefault(Bucket, {})
        if IfMatch and Key not in bucket:
            raise refusal("PutObject", "NoSuchKey", 404)
        if (IfNoneMatch and Key in bucket) or (IfMatch and IfMatch != _tag(bucket[Key])):
            raise refusal("PutObject", "PreconditionFailed", 412)
        bucket[Key] = Body
        return {}

    def get_object(self, Bucket: str, Key: str) -> Any:
        found = self.buckets.get(Bucket, {}).get(Key)
        if found is None:
            raise refusal("GetObject", "NoSuchKey", 404)
        return {"Body": io.BytesIO(found), "ETag": _tag(found)}

    def list_objects_v2(
        self,
        Bucket: str,
        Prefix: str = "",
        StartAfter: str = "",
        ContinuationToken: str = "",
        MaxKeys: int = 1000,
        Delimiter: str = "",
    ) -> Any:
        after = ContinuationToken or StartAfter
        names = self.buckets.get(Bucket, ())
        found: list[tuple[str, bool]] = []
        for name in sorted(n for n in names if n > after and n.startswith(Prefix)):
            head, cut, _ = name.removeprefix(Prefix).partition(Delimiter or "\0")
            entry = (Prefix + head + cut, True) if cut else (name, False)
            if entry not in found[-1:]:
                found.append(entry)
        page, more = found[:MaxKeys], len(found) > MaxKeys
        answer: dict[str, Any] = {"IsTruncated": more, "KeyCount": len(page)}
        if contents := [{"Key": name} for name, folded in page if not folded]:
            answer["Contents"] = contents
        if folders := [{"Prefix": name} for name, folded in page if folded]:
            answer["CommonPrefixes"] = folders
        if more:
            last, folded = page[-1]
            answer["NextContinuationToken"] = last + "\uffff" if folded else last
        return answer


def _tag(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'


class Kinesis:
    """Streams of shards with parents; their records are handed to the consumer by the test."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.streams: dict[str, dict[str, list[str]]] = {}
        self.begins: dict[str, int] = {}

    def list_shards(self, StreamName: str) -> Any:
        if StreamName not in self.streams:
            raise refusal("ListShards", "ResourceNotFoundException")
        names = ("ParentShardId", "AdjacentParentShardId")
        return {
            "Shards": [
                {
                    "ShardId": shard,
                    "SequenceNumberRange": {
                        "StartingSequenceNumber": str(self.begins.get(shard, 0))
                    },
                    **dict(zip(names, parents, strict=False)),
                }
                for shard, parents in self.streams[StreamName].items()
            ]
        }


class SQS:
    """Queues of bodies; they are handed to the worker by the test, whatever their delay."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.queues: dict[str, list[str]] = {}

    def get_queue_url(self, QueueName: str) -> Any:
        return {"QueueUrl": f"http://127.0.0.1/000000000000/{QueueName}"}

    def send_message_batch(self, QueueUrl: str, Entries: list[Any]) -> Any:
        queue = self.queues.setdefault(QueueUrl.rpartition("/")[2], [])
        queue += [entry["MessageBody"] for entry in Entries]
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}
