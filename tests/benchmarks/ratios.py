"""What two sides did with the same configurations: ratios, standard errors, and both as Markdown."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GIB = 2**30
MUCH = 0.05  # of the processor time for other programs: times mean little then


@dataclass(frozen=True)
class Choice:
    """What is adapted, and by how much: one trial of either side."""

    rank: int
    targets: str
    layers: str

    @property
    def name(self) -> str:
        """As the table shows it."""
        return f"r{self.rank} {self.targets} {self.layers}"


@dataclass(frozen=True)
class Settings:
    """What both sides are given; `strong` gives the peer two flags more, see :func:`peer_settings`."""

    examples: int = 600
    folds: int = 4
    epochs: int = 2
    batch_size: int = 16
    lr: float = 3e-3
    pooling: str = "pooler"
    precision: str = "auto"
    ranks: tuple[int, ...] = (2, 8, 32)
    layers: tuple[str, ...] = ("all", "top-half", "top-1")
    targets: tuple[str, ...] = ("qv", "all-linear")
    strong: bool = False

    def choices(self) -> list[Choice]:
        """Every combination, those that adapt the same layers together."""
        return [Choice(r, t, n) for n in self.layers for t in self.targets for r in self.ranks]


@dataclass(frozen=True)
class Outcome:
    """One configuration on one side.

    `train_seconds` is the time in training steps alone, as if all processes of the side ran side by
    side; `scores` and `valid` (the positions scored) are in the order of the folds.
    """

    seconds: float
    samples: int
    train_seconds: float
    scores: tuple[float, ...]
    valid: tuple[tuple[int, ...], ...]
    adapter: int
    peak_bytes: int
    others: float = 0.0

    @property
    def rate(self) -> float:
        """Training examples a second."""
        return self.samples / self.train_seconds


@dataclass(frozen=True)
class Timing:
    """Seconds until each side was ready for its first configuration, and what each computes with."""

    ours: float = 0.0
    peer: float = 0.0
    workers: int = 1
    threads: int = 1
    precision: str = "float32"


@dataclass(frozen=True)
class Row:
    """One configuration on both sides."""

    choice: Choice
    ours: Outcome
    peer: Outcome


def side_by_side(members: Sequence[tuple[float, float]], workers: int) -> float:
    """Seconds of training of (started, seconds) members, where packs run side by side in the workers.

    Members of one pack started at the same moment, and the seconds of each are its share of the pack's.
    """
    packs = len({started for started, _ in members})
    return sum(seconds for _, seconds in members) / min(workers, packs)


def check(row: Row) -> None:
    """Raise where the sides did not do the same work."""
    for name in ("valid", "adapter", "samples"):
        ours, peer = getattr(row.ours, name), getattr(row.peer, name)
        if ours != peer:
            raise AssertionError(f"{row.choice.name}: {name} differs: {ours} here, {peer} there")


def standard_error(values: Sequence[float]) -> float:
    """Of a mean over folds."""
    return statistics.stdev(values) / math.sqrt(len(values))


def fold_differences(rows: Sequence[Row]) -> list[float]:
    """Our score minus the peer's on each fold, the mean over the configurations.

    Configurations share their folds, so a group's standard error is taken over folds, not over all pairs.
    """
    pairs = [zip(r.ours.scores, r.peer.scores, strict=True) for r in rows]
    return [statistics.fmean(d) for d in zip(*([a - b for a, b in p] for p in pairs), strict=True)]


def in_errors(difference: float, error: float) -> float:
    """|difference| in standard errors: none for none, and infinitely many where folds leave no error."""
    if difference == 0:
        return 0.0
    return abs(difference) / error if error else math.inf


def score_error(rows: Sequence[Row]) -> float:
    """One standard error of a score: the mean over configurations and sides."""
    return statistics.fmean(standard_error(o.scores) for r in rows for o in (r.ours, r.peer))


def figures(rows: Sequence[Row], startup: Timing | None = None) -> dict[str, float]:
    """Sums and ratios of some rows; the seconds of `startup` are added to the walls."""
    start = startup or Timing()
    ours, peer = [r.ours for r in rows], [r.peer for r in rows]
    differences = fold_differences(rows)
    out = {
        "ours": sum(o.seconds for o in ours) + start.ours,
        "peer": sum(o.seconds for o in peer) + start.peer,
        "ours_rate": sum(o.samples for o in ours) / sum(o.train_seconds for o in ours),
        "peer_rate": sum(o.samples for o in peer) / sum(o.train_seconds for o in peer),
        "ours_score": statistics.fmean(s for o in ours for s in o.scores),
        "peer_score": statistics.fmean(s for o in peer for s in o.scores),
        "difference": statistics.fmean(differences),
        "difference_se": standard_error(differences),
        "score_se": score_error(rows),
    }
    return out | {"wall_ratio": out["peer"] / out["ours"], "rate_ratio": out["ours_rate"] / out["peer_rate"]}


def groups(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by the layers that they adapt."""
    names = dict.fromkeys(r.choice.layers for r in rows)
    return {f"layers={name}": [r for r in rows if r.choice.layers == name] for name in names}


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column to the left."""
    rule = [":--", *["--:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *lines))


def speeds(f: dict[str, float]) -> list[str]:
    """The cells of walls and throughputs."""
    return [
        f"{f['ours']:.1f}", f"{f['peer']:.1f}", f"**{f['wall_ratio']:.2f}**",
        f"{f['ours_rate']:.0f}", f"{f['peer_rate']:.0f}", f"{f['rate_ratio']:.2f}",
    ]  # fmt: skip


def configuration_cells(row: Row) -> list[str]:
    """A configuration's line."""
    f = figures([row])
    scores = [f"{statistics.fmean(o.scores):.3f} ± {standard_error(o.scores):.3f}" for o in (row.ours, row.peer)]
    return [row.choice.name, *speeds(f), *scores, f"{in_errors(f['difference'], f['difference_se']):.1f}"]


