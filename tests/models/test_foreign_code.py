"""Python that came with a model runs only where the study says so, which is then on the record."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest
import transformers.dynamic_module_utils as dynamic
from exports import exported, model_of, train
from tiny import save_model
from transformers import AutoModel

from analysis.provenance import _foreign_code
from study.commands import study as cli
from study.commands.arguments import compose as export_arguments
from study.config.compose import compose
from study.config.options import OPEN
from study.config.overrides import rewrite
from study.config.schema import TRUSTING, ModelConfig, StudyConfig
from study.config.space import parse_space
from study.core.errors import AssetError, ConfigError
from study.engine.workbench import weights_key
from study.export import load
from study.export.job.request import Wanted, prepare
from study.export.runtime.manifest import Manifest
from study.launch import local
from study.models import encoders, hub
from study.record.parameters import study_parameters
from study.search import identity
from study.search.planning import make_plan

CODE = """
from pathlib import Path
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast
Path({mark!r}).touch()
class OurConfig(BertConfig):
    model_type = "ours"
class OurModel(BertModel):
    config_class = OurConfig
class OurTokenizer(PreTrainedTokenizerFast):
    pass
"""
DATA = ["task=file", "task.path=t.csv", "task.text=text", "task.label=label"]
ROOT = Path(__file__).parents[2]
CONFIG, TOKENIZER = "config.json", "tokenizer_config.json"
MODEL = {"AutoConfig": "ours.OurConfig", "AutoModel": "ours.OurModel"}


def change(file: Path, **values: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | values), encoding="utf-8")


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file that the model's own code leaves when it runs."""
    return tmp_path / "it-has-run"


