"""Each function may do what it does, and nothing that it never does: its policy against its calls.

The functions run as they do in AWS, cold and with the identity of people left to an issuer, on the
cloud of the tests; what they ask of AWS is written down and laid beside their policy files.
"""

import json
import os
import time
import urllib.request
from pathlib import Path
from unittest import mock
from urllib.parse import urlencode

import pytest
import stripe
from drawn import picture
from iam import Recorder, Use, allows, grants
from oidc import AUDIENCE
from twilio.request_validator import RequestValidator
from uploading import uploaded

import local.cloud
from chalicelib import (
    access,
    archive,
    config,
    door,
    latest,
    log,
    personal,
    sms,
    todos,
    vault,
    webhook,
    work,
)
from chalicelib.errors import TryAgain, Unauthenticated
from chalicelib.events import Envelope, Shard, order
from chalicelib.payments.stripe import gateway
from chalicelib.signing import SigningKey, keys, seal
from local import batches, provision

WEEKS_LATER_MS = archive.gaps.now() + 30 * 24 * archive.gaps.HOUR_MS
SIGNED = ("Stripe-Signature", "X-Twilio-Signature")
CHALICE = Path(__file__).parents[2] / ".chalice"
JSON = "application/json"
EVENT = Envelope(
    id="p1",
    source="urn:tillstream:partner",
    type="tillstream.product.viewed.v1",
    subject="product/mug",
    time="2026-11-21T01:31:19.123Z",
    stream="tillstream-least-1",
    actor="partner",
    data={},
)
FUNCTIONS = ("api_handler", "authorize", "project", "work", "sweep")
PRODUCT = {
    "brand": "Kiln",
    "name": "Mug",
    "description": "Holds 0.3 l",
    "price": {"amount": 1200, "currency": "EUR"},
}

# What a policy must allow though the function itself never asks: Lambda asks in its name.
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
MAPPING = {
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListStreams",
    "kinesis:SubscribeToShard",
}
POKES = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
MAPPINGS = {"project": MAPPING, "work": POKES}
BY_LAMBDA = {name: LOGS | MAPPINGS.get(name, set()) for name in FUNCTIONS}
ITEM = {
    "productId": "mug",
    "name": "Mug",
    "quantity": 1,
    "price": {"amount": 500, "currency": "EUR"},
    "creator": "mia",
    "photographer": "UNKNOWN",
}
PLACED = {
    "branch": "deliver",
    "lines": [ITEM],
    "total": ITEM["price"],
    "card": False,
    "channels": [],
    "pii": f"e30..{'i' * 16}.e30.{'t' * 22}",
}


def policy(function, stage="prod"):
    settings = json.loads((CHALICE / "config.json").read_text())["stages"][stage]
    name = settings["lambda_functions"][function]["iam_policy_file"]
    return json.loads((CHALICE / name).read_text())


def granted(function):
    return [grant for each in policy(function)["Statement"] for grant in grants(each)]


