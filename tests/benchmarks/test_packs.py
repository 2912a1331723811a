"""The pack benchmark runs where there is neither Optuna nor MLflow nor Hydra, and prints a row a pack."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "packs.py"


@pytest.mark.long
def test_it_measures_packs_beside_a_loop_without_the_search() -> None:
    code = (
        "import runpy, sys\nfor name in ('optuna', 'mlflow', 'hydra', 'omegaconf'): sys.modules[name] = None\n"
        f"sys.argv = ['packs.py', '--size', 'tiny', '--steps', '2', '--packs', '1,4']\nrunpy.run_path({str(SCRIPT)!r}, "
        "run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[1:-1] for line in done.stdout.splitlines() if line.startswith("|")][2:]
    assert [row[0].strip() for row in rows] == ["loop", "1", "4"]
    assert all(float(row[1].replace(",", "")) > 0 for row in rows)
    assert float(rows[1][2]) == 1.0
