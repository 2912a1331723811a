"""The page as a browser shows it: nothing asked for, nothing complained of, usable by keyboard, read by everyone."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from browsers import GRAVE, axe_script, chromium, opened
from mlflow import MlflowClient
from mlflow.entities import Metric

from analysis.explorer import explorer_of
from analysis.findings import findings_of
from analysis.page import page_of
from analysis.report import write_report
from analysis.runs import load_study
from analysis.several import write_reports
from analysis.view import view_of

VIEWS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def index(store, tmp_path_factory):
    return write_report("demo", tmp_path_factory.mktemp("reports"), store)


@pytest.fixture
def page(browser, index):
    with opened(browser, index, viewport={"width": 1280, "height": 900}) as (page, _, _):
        yield page


@pytest.mark.parametrize(
    ("width", "scheme"),
    [pytest.param(*view, marks=[pytest.mark.long] * (place in (1, 2))) for place, view in enumerate(VIEWS)],
)
def test_a_page_asks_for_nothing_complains_of_nothing_and_has_no_grave_barrier(browser, index, width, scheme):
    axe = axe_script()
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    with opened(browser, index, **options) as (page, said, asked):
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.locator(".lively .main-svg").count() > 0
        page.evaluate(axe)
        violations = page.evaluate("axe.run()")["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in violations if v["impact"] in GRAVE] == []
        assert (said, asked) == ([], [])


def test_without_scripts_every_figure_is_there(browser, index):
    with opened(browser, index, drawn=False, java_script_enabled=False) as (page, _, asked):
        assert page.locator(".still svg").count() == 5
        assert page.locator(".still svg").first.is_visible()
        assert not page.locator("#explorer").is_visible()
        assert asked == []


def test_no_table_loses_a_column_in_print(page):
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 900})  # of A4 without its margins
    wide = "[...document.querySelectorAll('table')].filter(t => t.getBoundingClientRect().right > 701).length"
    assert page.evaluate(wide) == 0
    assert page.locator(".still svg").first.is_visible()
    assert not page.locator("#explorer").is_visible()


@pytest.fixture(scope="module")
def measured(write_study, tmp_path_factory):
    """The URI of two studies whose costs were measured alone, each with its spread and with a mark."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('measured')}/mlflow.db"
    client = MlflowClient(uri)
    figures = {
        "alone/latency_ms": 1364.95, "alone/latency_ms_iqr": 205.2, "alone/train_seconds": 11125.7,
        "alone/train_seconds_iqr": 1013.0, "alone/others": 0.5, "test/score": 0.8948, "memory/train_bytes": 2.0**33,
    }  # fmt: skip
    for name in ("one", "other"):
        study = write_study(client, name)
        experiment = client.get_experiment_by_name(name).experiment_id
        for run in client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{study}'"):
            client.log_batch(run.info.run_id, [Metric(key, value, 0, 0) for key, value in figures.items()])
    return uri


@pytest.mark.parametrize("names", ["one", "one,other"])
@pytest.mark.parametrize(("width", "media"), [(1280, "screen"), (703, "print")])  # of A4 without its margins
def test_no_column_is_cut_off_however_its_costs_were_measured(browser, measured, tmp_path, names, width, media):
    index = write_reports(names, tmp_path, measured)
    with opened(browser, index, drawn=False, viewport={"width": width, "height": 900}) as (page, _, _):
        page.emulate_media(media=media)
        cut = page.evaluate(
            "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).map(e => e.ariaLabel)"
        )
        assert cut == []


def test_each_budget_says_the_verdict_on_what_is_within_it(page, store):
    steps = explorer_of(findings_of(load_study("demo", store)), {})["budgets"]["params/trainable"]["steps"]
    assert len(steps) == 5
    for place, step in enumerate(steps):
        page.locator("#budget").evaluate(f"e => {{ e.value = {place}; e.dispatchEvent(new Event('input')); }}")
        assert page.locator("#buys").get_attribute("data-trial") == str(step["trial"])
        assert page.locator("#buys").inner_text() == step["said"]


def test_the_slider_starts_at_the_recommendation_and_the_keyboard_moves_it(page):
    slider = page.locator("#budget")
    assert page.locator("#buys").get_attribute("data-trial") == "2"
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    assert page.locator("#buys").get_attribute("data-trial") == "1"
    assert slider.get_attribute("aria-valuetext") == "at most 1,000"


def test_the_recommendation_has_a_star_and_what_a_budget_buys_a_ring(page):
    marked = "filter(t => ['star', 'circle-open'].includes(t.marker?.symbol)).map(t => [t.name, ...t.customdata])"
    shown = f"document.querySelector('#figure-front .live').data.{marked}"
    assert page.evaluate(shown) == [["recommended", 2], ["within this budget", 2]]
    page.locator("#budget").evaluate("e => { e.value = 1; e.dispatchEvent(new Event('input')); }")
    assert page.evaluate(shown) == [["recommended", 2], ["within this budget", 1]]


def test_the_numbers_along_a_narrow_axis_by_ratio_are_whole(browser, store, tmp_path):
    runs = load_study("demo", store)
    trials = runs.trials.assign(**{"params/trainable": [1000, 1500, 2000, 4000, 8000, *[None] * 3]})
    index = tmp_path / "index.html"
    index.write_text(page_of(view_of(findings_of(replace(runs, trials=trials.infer_objects())))), encoding="utf-8")
    with opened(browser, index) as (page, said, _):
        ticks = page.locator("#figure-front .xtick text").all_text_contents()
        assert (ticks, said) == (["1,000", "2,000", "5,000"], [])


