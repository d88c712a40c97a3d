"""`make test`: the whole suite in three parts at once; one is told as it runs, then the others.

Each part spends much of its time waiting for processes of its own, so two cores take all three.
Ends with what a part that failed ended with, else with 0.
"""

import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack

PYTEST = [sys.executable, "-m", "pytest", *sys.argv[1:]]
PARTS = (
    ("tests/api", "tests/payments"),
    ("tests/web", "tests/drills", "tests/ops"),
)  # each about a third of the time


def main() -> int:
    with ExitStack() as stack:
        told = [stack.enter_context(tempfile.TemporaryFile()) for _ in PARTS]
        running = [
            subprocess.Popen([*PYTEST, *part], stdout=said, stderr=subprocess.STDOUT)
            for part, said in zip(PARTS, told, strict=True)
        ]
        try:
            others = [f"--ignore={folder}" for part in PARTS for folder in part]
            codes = [subprocess.run([*PYTEST, *others], check=False).returncode]
        finally:
            codes += [each.wait() for each in running]
            for said in told:
                said.seek(0)
                shutil.copyfileobj(said, sys.stdout.buffer)
    return next(filter(None, codes), 0)


if __name__ == "__main__":
    sys.exit(main())
