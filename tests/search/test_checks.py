"""What would fail every trial for a reason known before the first is refused in one line, and nothing is created."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import write_csv, write_jsonl
from tiny import FAMILIES, backbone, documents, save_model, save_writer

from study.commands import study as cli
from study.config.schema import ModelConfig, StudyConfig
from study.config.space import parse_space
from study.core.errors import AssetError, ConfigError
from study.data.examples import Pairs, Texts
from study.engine import lookups, problems
from study.engine.tokenization import tokenize
from study.models import backbones, generators, hub
from study.models.tables import Tables
from study.search.checks import check_trials

SHORT, LONG = 6, 60  # words of a text
Run = Callable[..., str]


@pytest.fixture
def refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The one line that a study ends in before anything is created."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)

    def run(*arguments: str) -> str:
        capsys.readouterr()  # of models that the test has saved
        with pytest.raises(SystemExit) as stopped:
            cli.main(list(arguments))
        out, err = capsys.readouterr()
        assert (stopped.value.code, out, err.count("\n")) == (2, "", 1), err
        assert err.startswith("lora-study: ")
        assert list(home.iterdir()) == []
        return err

    return run


def table(folder: Path, words: int) -> list[str]:
    """A table of forty texts, of which one has so many words, as the keys of a task."""
    rng = np.random.default_rng(0)
    counts = [words, *[SHORT] * 39]
    rows = [{"t": f"{' '.join(rng.choice(list('abcdefgh'), n))} {i}", "y": "no" if i % 2 else "yes"} for i, n in
            enumerate(counts)]  # fmt: skip
    return ["task=file", f"task.path={write_csv(folder / 't.csv', rows)}", "task.text=t", "task.label=y"]


def pairs(folder: Path, words: int = SHORT) -> list[str]:
    rows = [{"t": f"{'a ' * words}{'b ' * (i // 7)}{'c ' * (i % 7)}".strip(), "s": "b c"} for i in range(40)]
    path = write_jsonl(folder / "t.jsonl", rows)
    return ["task=file", "task.kind=summarization_generate", f"task.path={path}", "task.text=t", "task.target=s"]


def test_a_text_longer_than_the_models_positions_is_refused_with_both_numbers(tmp_path: Path, refusal: Run) -> None:
    model = f"model.name={save_model(tmp_path / 'bert')}"
    said = refusal(*table(tmp_path, LONG), model)
    assert "model.max_length=128: lets a text have 61 tokens" in said
    assert "has 40 positions; write model.max_length=40 or less." in said


def test_every_searched_length_is_tried(tmp_path: Path, refusal: Run) -> None:
    model = f"model.name={save_model(tmp_path / 'roberta', 'roberta')}"
    for lengths in ("16,39", "interval(16,39)", "range(16,40)"):
        said = refusal(*table(tmp_path, LONG), model, f"model.max_length={lengths}", "search.baselines=[]")
        assert "model.max_length=39: lets a text have 39 tokens" in said
        assert "has 38 positions" in said


def test_every_searched_model_is_tried(tmp_path: Path, refusal: Run) -> None:
    names = ",".join(str(save_model(tmp_path / kind, kind)) for kind in ("llama", "gpt2"))
    said = refusal(*table(tmp_path, LONG), f"model.name={names}", "model.pooling=last", "search.baselines=[]")
    assert "gpt2 has 40 positions" in said


def readable(folder: Path, examples: Any, **keys: Any) -> None:
    model = ModelConfig(str(folder), **keys)
    shapes = backbones.geometry(model, examples)
    problems.problem_of(examples).require(model, examples, shapes.tables)


def texts(*values: str) -> Texts:
    return Texts(values, np.arange(len(values)) % 2, ("n", "p"))


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_a_length_that_no_text_reaches_is_no_fault(kind: str, tmp_path: Path) -> None:
    save_model(tmp_path, kind)
    readable(tmp_path, texts("a b", "a"), max_length=4000)


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_a_study_is_refused_for_its_longest_text_only_where_the_model_cannot_read_it(kind: str, tmp_path: Path) -> None:
    save_model(tmp_path, kind)
    (bound,) = backbones.geometry(ModelConfig(str(tmp_path)), texts("a")).tables
    if bound.positions is None:
        readable(tmp_path, texts("a " * 4000, "a"), max_length=4000)
        return
    fitting, longer = ("a " * n for n in (bound.positions, bound.positions + 1))
    readable(tmp_path, texts(fitting, "a"), max_length=4000)
    readable(tmp_path, texts(longer, "a"), max_length=bound.positions)
    with pytest.raises(ConfigError, match=f"has {bound.positions} positions"):
        readable(tmp_path, texts(longer, "a"), max_length=4000)


def test_windows_of_documents_are_held_against_the_positions_too(tmp_path: Path) -> None:
    save_model(tmp_path)
    readable(tmp_path, documents(8), max_length=40)
    with pytest.raises(ConfigError, match="has 40 positions"):
        readable(tmp_path, documents(8), max_length=60)


def test_a_question_that_leaves_no_room_for_a_sentence_is_refused_before_the_first_trial(tmp_path: Path) -> None:
    save_model(tmp_path)
    asked = replace(documents(8), queries=("z " * 20,) * 8)
    with pytest.raises(ConfigError, match=r"which takes 20; write model\.max_length=21 or more"):
        readable(tmp_path, asked, max_length=16)


WRITING = Pairs(("a b c d e f", "a"), ("b c", "a b"), longest=30, metric="rougeL")


@pytest.mark.parametrize("kind", ["gpt2", "bart"])
def test_what_is_to_be_written_needs_positions_as_well(kind: str, tmp_path: Path) -> None:
    save_writer(tmp_path, kind)
    readable(tmp_path, WRITING, max_length=20)
    at = "task.longest=50" if kind == "bart" else "gives sources of 6 tokens and 50 to write"
    with pytest.raises(ConfigError, match=at):
        readable(tmp_path, replace(WRITING, longest=50), max_length=20)
    with pytest.raises(ConfigError, match=r"model\.max_length=60"):
        readable(tmp_path, replace(WRITING, sources=("a " * 50, "b")), max_length=60)


@pytest.mark.parametrize("kind", ["t5", "llama"])
def test_a_model_without_a_table_of_positions_writes_as_much_as_is_asked(kind: str, tmp_path: Path) -> None:
    save_writer(tmp_path, kind)
    readable(tmp_path, replace(WRITING, sources=("a " * 50, "b"), longest=50), max_length=60)


def with_tokens(folder: Path, *words: str, **special: str) -> Path:
    """The folder's tokenizer with more words, of which its model has no rows."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    tokenizer.add_tokens([f"w{i}" for i in range(50)])  # the tiny models have fifty rows, of which some are free
    tokenizer.add_tokens(list(words))
    tokenizer.add_special_tokens(special)
    tokenizer.save_pretrained(str(folder))
    return folder