def group_cells(name: str, rows: Sequence[Row], startup: Timing | None = None) -> list[str]:
    """A group's line."""
    f = figures(rows, startup)
    scores = [f"{f['ours_score']:.3f}", f"{f['peer_score']:.3f}"]
    return [f"**{name}**", *speeds(f), *scores, f"{in_errors(f['difference'], f['difference_se']):.1f}"]


def equality_cells(name: str, rows: Sequence[Row]) -> list[str]:
    """Whether a group's scores are equal within one standard error of a score."""
    f = figures(rows)
    within = "yes" if abs(f["difference"]) <= f["score_se"] else "no"
    return [name, f"{f['difference']:+.4f} ± {f['difference_se']:.4f}", f"{f['score_se']:.4f}", within]


def disturbances(rows: Sequence[Row]) -> str:
    """What other programs took of the machine, and where it was so much that the times mean little."""
    sides = [(r.choice.name, side, getattr(r, side).others) for r in rows for side in ("ours", "peer")]
    worst = max(share for _, _, share in sides)
    disturbed = [f"{name} ({side}, {share:.0%})" for name, side, share in sides if share > MUCH]
    told = f" More than {MUCH:.0%} during {', '.join(disturbed)}: measure these again." if disturbed else ""
    return f"Other programs took at most {worst:.1%} of the processor time of the machine.{told}"


SPEED = ("configuration", "ours s", "peer s", "wall ratio", "ours samples/s", "peer samples/s", "throughput ratio")
SCORES = ("score ours", "score peer", "difference in its standard errors")


def render(settings: Settings, rows: Sequence[Row], timing: Timing) -> str:
    """Every table, as Markdown."""
    parts = groups(rows)
    lines = [*map(configuration_cells, rows), *(group_cells(n, r) for n, r in parts.items())]
    lines.append(group_cells("in all, with starting", rows, timing))
    ours, peer = max(r.ours.peak_bytes for r in rows), max(r.peer.peak_bytes for r in rows)
    kind = ", without dropout and with batches of similar lengths" if settings.strong else ""
    machines = (
        f"Ours: {timing.workers} processes of one thread, {timing.precision}; "
        f"the peer{kind}: one process of {timing.threads} threads, float32. "
    )
    return "\n\n".join([
        f"{settings.examples} examples, {settings.folds} folds, epochs {settings.epochs}, batches of "
        f"{settings.batch_size}, lr {settings.lr:g}, pooling {settings.pooling}. {machines}"
        f"Starting (imports, data, stores): ours {timing.ours:.1f} s, peer {timing.peer:.1f} s.",
        table((*SPEED, *SCORES), lines),
        table(
            ("group", "ours − peer ± standard error", "one standard error of a score", "within"),
            [equality_cells(n, r) for n, r in {**parts, "in all": list(rows)}.items()],
        ),
        f"Peak resident memory: ours {ours / GIB:.2f} GiB (the largest worker × {timing.workers} + the driver; "
        f"pages that they share are counted in each), peer {peer / GIB:.2f} GiB (its one process): "
        f"ratio {peer / ours:.2f}.",
        disturbances(rows),
    ])  # fmt: skip
