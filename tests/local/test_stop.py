"""A signal to stop waits for nothing that it has interrupted; those after the first do nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from local.stop import SIGNALS

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, sys, threading, time
from local.stop import when_told
lock, told, over = threading.Lock(), [], threading.Event()

def stop():
    with lock:
        told.append("stop")
        over.set()

when_told(stop)
with lock:
    for _ in range(100):
        os.kill(os.getpid(), int(sys.argv[1]))
        time.sleep(0)
over.wait()
time.sleep(0.05)
print(told)
"""


@pytest.mark.parametrize("number", SIGNALS, ids=str)
def test_signals_that_come_while_a_lock_is_held_stop_once_and_do_not_hang(number):
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(int(number))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert ran.stdout == "['stop']\n"
