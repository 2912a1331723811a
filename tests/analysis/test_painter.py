"""Figures drawn beside the caller are those drawn in its own process, and what goes wrong there is heard."""

import time

import pytest

from analysis.errors import ReportError
from analysis.options import Options
from analysis.painter import beside
from analysis.report import write_report


def test_a_second_process_draws_the_same_files(store, tmp_path):
    plain = write_report("demo", tmp_path / "plain", store, Options(("svg",))).parent / "figures"
    with beside() as drawing:
        other = write_report("demo", tmp_path / "beside", store, Options(("svg",), drawing=drawing)).parent / "figures"
    assert {p.name: p.read_bytes() for p in other.iterdir()} == {p.name: p.read_bytes() for p in plain.iterdir()}


def test_a_figure_that_cannot_be_written_is_an_error_with_a_remedy(store, tmp_path):
    (tmp_path / "demo" / "figures" / "front.svg").mkdir(parents=True)
    with beside() as drawing, pytest.raises(ReportError, match=r"cannot be written .*front\.svg.*name a folder"):
        write_report("demo", tmp_path, store, Options(drawing=drawing))


def test_an_error_does_not_wait_for_what_is_being_drawn():
    running = []

    def fail() -> None:
        with beside() as drawing:
            running.append(drawing.submit(time.sleep, 3600))
            raise ReportError("study=x", "no such study", "name another")

    with pytest.raises(ReportError, match="no such study"):
        fail()
    assert running[0].done()
