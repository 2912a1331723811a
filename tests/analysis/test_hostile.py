"""What people and files call things is shown as text, wherever it stands, and nothing is written outside its folder."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from analysis.findings import findings_of
from analysis.interactive import drawing_of
from analysis.notes import conclusion_of
from analysis.options import Options
from analysis.report import write_report
from analysis.runs import load_study
from analysis.several import comparison_of
from analysis.spreadsheet import QUANTITY, as_csv, plain_cell
from analysis.view import view_of
from study.core.errors import ConfigError
from study.core.markdown import as_code, escape_inside, escape_marks, mermaid
from study.core.mlflow_pages import LOCAL

HTML = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "<!-- ", "]]> &lt;b&gt; &amp;", "{{ 7*7 }}{% x %}",
]  # fmt: skip
MARKDOWN = [
    "[click](javascript:alert(1))", "![x](http://evil/x.png)", "`a` ``b`` **c** _d_ ~~e~~", "| a | b |",
    r"\[x](y) \| z", "<http://evil>", "[x]: http://evil", "``` mermaid",
]  # fmt: skip
LATEX = [r"\input{/etc/passwd}", r"$x_1$ % & # _ ~ ^ {", r"\end{tabular}\write18{id}"]
MERMAID = ['a"]:::adapted', 'click L0 href "javascript:alert(1)"', '"] --> evil["', "#quot;"]
QUERIES = ["' OR '1'='1", '" OR 1=1 --', "'; DROP TABLE runs; --", 'it\'s `b` \\ "q"']
FORMULAS = [
    '=HYPERLINK("http://evil","x")', "@SUM(1+1)", "-1+cmd|'/c calc'!A0", "+cmd()", "\t=1+1", " =1", "=1+1", "\ufeff=1",
]  # fmt: skip
HOSTILE = [*HTML, *MARKDOWN, *LATEX, *MERMAID, *QUERIES, *FORMULAS]
NAME = "<img src=x onerror=alert(1)>\"' [l](javascript:x) `b` $x_1$ %&# a|b ' OR '1'='1"


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text outside of scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.inside = [], "", ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        self.text += "" if self.inside in ("script", "style") else data

    @property
    def addresses(self):
        """Where links and pictures lead."""
        return [a[key] for _, a in self.elements for key in ("href", "src", "action", "xlink:href") if a.get(key)]

    def shows(self, text):
        """Whether the text is there as a reader sees it; breaks and spaces are one."""
        return squeezed(text) in squeezed(self.text)


def squeezed(text):
    return "".join(text.replace("\ufeff", "").split())


def named(names):
    """A trial for each name, called so."""
    scores = [(0.7 + i / 1000, 0.71 + i / 1000, 0.72 + i / 1000) for i in range(len(names))]
    return [(name, "lora", 4, "None", scores[i], 1000 * (i + 1)) for i, name in enumerate(names)]


def hostile_study(client, write_study, name, names):
    """Write a study whose trials, classes, files, models and errors have these names; its run."""
    failed = [("FAILED", {"error": each}) for each in names]
    run = write_study(client, name, named(names), failed)
    tags = {
        "command": " ".join(names), "notes": json.dumps({f"class sizes: {each}": each for each in names}),
        "versions": json.dumps({each: each for each in names}), "git_commit": names[0], "device": names[1],
        "data_fingerprint": names[5], "machine": names[-1],
    }  # fmt: skip
    linears = json.loads(client.get_run(run).data.tags["lora_study.linears"])
    for module, each in zip(linears["modules"], MERMAID, strict=False):
        module["name"] = each
    tags["linears"] = json.dumps(linears)
    for key, value in tags.items():
        client.set_tag(run, f"lora_study.{key}", value)
    for i, each in enumerate(names):
        client.log_param(run, f"task.key{i}", each)
    for key in ("model.name", "task.path", "task.label"):
        client.log_param(run, key, " ".join(names))
    return run


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, write_study):
    """A folder in which the reports of a hostile and a harmless study were written, and their store."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("hostile")
    uri = f"sqlite:///{folder}/mlflow.db"
    client = MlflowClient(tracking_uri=uri)
    for name, names in ((NAME, HOSTILE), ("mine", [f"plain {i}" for i in range(len(HOSTILE))])):
        hostile_study(client, write_study, name, names)
    before = {*folder.rglob("*")}
    write_report("mine", folder / "out", uri)
    write_report(NAME, folder / "out", uri, Options(figures=("svg",), tables=("csv", "latex")))
    return folder, uri, before


@pytest.fixture
def report(hostile):
    """The folder of the hostile study's report."""
    return hostile[0] / "out" / NAME


def test_nothing_is_written_outside_the_reports_own_folder(hostile):
    folder, _, before = hostile
    ours = [folder / "out" / name for name in (NAME, "mine")]
    new = {path for path in folder.rglob("*") if path not in before} - {folder / "out"}
    assert [path for path in new if not any(path == each or each in path.parents for each in ours)] == []
    assert {path.name for path in ours[1].rglob("*")} < {path.name for path in ours[0].rglob("*")}


