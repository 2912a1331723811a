"""Command lines that nobody would type, and some that somebody might: for whatever reads one."""

from __future__ import annotations

from hypothesis import strategies as st

from study.config.schema import (
    BASELINES,
    KINDS,
    LABEL_TYPES,
    LAYERS,
    POOLINGS,
    PRECISIONS,
    RARE,
    ROUGE_WORDS,
    SCALINGS,
    STOPS,
    StudyConfig,
)  # fmt: skip
from study.config.targets import GROUPS
from study.config.values import flatten
from study.core.figures import OBJECTIVES, SCORES

DEFAULTS = flatten(StudyConfig())
# Values that a key may have, beside its default.
RIGHT: dict[str, tuple[str, ...]] = {
    "task.metric": SCORES, "task.kind": KINDS, "task.label_type": LABEL_TYPES, "task.rare": RARE,
    "task.rouge": ROUGE_WORDS, "model.pooling": POOLINGS, "model.precision": (*PRECISIONS, "auto"),
    "method.kind": ("lora", "factorized", "head", "full", "dora", "pissa", "lora_fa"), "method.scaling": SCALINGS,
    "method.residual": ("keep", "drop"), "method.targets": (*GROUPS, ".*query", "output.dense", "cross.qv"),
    "method.layers": (*LAYERS, "top-2"), "method.rank": ("2", "attention:2,ffn:1", "{attention: 2, ffn: 0}", "2,4"),
    "search.stop": STOPS, "engine.pack": ("auto", "2"), "study.repeats": ("auto", "3"),
    "task.delimiter": (",", ";", "tab"), "task.encoding": ("utf-8", "utf-16", "latin-1"),
    "task.text": ("text", "text+other"), "task.label": ("label", "other"), "task.target": ("text",),
    "task.group": ("other",), "task.id": ("text",), "task.test_path": ("t.csv",),
    "objectives": (f"[{','.join(OBJECTIVES[:2])}]", "[score]", "[score,latency/ms,params/stored]"),
    "constraints": ("['params/stored <= 5M']", "['params<=1,latency>0']", "[]"),
    "search.baselines": (f"[{BASELINES[0]}]", "[]"), "space": ("{}", "{method.rank: '1,2'}", "{method.rank: null}"),
}  # fmt: skip
EDGES = [
    "0", "-1", "1", "2", "3.5", "1e-9", "0.999", "1.0", "-0.0", "1e400", "-1e400", "nan", "inf", ".5", "5.", "1_0",
    "0x10", "08", str(2**31), str(2**32 - 1), str(2**63), str(10**30), "1e-400", "true", "FALSE", "null", "None", "",
]  # fmt: skip
WORDS = [
    "???", "'???'", '"', "'", "''", "\\", "\\'", "a\nb", "a\tb", "a\rb", "${oc.env:HOME}", "${oc.env:NOPE}",
    "${study.name}", "${nope}", "${", "}", "${oc.decode:1}", "${..name}", "${method}", "[1,2]", "[", "]", "{a: 1}",
    "{", "{a:", "[[1],{b: [null]}]", "été", "😀", "\ud83d", "\udcff", "‮x", "\x00", "\x1b[31m", "*", "(", ".*[", "%s",
    "{0}", ",", "a,b", "a,,b", ",a", "--x", "-m", "=", "a=b", "a b", " a ", "../x", "/etc/passwd", "con", "~/x", "~",
    "@x", "a:b", "a:1", "x" * 300, "attention:999999,ffn:-1",
]  # fmt: skip
SWEEPS = [
    "1,2", "1,null", "choice(1,2)", "choice()", "choice(1)", "choice([1],2)", "choice(a,'b',\"c\")", "range(1,9,2)",
    "range(9,1)", "range(1,9,0)", "range(0,1,0.1)", "range(0,1,-0.1)", "range(0,1,1e-12)", "range(1,1000000000)",
    "range(5)", "range(nan,1)", "interval(1,2)", "interval(2,1)", "interval(1,1)", "interval(0,1e400)",
    "interval(nan,1)", "interval(0.1,0.9)", "interval(-1,1)", "interval(1,100000000000000000000)",
    "tag(log,interval(1e-5,1))", "tag(log,interval(0,1))", "tag(lin,interval(1,2))", "tag(log,log,interval(1,8))",
    "tag(a,b,choice(1,2))", "tag(log,range(1,9))", "shuffle(1,2,3)", "sort(3,1,2)", "sort(b,1)", "glob(*)", "int(1.5)",
    "float(x)", "bool(maybe)", "str([1])", "json_str({a: 1})", "extend_list(1,2)", "choice(1,1,1)", "interval(a,b)",
    "range(a,b)", "tag(interval(1,2))", "interval(1)", "1,2,[3]", "true,false", "choice(true,1,1.0)",
    "choice(nan,inf)", "1e400,2", "'a','b'", "x,${study.seed}", "choice(${nope},1)",
]  # fmt: skip
GROUPED = ["task", "model", "method", "space", "sampler", "pruner", "launcher", "tracking", "experiment"]
PLACES = ["sampler", "launcher", "tracking", "pruner"]
ARGUMENTS = ["_target_", "name", "workers", "uri", "seed", "alpha", "x", "_partial_"]
ODD_KEYS = [
    "", ".", "..", "a..b", "foo", "foo.bar", "study", "study.name.x", "study.nam", "method.rank.attention",
    "method.rank.ffn", "method.rank.", "method.rank.'a b'", "method.rank.a.b", "space.method.rank", "space.train.lr",
    "space.study.seed", "space.nope", "objectives.0", "objectives[0]", "objectives.9", "search.baselines.0",
    "constraints.0",
    *(f"{place}.{name}" for place in PLACES for name in ARGUMENTS),
    "sampler", "launcher", "tracking", "pruner", "model", "method", "train", "task", "task@x", "task.text@y",
    "hydra.verbose", "hydra.run.dir", "hydra", "experiment", "é", "a b", "study/name", "space", "_target_",
    "study._target_", "__class__", "train.lr.x",
]  # fmt: skip
TARGETS = [
    "optuna.samplers.RandomSampler", "optuna.samplers.NoSuch", "optuna.samplers", "nowhere.at.all", "os.path.join", "",
    "..", "builtins.object", "study.launch.local.LocalLauncher", "study.record.none.NoTracker",
    "optuna.pruners.MedianPruner", "study.search.samplers.grid", "study.search.surface.sampler.Surface",
    "study.search.pruners.racing.Racing",
]  # fmt: skip
GROUP_CHOICES = [
    "method=dora", "method=head", "method=full", "method=factorized", "space=rank", "space=tradeoff", "space=lr",
    "space=lambda", "space=none", "sampler=grid", "sampler=gp", "sampler=random", "sampler=nsga2", "sampler=surface",
    "pruner=racing", "tracking=off", "launcher=slurm", "launcher=ray", "experiment=rank", "experiment=graph",
    "task=topic", "task=nodes", "task=hub", "model=t5", "model=gcn", "method=nope", "method=[lora]", "method={a: 1}",
    "space=null", "sampler=1", "~sampler", "~method", "~space", "method=lora,dora", "+experiment=lambda",
    "experiment=null", "+method=lora", "~task=file", "method@x=lora", "/method=lora", "method=../method/lora",
    "method=/etc/passwd", "+hydra/launcher=joblib", "hydra/sweeper=optuna", "task=???",
]  # fmt: skip
FLAGS = [
    "--nope",
    "--cfg",
    "-h",
    "--info",
    "--config-dir=/nowhere",
    "-m",
    "--multirun",
    "--run",
    "-p",
    "--config-name=x",
    "--targets=x",
]

