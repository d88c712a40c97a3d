"""The twin in memory answers as MiniStack does over the wire: the same calls, the same answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from simulator import Cloud

from chalicelib import config

Call = tuple[str, str, dict[str, Any]]
KEPT = (
    "Item",
    "Items",
    "Responses",
    "UnprocessedKeys",
    "Contents",
    "CommonPrefixes",
    "IsTruncated",
    "KeyCount",
    "LastEvaluatedKey",
    "Body",
)


def key(pk: str, sk: str = "1") -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def put(pk: str, condition: str | None = None, token: str = "", **more: Any) -> dict[str, Any]:
    """A Put as the store makes it."""
    action: dict[str, Any] = {"TableName": "TABLE", "Item": key(pk) | more}
    return {"Put": action | guard(condition, token)}


def check(pk: str, condition: str, token: str = "") -> dict[str, Any]:
    return {"ConditionCheck": {"TableName": "TABLE", "Key": key(pk)} | guard(condition, token)}


def guard(condition: str | None, token: str) -> dict[str, Any]:
    if condition is None:
        return {}
    named = {
        "ExpressionAttributeNames": {"#token": "token"},
        "ExpressionAttributeValues": {":token": {"S": token}},
    }
    return {"ConditionExpression": condition} | (named if "#token" in condition else {})


def update(pk: str, expression: str, **values: Any) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": "TABLE",
            "Key": key(pk),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": {f"#{name}": name for name in values},
            "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()},
        }
    }


def write(*actions: dict[str, Any]) -> Call:
    return "dynamodb", "transact_write_items", {"TransactItems": list(actions)}


def delete(pk: str) -> dict[str, Any]:
    return {"Delete": {"TableName": "TABLE", "Key": key(pk)}}


def get(pk: str) -> Call:
    return "dynamodb", "get_item", {"TableName": "TABLE", "Key": key(pk), "ConsistentRead": True}


def snapshot(*pks: str) -> Call:
    gets = [{"Get": {"TableName": "TABLE", "Key": key(pk)}} for pk in pks]
    return "dynamodb", "transact_get_items", {"TransactItems": gets}


def batch(*pks: str) -> Call:
    keys = {"Keys": [key(pk) for pk in pks], "ConsistentRead": True}
    return "dynamodb", "batch_get_item", {"RequestItems": {"TABLE": keys}}


def scan() -> Call:
    return "dynamodb", "scan", {"TableName": "TABLE", "ConsistentRead": True}


def listing(limit: int, after: str | None = None) -> Call:
    """The list `open`, as the store asks for it."""
    more = {} if after is None else {"ExclusiveStartKey": key(after) | listed_at(after)}
    query = {
        "TableName": "TABLE",
        "IndexName": "listing",
        "KeyConditionExpression": "#h = :h",
        "ExpressionAttributeNames": {"#h": "listing"},
        "ExpressionAttributeValues": {":h": {"S": "open"}},
        "ScanIndexForward": True,
        "Limit": limit,
    }
    return "dynamodb", "query", query | more


def listed_at(place: str, of: str = "open") -> dict[str, Any]:
    return {"listing": {"S": of}, "listed": {"S": place}}


LISTED = write(*(put(pk, **listed_at(pk)) for pk in "cab"), put("d", **listed_at("d", "shut")))
FIRST = "SET #body = if_not_exists(#body, :body), #listed = if_not_exists(#listed, :listed)"
RANKED = "ADD #rank :rank SET #ranking = :ranking"
ABSENT, TOKEN = "attribute_not_exists(pk)", "#token = :token"
ONE: dict[str, Any] = {"body": {"S": "{}"}, "token": {"S": "one"}}

TABLE: dict[str, list[Call]] = {
    "rows that are not there": [get("a"), snapshot("a", "b"), batch("a", "b"), scan()],
    "a row": [write(put("a", **ONE)), get("a"), snapshot("a", "b"), batch("a", "b"), scan()],
    "bytes": [write(put("a", blob={"B": b"\x00\xff"})), get("a")],
    "a row replaced whole": [write(put("a", **ONE)), write(put("a", x={"S": "y"})), get("a")],
    "a row created once": [write(put("a", ABSENT, **ONE)), write(put("a", ABSENT)), get("a")],
    "a token that holds": [write(put("a", **ONE)), write(put("a", TOKEN, "one")), get("a")],
    "a token that does not": [write(put("a", **ONE)), write(put("a", TOKEN, "two")), get("a")],
    "a token of no row": [write(put("a", TOKEN, "one"), put("b")), get("b")],
    "all or nothing": [
        write(put("a", **ONE)),
        write(
            put("b"),
            delete("a"),
            update("c", "ADD #rank :rank", rank={"N": "1"}),
            check("a", TOKEN, "two"),
        ),
        scan(),
    ],
    "a check that holds": [
        write(put("a", **ONE)),
        write(put("b"), check("a", TOKEN, "one")),
        get("a"),
        get("b"),
    ],
    "a check of absence": [write(put("b"), check("a", ABSENT)), get("a"), get("b")],
    "a delete": [write(put("a")), write(delete("a"), delete("b")), scan()],
    "a tally": [
        write(update("t", "ADD #rank :rank", rank={"N": "3"})),
        write(update("t", "ADD #rank :rank", rank={"N": "-5"})),
        get("t"),
    ],
    "a ranked tally": [
        write(update("t", RANKED, rank={"N": "3"}, ranking={"S": "top"})),
        write(update("t", RANKED, rank={"N": "4"}, ranking={"S": "top"})),
        get("t"),
    ],
    "the first stays": [
        write(update("f", FIRST, body={"S": "1"}, listed={"S": "x"})),
        write(update("f", FIRST, body={"S": "2"}, listed={"S": "y"})),
        get("f"),
    ],
    "a row twice in a transaction": [write(put("a"), delete("a")), scan()],
    "a hundred rows": [write(*(put(f"a{number}") for number in range(100))), get("a99")],
    "a hundred and one rows": [write(*(put(f"a{number}") for number in range(101))), scan()],
    "an empty key": [write(put("", **ONE)), scan()],
    "a key too long": [write(put("x" * 2049)), scan()],
    "a row too large": [write(put("a", body={"S": "x" * 410_000})), scan()],
    "a number too long": [write(update("t", "ADD #rank :rank", rank={"N": "1" * 39})), scan()],
    "a list": [LISTED, listing(10), listing(1), listing(3), listing(2, "a"), listing(2, "c")],
    "a list without rows": [listing(10)],
    "a key asked for twice": [batch("a", "a")],
    "a hundred and one keys": [batch(*(f"a{number}" for number in range(101)))],
}


def s3(operation: str, **request: Any) -> Call:
    return "s3", operation, {"Bucket": "BUCKET", **request}


def new(name: str, body: bytes = b"1", **more: Any) -> Call:
    return s3("put_object", Key=name, Body=body, **more)


def listed(**request: Any) -> Call:
    return s3("list_objects_v2", **request)


ONE = '"c4ca4238a0b923820dcc509a6f75849b"'  # what S3 calls a body of "1"
NAMES = ["s/1/9", "s/1/8", "s/10/7", "s/2/6", "t/1"]
ALL = [new(name) for name in NAMES]
BUCKET: dict[str, list[Call]] = {
    "nothing": [s3("get_object", Key="a"), listed(Prefix="a")],
    "an object": [new("a", b"\x00\xff"), s3("get_object", Key="a")],
    "an object put once": [
        new("a", b"1", IfNoneMatch="*"),
        new("a", b"2", IfNoneMatch="*"),
        s3("get_object", Key="a"),
    ],
    "an object put over another": [new("a", b"1"), new("a", b"2"), s3("get_object", Key="a")],
    "an object put over what was read": [
        new("a", b"1", IfMatch=ONE),
        new("a", b"1"),
        new("a", b"2", IfMatch=ONE),
        new("a", b"3", IfMatch=ONE),
        s3("get_object", Key="a"),
    ],
    "names in order": [*ALL, listed(Prefix="s/")],
    "the first name": [*ALL, listed(Prefix="s/1/", MaxKeys=1)],
    "names after one": [
        *ALL,
        listed(Prefix="s/", StartAfter="s/1/8", MaxKeys=1),
        listed(Prefix="s/1/", StartAfter="s/1/9"),
    ],
    "names after none of them": [*ALL, listed(Prefix="s/1/", StartAfter="s/1/", MaxKeys=2)],
    "folders": [*ALL, listed(Prefix="s/", Delimiter="/"), listed(Prefix="", Delimiter="/")],
    "a folder and names": [*ALL, new("s/x"), listed(Prefix="s/", Delimiter="/")],
}


@pytest.fixture
def wire(shop: Any) -> Callable[[Call], Any]:
    """Makes a call over the wire, in a table and a bucket of this test's own."""

    def make(call: Call) -> Any:
        service, operation, request = call
        return getattr(config.client(service), operation)(
            **named(request, shop.table, shop.vault_bucket)
        )

    return make