class Deployed:
    """The functions of one shop, called as Lambda calls them."""

    def __init__(self, names):
        import app  # noqa: PLC0415

        self.app, self.names, self.recorder = app, names, Recorder()
        self.read = {}
        self.recorder.attach()
        config.client("kinesis").meta.events.register("after-call.kinesis.ListShards", as_split)

    def invoke(self, function, handler, event):
        """The function in a process that knows nothing yet."""
        forget()
        with self.recorder.of(function):
            return handler(event, None)

    def call(
        self,
        method,
        route,
        body=None,
        *,
        key=None,
        after=None,
        query=None,
        kind=JSON,
        signature=None,
        **params,
    ):
        event = {
            "httpMethod": method,
            "resource": route,
            "path": route,
            "headers": {"Content-Type": kind}
            | ({"Idempotency-Key": key} if key else {})
            | ({"Read-After": after} if after else {})
            | (dict.fromkeys(SIGNED, signature) if signature else {}),
            "multiValueQueryStringParameters": {k: [v] for k, v in (query or {}).items()},
            "pathParameters": params,
            "stageVariables": None,
            "isBase64Encoded": False,
            "body": body if body is None or isinstance(body, str) else json.dumps(body),
            "requestContext": {
                "httpMethod": method,
                "resourcePath": route,
                "identity": {"sourceIp": "192.0.2.1"},
                "authorizer": {"principalId": "someone", "roles": ",".join(access.ROLES)},
            },
        }
        answer = self.invoke("api_handler", self.app.app, event)
        is_json = "json" in answer["headers"].get("Content-Type", JSON)
        return answer["statusCode"], json.loads(answer["body"] or "null") if is_json else None

    def recorded(self, *args, **kwargs):
        status, said = self.call(*args, **kwargs)
        assert status == 202, said
        return said

    def project(self):
        """What the log has since, as one batch for each shard."""
        kinesis = config.client("kinesis")
        for listed in kinesis.list_shards(StreamName=self.names.stream)["Shards"]:
            shard = listed["ShardId"]
            start = {"ShardIteratorType": "TRIM_HORIZON"}
            if shard in self.read:
                start = {
                    "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                    "StartingSequenceNumber": self.read[shard],
                }
            at = kinesis.get_shard_iterator(StreamName=self.names.stream, ShardId=shard, **start)
            records = kinesis.get_records(ShardIterator=at["ShardIterator"])["Records"]
            if records:
                self.read[shard] = records[-1]["SequenceNumber"]
                event = batches.invocation(Shard(self.names.stream, shard), records)
                self.invoke("project", self.app.project, event)

    def sweep(self):
        self.invoke("sweep", self.app.sweep, batches.scheduled())

    def work(self):
        """All pokes that can be seen now, one after the other; how many there were."""
        sqs, taken = config.client("sqs"), 0
        url = sqs.get_queue_url(QueueName=self.names.work_queue)["QueueUrl"]
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages"):
            event = batches.poked(self.names.work_queue, found[0])
            self.invoke("work", self.app.work, event)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
            taken += 1
        return taken


def as_split(parsed, **_):
    """The second shard is said to have come from the first, which is then looked up."""
    first, second = parsed["Shards"]
    second["ParentShardId"] = first["ShardId"]


def forget():
    config.settings.cache_clear()
    keys.forget()
    vault.secret.cache_clear()
    work._url.cache_clear()
    personal.forget()
    access._key.cache_clear()
    access._keys.cache_clear()
    archive._tails.clear()
    latest._names.cache_clear()
    latest._end_of.cache_clear()
    gateway.cache_clear()
    webhook._secret.cache_clear()
    sms._token.cache_clear()


@pytest.fixture(scope="module")
def uses(cloud, issuer, like_stripe):
    """What each function asked, in a shop that lived through all that can happen to one."""
    names = local.cloud.Names(stage="least")
    with mock.patch.dict(os.environ):
        local.cloud.enter(cloud.state, names)
        config.forget()
        provision.provision(names, cloud.state, 2)
        os.environ |= {"IDENTITY": "", "OIDC_ISSUER": issuer.url, "OIDC_AUDIENCE": AUDIENCE}
        os.environ |= {"PAYMENTS": "stripe", "STRIPE_URL": like_stripe}
        shop = Deployed(names)
        for name, value in (("stripe-key", "sk_test_12345"), ("stripe-webhook", "whsec_1")):
            os.environ[name.upper().replace("-", "_")] = f"/tillstream/least/{name}"
            config.client("ssm").put_parameter(
                Name=f"/tillstream/least/{name}", Value=value, Type="SecureString"
            )
        live(shop)
        authorizing(shop, issuer)
        yield shop.recorder.uses
    config.forget()
    forget()


