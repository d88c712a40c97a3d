"""The README's list for operators has every verb that there is, and no other."""

import re
from pathlib import Path

import pytest
import typer

from drills.__main__ import app as drills
from ops.__main__ import app as ops

README = (Path(__file__).parents[2] / "README.md").read_text()
SECTION = README.split("\n## For operators\n")[1].split("```")[1]


def verbs(app):
    """Every command's name, after that of the group that it is in."""
    for name, command in typer.main.get_command(app).commands.items():
        inner = getattr(command, "commands", {})
        yield from [f"{name} {each}" for each in inner] or [name]


@pytest.mark.parametrize(("room", "app"), [("ops", ops), ("drills", drills)])
def test_every_verb_is_told_and_none_that_there_is_not(room, app):
    told = re.findall(rf"^python -m {room} ((?:race |sim )?[a-z]+)", SECTION, re.MULTILINE)
    assert set(told) == set(verbs(app))
