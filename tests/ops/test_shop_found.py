"""Ops find the shop that is meant, and say so in a sentence when there is none."""

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from drills.__main__ import app as drills
from local import provision
from local.cloud import Names, environment
from ops.__main__ import app as verbs
from ops.verb import or_why_not

ROOT = Path(__file__).parents[2]
VERBS = [
    ["views"],
    ["tail", "--no-follow"],
    ["quarantine"],
    ["parked"],
    ["redrive", "product/cup"],
    ["doctor"],
    ["audit"],
    ["verify"],
    ["rebuild", "scores"],
    ["explain", "product/cup"],
    ["prove", "some-event"],
    ["erase", "somebody"],
    ["retry", "--all"],
    ["env"],
    ["query", "select 1"],
]
NOWHERE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ENDPOINT_URL_KINESIS": ""}


def ops(*words, env):
    return subprocess.run(
        [sys.executable, "-m", "ops", *words],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def bare(state):
    """An environment that names no shop but by STATE."""
    ours = ("STAGE", "STREAM", "TABLE", "ARCHIVE_BUCKET", "AWS_ENDPOINT_URL")
    return {n: v for n, v in os.environ.items() if n not in ours} | {"STATE": str(state)}


def by_state(monkeypatch, state):
    """This process names no shop but by STATE."""
    for name in bare(state).keys() ^ os.environ.keys():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STATE", str(state))


@pytest.mark.parametrize("verb", VERBS)
def test_a_state_on_which_no_shop_was_started_is_a_sentence_and_2(tmp_path, monkeypatch, verb):
    by_state(monkeypatch, tmp_path / "none")
    ran = CliRunner().invoke(verbs, verb)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("ops: no shop was ever started on ")


def test_so_it_is_for_a_process(tmp_path):
    ran = ops("views", env=bare(tmp_path / "none"))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("ops: no shop was ever started on ")


def test_every_verb_that_needs_a_shop_was_asked():
    asked = {words[0] for words in VERBS}
    assert asked | {"restore"} == set(typer.main.get_command(verbs).commands)


@pytest.mark.parametrize("verb", ["views", "env"])
def test_a_state_whose_shop_is_not_up_is_a_sentence_and_2(tmp_path, verb):
    (tmp_path / "ports.json").write_text('{"ministack": 9, "kinesis": 9, "stream": 1}')
    ran = ops(verb, env=bare(tmp_path))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"no shop runs on {tmp_path}" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("said", [None, b"", b"{", b"\xff", b"null", b"[]", b"{}"])
def test_a_state_whose_ports_cannot_be_read_is_a_sentence_and_2(tmp_path, monkeypatch, said):
    by_state(monkeypatch, tmp_path)
    path = tmp_path / "ports.json"
    path.mkdir() if said is None else path.write_bytes(said)
    for app, words in ((verbs, ["views"]), (verbs, ["env"]), (drills, ["race", "order"])):
        ran = CliRunner().invoke(app, words)
        assert (ran.exit_code, ran.stdout) == (2, ""), ran.output
        assert str(path) in ran.stderr or "no STATE of a shop with a bank" in ran.stderr


def test_a_state_that_no_folder_can_be_called_is_a_sentence_and_2(monkeypatch):
    by_state(monkeypatch, "/" + "x" * 5000)
    for app, words in ((verbs, ["views"]), (verbs, ["env"]), (drills, ["race", "order"])):
        ran = CliRunner().invoke(app, words)
        assert (ran.exit_code, ran.stdout) == (2, ""), ran.output
        assert "File name too long" in ran.stderr or "no STATE of a shop" in ran.stderr


class Full(io.StringIO):
    """Where nothing more can be written."""

    def flush(self):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_where_the_answer_cannot_be_written_is_a_sentence_and_2(monkeypatch, capsys):
    with monkeypatch.context() as full:
        full.setattr("sys.stdout", Full())
        with pytest.raises(typer.Exit) as ended, or_why_not():
            print("an answer")
    assert ended.value.exit_code == 2
    assert capsys.readouterr().err == "ops: [Errno 28] No space left on device\n"


def test_an_environment_that_names_a_whole_shop_is_taken_as_it_is(shop):
    ran = ops("views", "--json", env=dict(os.environ))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert '"shards": []' in ran.stdout


def test_the_shop_that_the_environment_names_is_not_looked_for_elsewhere(shop):
    ran = ops("views", env=os.environ | NOWHERE)
    assert ran.returncode == 2
    assert "no shop the environment names" in ran.stderr


def test_a_shell_is_brought_into_the_shop_on_state_and_out_of_every_other_aws(cloud, shop):
    """Whatever it was in before, the shop of `shop` for example, and whoever its user is in AWS."""
    before = os.environ | NOWHERE | {"STATE": str(cloud.state), "AWS_PROFILE": "somebody's"}
    look = "import json, os; print(json.dumps(dict(os.environ)))"
    provision.make_buckets(Names())
    ran = subprocess.run(
        ["bash", "-euc", 'eval "$("$0" -m ops env)"; exec "$0" -c "$1"', sys.executable, look],
        cwd=ROOT,
        env=before,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = json.loads(ran.stdout)
    told = environment(cloud.state)
    assert {name: found[name] for name in told} == told
    assert {name for name in found if name.startswith("AWS_")} <= told.keys()
