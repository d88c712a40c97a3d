"""A server that behaves as a shop at its door, and keeps its scores as it is told to."""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Pretender(ThreadingHTTPServer):
    """Accepts every command; `stumbles` are numbers of commands that it answers otherwise."""

    daemon_threads = True

    def __init__(self, stumbles=None, forges=0):
        super().__init__(("127.0.0.1", 0), Door)
        self.stumbles, self.forges = dict(stumbles or {}), forges
        self.lock = threading.Lock()
        self.heard = []  # (method, path, headers)
        self.recorded = {}  # key -> position
        self.owners, self.sales = {}, Counter()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def command(self, method, path, headers, body):
        """The answer to a command; None breaks the connection."""
        with self.lock:
            self.heard.append((method, path, headers))
            stumble = self.stumbles.pop(len(self.heard), None)
            if stumble == "before":
                return 503, {}
            key = headers["Idempotency-Key"]
            if key not in self.recorded:
                self.recorded[key] = len(self.recorded) + 1
                self.credit(method, path, headers["Authorization"].split()[1], body)
            if stumble == "after":
                return None
            return 202, {"position": f"s-1/shardId-000000000000:{self.recorded[key]}"}

    def credit(self, method, path, who, body):
        product = body.get("id") or path.split("/")[2]
        owners = self.owners.setdefault(product, {})
        if (method, path) == ("POST", "/products"):
            owners.setdefault("creator", who)
        elif path.endswith("/photo"):
            owners["photographer"] = who
        elif path.endswith("/purchases"):
            owners.setdefault("creator", "UNKNOWN")
            if owners["creator"] != "UNKNOWN":
                self.sales.update((role, owners[role]) for role in owners)

    def scores(self, role):
        best = [(who, n) for (found, who), n in self.sales.most_common() if found == role]
        items = [{"userId": who, "role": role, "score": n, "name": who} for who, n in best]
        if items:
            items[0]["score"] += self.forges
        return {"items": items, "next": None}


class Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Pretender

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/health":
            self.say(200, {"status": "ok"})
        elif path == "/scores":
            self.say(200, self.server.scores(query.split("role=")[1].split("&")[0]))
        else:
            self.say(200, {})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"{}")
        if self.path == "/sessions":
            name = body["name"].replace(" ", "-")
            self.say(200, {"token": name, "userId": name})
            return
        answer = self.server.command(self.command, self.path, self.headers, body)
        if answer is None:
            self.close_connection = True
        else:
            self.say(*answer)

    def do_PUT(self):
        self.do_POST()

    def say(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if status == 503:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def log_message(self, *_):
        pass
