"""Whoever starts the app pays nothing for Stripe: its package comes with the first card."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_an_import_of_the_app_imports_no_stripe_and_nothing_that_it_brings():
    code = "import sys, app; print(*sorted({'stripe', 'requests'} & sys.modules.keys()))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == ""