def test_a_token_beyond_the_embeddings_is_refused_with_both_numbers(tmp_path: Path, refusal: Run) -> None:
    model = f"model.name={with_tokens(save_model(tmp_path / 'bert'), 'huge')}"
    rows = [{"t": f"{'huge' if i == 3 else 'a'} b {'c ' * i}".strip(), "y": i % 2} for i in range(12)]
    path = write_csv(tmp_path / "huge.csv", rows)
    said = refusal("task=file", f"task.path={path}", "task.text=t", "task.label=y", model)
    assert "reads the token 'huge' with the id 78, and its embeddings have 50 rows" in said
    assert "model.resize_token_embeddings" in said


def test_a_token_beyond_the_embeddings_that_no_text_has_is_no_fault(tmp_path: Path) -> None:
    readable(with_tokens(save_model(tmp_path), "huge"), texts("a b", "c"))


def test_padding_beyond_the_embeddings_is_refused_where_texts_differ_in_length(tmp_path: Path) -> None:
    folder = with_tokens(save_model(tmp_path), pad_token="[PADDING]")
    readable(folder, texts("a b", "c d"))
    with pytest.raises(AssetError, match=r"the token '\[PADDING\]' with the id 78"):
        readable(folder, texts("a b", "c"))


@pytest.mark.parametrize("kind", ["gpt2", "t5"])
@pytest.mark.parametrize("where", ["sources", "targets"])
def test_sources_and_targets_are_held_against_the_embeddings(kind: str, where: str, tmp_path: Path) -> None:
    with_tokens(save_writer(tmp_path, kind), "huge")
    readable(tmp_path, WRITING, max_length=9)
    with pytest.raises(AssetError, match="the token 'huge' with the id 80, and its embeddings have 30 rows"):
        readable(tmp_path, replace(WRITING, **{where: ("huge", "a b")}), max_length=9)


@pytest.mark.parametrize("kind", ["gpt2", "t5"])
def test_a_writers_padding_beyond_its_embeddings_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"the token '\[PADDING\]'"):
        readable(with_tokens(save_writer(tmp_path, kind), pad_token="[PADDING]"), WRITING, max_length=9)


def changed(folder: Path, file: str, **values: object) -> Path:
    """The folder with other values, none where None, in one of its JSON files."""
    known = json.loads((folder / file).read_text(encoding="utf-8")) | values
    kept = {k: v for k, v in known.items() if v is not None}
    (folder / file).write_text(json.dumps(kept), encoding="utf-8")
    return folder


def test_a_writer_that_knows_no_end_of_a_text_is_refused(tmp_path: Path, refusal: Run) -> None:
    folder = changed(save_writer(tmp_path / "gpt2", "gpt2"), "tokenizer_config.json", eos_token=None)
    assert "without a token that ends a text" in refusal(*pairs(tmp_path), f"model.name={folder}")


def test_a_decoder_that_is_not_told_how_to_begin_is_refused(tmp_path: Path, refusal: Run) -> None:
    folder = save_writer(tmp_path / "t5", "t5")
    for file in ("config.json", "generation_config.json"):
        changed(folder, file, decoder_start_token_id=None)
    assert "does not say what its decoder is given first" in refusal(*pairs(tmp_path), f"model.name={folder}")


