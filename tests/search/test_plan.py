"""A plan knows which configurations train the same, and what every front is held against."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tiny import save_model
from torch import nn

from study.config.members import TrialResult
from study.config.schema import (
    Configuration,
    MethodConfig,
    ModelConfig,
    SearchConfig,
    StudyConfig,
    TrainConfig,
)
from study.config.space import parse_space
from study.core.records import FoldResult
from study.data.examples import Texts
from study.models import encoders
from study.models.backbones import Geometry
from study.search import finish
from study.search.plan import GRID, Plan, baselines


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A plan on a tiny BERT of three blocks."""
    folder: Path = save_model(tmp_path_factory.mktemp("bert"))
    config = replace(StudyConfig(), model=ModelConfig(name=str(folder)))
    examples = Texts(("a",) * 8, np.arange(8) % 2, ("n", "p"))
    return Plan(config, parse_space(config), examples, (), "f", np.arange(0))


SAME = [
    ({"layers": "top-half"}, {"layers": "top-1"}),
    ({"targets": "all-linear", "rank": {"ffn": 0, "all-linear": 2}}, {"targets": "attention", "rank": 2}),
    ({"targets": "qv", "rank": {"attention": 4, "ffn": 2}}, {"targets": "qv", "rank": {"attention": 4, "ffn": 0}}),
    ({"targets": "ffn", "rank": {"ffn": 3}}, {"targets": "ffn", "rank": 3}),
    ({"targets": "ffn", "rank": {"ffn": 0}}, {"kind": "head"}),
]
DIFFERENT = [
    ({"layers": "top-1"}, {"layers": "all"}),
    ({"targets": "qv", "rank": {"query": 4, "value": 2}}, {"targets": "qv", "rank": {"query": 2, "value": 4}}),
    ({"lam": 1.0}, {"lam": 2.0}),
    ({"kind": "full"}, {"kind": "head"}),
    ({"targets": "zzz"}, {"targets": "yyy"}),  # neither fits the model; each fails under its own name
]


def trainings(plan: Plan, pair: tuple[dict[str, Any], dict[str, Any]]) -> set[object]:
    model = plan.config.model
    return {plan.training(Configuration(model, MethodConfig(**{"rank": 2, **method}))) for method in pair}


@pytest.mark.parametrize("pair", SAME)
def test_what_trains_the_same_layers_with_the_same_ranks_is_one_training(plan: Plan, pair: Any) -> None:
    assert len(trainings(plan, pair)) == 1


@pytest.mark.parametrize("pair", DIFFERENT)
def test_what_trains_otherwise_is_another_training(plan: Plan, pair: Any) -> None:
    assert len(trainings(plan, pair)) == 2


class Narrow(nn.Module):
    """An architecture without attention, whose layers have three outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(model_type="narrow", num_hidden_layers=2)
        self.blocks = nn.ModuleList([nn.ModuleDict({"mix": nn.Linear(9, 3)}) for _ in range(2)])


def test_lora_as_its_authors_advise_fits_the_model() -> None:
    shapes = Geometry(*encoders.dimensions(Narrow()))
    plan: Any = SimpleNamespace(config=StudyConfig(), shapes=shapes, examples=SimpleNamespace(outputs=2, kind="texts"))
    named = baselines(plan)
    assert list(named) == ["head", "full", "lora r3 all-linear"]
    some = replace(StudyConfig(), search=SearchConfig(baselines=["lora", "head"]))
    chosen: Any = SimpleNamespace(**{**vars(plan), "config": some})
    assert list(baselines(chosen)) == ["head", "lora r3 all-linear"]
    lora = named["lora r3 all-linear"].method
    assert (lora.kind, lora.rank, lora.targets) == ("lora", 3, "all-linear")


def test_a_person_hears_that_a_fused_layer_is_adapted_whole(plan: Plan, tmp_path: Path) -> None:
    fused = replace(plan, config=replace(plan.config, model=ModelConfig(name=str(save_model(tmp_path, "gpt2")))))
    assert plan.notes == ()
    assert fused.notes == (
        "attn.c_attn: one matrix makes queries, keys and values, so qv adapts it whole, as PEFT does",
    )


def test_the_order_of_keys_of_which_the_first_counts_is_part_of_the_study(plan: Plan) -> None:
    def marked(*keys: str) -> str:
        space = dict.fromkeys(keys, "1,2")
        return replace(plan, config=replace(plan.config, space=space)).fingerprint

    assert marked("method.rank.query", "method.rank.qv") != marked("method.rank.qv", "method.rank.query")
    assert marked("train.lr", "method.alpha") == marked("method.alpha", "train.lr")


def test_the_table_of_the_front_shows_a_regular_expression_as_it_is(plan: Plan) -> None:
    from rich.console import Console

    told = Configuration(method=MethodConfig(targets=".*[a-z]query"))
    costs = {"params/trainable": 9.0, "memory/train_bytes": 9.0, "time/train_seconds": 1.0}
    folds = tuple(FoldResult(0, k, 0.5, metrics={"score": 0.5, **costs}) for k in range(2))
    console = Console(width=200)
    with console.capture() as shown:
        console.print(finish._table(plan, {0: TrialResult(0, told, folds, None, None)}))
    assert "r8 .*[a-z]query all" in shown.get()


def test_a_graph_network_is_held_against_all_its_layers_and_all_of_it_at_its_own_rate() -> None:
    pytest.importorskip("torch_geometric")
    from tinygraph import communities

    train, method = TrainConfig(lr=1e-2), MethodConfig(targets="all-linear")
    config = replace(StudyConfig(), model=ModelConfig(name="gcn"), train=train, method=method)
    named = baselines(Plan(config, parse_space(config), communities(), (), "f", np.arange(0)))
    assert list(named) == ["head", "full", "lora r8 all-linear"]
    assert named["full"].train.lr == 1e-2
    read = replace(config, model=ModelConfig())
    texts = Plan(read, parse_space(read), Texts(("a",), np.array([0]), ("n", "p")), (), "f", np.arange(0))
    assert baselines(texts)["full"].train.lr == 1e-4


@pytest.mark.parametrize(
    ("trials", "said"),
    [(3, 0), (5, 2), (9, None), (20, None)],
)
def test_a_grid_that_is_not_finished_says_how_many_trials_it_needs(plan: Plan, trials: int, said: int | None) -> None:
    space = {"method.rank": "choice(1,2,4)", "method.layers": "all,top-1"}
    study = replace(plan.config.study, trials=trials)
    config = replace(plan.config, space=space, sampler={"_target_": GRID}, study=study)
    notes = replace(plan, config=config, space=parse_space(config)).notes
    expected = f"The grid has 6 configurations, of which {said} would train beside 3 baselines: "
    expected += "study.trials=9 trains all."
    assert notes == (() if said is None else (expected,))
