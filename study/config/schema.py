"""The schema of conf/: frozen, typed, validated once; nothing below the command line sees a DictConfig."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from study.config import ranks
from study.config.options import IN_MLFLOW, LOCAL, TPE, UNPRUNED

LAYERS = ("all", "top-half", "top-1")
PRECISIONS, POOLINGS = ("float32", "bfloat16"), ("mean", "cls", "last", "pooler")
KINDS = ("classification", "summarization", "summarization_generate")
LABEL_TYPES, RARE = ("auto", "text", "number"), ("refuse", "drop", "merge")
ROUGE_WORDS = ("auto", "english", "unicode")
BASELINES, SEARCHABLE = ("head", "full", "lora"), ("model", "method", "train")
TRUSTING = "model.trust_remote_code"  # said of a study as a whole, never searched
OBSERVING = ("train.curves",)  # keys that say what is measured of a training, and change nothing of it
AUTO_REPEATS, MOST_REPEATS = 10, 50  # cross-validations in all: of `auto`, and that can be asked for
STOPS, SCHEDULES, SCALINGS = ("settled",), ("rounds", "rolling", "async"), ("alpha/r", "alpha/sqrt(r)")


@dataclass(frozen=True)
class StudySettings:
    """What identifies a study: its name, its total budget, its folds and its seed.

    `repeats` is how many cross-validations, each with folds and seeds of its own, those configurations have at most
    between which the data cannot tell; auto: up to 10 while they take no more fold-trainings than the search did.
    What changes nothing that is learned: `tries` is in how many runs of the command a fold is tried whose workers die;
    `retry` failed asks failed trials again; no fold is begun that would end after `until`, such as 2h or 17:30.
    """

    name: str = "study"
    trials: int = 16
    folds: int = 3
    seed: int = 0
    repeats: str = "1"
    tries: int = 3
    retry: Optional[str] = None  # noqa: UP045
    until: Optional[str] = None  # noqa: UP045

    @property
    def most_repeats(self) -> int:
        """How many cross-validations a configuration has at most, the first counted."""
        return AUTO_REPEATS if self.repeats == "auto" else int(self.repeats)


@dataclass(frozen=True)
class TaskConfig:
    """Which examples are learned. What is null is left to the task; a key that a task does not read is refused.

    Every task: `limit` keeps that many examples, stratified; `test_fraction` of them are held out (0: none; what the
    source itself holds out is taken whole); `shuffle_labels` is a control; `metric` is what `score` means.
    Summaries: `budget` in words; `rouge` says what a word is (null or auto: decided by the references); a model that
    writes reads `prefix`, the source and `suffix`, and writes at most `longest` tokens.
    task=file and task=hub: `path`, what is learned (`kind`), and the columns: `text` (two joined as a+b), `label` or
    `target`, `group` (kept in one fold) and `id`; for files also `test_path`, `encoding` and `delimiter`, for the Hub
    `config`, `split` and `test_split`. `label_type` says what labels are (null or auto: decided for the column), `rare`
    what becomes of classes that not every fold could have (null or refuse, drop, merge).
    """

    name: str = "sentiment"
    limit: Optional[int] = None  # noqa: UP045 -- OmegaConf reads Optional
    test_fraction: float = 0.2
    shuffle_labels: bool = False
    metric: Optional[str] = None  # noqa: UP045
    budget: Optional[int] = None  # noqa: UP045
    longest: Optional[int] = None  # noqa: UP045
    prefix: Optional[str] = None  # noqa: UP045
    suffix: Optional[str] = None  # noqa: UP045
    path: Optional[str] = None  # noqa: UP045
    kind: Optional[str] = None  # noqa: UP045
    text: Optional[str] = None  # noqa: UP045
    label: Optional[str] = None  # noqa: UP045
    target: Optional[str] = None  # noqa: UP045
    group: Optional[str] = None  # noqa: UP045
    id: Optional[str] = None  # noqa: UP045
    test_path: Optional[str] = None  # noqa: UP045
    encoding: Optional[str] = None  # noqa: UP045
    delimiter: Optional[str] = None  # noqa: UP045
    config: Optional[str] = None  # noqa: UP045
    split: Optional[str] = None  # noqa: UP045
    test_split: Optional[str] = None  # noqa: UP045
    label_type: Optional[str] = None  # noqa: UP045
    rare: Optional[str] = None  # noqa: UP045
    rouge: Optional[str] = None  # noqa: UP045


@dataclass(frozen=True)
class ModelConfig:
    """The pretrained encoder, by embedded name, Hub name or local path, and how it reads a text.

    `pooling` makes one vector of a text: its tokens' mean, its first token, its last (for decoders, which read
    from left to right), or the first through the model's own pooler, as transformers' classifiers of BERT's
    kind do. `precision` is that of frozen weights and of activations; what trains is always kept in float32.
    `trust_remote_code` lets code run that came with the model, of which nothing is known here: it is off, and recorded.
    """

    name: str = "minilm"
    max_length: int = 128
    pooling: str = "mean"
    precision: str = "float32"
    random_weights: bool = False
    trust_remote_code: bool = False


@dataclass(frozen=True)
class MethodConfig:
    """The adaptation: which method, how large, where, and how the objective is weighed.

    `rank` is a whole number, or a pattern of them by target such as ``attention:8,ffn:2`` (study/config/ranks.py); a
    mapping is kept as that text. `targets` and the keys of a pattern name linear layers (study/models/targets.py).
    """

    kind: str = "lora"
    rank: Any = 8
    alpha: float = 16.0
    lam: Optional[float] = None  # noqa: UP045
    targets: str = "qv"
    layers: str = "all"
    residual: str = "keep"
    scaling: str = "alpha/r"

    def __post_init__(self) -> None:
        object.__setattr__(self, "rank", ranks.canonical(self.rank))


@dataclass(frozen=True)
class TrainConfig:
    """The training of one fold; `curves` scores it on its held-out examples after every epoch, not the last alone."""

    epochs: int = 2
    lr: float = 1e-3
    batch_size: int = 16
    weight_decay: float = 0.0
    warmup: float = 0.1
    clip: float = 1.0
    dropout: float = 0.0
    curves: bool = False


@dataclass(frozen=True)
class SearchConfig:
    """How trials are asked; `round` trials at a time, never derived from the number of workers.

    `schedule` rolling gives an ended trial's place to another before the next wave of folds; async asks when a worker
    is free, and gives up that the same seed gives the same study. `baselines` are trained first, whatever is searched,
    for the front to be held against. `stop` says when a search ends before its budget: settled, when the best untried
    configuration is expected to add less to the front than `report.tolerance`; null never.
    """

    round: int = 8
    schedule: str = "rounds"
    baselines: list[str] = field(default_factory=lambda: list(BASELINES))
    stop: Optional[str] = None  # noqa: UP045


@dataclass(frozen=True)
class EngineConfig:
    """How members are computed; nothing here changes what they learn beyond rounding.

    `pack` is how many train together, or auto; `tokens` is how many of one member a forward pass holds
    at most; `cache_gb` bounds the hidden states and decompositions kept on disk (10⁹ bytes).
    """

    pack: str = "auto"
    tokens: int = 4096
    cache_gb: float = 8.0


@dataclass(frozen=True)
class StorageConfig:
    """Any Optuna storage URL: the truth of the search."""

    url: str = "sqlite:///lora-study.db"


@dataclass(frozen=True)
class ReportConfig:
    """Where the trade-off report is written, and when it recommends a cheaper model than the best.

    `tolerance` is how much score one would give up for that (null: the metric's own, study/core/figures.py);
    `confidence` is how probable it must be that no more is given up. `remeasure` says whether time, latency and memory
    of the configurations that it compares most closely are measured once more, alone, when the search is over.
    """

    dir: str = "reports"
    tolerance: Optional[float] = None  # noqa: UP045
    confidence: float = 0.9
    remeasure: bool = True


@dataclass(frozen=True)
class Configuration:
    """The searchable part of a study: what one trial trains."""

    model: ModelConfig = field(default_factory=ModelConfig)
    method: MethodConfig = field(default_factory=MethodConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def with_values(self, values: Mapping[str, Any]) -> Configuration:
        """A copy with the dotted keys in `values` (such as ``method.rank``) replaced.

        ``method.rank.ffn`` is the rank of one key of a pattern.
        """
        out = self
        for key, value in values.items():
            group, _, name = key.partition(".")
            if key.startswith(ranks.PLACE):
                name, value = "rank", ranks.with_key(out.method.rank, key.removeprefix(ranks.PLACE), value)
            out = replace(out, **{group: replace(getattr(out, group), **{name: value})})
        return out


@dataclass(frozen=True)
class StudyConfig:
    """One study, whole.

    `constraints` are bounds on figures, such as ``params/stored <= 5e6``, that a configuration of the front must keep.
    `space` maps configuration keys to Hydra sweeps such as ``choice(1,2,4)``; null means not searched. `sampler`,
    `pruner`, `launcher` and `tracking` each name a class or function by its `_target_`, with its arguments beside it.
    """

    study: StudySettings = field(default_factory=StudySettings)
    task: TaskConfig = field(default_factory=TaskConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    method: MethodConfig = field(default_factory=MethodConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    space: dict[str, Optional[str]] = field(default_factory=dict)  # noqa: UP045
    objectives: list[str] = field(default_factory=lambda: ["score", "params/trainable"])
    constraints: list[str] = field(default_factory=list)
    search: SearchConfig = field(default_factory=SearchConfig)
    sampler: dict[str, Any] = field(default_factory=lambda: dict(TPE))
    pruner: dict[str, Any] = field(default_factory=lambda: dict(UNPRUNED))
    launcher: dict[str, Any] = field(default_factory=lambda: dict(LOCAL))
    engine: EngineConfig = field(default_factory=EngineConfig)
    storage: StorageConfig = field(default_factory=StorageConfig)
    tracking: dict[str, Any] = field(default_factory=lambda: dict(IN_MLFLOW))
    report: ReportConfig = field(default_factory=ReportConfig)

    @property
    def undecided(self) -> bool:
        """Whether `model.precision` is left to the machine that trains first."""
        return self.model.precision == "auto"

    @property
    def configuration(self) -> Configuration:
        """The configuration from which every trial departs."""
        return Configuration(self.model, self.method, self.train)