def live(shop):
    """A shop that sells, on a stream that was split, and loses its table."""
    shop.call("GET", "/health")
    shop.recorded("POST", "/products", PRODUCT | {"id": "mug", "category": "mugs"}, key="k1")
    for number in range(8):  # some on each shard
        shop.recorded("POST", "/products/{id}/views", id=f"seen-{number}")
    shop.project()
    made = shop.recorded("PUT", "/products/{id}", PRODUCT | {"category": "cups"}, id="mug")
    shop.recorded("POST", "/products/{id}/purchases", id="mug")
    shop.project()
    cart = {"lines": [{"productId": "mug", "quantity": 1}], "name": "Mia", "collect": True}
    shop.recorded("POST", "/orders", cart)
    for route in ("/products", "/categories", "/contributions"):
        assert shop.call("GET", route, after=made["position"])[0] == 200
    assert shop.call("GET", "/scores", query={"role": "creator"})[0] == 200
    found = shop.call("GET", "/events/{id}", id=made["id"], query={"at": made["position"]})
    assert found[1]["verdict"] == "counted"
    several = [{"schema": "com.nordstrom/product/purchase/1-0-0", "id": "mug"}] * 2
    said = shop.call("POST", "/events/batch", several)[1]["items"]
    assert [one["status"] for one in said] == [202, 202]
    sealed = seal(EVENT, SigningKey(keys.new_key()))
    answer = shop.call("POST", "/events", sealed, kind="application/jose")[1]
    assert answer["type"] == "/problems/unknown-key"
    assert shop.call("GET", "/tree-head")[0] == 503
    shop.sweep()
    every_route(shop)
    shop.project()
    owing(shop)
    telling(shop)
    photographing(shop)
    paying(shop)
    messaging(shop)
    picturing(shop)
    provision.empty_table(shop.names.table)
    shop.sweep()
    assert shop.call("GET", "/products/{id}", id="mug")[1]["category"] == "cups"
    assert shop.call("GET", "/tree-head")[0] == 200
    with mock.patch.object(archive.gaps, "now", return_value=WEEKS_LATER_MS):  # all stood still
        shop.recorded("POST", "/products/{id}/views", id="mug")
        shop.project()
        shop.sweep()
    proven = shop.call("GET", "/events/{id}/proof", id=made["id"], query={"at": made["position"]})
    assert proven[0] == 200


def owing(shop):
    """An order to be made, whose maker cannot be told at first, and is told in the end."""
    fact = order.Placed.model_validate(PLACED)
    said = door.envelope(fact, "order/o1", "cleo", None)
    log.append(said.subject, seal(said, keys.producer()))
    shop.project()
    told = iter([TryAgain("nobody is there"), None])

    def tell(owed):
        if failure := next(told):
            raise failure
        return order.Notified(todo=owed.id, channels=["email"])

    maker = mock.patch.dict(todos.KINDS, {"mail-maker": tell})
    hasty = mock.patch.multiple(todos, PAUSES_S=(1,) * 5, FORGOTTEN_S=-60)
    with maker, hasty, mock.patch.object(todos.send_to_desk, "WAIT_S", 0.0):
        shop.sweep()
        assert shop.work() >= 1
        time.sleep(1.1)
        assert shop.work() >= 1
        shop.work()
    shop.project()
    for which in (todos.view.open_list("mail-maker"), todos.view.GIVEN_UP):
        assert not list(filter(None, todos.view.listed(which)))


def telling(shop):
    """Two orders: of one its customer is told, the other goes from its maker to its courier."""
    contact = {"email": "mia@mail.example", "phone": "+4915155500000"}
    cart = {"lines": [{"productId": "mug", "quantity": 1}], "name": "Mia", "contact": contact}
    shop.recorded("POST", "/orders", cart | {"collect": True})
    home = shop.recorded("POST", "/orders", cart | {"deliver": {"address": "12 Long Lane"}})
    shop.project()
    assert shop.work() >= 3
    made = {"orderId": home["subject"].removeprefix("order/"), "fulfillmentId": "made"}
    shop.recorded("POST", "/fulfillments", made)
    shop.project()
    assert shop.work() >= 1
    shop.project()
    told = shop.call("GET", "/orders/{id}", id=made["orderId"])[1]["timeline"]
    assert told[-1]["status"] == "dispatched"


