"""Where results come from: versions, git commit and dirty flag, device, fingerprints."""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path

from study.core.mlflow_store import TAG
from study.core.records import Provenance
from study.core.versions import versions_of

PACKAGES = ("lora-study", "torch", "transformers", "optuna", "mlflow", "hydra-core", "scikit-learn", "numpy")


def collect(**facts: object) -> Provenance:
    """Tags about this process and this folder, with the `facts` that only the caller knows."""
    tags = {f"{TAG}{k}": v if isinstance(v, str) else json.dumps(v) for k, v in facts.items()}
    tags |= {f"{TAG}versions": json.dumps(versions()), f"{TAG}machine": platform.platform(), **_git()}
    return Provenance(tags)


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that a result may depend on."""
    return {"python": platform.python_version(), **versions_of(PACKAGES, otherwise="not installed")}


def _git() -> dict[str, str]:
    """The commit and dirty flag of the user's project: the folder that the study runs in, else the suite's own."""
    for folder in (Path.cwd(), Path(__file__).parent):
        try:
            commit, changes = _run(folder, "rev-parse", "HEAD"), _run(folder, "status", "--porcelain")
        except (OSError, subprocess.SubprocessError):
            continue  # no checkout, or no git
        return {f"{TAG}git_commit": commit, f"{TAG}git_dirty": str(bool(changes))}
    return {f"{TAG}git_commit": "not a git checkout"}


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(["git", *command], capture_output=True, text=True, check=True, timeout=10, cwd=folder)
    return done.stdout.strip()