@pytest.fixture
def memory() -> Callable[[Call], Any]:
    """Makes a call on the twin."""
    cloud = Cloud()
    cloud["dynamodb"].create("table")

    def make(call: Call) -> Any:
        service, operation, request = call
        return getattr(cloud.client(service), operation)(**named(request, "table", "bucket"))

    return make


def named(value: Any, table: str, bucket: str) -> Any:
    """The request with the names of this cloud in it."""
    match value:
        case "TABLE":
            return table
        case "BUCKET":
            return bucket
        case dict():
            return {named(k, table, bucket): named(v, table, bucket) for k, v in value.items()}
        case list():
            return [named(each, table, bucket) for each in value]
    return value


def answer(make: Callable[[Call], Any], call: Call) -> Any:
    """What the call comes to, as far as the engine looks at it."""
    try:
        said = make(call)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        reasons = [each["Code"] for each in error.response.get("CancellationReasons", [])]
        return code, status, reasons
    kept = {name: value for name, value in said.items() if name in KEPT}
    if "Body" in kept:
        kept["Body"] = kept["Body"].read()
    if "Contents" in kept:
        kept["Contents"] = [each["Key"] for each in kept["Contents"]]
    if "Items" in kept:
        kept["Items"] = sorted(kept["Items"], key=str)
    if "Responses" in kept and isinstance(kept["Responses"], dict):
        kept["Responses"] = [sorted(found, key=str) for found in kept["Responses"].values()]
    return kept


