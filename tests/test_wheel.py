"""The built wheel works from any folder: its configuration travels inside it, and not as a module `conf`."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(unpacked: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


def test_the_wheel_holds_two_packages_and_every_configuration_file(unpacked: Path) -> None:
    assert {p.name for p in unpacked.iterdir() if p.suffix != ".dist-info"} == {"study", "analysis"}
    names = {p.relative_to(ROOT / "conf") for p in (ROOT / "conf").rglob("*.yaml")}
    assert names == {p.relative_to(unpacked / "study" / "conf") for p in (unpacked / "study" / "conf").rglob("*.yaml")}
    modules = {p.relative_to(ROOT) for p in (ROOT / "study").rglob("*.py")}
    assert modules <= {p.relative_to(unpacked) for p in unpacked.rglob("*.py")}
    templates = {p.relative_to(ROOT) for p in (ROOT / "study").rglob("*.j2")}
    for folder in ("templates", "assets"):
        templates |= {p.relative_to(ROOT) for p in (ROOT / "analysis" / folder).rglob("*") if p.is_file()}
    assert set() != templates <= {p.relative_to(unpacked) for p in unpacked.rglob("*")}


def test_both_commands_compose_their_configuration_out_of_the_wheel(unpacked: Path, tmp_path: Path) -> None:
    study = run(unpacked, tmp_path, "study", "--cfg", "job", "experiment=quickstart")
    assert "name: quickstart" in study.stdout, study.stderr
    assert "provider: schema" not in study.stderr
    where = run(unpacked, tmp_path, "study", "--info", "searchpath")
    assert "study.conf" in where.stdout
    report = run(unpacked, tmp_path, "analysis", "study=nobody")
    assert report.returncode == 2
    assert "run the study first" in report.stderr


def test_the_shell_completes_overrides(tmp_path: Path) -> None:
    environment = {**os.environ, "COMP_LINE": "lora-study method=fa", "COMP_POINT": "20"}
    command = [sys.executable, "-m", "study", "-sc", "query=bash"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert "method=factorized" in done.stdout
