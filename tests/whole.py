"""`make test`: the whole suite in two halves at once, and the report of the first comes last.

Either half spends its time waiting for processes of its own, so two cores take both. Ends with what
a half that failed ended with, else with 0.
"""

import shutil
import subprocess
import sys
import tempfile

PYTEST = [sys.executable, "-m", "pytest", *sys.argv[1:]]
FIRST = ("tests/api", "tests/web", "tests/ops", "tests/payments")  # about half of the time


def main() -> int:
    with tempfile.TemporaryFile() as said:
        first = subprocess.Popen([*PYTEST, *FIRST], stdout=said, stderr=subprocess.STDOUT)
        try:
            second = subprocess.run([*PYTEST, *(f"--ignore={each}" for each in FIRST)], check=False)
        finally:
            first.wait()
            said.seek(0)
            shutil.copyfileobj(said, sys.stdout.buffer)
    return second.returncode or first.returncode


if __name__ == "__main__":
    sys.exit(main())