@pytest.mark.parametrize("name", TABLE)
def test_the_table_answers_as_over_the_wire(wire, memory, name):
    for call in TABLE[name]:
        assert answer(memory, call) == answer(wire, call), call


@pytest.mark.parametrize("name", BUCKET)
def test_the_bucket_answers_as_over_the_wire(wire, memory, name):
    for call in BUCKET[name]:
        assert answer(memory, call) == answer(wire, call), call


def pages(make: Callable[[Call], Any], most: int, **request: Any) -> list[Any]:
    """A whole listing, page by page; the tokens are each cloud's own."""
    found, more = [], {}
    while True:
        page = make(listed(MaxKeys=most, **request, **more))
        found.append(
            (
                [each["Key"] for each in page.get("Contents", [])],
                [each["Prefix"] for each in page.get("CommonPrefixes", [])],
            )
        )
        if not page["IsTruncated"]:
            return found
        more = {"ContinuationToken": page["NextContinuationToken"]}


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("delimiter", [{}, {"Delimiter": "/"}])
def test_listings_have_the_same_pages(wire, memory, most, delimiter):
    for call in ALL:
        answer(memory, call)
        answer(wire, call)
    for prefix in ("s/", ""):
        request = {"Prefix": prefix, **delimiter}
        assert pages(memory, most, **request) == pages(wire, most, **request)


@pytest.mark.parametrize("name", ["a row", "rows that are not there"])
def test_a_table_that_is_missing_answers_as_over_the_wire(wire, shop, name):
    cloud = Cloud()

    def memory(call: Call) -> Any:
        return getattr(cloud.client(call[0]), call[1])(**named(call[2], "gone", "b"))

    def gone(call: Call) -> Any:
        request = named(call[2], f"{shop.table}-gone", "b")
        return getattr(config.client(call[0]), call[1])(**request)

    for call in TABLE[name]:
        assert answer(memory, call) == answer(gone, call), call


def test_shards_are_listed_as_over_the_wire(shop):
    cloud = Cloud()
    cloud["kinesis"].streams[shop.stream] = {f"shardId-{n:012d}": [] for n in range(2)}
    for name in (shop.stream, "tillstream-none-1"):

        def shards(client: Any, name: str = name) -> Any:
            try:
                listed = client.list_shards(StreamName=name)["Shards"]
            except ClientError as error:
                return error.response["Error"]["Code"]
            names = ("ShardId", "ParentShardId", "AdjacentParentShardId")
            return [[each.get(name) for name in names] for each in listed]

        assert shards(cloud.client("kinesis")) == shards(config.client("kinesis"))


def test_a_poke_is_sent_as_over_the_wire(shop):
    memory, wire = Cloud().client("sqs"), config.client("sqs")
    entries = [{"Id": str(at), "MessageBody": f"b{at}", "DelaySeconds": 0} for at in range(3)]
    for cloud in (memory, wire):
        url = cloud.get_queue_url(QueueName=shop.work_queue)["QueueUrl"]
        assert url.rpartition("/")[2] == shop.work_queue
        said = cloud.send_message_batch(QueueUrl=url, Entries=entries)
        assert [each["Id"] for each in said["Successful"]] == ["0", "1", "2"]
        assert not said.get("Failed")
    taken = wire.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    held = memory._cloud["sqs"].queues[shop.work_queue]
    assert sorted(each["Body"] for each in taken) == held