def test_any_two_figures_can_stand_on_the_axes_and_filters_take_trials_away(page):
    titles = page.locator("#axis-x option").all_inner_texts()
    assert titles[:2] == ["trained parameters", "accuracy"]
    assert "training memory (MiB)" in titles
    page.locator("#axis-x").select_option(label="training memory (MiB)")
    assert page.locator("#budget-name").inner_text() == "Budget: training memory"
    said = page.locator("#buys").inner_text()
    assert said.startswith("With at most 14 MiB (training memory), choose lora r4")
    points = "document.querySelector('#figure-front .live').data.flatMap(t => t.customdata ?? [])"
    assert set(page.evaluate(points)) == {0, 1, 2, 3, 4}
    page.get_by_label("lora", exact=True).uncheck()
    assert set(page.evaluate(points)) == {0}
    assert page.locator("#buys").inner_text() == said
    page.locator("#axis-x").select_option(label="accuracy")
    assert page.locator("#buys").inner_text() == "A budget is a bound on a cost: let one stand across."
    assert page.locator("#budget").is_disabled()


def test_a_heading_sorts_by_size_and_what_is_missing_comes_last(page):
    heading = page.locator("#trials th", has_text="Trained parameters")
    cells = page.locator("#trials tbody tr td:nth-child(5)")
    heading.get_by_role("button").click()
    assert cells.all_inner_texts() == ["100", "1,000", "1,000", "2,000", "4,000", "8,000", "–", "–"]
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert cells.all_inner_texts() == ["8,000", "4,000", "2,000", "1,000", "1,000", "100", "–", "–"]


@pytest.mark.parametrize("sign", [1, -1], ids=["ascending", "descending"])
def test_what_begins_with_no_number_comes_after_numbers_however_they_are_sorted(page, sign):
    cells = ["(0.99 of 1 fold)", "0.8 ± 0.1", "–", "0.9 ± 0.1"]
    order = page.evaluate(f"{cells}.sort((a, b) => compareCells(a, b, {sign}))")
    assert order == [*sorted(cells[1::2])[::sign], "(0.99 of 1 fold)", "–"]


def test_a_point_that_is_clicked_names_its_run(page, store):
    page.evaluate("showRun(3)")
    runs = load_study("demo", store)
    run = runs.trials.set_index("number")["run_id"][3]
    said = page.locator("#picked").inner_text()
    opens = f"which opens while this runs: mlflow ui --backend-store-uri {store}"
    assert said == f"Trial 3, lora r8 <b>qv</b> all: run {run}, {opens}"
    data = json.loads(page.locator("#data").text_content())
    assert data["explorer"]["trials"][3]["run"] == run
    assert page.locator("#picked a").get_attribute("href") == runs.link(run)


def test_a_page_follows_the_reader_from_light_to_dark(page):
    paper = "document.querySelector('.drawing[data-plot=rank] > .live')._fullLayout.paper_bgcolor"
    assert page.evaluate(paper) == "#ffffff"
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{paper} === '#171e27'")
    assert page.evaluate("document.querySelector('#figure-front .live')._fullLayout.font.color") == "#e4e9f0"


def test_a_page_of_several_studies_has_no_grave_barrier(browser, store, tmp_path):
    axe = axe_script()
    index = write_reports("demo,one,none", tmp_path, store)
    for scheme in ("light", "dark"):
        options = {"viewport": {"width": 390, "height": 900}, "color_scheme": scheme}
        with opened(browser, index, drawn=False, **options) as (page, said, asked):
            page.evaluate(axe)
            violations = page.evaluate("axe.run()")["violations"]
            assert [(v["id"], v["nodes"][0]["html"]) for v in violations if v["impact"] in GRAVE] == []
            assert page.evaluate("document.documentElement.scrollWidth") == 390
            assert (said, asked) == ([], [])


@pytest.mark.parametrize(
    "name", ["none", *(pytest.param(name, marks=pytest.mark.long) for name in ("one", "patterns"))]
)
def test_a_study_of_few_trials_is_drawn_without_complaint(browser, store, tmp_path, name):
    with opened(browser, write_report(name, tmp_path, store)) as (page, said, asked):
        assert (said, asked) == ([], [])
        assert page.locator("#trials tbody tr").count() == len(load_study(name, store).trials)


def test_a_trial_that_is_pointed_at_says_what_it_is_costs_and_how_sure_it_is(page, store):
    f = findings_of(load_study("demo", store))
    near, on_front = f.probabilities(2).values()
    lines = page.evaluate("aboutTrial(EXPLORER.trials[2])")
    assert lines[0] == "2: lora r4 λ10 qv top-half"
    assert "method lora · rank 4 · λ 10" in lines
    assert lines[lines.index("trained parameters 2,000") :] == [
        "trained parameters 2,000", "accuracy 0.9050 ± 0.0060",
        f"Within 0.01 of the best: {near} · On the front: {on_front}", "training memory 12.0 MiB · macro_f1 0.1230",
    ]  # fmt: skip
