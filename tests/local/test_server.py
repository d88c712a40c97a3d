"""The server: API Gateway's answers as problems, strict about what it reads, never silent."""

import json
import logging
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from chalice import AuthResponse, AuthRoute, Chalice, Response

from local.claim import listen
from local.gateway import Gateway
from local.part import PROJECT
from local.quiet import speak_in_lines
from local.server import Server

JSON = "Content-Type: application/json\r\n"


def tiny_app():
    app = Chalice(app_name="tiny", configure_logs=False)

    @app.authorizer()
    def authorize(request):
        if request.token in ("break", "Unauthorized"):
            raise RuntimeError(request.token)
        routes = {"all": [AuthRoute("/things", ["POST"])], "some": [AuthRoute("/x", ["GET"])]}
        return AuthResponse(routes.get(request.token, []), principal_id="somebody")

    @app.route("/")
    def root():
        return {"ok": True}

    @app.route("/things", methods=["POST"], authorizer=authorize)
    def things():
        return {"bytes": len(app.current_request.raw_body), "who": who(app)}

    @app.route("/a/{x}/b")
    def first(x):
        return app.current_request.uri_params

    @app.route("/a/{y}/c")
    def second(y):
        return app.current_request.uri_params

    @app.route("/two-cookies")
    def two_cookies():
        return Response("", {"Set-Cookie": ["a=1", "b=2"]}, 204)

    @app.route("/broken")
    def broken():
        return Response({"no": {"json"}})

    @app.route("/huge")
    def huge():
        return {"huge": "x" * (6 * 1024 * 1024)}

    return app


def who(app):
    return app.current_request.context["authorizer"]["principalId"]


