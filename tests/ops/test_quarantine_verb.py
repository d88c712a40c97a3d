"""`ops quarantine`: every record that was not believed, why, and its bytes without harm."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from logbook import BEGUN_MS
from test_shop_found import ops

from chalicelib import config, projector
from chalicelib.errors import SecurityError
from chalicelib.events import Position
from chalicelib.signing import SigningKey, Trust, keys, seal, system_trust
from local import provision
from ops import quarantine

TERMINAL = b"\x1b]0;mine\x07 caf\xc3\xa9 \\ \r\n"


pytestmark = pytest.mark.usefixtures("unsplit")


def sealed(event, key=None):
    return seal(event, key or keys.producer()).encode()


def late(event):
    return replace(event, time=datetime.fromtimestamp(0, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"))


def expired(cloud):
    """A key that the trust document names, and whose time is over."""
    jwk, system = keys.new_key(), provision.key(cloud.state, "system")
    document = system_trust(system.public.jwk)
    (over,) = system_trust(jwk)["keys"]
    document |= {"version": 2, "keys": [*document["keys"], over | {"exp": BEGUN_MS}]}
    body = Trust.sign(document, provision.key(cloud.state, "root"))
    bucket = config.settings().archive_bucket
    config.client("s3").put_object(Bucket=bucket, Key="trust/2.json", Body=body)
    keys.forget()
    return SigningKey(jwk)


def one_of_each(book, cloud):
    """A record for each way not to be believed, in the order of the log."""
    over, stranger = expired(cloud), SigningKey(keys.new_key())
    honest = book.record("photographed", image="https://pictures.example/1.png")
    yield None, honest
    yield "Malformed", book.nonsense()
    token = bytearray(sealed(book.event()))
    token[-20] = ord("A" if token[-20] != ord("A") else "B")  # base64 still
    yield "BadSignature", book.put(bytes(token))
    yield "UnknownKey", book.put(sealed(book.event(), stranger))
    yield "KeyNotValid", book.put(sealed(book.event(), over))
    yield "NotAuthorised", book.put(sealed(replace(book.event(), source="urn:tillstream:eve")))
    yield "WrongStream", book.put(sealed(book.event()), key="product/other")
    yield "Stale", book.put(sealed(late(book.event())))
    yield (
        "Equivocation",
        book.put(sealed(replace(book.event("viewed"), id=f"event-0-{honest.sequence}"))),
    )
    yield "InvalidData", book.put(sealed(book.event("photographed", image=7)))


def test_every_reason_is_listed_newest_first_with_position_arrival_key_and_a_sentence(book, cloud):
    given = list(one_of_each(book, cloud))
    book.fold(*(record for _, record in given))
    found = quarantine.state(100)
    doubted = [(code, record) for code, record in reversed(given) if code]
    assert [each.code for each in found.records] == [code for code, _ in doubted]
    assert found.counts == {leaf.__name__: 1 for leaf in SecurityError.__subclasses__()}
    for told, (_, record) in zip(found.records, doubted, strict=True):
        assert told.position == book.position(record)
        assert (told.key, bool(told.reason)) == (record.key, True)
    assert found.records[-1].arrived == "2026-11-21T01:31:20.002Z"
    assert (found.more, found.behind) == (False, [])


def test_the_bytes_of_each_are_shown_as_they_lie_in_the_archive(book, cloud):
    given = list(one_of_each(book, cloud))
    book.fold(*(record for _, record in given))
    for code, record in given[1:]:
        told, data = quarantine.one(Position(book.shard, record.sequence))
        assert (told.code, data) == (code, record.data)


def test_what_speaks_to_a_terminal_is_shown_as_escapes_and_nothing_of_it_is_lost(book):
    record = book.put(TERMINAL, key="product/\x1b[2J")
    book.fold(record)
    shown = ops("quarantine", "--show", book.position(record), env=dict(os.environ))
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.isascii()
    assert "\x1b" not in shown.stdout
    escaped = shown.stdout.splitlines()[-1]
    assert escaped.encode().decode("unicode_escape").encode("latin-1") == TERMINAL
    assert f"{len(TERMINAL)} bytes" in shown.stdout
    listed = ops("quarantine", env=dict(os.environ)).stdout
    assert r"product/\x1b[2J" in listed
    told = json.loads(
        ops("quarantine", "--json", "--show", book.position(record), env=os.environ).stdout
    )
    assert (told["data"], told["bytes"]) == (escaped, len(TERMINAL))


def test_more_than_the_limit_are_counted_and_the_newest_told(book):
    book.fold(*(book.nonsense() for _ in range(5)), book.put(sealed(late(book.event()))))
    found = quarantine.state(2)
    assert [each.code for each in found.records] == ["Stale", "Malformed"]
    assert found.counts == {"Malformed": 5, "Stale": 1}
    assert list(found.counts) == ["Malformed", "Stale"]


def test_a_quarantine_over_many_pages_is_counted_whole_or_says_that_it_is_not(book, monkeypatch):
    monkeypatch.setattr(quarantine, "PAGE", 2)
    book.fold(*(book.nonsense() for _ in range(5)))
    assert quarantine.state(1).counts == {"Malformed": 5}
    monkeypatch.setattr(quarantine, "MOST", 4)
    found = quarantine.state(1)
    assert (found.counts, found.more) == ({"Malformed": 4}, True)


def test_nothing_is_said_plainly_and_is_no_failure(shop):
    ran = ops("quarantine", env=dict(os.environ))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "Nothing is quarantined.\n", "")


def test_listing_is_no_failure_either(book):
    book.fold(book.nonsense())
    ran = ops("quarantine", env=dict(os.environ))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "1 quarantined: Malformed 1"
    assert book.position(book.nonsense())[:-1] in ran.stdout
    told = json.loads(ops("quarantine", "--json", env=dict(os.environ)).stdout)
    assert [each["code"] for each in told["records"]] == ["Malformed"]


def test_while_an_emptied_table_is_filled_again_it_says_what_is_missing(book):
    book.fold(book.nonsense(), book.nonsense())
    whole = quarantine.state(10)
    provision.empty_table(config.settings().table)
    ran = ops("quarantine", env=dict(os.environ))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("Nothing is quarantined.\nThe table is behind the archive on ")
    assert quarantine.state(10).behind == [str(book.shard)]
    projector.sweep()
    assert quarantine.state(10) == whole


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("a position", "a position is written"),
        ("{stream}/shardId-000000000000:1", "is not quarantined"),
        ("{stream}/shardId-000000000000:3", "nothing is judged yet"),
        ("{stream}/shardId-000000000007:1", "nothing is judged yet"),
    ],
)
def test_a_position_at_which_nothing_is_quarantined_is_a_sentence_and_2(book, shop, asked, told):
    book.fold(book.record())
    book.archive(book.record(), book.nonsense())
    ran = ops("quarantine", "--show", asked.format(stream=shop.stream), env=dict(os.environ))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert told in " ".join(ran.stderr.replace("│", " ").split())
    assert "Traceback" not in ran.stderr
