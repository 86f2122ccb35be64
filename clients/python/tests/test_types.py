"""The package is typed: mypy's strict mode has nothing to say."""

import subprocess
import sys
from pathlib import Path


def test_the_types_hold() -> None:
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
