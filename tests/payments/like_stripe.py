"""`python like_stripe.py`: localstripe on a free port of 127.0.0.1, with what it lacks.

localstripe stands for Stripe's API. It has no Idempotency-Key, lists PaymentIntents unfiltered and
oldest first, knows the parameters of older API versions, names no parameter in its refusals, and
declines for one reason only; it would listen on every address and keep a pickle under /tmp. What is
added here is what Stripe documents, and no more than the tests need:

- A POST under a key is done once. The same key with the same body is answered as the first time, a
  500 too; with another body it is a 400; while the first is in hand it is a 409.
- `created[gte]` narrows a list, which is newest first.
- `allowed_payment_method_types` in place of `payment_method_types`, which is refused.

`POST /_config/day-later` forgets all keys, as Stripe does after 24 h. An order whose name begins
with `error-after` is charged, and answered by a 500.
"""

from __future__ import annotations

import asyncio
import json
import socket

from aiohttp import web
from localstripe import errors, resources, server

CODES: dict[str, dict] = {}  # what was answered under a key: None while it is in hand
LINGER_S = 0.02


@web.middleware
async def once(request, handler):
    key = request.headers.get("Idempotency-Key")
    if request.method != "POST" or key is None:
        return await handler(request)
    body = await request.read()
    known = CODES.setdefault(key, {"body": (request.path, body), "answer": None, "fresh": True})
    if not known.pop("fresh", False):
        return replayed(known, (request.path, body))
    await asyncio.sleep(LINGER_S)
    answer = await answered(handler, request)
    if b"error-after" in body:
        answer = refused(500, {"type": "api_error", "message": "it was done all the same"})
    if answer.status in (200, 402, 500):
        known["answer"] = (answer.status, answer.body)
    else:  # what never began is not remembered
        CODES.pop(key, None)
    return answer


def replayed(known, asked):
    if known["body"] != asked:
        return refused(400, {"type": "idempotency_error", "message": "another body"})
    if known["answer"] is None:
        return refused(409, {"type": "api_error", "code": "idempotency_key_in_use"})
    status, body = known["answer"]
    return web.Response(status=status, body=body, content_type="application/json")


async def answered(handler, request):
    try:
        return await handler(request)
    except errors.UserError as no:
        if no.code == 404 and request.path == "/v1/payment_intents":
            no.body["error"] |= {"code": "resource_missing", "param": "payment_method"}
            no.code = 400
        return no.to_response()


def refused(status, error):
    return web.json_response({"error": error}, status=status)


async def day_later(_):
    CODES.clear()
    return web.Response()


class Intent(resources.PaymentIntent):
    """How today's API has it."""

    @classmethod
    def created(cls, allowed_payment_method_types=None, payment_method_types=None, **data):
        if payment_method_types is not None:
            code = {"code": "payment_method_types_no_longer_supported"}
            raise errors.UserError(400, "no longer supported", code)
        return create(payment_method_types=allowed_payment_method_types, **data)

    @classmethod
    def listed(cls, url, created=None, **asked):
        found = listing(url, **asked)
        since = int((created or {}).get("gte", 0))
        found._list = [each for each in reversed(found._list) if each.created >= since]
        return found


create, listing = resources.PaymentIntent._api_create, resources.PaymentIntent._api_list_all
resources.PaymentIntent._api_create = Intent.created
resources.PaymentIntent._api_list_all = Intent.listed
resources.Store.dump_to_disk = lambda _: None
server.app.middlewares.insert(1, once)
server.app.router.add_post("/_config/day-later", day_later)


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    ready = json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"})
    web.run_app(
        server.app, sock=listener, print=lambda _: print(ready, flush=True), access_log=None
    )
