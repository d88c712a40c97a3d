"""The to-do that destroys a person's key: as often as it is asked, and later where it cannot."""

from __future__ import annotations

import pytest

from chalicelib import personal, vault
from chalicelib.decisions.customer import DESTROY_KEY, Customer
from chalicelib.decisions.todo import Todo
from chalicelib.errors import CloudFailure, TryAgain
from chalicelib.events.customer import KeyDestroyed
from chalicelib.todos import KINDS, Owed

ID = "destroy-key@tillstream-t-1/shardId-000000000000:7"
OWED = Owed(ID, "customer/mia", "mia", Customer(erased=True), Todo(kind=DESTROY_KEY, since=1))


@pytest.mark.usefixtures("shop")
def test_the_key_is_gone_however_often_it_is_done() -> None:
    pii = personal.encrypt("mia", "order/1", {"name": "Mia"})
    for _ in range(3):
        assert KINDS[DESTROY_KEY](OWED) == KeyDestroyed(todo=ID)
        assert personal.decrypt("mia", "order/1", pii) is None
    assert vault.read("people/mia") == personal.TOMBSTONE


@pytest.mark.usefixtures("shop")
def test_while_the_vault_does_not_answer_it_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object) -> None:
        raise CloudFailure("the vault could not be asked")

    monkeypatch.setattr(vault, "overwrite", fails)
    with pytest.raises(TryAgain, match="could not be asked"):
        KINDS[DESTROY_KEY](OWED)
