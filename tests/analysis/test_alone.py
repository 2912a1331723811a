"""Costs as the report shows them: measured alone, or marked, and what the answer makes of that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.answer import sentences
from analysis.axes import axes_of
from analysis.brief import markdown_of
from analysis.findings import findings_of
from analysis.judgement import judgement_of
from analysis.notes import conclusion_of
from analysis.page import page_of
from analysis.runs import load_study
from analysis.tables import grid_as_latex
from analysis.view import view_of
from study.core.alone import BUSY, HOW, LOADED, MEANING
from study.core.figures import ALONE as FIGURES_ALONE

SEARCHED = {"latency/ms": (30.0, 31.0, 32.0, 33.0, 34.0), "time/train_seconds": (9.0,) * 5, "pack/members": (2.0,) * 5}
ALONE = {"alone/latency_ms": 12.0, "alone/latency_ms_iqr": 0.5, "alone/train_seconds": 3.0}


def with_figures(runs, figures, objectives=None):
    """The runs with these figures of the five compared trials; None where a trial has none."""
    others = [None] * (len(runs.trials) - 5)
    trials = runs.trials.assign(**{name: [*values, *others] for name, values in figures.items()})
    params = {**runs.info.params, **({"objectives": objectives} if objectives else {})}
    tags = {key: tag for key, tag in runs.info.tags.items() if key != "directions"}
    return replace(runs, trials=trials.infer_objects(), info=replace(runs.info, params=params, tags=tags))


def of_trial(number, figures=ALONE):
    """These figures of one trial alone."""
    return {name: tuple(value if n == number else None for n in range(5)) for name, value in figures.items()}


@pytest.fixture
def runs(store):
    return load_study("demo", store)


def cells(grid, heading):
    return [row[grid.headings.index(heading)] for row in grid.rows]


def test_columns_show_what_was_measured_alone_and_mark_the_rest_with_a_sentence_below(runs):
    view = view_of(findings_of(with_figures(runs, SEARCHED | of_trial(0))))
    assert cells(view.trials, "Latency")[:3] == ["12.00 ± 0.25 ms", f"31.00 ms{LOADED}", f"32.00 ms{LOADED}"]
    assert cells(view.trials, "Training time")[:2] == ["3.0 s", f"9.0 s{LOADED}"]
    assert view.trials.notes == (HOW, MEANING[LOADED])
    assert cells(view.baselines, "Latency") == ["12.00 ± 0.25 ms"]
    assert view.baselines.notes == (HOW,)


def test_a_study_without_measured_costs_has_no_marks(runs):
    view = view_of(findings_of(runs))
    assert view.trials.notes == ()
    assert LOADED not in page_of(view, lambda plot: "") + markdown_of(view)


def test_page_and_markdown_carry_marks_and_sentences_and_latex_has_signs_for_them(runs):
    busy = of_trial(3, {**ALONE, "alone/others": 0.9})
    view = view_of(findings_of(with_figures(runs, SEARCHED | busy)))
    for text in (page_of(view, lambda plot: ""), markdown_of(view)):
        assert f"12.00 ± 0.25 ms{BUSY}" in text
        assert f"31.00 ms{LOADED}" in text
        assert all(meaning in text for meaning in (HOW, *MEANING.values()))
    assert r"12.00 $\pm$ 0.25 ms$\ddagger$" in grid_as_latex(view.front, "Front", "front")


OBJECTIVES = '["score", "latency/ms"]'


def test_the_recommendation_goes_by_costs_measured_alone_where_they_are_known(runs):
    measured = with_figures(runs, SEARCHED, OBJECTIVES)
    judgement = judgement_of(measured, tolerance=0.5)
    assert (judgement.cost, judgement.recommended) == ("latency/ms", 0)
    again = judgement_of(with_figures(runs, SEARCHED | of_trial(2), OBJECTIVES), tolerance=0.5)
    assert again.recommended == 2


def test_the_answer_names_the_cost_measured_alone_and_explains_its_marks(runs):
    alone = with_figures(runs, SEARCHED | of_trial(2), OBJECTIVES)
    said = " ".join(sentences(alone, judgement_of(alone, tolerance=0.5)))
    assert "at latency/ms 12.00 ± 0.25 ms" in said
    assert f"instead of latency/ms 33.00 ms{LOADED}" in said
    assert said.endswith(f"{HOW} {MEANING[LOADED]}")
    loaded = with_figures(runs, SEARCHED, OBJECTIVES)
    said = " ".join(sentences(loaded, judgement_of(loaded, tolerance=0.5)))
    assert f"at latency/ms 30.00 ms{LOADED}" in said
    assert said.endswith(MEANING[LOADED])


def test_an_objective_that_was_measured_under_load_is_named_below_the_front(runs):
    sentence = "The search traded by latency/ms as measured beside other trainings"
    front = view_of(findings_of(with_figures(runs, SEARCHED, OBJECTIVES))).front
    assert front.notes[0].startswith(sentence)
    undisturbed = {**SEARCHED, "pack/members": (1.0,) * 5, "pack/workers": (1.0,) * 5}
    assert view_of(findings_of(with_figures(runs, undisturbed, OBJECTIVES))).front.notes == ()
    assert not any(note.startswith(sentence) for note in view_of(findings_of(with_figures(runs, SEARCHED))).front.notes)


def test_axes_say_when_a_figure_was_measured(runs):
    def titles(figures):
        return {a.name: a.title for a in axes_of(with_figures(runs, figures).compared, ("score",), "accuracy")}

    some = titles(SEARCHED | of_trial(0))
    assert some["latency/ms"] == "latency alone or loaded"
    assert some["memory/train_bytes"] == "training memory"
    assert not set(some) & set(FIGURES_ALONE.values())
    assert titles(SEARCHED)["latency/ms"] == "latency during the search"
    assert titles(SEARCHED | {"alone/latency_ms": (1.0,) * 5})["latency/ms"] == "latency alone"
    undisturbed = {**SEARCHED, "pack/members": (1.0,) * 5, "pack/workers": (1.0,) * 5}
    assert titles(undisturbed)["latency/ms"] == "latency"


def test_a_point_of_a_plot_says_what_was_measured_alone(runs):
    (_, front, *_) = findings_of(with_figures(runs, SEARCHED | of_trial(0))).plots[0].series
    assert front.name == "front"
    assert front.hover[0].endswith("time 3.0 s · latency 12.00 ± 0.25 ms")
    assert front.hover[1].endswith(f"time 9.0 s{LOADED} · latency 31.00 ms{LOADED}")


@pytest.fixture
def traded(runs):
    """A study that trades by latency, in which measured alone the cheapest is another than the search saw."""
    alone = {"alone/latency_ms": (5.0, 9.0, 12.0, 11.0, 14.0), "alone/others": (0.9,) * 5}
    return findings_of(
        with_figures(runs, SEARCHED | {"latency/ms": (80.0, 31.0, 32.0, 33.0, 34.0)} | alone, OBJECTIVES)
    )


def test_the_front_and_the_probability_to_be_on_it_go_by_the_same_costs(traded):
    judgement = traded.judgement
    assert list(traded.front["number"]) == [0, 1, 3]  # by latency alone, the cheapest first
    impossible = [n for n in traded.front["number"] if judgement.verdict.on_front[judgement.row(n)] < 0.01]
    certain = [int(n) for n, p in zip(judgement.table.numbers, judgement.verdict.on_front, strict=True) if p > 0.99]
    assert (impossible, set(certain) - set(traded.front["number"])) == ([], set())


def test_every_surface_speaks_of_the_studys_own_cost_as_measured_alone(traded):
    view, noted = view_of(traded), conclusion_of(traded)
    cost = traded.trial(traded.judgement.recommended)["alone/latency_ms"]
    assert noted.figures["answer/cost"] == cost
    assert f"latency/ms {cost:.2f} ms{BUSY}" in noted.note.split("\n\n")[0]
    assert [line.split(" | ")[3] for line in noted.note.splitlines() if line.startswith("| [")] == [
        f"5.00 ms{BUSY}", f"9.00 ms{BUSY}", f"11.00 ms{BUSY}",
    ]  # fmt: skip
    assert view.explorer["axes"][0]["name"] == view.explorer["x"] == "latency/ms"
    assert view.budgets.headings[0] == "Budget (latency alone)"
    assert (view.front_plot.title, view.front_plot.x_title) == ("Score against latency alone", "latency alone (ms)")
    assert {s.name: s.x for s in view.front_plot.series}["front"] == (5.0, 9.0, 11.0)
    text = markdown_of(view)
    assert "![Score against latency alone]" in text
    assert all(f"latency {cost:.2f} ms{BUSY}" in shown for shown in (text, page_of(view, lambda plot: "")))


def test_the_first_of_several_costs_is_the_one_that_every_surface_opens_on(runs):
    figures = SEARCHED | {"params/stored": (5.0, 4.0, 3.0, 2.0, 1.0)}
    view = view_of(findings_of(with_figures(runs, figures, '["score", "latency/ms", "params/stored"]')))
    assert [axis["name"] for axis in view.explorer["axes"][:3]] == ["latency/ms", "params/stored", "score"]
    assert cells(view.front, "Stored parameters") == ["5", "4", "3", "2", "1"]