def test_settings_for_writing_may_say_how_a_decoder_begins(tmp_path: Path) -> None:
    folder = changed(save_writer(tmp_path, "t5"), "config.json", decoder_start_token_id=None)
    assert generators.start(ModelConfig(str(changed(folder, "generation_config.json", decoder_start_token_id=0)))) == 0


TOKENIZER = ("tokenizer.json", "tokenizer_config.json")


@pytest.mark.parametrize("kind", ["bert", "roberta", "gpt2", "t5", "llama", "distilbert", "albert", "bart"])
def test_a_model_without_a_tokenizer_is_refused(kind: str, tmp_path: Path) -> None:
    folder = save_model(tmp_path, kind)
    for name in TOKENIZER:
        (folder / name).unlink()
    with pytest.raises(AssetError, match="has no tokenizer"):
        hub.tokenizer(ModelConfig(str(folder)))


def test_a_tokenizer_that_cannot_be_read_is_refused(tmp_path: Path, refusal: Run) -> None:
    folder = save_model(tmp_path / "bert")
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    said = refusal(*table(tmp_path, SHORT), f"model.name={folder}")
    assert "has no tokenizer that transformers can read" in said


def test_a_model_without_weights_is_refused_unless_they_are_drawn(tmp_path: Path, refusal: Run) -> None:
    folder = save_model(tmp_path / "bert")
    (folder / "model.safetensors").unlink()
    said = refusal(*table(tmp_path, SHORT), f"model.name={folder}")
    assert "is a folder without the model's weights (neither model.safetensors nor pytorch_model.bin)" in said
    hub.require_weights(ModelConfig(str(folder), random_weights=True))


def test_a_model_that_lacks_one_of_its_parts_is_refused(tmp_path: Path) -> None:
    save_model(tmp_path)
    backbone().save_pretrained(tmp_path, max_shard_size="5kB")  # type: ignore[operator]
    (tmp_path / "model.safetensors").unlink(missing_ok=True)
    hub.require_weights(ModelConfig(str(tmp_path)))
    part = sorted(tmp_path.glob("model-*.safetensors"))[1]
    part.unlink()
    with pytest.raises(AssetError, match=f"{part.name} of model.safetensors.index.json"):
        hub.require_weights(ModelConfig(str(tmp_path)))


def test_a_model_of_which_the_cache_has_only_the_settings_is_refused_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # which a study before this test may have switched
    hub.require_weights(ModelConfig("nobody/nothing"))  # online, it is fetched
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(AssetError, match="has no weights in the Hub's cache"):
        hub.require_weights(ModelConfig("nobody/nothing"))


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"model.pooling": "mean,pooler"}, "needs a pooler"),
        ({"model.pooling": "mean,cls"}, "reads a text's first token, which knows nothing"),
        ({"model.name": "GPT2,gcn"}, "reads graphs, and this task has none"),
        ({"model.name": "GPT2,/nowhere"}, "model.name=/nowhere"),
    ],
)
def test_every_choice_of_a_model_is_one_that_the_task_can_use(space: dict[str, str], said: str, tmp_path: Path) -> None:
    folder = save_model(tmp_path, "gpt2")
    config = replace(
        StudyConfig(), model=ModelConfig(str(folder)), space={k: v.replace("GPT2", str(folder)) for k, v in
        space.items()}
    )  # fmt: skip
    examples = texts("a b", "c", "d", "e")
    with pytest.raises((ConfigError, AssetError), match=said):
        check_trials(config, parse_space(config), examples, lambda m: backbones.geometry(m, examples))


class Words:
    """A tokenizer of numbers: each word is its own id."""

    pad_token_id, unk_token_id = 0, 0

    def __call__(self, texts: list[str], max_length: int = 10**9, **_: object) -> Any:
        rows = [[int(word) for word in text.split()][:max_length] for text in texts]

        class Found(dict[str, Any]):
            encodings = None

        return Found(input_ids=rows)

    def get_vocab(self) -> dict[str, int]:
        return {str(i): i for i in range(100)}

    def convert_ids_to_tokens(self, one: int) -> str:
        return str(one)


ROWS = st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=12), min_size=1, max_size=6)


@given(rows=ROWS, longest=st.integers(4, 12), tokens=st.integers(1, 100), positions=st.integers(1, 12) | st.none())
def test_texts_are_refused_exactly_where_one_of_them_cannot_be_looked_up(
    rows: list[list[int]], longest: int, tokens: int, positions: int | None
) -> None:
    examples, tables = texts(*(" ".join(map(str, row)) for row in rows)), (Tables("", tokens, positions),)
    read = [row[:longest] for row in rows]
    fits = max(map(max, read)) < tokens and (positions is None or max(map(len, read)) <= positions)
    need = lookups.TextNeed(ModelConfig("m", longest), Words(), lambda: tokenize(examples.texts, Words(), longest))
    if fits:
        lookups.require(need, tables)
        return
    with pytest.raises((ConfigError, AssetError), match=r"m has|m: reads"):
        lookups.require(need, tables)