def test_the_page_has_our_elements_alone_and_shows_every_name(hostile, report):
    page, plain = (Page((place / "index.html").read_text()) for place in (report, hostile[0] / "out" / "mine"))
    assert {tag for tag, _ in page.elements} == {tag for tag, _ in plain.elements}
    for tag in ("script", "img", "svg", "section", "table", "a", "form", "iframe"):
        assert [t for t, _ in page.elements].count(tag) == [t for t, _ in plain.elements].count(tag)
    scripts = [(a.get("type"), a.get("id"), a.get("src")) for tag, a in page.elements if tag == "script"]
    assert scripts == [("application/json", "data", None), ("application/gzip", "plotly", None), (None, None, None)]
    keys = {key for _, attributes in page.elements for key in attributes}
    assert keys == {key for _, attributes in plain.elements for key in attributes}
    assert [key for key in keys if key.startswith("on") or key == "srcdoc"] == []
    assert [address for address in page.addresses if not address.startswith(("#", "data:", f"{LOCAL}/#/"))] == []
    assert [each for each in (*HOSTILE, report.name) if not page.shows(each)] == []


def test_what_scripts_read_of_the_page_holds_no_tag(report):
    (data,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', (report / "index.html").read_text()
    )
    assert not set(data) & set("<>&")
    assert {trial["label"] for trial in json.loads(data)["explorer"]["trials"]} >= {*HTML, *MARKDOWN}


def strings(data):
    """Every text in JSON."""
    if isinstance(data, str):
        yield data
    for each in data.values() if isinstance(data, dict) else data if isinstance(data, (list, tuple)) else ():
        yield from strings(each)


def test_what_plotly_draws_of_a_name_is_no_tag(hostile):
    view = view_of(findings_of(load_study(NAME, hostile[1])))
    texts = [text for plot in view.displayed for text in strings(drawing_of(plot))]
    assert [text for text in texts if re.search(r"<(?!br>)|>(?<!<br>)", text)] == []
    assert any("&lt;script&gt;" in text for text in texts)


def test_figures_are_drawings_alone(report):
    for file in (report / "figures").glob("*.svg"):
        elements = [element for element in ElementTree.parse(file).iter() if isinstance(element.tag, str)]
        tags = {element.tag.rpartition("}")[2] for element in elements}
        assert not tags & {"script", "a", "foreignObject", "iframe", "handler", "animate", "set"}
        assert not [key for element in elements for key in element.attrib if key.lower().startswith("on")]


def rendered(text):
    """What a reader of Markdown with tables makes of it."""
    return Page(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text))


def test_the_markdown_shows_every_name_and_leads_nowhere(report):
    text = (report / "report.md").read_text(encoding="utf-8")
    page = rendered(text)
    assert page.addresses == ["figures/front.svg"]
    assert {tag for tag, _ in page.elements} <= {
        "h1", "h2", "h3", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "strong", "img", "pre", "code",
    }  # fmt: skip
    assert [line for line in text.splitlines() if line.startswith("```")] == ["```sh", "```", "```mermaid", "```"]
    assert [each for each in (*HOSTILE, report.name) if not page.shows(each)] == []


def test_the_diagram_has_our_lines_alone(report):
    (diagram,) = re.findall(r"```mermaid\n(.*?)```", (report / "report.md").read_text(), flags=re.S)
    ours = re.compile(
        r'flowchart BT|  (input|head|L\d+)\["[\w ./,:()+#;-]*"\](:::adapted)?|  input( --> \w+)+|  classDef adapted .*'
    )
    assert [line for line in diagram.splitlines() if not ours.fullmatch(line)] == []
    assert "#34;" in diagram


def test_the_note_in_mlflow_shows_names_and_leads_to_runs_alone(hostile):
    note = conclusion_of(findings_of(load_study(NAME, hostile[1]))).note
    page = rendered(note)
    assert [address for address in page.addresses if not address.startswith("#/experiments/")] == []
    assert {tag for tag, _ in page.elements} <= {"p", "strong", "a", "table", "thead", "tbody", "tr", "th", "td"}


def test_no_cell_of_a_table_for_latex_is_a_command(report):
    commands = {
        "begin", "end", "toprule", "midrule", "bottomrule", "caption", "label", "textbackslash", "textasciitilde",
        "textasciicircum", "space", "pm", "lambda", "cdot", "times", "leq", "geq", "dagger", "ddagger",
        "endfirsthead", "endhead", "endfoot", "endlastfoot", "multicolumn",
    }  # fmt: skip
    for file in (report / "tables").glob("*.tex"):
        text = file.read_text(encoding="utf-8")
        assert {*re.findall(r"\\([A-Za-z]+)", text)} <= commands
        assert {*re.findall(r"\\(?:begin|end)\{(\w+)\}", text)} in ({"table", "tabular"}, {"longtable"})
        bare = re.sub(r"\$(?:\\\w+|[<>-])\$", "", text)
        assert not re.search(r"(?<!\\)[$%#]", bare)
        columns = {len(re.findall(r"(?<!\\)&", line)) for line in bare.splitlines() if line.endswith(r"\\")}
        assert len(columns - {0}) == 1  # a caption and a note of a longtable have none


