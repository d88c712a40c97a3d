"""Media comes from the hosts on the list alone, at addresses that are public, and in bounds."""

import itertools
import socket
import ssl
import time
from dataclasses import dataclass

import pytest
from hosts import answer, host, redirect
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import NoPicture, PictureTooLarge, TryAgain, Unreachable
from chalicelib.pictures import media
from chalicelib.pictures.image import MOST_BYTES

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: image/png\r\n\r\n"
TWILIO = "https://api.twilio.com/2010-04-01/Accounts/AC0/Messages/MM0/Media/ME0"


@dataclass
class Settings:
    media_hosts: str = "api.twilio.com, Media.TwilioCDN.com"
    identity: str = ""


@pytest.fixture
def listed(monkeypatch):
    """What the settings say."""
    said = Settings()
    monkeypatch.setattr(media, "settings", lambda: said)
    return said


@pytest.fixture
def here(listed):
    """A shop on this machine, which may fetch from it."""
    listed.media_hosts, listed.identity = "127.0.0.1", "local"


def fetched(says, path="/picture.jpg"):
    with host(says) as found:
        return media.fetch(f"http://127.0.0.1:{found.port}{path}")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("3.5.140.2", True),
        ("2600:1f18::1", True),
        ("2a00:1450:4001:80b::200e", True),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::5db8:d822", True),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("127.1.2.3", False),
        ("169.254.169.254", False),
        ("172.16.0.1", False),
        ("192.0.0.170", False),
        ("192.0.2.1", False),
        ("192.168.1.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("239.255.255.250", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::127.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("::ffff:0:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b:1::a00:1", False),
        ("100::1", False),
        ("2001::1", False),
        ("2001:db8::1", False),
        ("2002:7f00:1::", False),
        ("2002:a9fe:a9fe::1", False),
        ("3fff::1", False),
        ("fc00::1", False),
        ("fd00:ec2::254", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fec0::1", False),
        ("ff02::1", False),
    ],
)
def test_an_address_is_public_or_it_is_not_asked(address, public):
    assert media.is_public(address) is public


@given(st.ip_addresses(v=4))
def test_whatever_an_address_of_ipv6_stands_for_is_as_public_as_that(address):
    for prefix in ("::ffff:", "64:ff9b::"):
        assert media.is_public(f"{prefix}{address}") is media.is_public(str(address))


@pytest.mark.parametrize(
    "address",
    [
        TWILIO,
        "https://api.twilio.com:443/x?y=z",
        "https://API.Twilio.COM/x",
        "https://media.twiliocdn.com/AC0/0",
    ],
)
def test_a_host_on_the_list_is_asked_over_https(listed, address):
    asked = media.hop(address)
    assert (asked.is_secure, asked.port) == (True, 443)
    assert asked.host in ("api.twilio.com", "media.twiliocdn.com")


ELSEWHERE = [
    "http://api.twilio.com/x",
    "https://api.twilio.com:8443/x",
    "https://api.twilio.com:0/x",
    "https://api.twilio.com:99999/x",
    "https://api.twilio.com:x/",
    "https://api.twilio.com.evil.example/x",
    "https://evil-api.twilio.com/x",
    "https://api.twilio.com./x",
    "https://user@api.twilio.com/x",
    "https://api.twilio.com@evil.example/x",
    "https://api.twilio.com:443@169.254.169.254/x",
    "https://evil.example\\@api.twilio.com/x",
    "https://api.twilio.com\\.evil.example/x",
    "https://api.twilio.com%00.evil.example/x",
    "https://api.twilio.com%2eevil.example/x",
    "https://127.0.0.1/x",
    "http://127.0.0.1/x",
    "http://localhost/x",
    "http://2130706433/x",
    "http://0177.0.0.1/x",
    "http://0x7f.1/x",
    "http://127.1/x",
    "http://[::1]/x",
    "http://[::ffff:127.0.0.1]/x",
    "http://[::ffff:7f00:1]/x",
    "http://[64:ff9b::7f00:1]/x",
    "http://[fe80::1%25eth0]/x",
    "http://[::1/x",
    "http://169.254.169.254/latest/meta-data/",
    "https://ａpi.twilio.com/x",
    "https:///x",
    "https://",
    "file:///etc/passwd",
    "ftp://api.twilio.com/x",
    "gopher://api.twilio.com/x",
    "//api.twilio.com/x",
    "",
]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_no_other_host_port_or_scheme_is_asked(listed, monkeypatch, address):
    monkeypatch.setattr(socket, "getaddrinfo", None)
    with pytest.raises(Unreachable):
        media.fetch(address)


