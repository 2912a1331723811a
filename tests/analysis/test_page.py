"""The page as text: small, asking for nothing, of named sections, and of no markup that a name brings."""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from analysis.axes import amount
from analysis.bundle import PLOTLY
from analysis.findings import findings_of
from analysis.interactive import COLORS
from analysis.page import contents_of, page_of
from analysis.plots import DRAWN, Plot, Series
from analysis.points import ROOM, in_words, points_grid
from analysis.printed import inline_svg
from analysis.runs import load_study
from analysis.view import view_of

NASTY = (
    '<img src=x onerror="alert(1)">',
    "\"double\" 'single' `back`",
    "{{ 7 * 7 }} {% raw %} ${7*7} $x$",
    "</script><script>alert(1)</script><!--",
    "‮txet desrever‬ שלום مرحبا",
    "very long " + "name" * 500,
    "javascript:alert(1)//]]>",
)
ADDRESSES = ("src", "href", "action", "formaction", "srcset", "poster")


class Elements(HTMLParser):
    """Every element of a page with its attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def named(store, name):
    """Findings of a study in which every name that people choose is `name`."""
    runs = load_study("demo", store)
    trials = runs.trials.assign(label=name, error=[name, *[None] * (len(runs.trials) - 1)], targets=name, layers=name)
    info = replace(runs.info, tags=runs.info.tags | {"metric": name, "notes": json.dumps({name: name})})
    return findings_of(replace(runs, name=name, info=info, trials=trials))


@pytest.fixture(scope="module")
def plain(store):
    return page_of(view_of(findings_of(load_study("demo", store))))


@pytest.fixture(scope="module")
def elements(plain):
    return Elements(plain).elements


@pytest.fixture(scope="module")
def harmless(store):
    return Elements(page_of(view_of(named(store, "harmless")))).elements


def test_a_page_is_at_most_two_megabytes_and_carries_plotly_as_it_was_published(plain):
    assert len(plain.encode()) < 2_000_000
    (packed,) = re.findall(r'<script type="application/gzip" id="plotly">([^<]*)</script>', plain)
    assert gzip.decompress(base64.b64decode(packed)) == PLOTLY.read_bytes()


@pytest.mark.long
def test_a_page_of_thousands_of_trials_is_at_most_two_megabytes(store):
    import numpy as np
    import pandas as pd

    runs, rng, count = load_study("demo", store), np.random.default_rng(0), 3 * DRAWN
    rows = pd.concat([runs.trials.iloc[[1]]] * count, ignore_index=True)
    rows = rows.assign(
        number=range(count), score=rng.normal(size=count), lam=10 ** rng.uniform(-1, 3, count),
        label="factorized r16 λ0.123 attention ffn top-half s0.5", run_id="0123456789abcdef" * 2,
        **{"params/trainable": 10 ** rng.uniform(3, 6, count), "memory/train_bytes": 10 ** rng.uniform(6, 9, count)},
    )  # fmt: skip
    text = page_of(view_of(findings_of(replace(runs, trials=rows))))
    assert len(text.encode()) < 2_000_000
    assert "trials.csv has all" in text


def test_nothing_is_asked_of_anywhere_and_nothing_offers_to_upload(plain, elements):
    loaded = [attributes for tag, attributes in elements if tag != "a"]
    addresses = [value for attributes in loaded for key, value in attributes.items() if key in ADDRESSES]
    assert [value for value in addresses if not value.startswith(("#", "data:"))] == []
    assert not re.search(r"url\(\s*['\"]?(?:https?:)?//|@import", plain)
    besides = re.sub(r'<script type="application/gzip".*?</script>', "", plain)
    assert not re.search("Share chart|Chart Studio|cloud", besides, flags=re.I)


@pytest.mark.parametrize("server", ["", "http://localhost:5000"])
def test_runs_and_their_table_are_the_only_addresses_elsewhere_and_what_shows_them_is_said(store, server):
    runs = load_study("demo", store)
    runs = replace(runs, server=server, ui="" if server else runs.ui)
    text = page_of(view_of(findings_of(runs)))
    addresses = {a["href"] for tag, a in Elements(text).elements if tag == "a"}
    links = {runs.link(run) for run in runs.trials["run_id"]}
    assert {a for a in addresses if not a.startswith("#")} == links | {runs.trials_link}
    assert len(links) == len(runs.trials)
    assert all(link.startswith(server or "http://127.0.0.1:5000") for link in links)
    command = f"<code>mlflow ui --backend-store-uri {store}</code>"
    assert (command in text, "mlflow ui" in text) == (not server, not server)


def test_every_section_is_a_landmark_with_an_id_and_the_contents_lead_to_those_that_have_a_heading(plain, elements):
    sections = [attributes for tag, attributes in elements if tag == "section"]
    ids = [attributes["id"] for attributes in sections]
    assert len(set(ids)) == len(ids) >= 14
    assert all("aria-label" in attributes or "aria-labelledby" in attributes for attributes in sections)
    links = [a["href"] for tag, a in elements if tag == "a" and a["href"].startswith("#")]
    assert [f"#{place}" for place, _ in contents_of(plain)] == [link for link in links if link != "#report"]
    assert {"main", "header", "nav"} <= {tag for tag, _ in elements}


def test_no_id_occurs_twice_and_every_reference_has_its_id(elements):
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["aria-labelledby"] for _, a in elements if "aria-labelledby" in a} <= set(ids)


def test_every_figure_says_in_words_what_it_shows_and_has_its_numbers_beside_it(plain, elements):
    drawings = [attributes for _, attributes in elements if attributes.get("class") == "drawing"]
    assert [d["data-plot"] for d in drawings] == ["front", "rank", "lambda", "memory", "memory_parts"]
    assert drawings[0]["aria-label"] == (
        "Score against trained parameters: accuracy against trained parameters. 6 points (other trials 1, front 4, "
        "baselines 1), from 0.7100 to 0.9100. Star: recommended, at 0.9050. "
        "Dashed line: majority at 0.5200."
    )
    assert plain.count("<summary>The numbers of this figure</summary>") == 5


@pytest.mark.parametrize(
    "name", [name if place < 4 else pytest.param(name, marks=pytest.mark.long) for place, name in enumerate(NASTY)]
)
def test_no_name_brings_an_element_an_attribute_or_a_script(harmless, store, name):
    read = Elements(page_of(view_of(named(store, name))))
    assert {tag for tag, _ in read.elements} <= {tag for tag, _ in harmless}
    count = [sum(tag in ("script", "img", "section", "table") for tag, _ in each) for each in (read.elements, harmless)]
    assert count[0] == count[1]
    assert {key for _, attributes in read.elements for key in attributes if key.startswith("on")} == set()
    shown = "".join(read.text.split())
    assert "".join(name.replace("‮", "[U+202E]").replace("‬", "[U+202C]").split()) in shown


def test_a_name_cannot_turn_round_what_follows_it(store):
    text = page_of(view_of(named(store, NASTY[4])))
    assert "‮" not in text
    assert "[U+202E]txet desrever[U+202C]" in text


def plot(name, label, count=3):
    points = tuple(float(2**i) for i in range(count))
    series = Series(label, points, points, (0.1,) * count, (f"{label}\nmore",) * count, "circle", color=1)
    return Plot(name, "Score by rank", "", "rank", "accuracy", (series,), True)


def test_a_drawing_has_text_as_text_the_pages_colours_and_ids_of_its_own():
    one, other = (Elements(inline_svg(plot(name, f'a {COLORS[1]} id="x" $5 <b>'))) for name in ("one", "other"))
    assert "accuracy" in one.text
    assert "rank" in one.text
    ids = [{attributes["id"] for _, attributes in read.elements if "id" in attributes} for read in (one, other)]
    assert not ids[0] & ids[1]
    styles = " ".join(attributes.get("style") or "" for _, attributes in one.elements)
    assert "var(--series-1)" in styles
    assert "var(--ink)" in styles
    assert COLORS[1] not in styles


@pytest.mark.parametrize("costs", [(0.0, 36_866.0, 22_713_986.0), (22_713_000.0, 22_713_986.0), (0.2, 0.5)])
def test_a_drawing_writes_out_the_numbers_along_its_axes(costs):
    scores = tuple(0.99991 + 0.00001 * i for i in range(len(costs)))
    series = Series("lora", costs, scores, (0.0,) * len(costs), ("",) * len(costs), "circle")
    text = Elements(inline_svg(Plot("one", "Score", "", "trained parameters", "accuracy", (series,), True))).text
    assert re.search(r"\de[+\d]", text) is None
    assert ("," in text) == (costs[-1] > 1000)


def test_the_same_numbers_are_the_same_drawing():
    assert inline_svg(plot("one", "a")) == inline_svg(plot("one", "a"))


def test_the_numbers_of_a_figure_are_those_that_are_drawn_as_far_as_there_is_room():
    grid = points_grid(plot("one", "lora"))
    assert grid.headings == ("Series", "Rank", "accuracy", "± SE", "Configuration")
    assert grid.rows[1] == ("lora", "2", "2.0000", "0.1000", "lora")
    assert points_grid(plot("one", "lora", ROOM + 5)).left_out == 5


@pytest.mark.parametrize(
    ("value", "text"), [(22_700_000.0, "22,700,000"), (36_866.4, "36,866"), (0.25, "0.25"), (8, "8")]
)
def test_an_amount_is_read_without_an_exponent(value, text):
    assert amount(value) == text


def test_a_level_is_said_beside_the_points():
    level = Series("majority", (1.0, 2.0), (0.5, 0.5), (0.0, 0.0), ("", ""), "circle", dashed=True)
    shown = plot("one", "lora")
    words = in_words(replace(shown, series=(*shown.series, level)))
    assert words.endswith("3 points (lora 3), from 1.0000 to 4.0000. Dashed line: majority at 0.5000.")
