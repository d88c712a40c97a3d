"""The local cloud: MiniStack, Kinesis and a bank, each a process, and the names of a shop in it.

- Both listen on 127.0.0.1, on ports that were free; `ports.json` under STATE says which. A part
  that died comes back on its own port, so nobody who knows the address needs to be told.
- Durable under STATE are the log (`kinesis/`), S3's objects (`s3/`), the keys (`keys/`) and the
  bank's ledger (`bank/`).
  The table is MiniStack's memory: whoever restarts it calls `provision` again.
- `environment` is all that the app needs to know. Who is in a shop is in nothing else: whatever
  the AWS of this machine's user is set to (profiles, endpoints, a proxy) is out of reach.

Raises LocalError.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib import config
from chalicelib.signing import keys
from local import provision
from local.errors import LocalError
from local.part import Part

if TYPE_CHECKING:
    from pathlib import Path

SHARDS = 2
# Each part's module, and its folder under STATE.
PARTS = {
    "ministack": ("local.emulator", "s3"),
    "kinesis": ("local.kinesis", "kinesis"),
    "bank": ("local.bank", "bank"),
}


@dataclass(frozen=True, slots=True)
class Names:
    """What a stage's things are called. A test takes a stage of its own, and so its own things."""

    stage: str = "local"
    stream_number: int = 1

    def numbered_stream(self, number: int) -> str:
        return f"tillstream-{self.stage}-{number}"

    @property
    def stream(self) -> str:
        return self.numbered_stream(self.stream_number)

    @property
    def table(self) -> str:
        return f"tillstream-{self.stage}-views"

    @property
    def archive_bucket(self) -> str:
        return f"tillstream-{self.stage}-archive"

    @property
    def vault_bucket(self) -> str:
        return f"tillstream-{self.stage}-vault"

    @property
    def upload_bucket(self) -> str:
        return f"tillstream-{self.stage}-uploads"

    @property
    def work_queue(self) -> str:
        return f"tillstream-{self.stage}-work"

    @property
    def courier_queue(self) -> str:
        return f"tillstream-{self.stage}-courier"

    @property
    def producer_key(self) -> str:
        return f"/tillstream/{self.stage}/producer-key"

    @property
    def notary_key(self) -> str:
        return f"/tillstream/{self.stage}/notary-key"

    @property
    def twilio_token(self) -> str:
        return f"/tillstream/{self.stage}/twilio-token"


@dataclass(slots=True)
class Cloud:
    """MiniStack, Kinesis and the bank over one STATE."""

    state: Path
    inherits: tuple[int, ...] = ()
    parts: dict[str, Part] = field(default_factory=dict, init=False)
    endpoints: dict[str, str] = field(default_factory=dict, init=False)

    def start(self) -> None:
        """All answer, and `ports.json` says where."""
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in PARTS:
            self.parts[name] = self._part(name)
            self.parts[name].begin()
        self.endpoints = {name: part.announced() for name, part in self.parts.items()}
        _write(self.state, {name: _port(url) for name, url in self.endpoints.items()})
        config.forget()

    def restart(self, name: str) -> None:
        """The part again, where it was before."""
        part = self.parts[name]
        part.stop()
        part.arguments = [*self._arguments(name), "--port", str(_port(self.endpoints[name]))]
        part.start()

    def stop(self) -> None:
        for part in self.parts.values():
            part.ask_to_stop()
        for part in self.parts.values():
            part.stop()

    def _part(self, name: str) -> Part:
        surroundings = os.environ | {"STATE": str(self.state)}
        return Part(name, PARTS[name][0], self._arguments(name), surroundings, self.inherits)

    def _arguments(self, name: str) -> list[str]:
        return ["--data", str(self.state / PARTS[name][1])]


def environment(state: Path, names: Names | None = None) -> dict[str, str]:
    """The variables of a shop whose cloud has been started.

    Raises LocalError if none was ever started on this STATE.
    """
    ports = read_ports(state)
    names = names or Names(stream_number=ports.get("stream", 1))
    return {
        "STAGE": names.stage,
        "STREAM": names.stream,
        "TABLE": names.table,
        "ARCHIVE_BUCKET": names.archive_bucket,
        "VAULT_BUCKET": names.vault_bucket,
        "UPLOAD_BUCKET": names.upload_bucket,
        "WORK_QUEUE": names.work_queue,
        "COURIER_QUEUE": names.courier_queue,
        "MAIL_FROM": provision.MAIL_FROM,
        "MAKER_MAIL": "maker@shop.example",
        "PAYMENTS": "sandbox",
        "SANDBOX_URL": f"http://127.0.0.1:{ports['bank']}" if "bank" in ports else "",
        "CARD_WAIT_S": os.environ.get("CARD_WAIT_S", "1800"),
        **_desk(names),
        "PRODUCER_KEY": names.producer_key,
        "NOTARY_KEY": names.notary_key,
        "TRUST_ROOT": provision.key(state, "root").public.x,
        "IDENTITY": "local",
        "STATE": str(state),
        **_aws(ports),
    }


def _desk(names: Names) -> dict[str, str]:
    """The photo desk: what its host may set, where this shop is seen, and who sends pictures."""
    host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
    seen = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return {
        "PHOTO_WAIT_S": os.environ.get("PHOTO_WAIT_S", "600"),
        "PHOTO_STAY_S": os.environ.get("PHOTO_STAY_S", "7200"),
        "PHOTO_ASSIGNMENTS": os.environ.get("PHOTO_ASSIGNMENTS", "3"),
        "PUBLIC_URL": os.environ.get("PUBLIC_URL") or seen,
        "TWILIO_TOKEN": names.twilio_token,
        "MEDIA_HOSTS": os.environ.get("MEDIA_HOSTS", config.MEDIA_HOSTS),
    }


def _aws(ports: dict[str, int]) -> dict[str, str]:
    """Where AWS is for this shop, and nothing of any other."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['ministack']}",
        "AWS_ENDPOINT_URL_KINESIS": f"http://127.0.0.1:{ports['kinesis']}",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "no_proxy": "127.0.0.1",
    }


def enter(state: Path, names: Names) -> None:
    """From here on this process, and what it starts, is in the shop of these names.

    Clients stay: shops of one cloud differ in names only. `Cloud.start` forgets them.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= environment(state, names)
    config.settings.cache_clear()
    keys.forget()


def open_shop(state: Path, shards: int = SHARDS) -> None:
    """The shop `local` on this STATE, with all that belongs to it; this process is in it."""
    enter(state, Names())
    provision.make_buckets(Names())
    names = Names(stream_number=provision.newest_stream(Names()))
    _write(state, read_ports(state) | {"stream": names.stream_number})
    enter(state, names)
    provision.provision(names, state, shards)


def read_ports(state: Path) -> dict[str, int]:
    """Where the inner parts listen, and the number of the stream."""
    path = state / "ports.json"
    try:
        ports: dict[str, int] = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise LocalError(f"no shop was ever started on {state}") from None
    except (OSError, ValueError) as flaw:
        raise LocalError(f"{path} cannot be read: {flaw}") from None
    if not isinstance(ports, dict) or not {"ministack", "kinesis"} <= ports.keys():
        raise LocalError(f"{path} does not say where the shop's parts listen")
    return ports


def _write(state: Path, ports: dict[str, int]) -> None:
    """Whole or not at all: others read this while we write it."""
    fresh = state / ".ports.json"
    fresh.write_text(json.dumps(ports, indent=1) + "\n")
    fresh.rename(state / "ports.json")


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