def photographing(shop):
    """A photographer registers, is told so, and is asked for a picture of what waits for one."""
    shop.recorded("POST", "/photographers", {"phone": "+49 151 5550777"})
    for _ in range(4):  # sent to the desk, offered, told
        shop.project()
        shop.work()
    shop.project()
    (asked,) = shop.call("GET", "/assignments")[1]["items"]
    assert asked["name"] == "Mug"
    told = config.client("sns").meta.endpoint_url + "/_ministack/sns/sms-messages"
    with urllib.request.urlopen(told) as answer:
        texts = json.load(answer)["sms_messages"]["+491515550777"]
    assert 'a picture of "Mug"' in texts[-1]["Message"]


def paying(shop):
    """An order that is paid by card; another of which Stripe tells, twice, that its card failed."""
    cart = {"lines": [{"productId": "mug", "quantity": 1}], "name": "Mia", "collect": True}
    cart["payment"] = {"token": "pm_card_visa"}
    shop.recorded("POST", "/orders", cart)
    shop.project()
    assert shop.work() >= 1
    placed = shop.recorded("POST", "/orders", cart)
    shop.project()
    entity = placed["subject"].removeprefix("order/")
    about = {"stage": "least", "order": entity, "todo": f"charge@{placed['position']}"}
    intent = {"id": "pi_1", "status": "requires_payment_method", "metadata": about}
    intent |= {"amount": 1200, "currency": "eur"}
    said = json.dumps({"type": "payment_intent.payment_failed", "data": {"object": intent}})
    for _ in range(2):
        header = stripe.WebhookSignature.generate_signature_header(said, "whsec_1")
        status, _ = shop.call("POST", "/payments/webhook", said, signature=header)
        assert status == 204
    shop.project()
    assert todos.done.read(about["todo"]).reason == "declined"


def messaging(shop):
    """A photographer is asked for a picture, and sends it by text message."""
    phone = "+4915155500001"
    shop.recorded("POST", "/photographers", {"phone": phone, "name": "Phil"})
    shop.recorded("POST", "/products", PRODUCT | {"id": "bowl", "category": "bowls"})
    with mock.patch.object(todos.send_to_desk, "WAIT_S", 0.0):
        for _ in range(4):
            shop.project()
            shop.work()
    form = {"MessageSid": "MM1", "From": phone, "NumMedia": "1", "MediaUrl0": "https://x.example/y"}
    url = f"{os.environ['PUBLIC_URL']}/sms"
    signature = RequestValidator(provision.TWILIO_TOKEN).compute_signature(url, form)
    told = shop.call("POST", "/sms", urlencode(form), kind=sms.FORM, signature=signature)
    assert told[0] == 200
    shop.project()
    with mock.patch.object(todos.fetch.media, "fetch", return_value=picture()) as fetched:
        shop.work()
    assert fetched.called
    shop.project()


def picturing(shop):
    """A picture that is uploaded, in the name of the function that signed where to, and shown."""
    _, place = shop.call("POST", "/uploads", {"contentType": "image/jpeg"})
    given = {"upload": place["upload"]}
    assert shop.call("PUT", "/products/{id}/photo", given, id="mug")[0] == 422
    assert uploaded(place, picture()) < 300
    bucket = shop.names.upload_bucket
    signed = Use("s3:PutObject", f"arn:aws:s3:::{bucket}/{place['fields']['key']}")
    shop.recorder.uses["api_handler"].add(signed)
    shop.recorded("PUT", "/products/{id}/photo", given, id="mug")
    shop.project()
    image = shop.call("GET", "/products/{id}", id="mug")[1]["image"]
    for name, status in ((image.rpartition("/")[2], 200), ("0" * 64, 404)):
        assert shop.call("GET", "/pictures/{name}", name=name)[0] == status


def every_route(shop):
    """Whatever else there is, at least knocked at: new routes are not forgotten here."""
    for route, methods in shop.app.app.routes.items():
        for method in methods:
            body = {} if method in ("POST", "PUT") else None
            params = dict.fromkeys(methods[method].view_args, "mug")
            assert shop.call(method, route, body, **params)[0] < 500, (method, route)