@pytest.mark.parametrize("path", ["/é", "/ÿ", "/a b", "/a\tb", "/a\nb", "/\x7f", "/\ud800", "/ａ"])
def test_what_no_request_can_ask_for_is_no_address(listed, monkeypatch, path):
    monkeypatch.setattr(socket, "getaddrinfo", None)
    with pytest.raises(Unreachable):
        media.fetch(f"https://api.twilio.com{path}")


@pytest.mark.parametrize("path", [b"/jpg/\xe9\xff", b"/a b", b"/a\tb", b"/a\r\n b", b"//[x"])
def test_a_redirect_to_what_is_no_address_is_refused_at_once(here, path):
    leads = b"HTTP/1.1 302 Found\r\nLocation: " + path + b"\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(Unreachable):
        fetched(lambda _: [leads])


@given(
    st.text(max_size=60)
    | st.tuples(
        st.sampled_from(["https://", "http://", "https:", "//", "https://api.twilio.com"]),
        st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40),
    ).map("".join)
)
def test_any_address_is_refused_or_of_the_list(address):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(media, "settings", Settings)
        try:
            asked = media.hop(address)
        except Unreachable:
            return
    assert asked.host in ("api.twilio.com", "media.twiliocdn.com")


@pytest.mark.parametrize("identity", ["", "oidc"])
def test_a_packaged_shop_never_asks_itself_whatever_its_list_says(listed, identity):
    listed.media_hosts, listed.identity = "127.0.0.1,localhost,10.0.0.1", identity
    for address in ("http://127.0.0.1:9/x", "https://127.0.0.1/x", "https://10.0.0.1/x"):
        with pytest.raises(Unreachable):
            media.fetch(address)


def test_a_local_shop_asks_this_machine_only_if_its_list_says_so(listed):
    listed.identity = "local"
    with pytest.raises(Unreachable):
        media.fetch("http://127.0.0.1:9/x")
    listed.media_hosts = "127.0.0.1,localhost"
    assert media.hop("http://127.0.0.1:9/x").port == 9
    for address in ("http://localhost/x", "https://localhost/x", "http://127.0.0.2/x"):
        with pytest.raises(Unreachable):
            media.fetch(address)


def resolving(monkeypatch, *answers):
    """The name comes to these addresses, one list for each time that it is asked."""
    asked = []
    turns = itertools.cycle(answers)

    def getaddrinfo(name, port, **_):
        asked.append(name)
        return [
            (
                socket.AF_INET6 if ":" in each else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (each, port, 0, 0) if ":" in each else (each, port),
            )
            for each in next(turns)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.fixture
def dialled(monkeypatch):
    """The addresses that were connected to; none of them answers."""
    found = []

    def connect(self, address):
        found.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(media.socket, "socket", type("Dry", (socket.socket,), {"connect": connect}))
    return found


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["93.184.216.34", "10.0.0.1"],
        ["::1"],
        ["fd00::1"],
        ["::ffff:169.254.169.254"],
    ],
)
def test_a_host_that_has_an_inner_address_is_not_asked(listed, monkeypatch, dialled, answers):
    resolving(monkeypatch, answers)
    with pytest.raises(Unreachable, match="no public one"):
        media.fetch(TWILIO)
    assert not dialled


def test_the_address_that_was_looked_at_is_the_one_that_is_connected_to(
    listed, monkeypatch, dialled
):
    """A name that answers otherwise the second time is not asked a second time."""
    asked = resolving(monkeypatch, ["93.184.216.34", "2600:1f18::1"], ["127.0.0.1"])
    with pytest.raises(TryAgain):
        media.fetch(TWILIO)
    assert dialled == ["93.184.216.34", "2600:1f18::1"]
    assert asked == ["api.twilio.com"]


def test_a_host_without_an_address_may_have_one_later(listed, monkeypatch):
    def failing(*_, **__):
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", failing)
    with pytest.raises(TryAgain):
        media.fetch(TWILIO)


def test_what_lies_there_is_fetched_and_little_is_told(here):
    with host(lambda _: [answer(b"bytes")]) as found:
        assert media.fetch(f"http://127.0.0.1:{found.port}/a/b?c=d#e") == b"bytes"
    lines = found.asked[0].split("\r\n")
    assert lines[0] == "GET /a/b?c=d HTTP/1.1"
    names = {line.partition(":")[0] for line in lines[1:] if line}
    assert names == {"Host", "Accept", "Accept-Encoding"}