@pytest.fixture(scope="module")
def port():
    server = Server(listen("127.0.0.1", 0), Gateway(tiny_app()))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.socket.getsockname()[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
def ask(port):
    """Send bytes on a new connection; the status, the headers and the body that come back."""

    def send(text, *, body=b""):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(text.encode("latin-1") + body)
            return answer_from(connection)

    return send


def get(path, headers="", method="GET"):
    return f"{method} {path} HTTP/1.1\r\nHost: shop\r\n{headers}\r\n"


def answer_from(connection):
    text = b""
    while b"\r\n\r\n" not in text:
        more = connection.recv(65536)
        assert more, f"closed without a whole answer: {text!r}"
        text += more
    head, _, body = text.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = [tuple(line.split(": ", 1)) for line in lines]
    length = int(dict(headers).get("Content-Length", 0))
    while len(body) < length:
        more = connection.recv(65536)
        assert more, "closed within the body"
        body += more
    return int(status.split()[1]), headers, body


def is_problem(answer, status, slug):
    got, headers, body = answer
    said = json.loads(body)
    assert got == said["status"] == status
    assert said["type"] == f"/problems/{slug}"
    assert said["title"]
    assert said["detail"]
    assert ("Content-Type", "application/problem+json") in headers
    return dict(headers)


def test_a_route_is_answered(ask):
    status, _, body = ask(get("/"))
    assert (status, json.loads(body)) == (200, {"ok": True})


def test_an_unknown_path_is_404_with_or_without_a_token(ask):
    is_problem(ask(get("/nowhere")), 404, "not-found")
    is_problem(ask(get("/nowhere", "Authorization: all\r\n")), 404, "not-found")
    is_problem(ask(get("//")), 404, "not-found")


def test_an_undeclared_method_is_405_and_names_those_that_are(ask):
    headers = is_problem(ask(get("/things", method="PUT")), 405, "method-not-allowed")
    assert headers["Allow"] == "POST"
    is_problem(ask(get("/things", method="PROPFIND")), 405, "method-not-allowed")
    is_problem(ask(get("/things", method="OPTIONS")), 405, "method-not-allowed")


def test_head_is_405_without_a_body(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(get("/", "Connection: close\r\n", method="HEAD").encode())
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert answer.endswith(b"\r\n\r\n")


def test_no_token_and_one_that_the_authorizer_does_not_know_are_401(ask):
    for token in ("", "Authorization: Unauthorized\r\n"):
        headers = is_problem(ask(get("/things", token, "POST")), 401, "unauthenticated")
        assert headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("token", ["some", "none at all"])
def test_a_token_for_other_routes_or_for_none_is_403(ask, token):
    text = get("/things", f"Authorization: {token}\r\n", method="POST")
    is_problem(ask(text), 403, "forbidden")


def test_an_authorizer_that_cannot_tell_is_503_and_its_reason_stays_inside(ask, capfd):
    answer = ask(get("/things", "Authorization: break\r\n", "POST"))
    assert is_problem(answer, 503, "unavailable")["Retry-After"] == "1"
    said = capfd.readouterr().err
    assert json.loads(said)["error"] == "RuntimeError"
    assert "break" not in said


def test_a_token_for_this_route_reaches_it(ask):
    text = get("/things", f"Authorization: all\r\n{JSON}Content-Length: 2\r\n", method="POST")
    status, _, body = ask(text, body=b"{}")
    assert (status, json.loads(body)) == (200, {"bytes": 2, "who": "somebody"})


def test_path_parameters_are_those_of_the_matching_route_alone(ask):
    assert json.loads(ask(get("/a/1/c"))[2]) == {"y": "1"}
    assert json.loads(ask(get("/a/1/c/?q=/a/2/b"))[2]) == {"y": "1"}


def test_an_empty_path_parameter_matches_nothing(ask):
    is_problem(ask(get("/a//c")), 404, "not-found")


def test_an_answer_of_204_has_no_body_and_a_header_may_stand_twice(ask):
    status, headers, body = ask(get("/two-cookies"))
    assert (status, body) == (204, b"")
    assert [value for name, value in headers if name == "Set-Cookie"] == ["a=1", "b=2"]
    assert "Content-Length" not in dict(headers)


def test_what_raises_is_502_and_its_reason_stays_inside(ask, capfd):
    is_problem(ask(get("/broken")), 502, "bad-gateway")
    assert json.loads(capfd.readouterr().err)["what"] == "lambda-failed"


def test_what_a_library_logs_is_one_line_without_its_message(capfd):
    before = logging.root.handlers[:], logging.root.level
    speak_in_lines()
    logging.getLogger("some.library").error("secret %s", "too", exc_info=ValueError("secret"))
    logging.root.handlers[:], logging.root.level = before
    said = capfd.readouterr().err
    assert json.loads(said)["error"] == "ValueError"
    assert "secret" not in said


def test_an_answer_larger_than_lambda_may_give_is_502(ask):
    is_problem(ask(get("/huge")), 502, "bad-gateway")


@pytest.mark.parametrize(
    ("text", "status", "slug"),
    [
        (get("/things", "Transfer-Encoding: chunked\r\n", "POST"), 411, "length-required"),
        (
            get("/things", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "POST"),
            411,
            "length-required",
        ),
        (get("/things", "Content-Length: ten\r\n", "POST"), 400, "bad-request"),
        (get("/things", "Content-Length: -1\r\n", "POST"), 400, "bad-request"),
        (get("/things", "Content-Length: +1\r\n", "POST"), 400, "bad-request"),
        (get("/things", "Content-Length: 1, 1\r\n", "POST"), 400, "bad-request"),
        (
            get("/things", "Content-Length: 1\r\nContent-Length: 2\r\n", "POST"),
            400,
            "bad-request",
        ),
        (get("/things", "Content-Length: 10485761\r\n", "POST"), 413, "too-large"),
        (get("/things", "Content-Length: 9" + "9" * 30 + "\r\n", "POST"), 400, "bad-request"),
        (get("/", "X: " + "y" * 10_241 + "\r\n"), 431, "headers-too-large"),
        (get("/", "X y: 1\r\n"), 400, "bad-request"),
        (get("/", "X : 1\r\n"), 400, "bad-request"),
        (get("/", "X: 1\r\n folded\r\n"), 400, "bad-request"),
        (get("/", "X: \x001\r\n"), 400, "bad-request"),
        (get("/", "Host: other\r\n"), 400, "bad-request"),
        ("GET / HTTP/1.1\r\n\r\n", 400, "bad-request"),
        (get("/" + "x" * 9000), 414, "uri-too-long"),
        (get("/with space"), 400, "bad-request"),
        ("nonsense\r\n\r\n", 400, "bad-request"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http-version-not-supported"),
        ("OPTIONS * HTTP/1.1\r\nHost: shop\r\n\r\n", 400, "bad-request"),
        (get("/", "Expect: wonders\r\n"), 417, "expectation-failed"),
    ],
)
def test_what_cannot_be_read_is_named_and_the_connection_closed(ask, text, status, slug):
    assert is_problem(ask(text), status, slug)["Connection"] == "close"


def test_a_body_over_the_limit_is_answered_although_the_client_keeps_sending(ask):
    text = get("/things", "Content-Length: 11000000\r\n", "POST")
    is_problem(ask(text, body=b"x" * 11_000_000), 413, "too-large")


def test_a_client_that_waits_for_100_continue_gets_it(port):
    text = get("/things", "Expect: 100-continue\r\nContent-Length: 2\r\n", "POST")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(text.encode())
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert answer_from(connection)[0] == 401


def test_requests_sent_ahead_are_answered_in_order_on_one_connection(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall((get("/") + get("/nowhere")).encode())
        text = b""
        while text.count(b"HTTP/1.1 ") < 2:
            text += connection.recv(65536)
    assert text.index(b" 200 ") < text.index(b" 404 ")


def test_an_absolute_target_is_a_path(ask):
    assert ask(get("http://shop:80/a/1/b"))[0] == 200


def test_http_1_0_is_answered_and_closed(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 200 ")


def test_a_client_that_goes_away_disturbs_nobody(port, ask, capfd):
    for part in (get("/"), get("/things", "Content-Length: 9\r\n", "POST"), "GET /"):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(part.encode())
    assert ask(get("/"))[0] == 200
    assert capfd.readouterr().err == ""


def test_a_kept_connection_is_not_slowed_by_nagle(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        began = time.perf_counter()
        for _ in range(50):
            connection.sendall(get("/").encode())
            answer_from(connection)
        assert time.perf_counter() - began < 1.0  # with the delay it would be 2 s


def test_many_clients_at_once_are_all_answered(port):
    statuses = []

    def client():
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            for _ in range(20):
                connection.sendall(get("/").encode())
                statuses.append(answer_from(connection)[0])

    threads = [threading.Thread(target=client) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 640


def test_on_sigterm_the_request_in_hand_is_answered_and_the_process_ends_with_0(tmp_path):
    (tmp_path / "slow_app.py").write_text(
        "import time\nfrom chalice import Chalice\n"
        "app = Chalice(app_name='slow', configure_logs=False)\n"
        "@app.route('/')\ndef root():\n    time.sleep(0.5)\n    return {}\n"
    )
    command = [sys.executable, "-m", "local.server", "--port", "0", "--app", "slow_app"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=PROJECT,
        env={"PYTHONPATH": str(tmp_path)},
    ) as process:
        port = int(process.stdout.readline().split()[1])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(get("/").encode())
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            assert answer_from(connection)[0] == 200
        assert process.wait(5) == 0
        assert process.stderr.read() == b""
