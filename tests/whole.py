"""`make test`: the whole suite in four parts at once; one is told as it runs, then the others.

Each part spends much of its time waiting for processes of its own, so two cores take all of them.
Ends with what a part that failed ended with, else with 0.
"""

import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack

PYTEST = [sys.executable, "-m", "pytest", *sys.argv[1:]]
# They have a tree of their own, and nothing to say of the routes that tests/api counts.
LESSONS = ("tests/api/test_contributing.py", "tests/api/test_workshop.py")
PARTS = (
    ("tests/api",),
    ("tests/web", "tests/drills", "tests/bench", *LESSONS),
    ("tests/ops", "tests/deploy"),
)


def main() -> int:
    with ExitStack() as stack:
        told = [stack.enter_context(tempfile.TemporaryFile()) for _ in PARTS]
        running = [
            subprocess.Popen([*PYTEST, *part, *left], stdout=said, stderr=subprocess.STDOUT)
            for part, left, said in zip(PARTS, (ignored(LESSONS), (), ()), told, strict=True)
        ]
        try:
            others = ignored(each for part in PARTS for each in part)
            codes = [subprocess.run([*PYTEST, *others], check=False).returncode]
        finally:
            codes += [each.wait() for each in running]
            for said in told:
                said.seek(0)
                shutil.copyfileobj(said, sys.stdout.buffer)
    return next(filter(None, codes), 0)


def ignored(paths):
    return [f"--ignore={path}" for path in paths]


if __name__ == "__main__":
    sys.exit(main())