TEXT = st.text(max_size=8) | st.text("()[]{}'\",:=$~+-.*\\ 0a\n", max_size=8)
VALUES = st.sampled_from(EDGES) | st.sampled_from(WORDS) | st.sampled_from(SWEEPS) | TEXT
NUMBERS = st.integers().map(str) | st.floats().map(str)


def good_value(key: str) -> st.SearchStrategy[str]:
    """What the key may well be: as a rule the study is possible with it."""
    default = DEFAULTS.get(key)
    usual = [*RIGHT.get(key, ()), *([] if isinstance(default, (dict, list)) or default is None else [str(default)])]
    return st.sampled_from(usual or ["null"])


@st.composite
def assignments(draw: st.DrawFn) -> str:
    """An argument about one key: as a rule one of the schema, with a value that may be right, on an edge, or odd."""
    key = draw(st.sampled_from(sorted(DEFAULTS)) | st.sampled_from(sorted(DEFAULTS)) | st.sampled_from(ODD_KEYS))
    value = draw(good_value(key) | VALUES | NUMBERS if key in DEFAULTS else VALUES | NUMBERS)
    if key.endswith("_target_"):
        value = draw(st.sampled_from(TARGETS))  # anything that there is would be called
    before = draw(st.sampled_from(["", "", "", "", "+", "++", "~"]))
    return f"{before}{key}" if before == "~" and draw(st.booleans()) else f"{before}{key}={value}"


@st.composite
def likely(draw: st.DrawFn) -> str:
    """An argument that may well be right."""
    key = draw(st.sampled_from(sorted(DEFAULTS)))
    return f"{key}={draw(good_value(key))}"


def lines(likely_only: bool = False) -> st.SearchStrategy[list[str]]:
    """The arguments of a command that keep to single keys, no group and no flag among them."""
    single = assignments().filter(
        lambda argument: argument.lstrip("+~").partition("=")[0].partition("@")[0] not in GROUPED
    )
    return st.lists(likely() if likely_only else likely() | single, max_size=5)


def whole_lines() -> st.SearchStrategy[list[str]]:
    """Arguments of any kind: choices of groups, flags and texts that are none of these."""
    every = likely() | assignments() | st.sampled_from(GROUP_CHOICES) | st.sampled_from(GROUP_CHOICES)
    return st.lists(every | st.sampled_from(FLAGS) | TEXT, max_size=5)