def cells(file):
    return [cell for row in csv.reader(io.StringIO(file.read_text(encoding="utf-8"))) for cell in row]


def test_no_cell_of_a_table_for_spreadsheets_is_a_formula(report):
    files = [*report.glob("*.csv"), *(report / "tables").glob("*.csv")]
    assert len(files) >= 6
    for file in files:
        wrong = [c for c in cells(file) if c.strip(" \t\r\n\ufeff")[:1] in (*"=+-@",) and not QUANTITY.fullmatch(c)]
        assert wrong == []
    labels = [cell for cell in cells(report / "trials.csv") if "HYPERLINK" in cell]
    assert labels
    assert all(label.startswith("'=") for label in labels)
    assert pd.read_csv(report / "trials.csv")["score"].notna().any()


@pytest.mark.parametrize("text", [*FORMULAS, "＝1+1", "+A1", "-A1*2", "\r\n=1", "-1+1", "--1", "+1 cmd|x", "=-0.5"])
def test_a_text_that_begins_as_a_formula_is_marked_plain_cell(text):
    assert plain_cell(text) == "'" + text.replace("\r\n", "\n")


@pytest.mark.parametrize(
    "cell", ["-0.5", "+1", "-1e-05", "-0.0120 ± 0.0100", "+1,000", "-2.5 MiB", "–", "a=b", "", "lora r8", -0.5, None, 3]
)
def test_numbers_and_harmless_texts_are_as_they_were(cell):
    assert plain_cell(cell) == cell


@given(st.lists(st.tuples(st.text(), st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=5))
def test_any_table_is_read_back_with_its_numbers_and_texts_but_for_the_apostrophe(rows):
    text = as_csv(pd.DataFrame(rows, columns=["=name", "value"]))
    (names, _), *read = csv.reader(io.StringIO(text, newline=""))
    assert names == "'=name"
    assert [float(value) for _, value in read] == [value for _, value in rows]
    for (name, _), (given_name, _) in zip(read, rows, strict=True):
        lines = given_name.replace("\r\n", "\n").replace("\r", "\n")
        assert name in (lines, f"'{lines}")
        assert name.strip()[:1] not in (*"=@",) or name[:1] == "'"


def test_a_name_finds_its_own_study_alone(hostile):
    uri = hostile[1]
    runs = load_study(NAME, uri)
    assert (runs.name, len(runs.trials)) == (NAME, 2 * len(HOSTILE))
    for query in ("' OR '1'='1", "mine' OR name LIKE '%", '%" OR 1=1 --', "`mine`"):
        with pytest.raises(Exception, match="no study of this name"):
            load_study(query, uri)


@pytest.mark.parametrize("name", ["../x", "..", "/etc/x", "a/b", "a\\b", "a\0b", "con", "NUL", "com1.html", "aux .x"])
def test_no_name_leads_out_of_the_folder_of_reports(hostile, name, tmp_path):
    with pytest.raises(ConfigError, match="names a folder"):
        write_report(name, tmp_path, hostile[1])
    assert [*tmp_path.iterdir()] == []


def test_the_page_of_several_studies_leads_to_their_reports_alone(hostile):
    page = Page(comparison_of([findings_of(load_study(name, hostile[1])) for name in (NAME, "mine")]))
    away = [address for address in page.addresses if not address.startswith(("#", "data:"))]
    assert {away_to.count("/") for away_to in away} == {1}
    assert all(address.endswith("/index.html") and ":" not in address for address in away)
    assert "script" not in {tag for tag, _ in page.elements}
    assert page.shows(NAME)


ANY = st.text(st.characters(exclude_categories=["Cs", "Cc"])) | st.text("[]()`*_<>|\\~$&#!:; ab\"'")


@given(ANY, ANY)
@example("__0", "0__")
def test_any_text_is_markdown_that_shows_it(one, other):
    for escape in (escape_inside, escape_marks):
        page = rendered(f"x {escape(one)} y {escape(other)} z")
        assert [tag for tag, _ in page.elements] == ["p"]
        if escape is escape_inside:
            assert page.shows(f"x {one} y {other} z")


@given(ANY.filter(str.strip))
def test_any_text_is_code_inside_of_a_line(text):
    page = rendered(f"x {as_code(text)} y")
    assert [tag for tag, _ in page.elements] == ["p", "code"]
    assert page.shows(text)


@given(ANY)
def test_any_text_stays_inside_of_its_label_in_a_diagram(text):
    assert re.fullmatch(r"[\w ./,:()+#;-]*", mermaid(text))


def test_tables_for_spreadsheets_are_written_in_one_place_alone():
    root = Path(__file__).parents[2]
    files = [path for folder in ("study", "analysis") for path in (root / folder).rglob("*.py")]
    writers = {path.name for path in files if re.search(r"\.to_csv\(|csv\.(Dict)?[wW]riter|to_excel", path.read_text())}
    assert writers == {"spreadsheet.py"}