@pytest.fixture
def here(tmp_path: Path, mark: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table and a model of a type that only code of its own knows; nobody is asked anything."""

    def ask(*_: object) -> str:
        raise AssertionError("somebody was asked at the terminal")

    monkeypatch.setattr("builtins.input", ask)
    monkeypatch.setattr(dynamic, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    monkeypatch.setattr(local, "METHOD", "spawn")  # this process looks at the model itself
    monkeypatch.chdir(tmp_path)
    folder = save_model(tmp_path / "model")
    (folder / "ours.py").write_text(CODE.format(mark=str(mark)))
    change(folder / CONFIG, model_type="ours", architectures=["OurModel"], auto_map=MODEL)
    (tmp_path / "t.csv").write_text("text,label\n" + "".join(f"a b {i},{i % 2}\n" for i in range(40)))
    return tmp_path


def said(arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which the command refuses; nothing is created."""
    before = {*folder.rglob("*")}
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    out, err = capsys.readouterr()
    assert (stopped.value.code, out, err.count("\n")) == (2, "", 1), err
    assert {*folder.rglob("*")} == before
    return err


def test_by_itself_none_of_it_runs_and_the_line_names_the_option(
    here: Path, mark: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    err = said([*DATA, "model.name=model"], here, capsys)
    assert err.startswith("lora-study: model.name=model: cannot be opened without running Python that came with it")
    assert f"{TRUSTING}=true" in err
    assert not mark.exists()


def test_the_code_of_a_tokenizer_runs_where_the_study_says_so_alone(here: Path, mark: Path) -> None:
    change(here / "model" / CONFIG, model_type="bert", architectures=["BertModel"], auto_map={})
    change(
        here / "model" / TOKENIZER,
        tokenizer_class="OurTokenizer",
        auto_map={"AutoTokenizer": [None, "ours.OurTokenizer"]},
    )
    assert type(hub.tokenizer(ModelConfig("model"))).__name__ != "OurTokenizer"
    assert not mark.exists()
    assert type(hub.tokenizer(ModelConfig("model", trust_remote_code=True))).__name__ == "OurTokenizer"
    assert mark.exists()


def test_a_tokenizer_that_cannot_be_had_without_its_code_is_refused(
    here: Path, mark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As transformers says it where it knows no tokenizer of that kind of model."""

    def asks(*_: object, **more: object) -> None:
        dynamic.resolve_trust_remote_code(more["trust_remote_code"], "model", False, True)

    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", asks)
    with pytest.raises(AssetError, match=f"write {TRUSTING}=true"):
        hub.tokenizer(ModelConfig("model"))
    assert not mark.exists()


def test_a_model_that_transformers_knows_is_opened_without_the_code_beside_it(here: Path, mark: Path) -> None:
    change(here / "model" / CONFIG, model_type="bert", architectures=["BertModel"])
    model = ModelConfig("model")
    assert type(hub.load_model(model, AutoModel)).__module__.startswith("transformers.models.bert")
    assert encoders.geometry(model)[1] == 3
    assert hub.tokenizer(model).is_fast
    assert not mark.exists()


def test_where_the_study_says_so_it_runs(here: Path, mark: Path) -> None:
    plan = make_plan(compose(rewrite([*DATA, "model.name=model", "model.max_length=16", f"{TRUSTING}=true"])))
    assert mark.exists()
    assert plan.shapes.layers == 3
    made = hub.load_model(plan.config.model, AutoModel)
    assert type(made).__name__ == "OurModel"
    assert made.encoder.layer[0].output.dense.weight.abs().sum() > 0


def test_what_it_raises_is_said_in_a_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "model" / "ours.py").write_text("import nothing_of_that_name\n")
    for code in ("import nothing_of_that_name\n", "raise RuntimeError('boom')\n", "class OurConfig(: pass\n", ""):
        (here / "model" / "ours.py").write_text(code)
        for made in (here / "modules").rglob("*.py"):
            made.unlink()
        with pytest.raises(AssetError, match=r"model\.name=model: (came with Python that fails here|is neither)"):
            hub.configuration(ModelConfig("model", trust_remote_code=True))


def test_that_it_may_run_is_on_the_record_and_part_of_what_the_study_is(here: Path) -> None:
    plain, trusting = StudyConfig(), StudyConfig(model=ModelConfig(trust_remote_code=True))
    assert study_parameters(plain)[TRUSTING] == "False"
    assert study_parameters(trusting)[TRUSTING] == "True"
    marks = {identity.fingerprint(identity.values_of(c, {}, {}), identity.defaults_of(c)) for c in (plain, trusting)}
    assert len(marks) == 2
    assert identity.values_of(trusting, {}, {})[TRUSTING] is True
    assert weights_key(plain.model) != weights_key(trusting.model)
    assert [_foreign_code(value) for value in ("True", "False", None)] == [
        f"may run, by {TRUSTING}=true",
        "not run",
        "–",
    ]


def test_it_is_said_for_a_study_as_a_whole() -> None:
    with pytest.raises(ConfigError, match=f"space.{TRUSTING}: describes the study as a whole"):
        parse_space(compose(rewrite([f"{TRUSTING}=true,false"])))


def test_an_export_says_it_anew(tmp_path: Path) -> None:
    wanted = Wanted("mine", f"sqlite:///{tmp_path}/x.db")
    config = StudyConfig(model=ModelConfig("ours", trust_remote_code=True))
    with pytest.raises(ConfigError, match="came with ours; write trust_remote_code=true where that may run here"):
        prepare(wanted, config)
    assert export_arguments(["study=mine"]).trust_remote_code is False
    assert export_arguments(["study=mine", "trust_remote_code=true"]).trust_remote_code is True
    with pytest.raises(ConfigError, match="trust_remote_code=perhaps: is neither true nor false"):
        export_arguments(["study=mine", "trust_remote_code=perhaps"])


def test_a_store_of_others_names_nothing_that_an_export_would_call(tmp_path: Path) -> None:
    mark, wanted = tmp_path / "it-has-run", Wanted("mine", f"sqlite:///{tmp_path}/x.db")
    program = {"_target_": "os.system", "command": f"touch {mark}"}
    kept = {"_target_": "optuna.samplers.RandomSampler"}
    for group in OPEN:
        for named in (program, {**kept, "seed": [program]}, {**kept, "seed": {"x": program}}):
            with pytest.raises(ConfigError, match=r"study=mine: is kept with .*: os\.system; write trust_remote_code"):
                prepare(wanted, StudyConfig(**{group: named}))
    assert not mark.exists()


@pytest.fixture
def export(here: Path) -> Path:
    """An export whose folder came with Python of its own."""
    trained, _ = train(model_of(here / "bert", "bert"), "lora")
    folder = exported(trained, "merged", here / "export")
    (folder / "ours.py").write_text((here / "model" / "ours.py").read_text())
    change(folder / CONFIG, model_type="ours", architectures=["OurModel"], auto_map=MODEL)
    return folder


def test_an_export_runs_none_of_it_by_itself(export: Path, mark: Path) -> None:
    for _ in range(2):
        with pytest.raises(AssetError, match="trust_remote_code=True"):
            load(export)
        assert not mark.exists()
        change(export / "lora_study.json", trust_remote_code=True)  # which the file is not asked


def test_an_export_runs_it_where_that_is_said(export: Path, mark: Path) -> None:
    change(export / CONFIG, auto_map=MODEL | {"AutoModelForSequenceClassification": "ours.OurModel"})
    assert load(export, trust_remote_code=True)(["a b"])[0] in ("no", "yes")
    assert mark.exists()


def test_what_a_manifest_names_lies_inside_its_folder(export: Path) -> None:
    for member in ("../model", "/etc", "..", "a/b"):
        change(export / "lora_study.json", members=[member])
        with pytest.raises(Exception, match="is no folder inside of it"):
            load(export)
    assert replace(Manifest.read(here_without_members(export)), trust_remote_code=True).trusting != ""


def here_without_members(folder: Path) -> Path:
    change(folder / "lora_study.json", members=[])
    return folder


LOADERS = ("from_pretrained", "from_config")
# Which load an adapter, settings, a class that is known, and scripts of MLflow's.
NO_CODE = {"PeftModel", "GenerationConfig", "_class", "ScriptDirectory"}


def test_whatever_opens_a_model_says_whether_its_code_may_run() -> None:
    calls = [
        (str(path.relative_to(ROOT)), call)
        for path in sorted((ROOT / "study").rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in LOADERS
    ]
    silent = [
        f"{path}:{call.lineno}"
        for path, call in calls
        if ast.unparse(call.func).partition(".")[0].partition("(")[0] not in NO_CODE
        and "trust_remote_code" not in {word.arg for word in call.keywords}
    ]
    assert len(calls) >= 6
    assert silent == []
