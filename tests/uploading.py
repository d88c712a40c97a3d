"""A picture sent to where the shop said, as a browser sends a form."""

from __future__ import annotations

import http.client
import uuid
from typing import Any
from urllib.parse import urlsplit


def uploaded(place: dict[str, Any], data: bytes, **fields: str) -> int:
    """The status with which S3 takes the form, or does not."""
    address, boundary = urlsplit(place["url"]), uuid.uuid4().hex
    begin = f'--{boundary}\r\nContent-Disposition: form-data; name="{{}}"\r\n\r\n'
    told = [begin.format(n) + v for n, v in (place["fields"] | fields).items()]
    head = "\r\n".join([*told, begin.format('file"; filename="mug.jpg')]).encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    connection = http.client.HTTPConnection(address.netloc, timeout=20)
    try:
        body = head + data + f"\r\n--{boundary}--\r\n".encode()
        connection.request("POST", address.path, body, kind)
        return connection.getresponse().status
    finally:
        connection.close()
