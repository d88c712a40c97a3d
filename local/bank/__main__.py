"""`python -m local.bank`: the sandbox bank over one folder, until SIGTERM; loopback only."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from local.bank.counter import Counter
from local.bank.ledger import Ledger
from local.claim import listen
from local.server import Server
from local.stop import when_told

HOST = "127.0.0.1"


def main(data: Path, port: int) -> None:
    with closing(Ledger(data)) as ledger, listen(HOST, port) as listener:
        server = Server(listener, Counter(ledger))
        when_told(server.shutdown)
        print(f"bank http://{HOST}:{listener.getsockname()[1]}", flush=True)
        server.serve_forever(poll_interval=0.05)
        server.settle()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m local.bank", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--data", type=Path, required=True, help="the folder of the ledger")
    given = parser.parse_args()
    main(given.data, given.port)