def authorizing(shop, issuer):
    """Whom it knows and whom it does not, cold: it has nothing to ask of AWS."""
    arn = "arn:aws:execute-api:eu-central-1:000000000000:api/api/POST/products"
    event = {"type": "TOKEN", "authorizationToken": f"Bearer {issuer.token()}", "methodArn": arn}
    policy = shop.invoke("authorize", shop.app.authorize, event)
    assert policy["principalId"] == "a-person"
    with pytest.raises(Unauthenticated, match=r"^Unauthorized$"):
        shop.invoke("authorize", shop.app.authorize, event | {"authorizationToken": "Bearer x.y.z"})


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_a_function_does_its_policy_allows(uses, function):
    refused = {
        use
        for use in uses.get(function, ())
        if not any(allows(grant, use) for grant in granted(function))
    }
    assert not refused


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_a_policy_allows_its_function_does(uses, function):
    idle = [
        grant
        for grant in granted(function)
        if grant["action"] not in BY_LAMBDA[function]
        and not any(allows(grant, use) for use in uses.get(function, ()))
    ]
    assert not idle


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_lambda_does_in_a_functions_name_is_allowed(function):
    assert {grant["action"] for grant in granted(function)} >= BY_LAMBDA[function]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_may_delete_or_change_what_is_kept(function):
    """What people upload is not kept: where it lies, and nowhere else, a function deletes."""
    asked = [grant for grant in granted(function) if grant["action"].startswith("s3:")]
    uploads = "arn:*:s3:::tillstream-*-uploads*/*"
    kept = {each["action"] for each in asked if each["resource"] != uploads}
    assert kept <= {"s3:GetObject", "s3:PutObject", "s3:ListBucket"}
    deleting = {each["resource"] for each in asked if each["action"].startswith("s3:Delete")}
    assert deleting == ({uploads} if function == "api_handler" else set())


def test_only_the_consumer_writes_segments_and_only_routes_and_the_worker_speak_or_see_the_vault():
    def may(function, action, part):
        return any(g["action"] == action and part in g["resource"] for g in granted(function))

    speakers = ["api_handler", "work"]
    assert [f for f in FUNCTIONS if may(f, "s3:PutObject", "segments")] == ["project"]
    assert [f for f in FUNCTIONS if may(f, "s3:PutObject", "done")] == speakers
    assert [f for f in FUNCTIONS if may(f, "s3:GetObject", "vault")] == speakers
    assert [f for f in FUNCTIONS if may(f, "kinesis:PutRecord", "")] == speakers
    assert [f for f in FUNCTIONS if may(f, "kinesis:PutRecords", "")] == ["api_handler"]
    assert [f for f in FUNCTIONS if may(f, "ssm:GetParameter", "producer-key")] == speakers
    assert [f for f in FUNCTIONS if may(f, "ssm:GetParameter", "notary-key")] == ["sweep"]
    for name in ("tree", "seen"):
        assert [f for f in FUNCTIONS if may(f, "s3:PutObject", name)] == ["sweep"]
    assert [f for f in FUNCTIONS if may(f, "s3:PutObject", "gaps")] == ["project", "sweep"]
    assert [f for f in FUNCTIONS if may(f, "ssm:GetParameter", "stripe-key")] == ["work"]
    for name in ("stripe-webhook", "twilio-token"):
        assert [f for f in FUNCTIONS if may(f, "ssm:GetParameter", name)] == ["api_handler"]


def test_routes_make_a_persons_key_and_the_worker_alone_may_write_over_one():
    key = "arn:aws:s3:::tillstream-prod-vault/people/mia"
    made = Use("s3:PutObject", key, (("s3:if-none-match", "*"),))
    written_over = Use("s3:PutObject", key)

    def may(use):
        return [f for f in FUNCTIONS if any(allows(grant, use) for grant in granted(f))]

    assert may(made) == ["api_handler", "work"]
    assert may(written_over) == ["work"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_stages_that_ship_share_their_policies(function):
    assert policy(function, "dev") == policy(function, "prod")