def test_two_redirects_are_followed_and_no_third(here):
    def says(target):
        number = int(target.rpartition("/")[2])
        return [redirect(f"../x/{number - 1}") if number else answer(b"there")]

    assert fetched(says, "/x/2") == b"there"
    with pytest.raises(Unreachable, match="over 2 redirects"):
        fetched(says, "/x/3")


@pytest.mark.parametrize("to", [each for each in ELSEWHERE if each and each.isascii()])
def test_a_redirect_is_looked_at_as_the_first_address_was(here, to):
    to = to.replace("//127.0.0.1/", "//127.0.0.3/")
    with pytest.raises(Unreachable):
        fetched(lambda _: [redirect(to)])


@pytest.mark.parametrize("status", ["301 A", "302 B", "303 C", "307 D", "308 E"])
def test_every_redirect_is_followed(here, status):
    assert fetched(lambda t: [redirect("/b", status) if t == "/a" else answer(b"b")], "/a") == b"b"


def test_a_redirect_without_an_address_leads_nowhere(here):
    with pytest.raises(Unreachable):
        fetched(lambda _: [answer(status="302 Found")])


@pytest.mark.parametrize("status", ["404 N", "408 T", "429 M", "500 E", "503 U"])
def test_what_may_be_there_later_is_tried_again(here, status):
    with pytest.raises(TryAgain):
        fetched(lambda _: [answer(status=status)])


@pytest.mark.parametrize("status", ["204 N", "206 P", "304 N", "400 B", "401 U", "403 F", "410 G"])
def test_what_is_not_given_is_not_to_be_had(here, status):
    with pytest.raises(Unreachable):
        fetched(lambda _: [answer(status=status)])


@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream", "video/mp4", ""])
def test_what_says_that_it_is_no_picture_is_none(here, kind):
    with pytest.raises(NoPicture):
        fetched(lambda _: [answer(b"x", Content_Type=kind)])


def test_what_is_packed_is_not_unpacked(here):
    with pytest.raises(NoPicture):
        fetched(lambda _: [answer(b"x", Content_Encoding="gzip")])


def test_no_more_is_read_than_a_picture_may_have(here):
    pieces = (b"x" * 65536 for _ in range(10_000))
    with pytest.raises(PictureTooLarge):
        fetched(lambda _: itertools.chain([answer(Content_Length="")], pieces))
    assert sum(1 for _ in pieces) > 9_000, "it was all read"


def test_what_says_that_it_is_too_large_is_not_read_to_its_end(here):
    with pytest.raises(PictureTooLarge):
        fetched(lambda _: [answer(bytes(MOST_BYTES + 1))])


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"nonsense\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Type: image/png\r\n\r\nhalf"],
        [CHUNKED, b"5\r\nab"],
        [CHUNKED, b"zz\r\n"],
        [b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000],
        [b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200],
    ],
)
def test_an_answer_that_breaks_off_or_is_none_is_tried_again(here, pieces):
    with pytest.raises(TryAgain):
        fetched(lambda _: pieces)


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\n", answer(Content_Length="999999")])
def test_it_is_over_in_time_however_slowly_it_drips(here, monkeypatch, begun):
    monkeypatch.setattr(media, "WITHIN_S", 0.5)

    def dripping(_):
        yield begun
        while True:
            yield b"x"
            time.sleep(0.05)

    with pytest.raises(TryAgain):
        fetched(dripping)


def test_who_answers_is_whom_the_certificate_names(listed, monkeypatch, certified):
    """Over TLS, at the address that was looked at; another host's certificate will not do."""
    secured, trusting = certified
    monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)
    monkeypatch.setattr(media, "is_public", lambda _: True)
    listed.media_hosts += ",other.example"
    with host(lambda _: [answer(b"safe")], secured) as found:
        real = socket.socket.connect
        to = type(
            "Near", (socket.socket,), {"connect": lambda s, _: real(s, ("127.0.0.1", found.port))}
        )
        monkeypatch.setattr(media.socket, "socket", to)
        resolving(monkeypatch, ["93.184.216.34"])
        assert media.fetch(TWILIO) == b"safe"
        assert "Host: api.twilio.com\r\n" in found.asked[0]
        with pytest.raises(TryAgain):
            media.fetch("https://other.example/x")
    assert len(found.asked) == 1
