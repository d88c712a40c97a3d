"""`make test`: the whole suite, the tests of the routes beside all the others.

Either half spends its time waiting for processes of its own, so two cores take both at once. What
the routes' tests say comes when both are done; ends with what the first to fail ended with, or 0.
"""

import shutil
import subprocess
import sys
import tempfile

PYTEST = [sys.executable, "-m", "pytest", *sys.argv[1:]]
ROUTES = "tests/api"


def main() -> int:
    with tempfile.TemporaryFile() as said:
        routes = subprocess.Popen([*PYTEST, ROUTES], stdout=said, stderr=subprocess.STDOUT)
        try:
            others = subprocess.run([*PYTEST, f"--ignore={ROUTES}"], check=False)
        finally:
            routes.wait()
            said.seek(0)
            shutil.copyfileobj(said, sys.stdout.buffer)
    return others.returncode or routes.returncode


if __name__ == "__main__":
    sys.exit(main())
