"""What the bank keeps: each charge and refund under its key, once, on disk before it is answered.

One connection and one lock: whoever asks twice at once is told the same twice. Raises Refused.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chalicelib.events.product import Price

schema_version = 1
_schema = """
CREATE TABLE charges (
    key      TEXT PRIMARY KEY,
    "order"  TEXT    NOT NULL,
    amount   INTEGER NOT NULL,
    currency TEXT    NOT NULL,
    payment  TEXT UNIQUE,
    reason   TEXT,
    at       INTEGER NOT NULL,
    CHECK ((payment IS NULL) != (reason IS NULL))
);
CREATE TABLE refunds (
    key      TEXT PRIMARY KEY,
    payment  TEXT    NOT NULL REFERENCES charges (payment),
    amount   INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT    NOT NULL,
    refund   TEXT    NOT NULL UNIQUE,
    at       INTEGER NOT NULL
);
CREATE INDEX by_payment ON refunds (payment);
"""


class Refused(Exception):
    """The bank does not do that; `slug` names the reason."""

    def __init__(self, slug: str, detail: str) -> None:
        super().__init__(detail)
        self.slug, self.detail = slug, detail


class Ledger:
    """The charges and refunds in one folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._disk = sqlite3.connect(
            folder / "bank.sqlite", isolation_level=None, check_same_thread=False
        )
        self._disk.row_factory = sqlite3.Row
        self._lock = RLock()
        _prepare(self._disk)

    def charge(
        self, key: str, order: str, amount: Price, reason: str | None
    ) -> tuple[dict[str, Any], bool]:
        """The charge of this key, and whether it was made by this call; a reason declines it."""
        payment = None if reason else "pay_" + secrets.token_hex(12)
        row = (key, order, amount.amount, amount.currency, payment, reason, _now())
        with self._transaction():
            made = self._disk.execute(
                "INSERT INTO charges VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING", row
            )
            (found,) = self.charges(key=key)
        if (found["order"], found["amount"]) != (order, amount.model_dump()):
            raise Refused("key-reused", "this key stands for another charge")
        return found, made.rowcount == 1

    def refund(self, key: str, payment: str, amount: Price) -> dict[str, Any]:
        """The refund of this key; of no payment is more given back than it was."""
        row = (key, payment, amount.amount, amount.currency, "ref_" + secrets.token_hex(12), _now())
        with self._transaction():
            if not self.refunds(key=key):
                self._check(payment, amount)
                self._disk.execute("INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?)", row)
            (found,) = self.refunds(key=key)
        if (found["payment"], found["amount"]) != (payment, amount.model_dump()):
            raise Refused("key-reused", "this key stands for another refund")
        return found

    def charges(self, **where: str) -> list[dict[str, Any]]:
        """The charges with these values, oldest first."""
        return self._rows("charges", where)

    def refunds(self, **where: str) -> list[dict[str, Any]]:
        """The refunds with these values, oldest first."""
        return self._rows("refunds", where)

    def close(self) -> None:
        self._disk.close()

    def _check(self, payment: str, amount: Price) -> None:
        charged = self.charges(payment=payment)
        if not charged:
            raise Refused("unknown-payment", "there is no such payment")
        back = sum(each["amount"]["amount"] for each in self.refunds(payment=payment))
        whole = charged[0]["amount"]
        if whole["currency"] != amount.currency or back + amount.amount > whole["amount"]:
            raise Refused("refund-too-large", "more than is left of the payment")

    def _rows(self, table: str, where: dict[str, str]) -> list[dict[str, Any]]:
        said = " AND ".join(f'"{name}" = :{name}' for name in where) or "TRUE"
        wanted = f"SELECT * FROM {table} WHERE {said} ORDER BY rowid"  # noqa: S608  (our own names)
        with self._lock:
            return [_shown(row) for row in self._disk.execute(wanted, where)]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, self._disk:
            self._disk.execute("BEGIN IMMEDIATE")
            yield


def _prepare(disk: sqlite3.Connection) -> None:
    disk.execute("PRAGMA journal_mode = WAL")
    disk.execute("PRAGMA synchronous = FULL")
    (found,) = disk.execute("PRAGMA user_version").fetchone()
    if found == 0:
        disk.executescript(f"BEGIN; {_schema} PRAGMA user_version = {schema_version}; COMMIT;")
    elif found != schema_version:
        raise RuntimeError(f"the ledger has schema {found}, this code reads {schema_version}")


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    """The row as it is told, with its amount as a price."""
    said = {name: row[name] for name in row.keys() if row[name] is not None}  # noqa: SIM118
    return said | {"amount": {"amount": row["amount"], "currency": said.pop("currency")}}


def _now() -> int:
    return time.time_ns() // 1_000_000
