"""A message is believed exactly where Twilio's own library believes it."""

import re
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from chalicelib import sms
from chalicelib.errors import BadRequest, NotFromTwilio

TOKEN = "12345"
VALIDATOR = RequestValidator(TOKEN)
# Twilio's documentation and the tests of its library sign this; and this is what it comes to.
DOCUMENTED = {
    "CallSid": "CA1234567890ABCDE",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
    "Caller": "+14158675309",
}
ADDRESS, SIGNATURE = "https://mycompany.com/myapp.php?foo=1&bar=2", "RSOYDt4T1cUTdK1PDd93/VVr8B8="


@pytest.fixture(autouse=True)
def told(monkeypatch):
    monkeypatch.setattr(sms, "_token", lambda: TOKEN)


def believed(url, members, signature):
    with mock.patch.object(sms, "settings", return_value=mock.Mock(public_url=url)):
        try:
            sms.believe(members, signature)
        except NotFromTwilio:
            return False
    return True


def test_the_vector_of_the_documentation():
    assert VALIDATOR.compute_signature(ADDRESS, DOCUMENTED) == SIGNATURE
    assert sms._signed(ADDRESS, DOCUMENTED) == SIGNATURE.encode()


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example",
        "https://shop.example/api",
        "https://shop.example:443",
        "https://shop.example:8443/api",
        "http://127.0.0.1:8000",
        "http://127.0.0.1",
        "http://shop.example:80",
    ],
)
def test_with_its_port_or_without_as_the_library_has_it(url):
    bare = re.sub(r":[0-9]+$", "", re.sub(r":[0-9]+/", "/", url))
    signed = {each: VALIDATOR.compute_signature(f"{each}/sms", DOCUMENTED) for each in (url, bare)}
    for signature in signed.values():
        assert believed(url, DOCUMENTED, signature)
        assert VALIDATOR.validate(f"{url}/sms", DOCUMENTED, signature)
    other = VALIDATOR.compute_signature("https://elsewhere.example/sms", DOCUMENTED)
    assert not believed(url, DOCUMENTED, other)


forms = st.dictionaries(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=12),
    st.text(st.characters(codec="utf-8"), max_size=20),
    max_size=6,
)


@given(forms, st.booleans(), st.text(max_size=30))
def test_any_form_is_believed_where_the_library_believes_it(form, is_signed, noise):
    url = "https://shop.example/api"
    signature = VALIDATOR.compute_signature(f"{url}/sms", form) if is_signed else noise
    assert believed(url, form, signature) is VALIDATOR.validate(f"{url}/sms", form, signature)


@pytest.mark.parametrize(
    "change", ["", "x", "é", SIGNATURE[:-1], SIGNATURE.lower(), f" {SIGNATURE}"]
)
def test_a_signature_that_is_not_that_one_is_none(change):
    assert not believed("https://mycompany.com/myapp.php?foo=1&bar=2", DOCUMENTED, change)


@given(st.binary(max_size=200))
def test_any_body_is_a_form_or_is_refused(body):
    try:
        members = sms._form(body)
    except BadRequest:
        return
    assert all(isinstance(each, str) for each in members.values())


@pytest.mark.parametrize("body", [b"From=a&From=b", b"a=%ff", b"\xff=a", b"&".join([b"a=b"] * 300)])
def test_a_form_that_can_be_read_in_two_ways_is_none(body):
    with pytest.raises(BadRequest):
        sms._form(body)
