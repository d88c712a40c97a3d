"""A shop as its clients have it: HTTP in front, and a log that is judged only when the test says.

Requests go through a real server. The consumer is driven by hand (`settle`), so that a test can
stand between "recorded" and "judged"; what was appended is counted as Kinesis has it.
"""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import contract

from chalicelib import access, config, personal, register, vault
from chalicelib.signing import keys
from local import batches, provision
from local.gateway import Gateway
from local.server import Server, listen

ARN = "arn:aws:kinesis:eu-central-1:000000000000:stream/"
PROBLEM = "application/problem+json"
SCHEDULED = ("version", "account", "region", "detail", "detail-type", "source", "time", "id")
SCHEDULED += ("resources",)
names = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `said` is the body as JSON."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.body)

    @property
    def fields(self) -> set[str]:
        """What the problem names."""
        return {error["field"] for error in self.said.get("errors", ())}

    @property
    def slug(self) -> str:
        return str(self.said["type"]).removeprefix("/problems/")

    @property
    def position(self) -> dict[str, str]:
        """The header that waits for what was just recorded."""
        return {"Read-After": self.said["position"]}


@dataclass
class Shopfront:
    """One shop on the local cloud, at `port`."""

    port: int
    application: Any
    pending: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    iterators: dict[str, str] = field(default_factory=dict)
    counted: int = 0
    tokens: dict[str, str] = field(default_factory=dict)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        to: str | None = None,
        raw: bytes | None = None,
        **headers: str,
    ) -> Answer:
        """One request. `to` is the name of the person, as opened by `person`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if to is not None:
            sent["Authorization"] = f"Bearer {self.tokens[to]}"
        if raw is None and body is not None:
            is_form = sent.get("Content-Type") == contract.FORM
            raw = (urlencode(body) if is_form else json.dumps(body)).encode()
        if raw is not None:
            sent.setdefault("Content-Type", "application/json")
        return self.request(method, path, raw, sent)

    def request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, headers)
            given = connection.getresponse()
            answer = Answer(given.status, dict(given.headers), given.read())
        finally:
            connection.close()
        contract.held((method, path, body, headers), (given.status, answer.headers, answer.body))
        return answer

    def get(self, path: str, *, to: str | None = None, after: Any = None, **query: Any) -> Answer:
        text = "?" + urlencode(query) if query else ""
        headers = {} if after is None else {"Read_After": str(after)}
        return self.call("GET", path + text, to=to, **headers)

    def listed(self, path: str, limit: int, **query: Any) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        items: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, limit=limit, **query, **cursor)
            assert page.status == 200, page.body
            assert len(page.said["items"]) <= limit
            items += page.said["items"]
            if page.said["next"] is None:
                return items
            cursor = {"cursor": page.said["next"]}

    def person(self, *roles: str, name: str | None = None) -> str:
        """Somebody new with these roles; the name that `to` takes."""
        name = name or f"{roles[0].title()} {next(names)}"
        opened = self.call("POST", "/sessions", {"name": name, "roles": list(roles)})
        assert opened.status == 200, opened.body
        self.tokens[name] = opened.said["token"]
        return name

    def product(self, to: str, **members: Any) -> str:
        """A product that is recorded and judged; its id."""
        body = {"brand": "B", "name": "Cup", "description": "nice", "category": "cups"} | members
        body.setdefault("id", f"p{next(names)}")
        made = self.call("POST", "/products", body, to=to)
        assert made.status == 202, made.body
        self.settle()
        return str(body["id"])

    def records(self) -> int:
        """How many records the log holds."""
        kinesis = config.client("kinesis")
        stream = config.settings().stream
        for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
            self._read(kinesis, stream, shard["ShardId"])
        return self.counted

    def _read(self, kinesis: Any, stream: str, shard: str) -> None:
        if shard not in self.iterators:
            first = kinesis.get_shard_iterator(
                StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
            )
            self.iterators[shard] = first["ShardIterator"]
        while True:
            answer = kinesis.get_records(ShardIterator=self.iterators[shard], Limit=1000)
            self.iterators[shard] = answer["NextShardIterator"]
            self.pending[shard] += answer["Records"]
            self.counted += len(answer["Records"])
            if not answer["Records"]:
                return

    def settle(self) -> None:
        """Everything recorded is judged and folded."""
        self.records()
        for shard, records in list(self.pending.items()):
            if records:
                self.application.project(invocation(shard, records), None)
                self.pending[shard] = []

    def work(self) -> None:
        """Everything that was poked is done, by the real queue, and judged as it comes of it."""
        sqs, name = config.client("sqs"), config.settings().work_queue
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages"):
            try:
                self.application.work(batches.poked(name, found[0]), None)
            finally:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
            self.settle()

    def sweep(self) -> None:
        """What the schedule does each minute."""
        self.application.sweep(dict.fromkeys(SCHEDULED, ""), None)

    def empty_table(self) -> None:
        """The table as it is the moment after somebody deleted it and made it anew."""
        provision.empty_table(config.settings().table)


@contextmanager
def served() -> Iterator[tuple[Any, int]]:
    """The app behind the local gateway and a real HTTP server, in this process."""
    import app  # noqa: PLC0415

    listener = listen("127.0.0.1", 0)
    server = Server(listener, Gateway(app.app))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield app, listener.getsockname()[1]
    server.shutdown()
    thread.join()
    server.server_close()


def invocation(shard: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    """What Lambda's mapping hands to the consumer."""
    return {"Records": [_entry(shard, record) for record in records]}


def _entry(shard: str, record: dict[str, Any]) -> dict[str, Any]:
    return {
        "eventSourceARN": ARN + config.settings().stream,
        "eventID": f"{shard}:{record['SequenceNumber']}",
        "kinesis": {
            "sequenceNumber": record["SequenceNumber"],
            "partitionKey": record["PartitionKey"],
            "data": base64.b64encode(record["Data"]).decode(),
            "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp(),
            "kinesisSchemaVersion": "1.0",
        },
    }


def forget() -> None:
    """Nothing of another shop is remembered in this process."""
    config.forget()
    keys.forget()
    vault.secret.cache_clear()
    personal.forget()
    register.forget()
    access._key.cache_clear()


def at(answer: Answer) -> str:
    """The position of a 202, as a query parameter."""
    return quote(answer.said["position"], safe="")
