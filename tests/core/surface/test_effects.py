"""Effects that were planted come back with honest intervals, and none that was not."""

import numpy as np
import pytest

from study.core.surface.effects import FEWEST, surface
from study.core.surface.knobs import knobs_of

RANKS, LAYERS = [1, 2, 4, 8, 16, 32], ["all", "top-half", "top-1"]
FOLDS, FOLD, NOISE = 3, 0.01, 0.015


def space(rng, count):
    """What so many trials of a random search have of four keys."""
    return {
        "rank": rng.choice(RANKS, count), "lam": 10 ** rng.uniform(-1, 3, count), "layers": rng.choice(LAYERS, count),
        "lr": 10 ** rng.uniform(-4, -2, count),
    }  # fmt: skip


def scores(rng, truth, noise=NOISE):
    """Three folds' scores around the truth [C], each fold as easy as it happens to be."""
    return truth[:, None] + rng.normal(0, FOLD, FOLDS) + rng.normal(0, noise, (len(truth), FOLDS))


def bend(lam):
    return -0.012 * (np.log10(lam) - 1) ** 2  # best at λ = 10


@pytest.fixture(scope="module")
def many():
    """400 trials of which the best λ is 10, layers matter a little, the learning rate not at all."""
    rng = np.random.default_rng(5)
    columns = space(rng, 400)
    layers = np.select([columns["layers"] == "all", columns["layers"] == "top-half"], [0.02, 0.01])
    return surface(knobs_of(columns), scores(rng, 0.8 + bend(columns["lam"]) + layers))


def test_the_best_lambda_of_400_trials_is_found_beyond_five_standard_errors(many):
    effect = many.effect("lam")
    best, neighbours = int(effect.mean.argmax()), np.abs(np.log10(effect.values) - 1) <= 4 / 24 + 1e-9
    assert neighbours[best]
    for end in (0, -1):
        gap, error = effect.difference(best, end)
        assert gap / error >= 5
    assert effect.difference(best, -1)[0] == pytest.approx(0.048, abs=0.012)


def test_a_key_without_effect_has_zero_in_every_interval_and_explains_next_to_nothing(many):
    effect = many.effect("lr")
    assert ((effect.low <= 0) & (effect.high >= 0)).all()
    assert many.importances["lr"].high < 0.05
    assert many.importances["lr"].mean < 0.02


def test_the_levels_of_a_choice_have_the_differences_that_were_planted(many):
    effect = many.effect("layers")
    assert [effect.knob.name(v) for v in effect.values] == ["all", "top-1", "top-half"]
    gap, error = effect.difference(0, 1)
    assert abs(gap - 0.02) < 3 * error
    assert error < 0.003


def test_importances_and_what_is_left_are_parts_of_one_whole(many):
    assert sum(share.mean for share in many.importances.values()) + many.unexplained.mean == pytest.approx(1)
    shares = sorted(many.importances, key=lambda key: -many.importances[key].mean)
    assert shares[:2] == ["lam", "layers"]
    # Planted: the variances of both effects and of a mean of three folds.
    assert many.unexplained.mean == pytest.approx(NOISE**2 / 3 / (NOISE**2 / 3 + 0.0155**2 + 0.0082**2), abs=0.1)


def test_two_keys_that_depend_on_one_another_are_found_and_others_are_not():
    rng = np.random.default_rng(6)
    columns = space(rng, 200)
    crossed = 0.02 * (np.log10(columns["lam"]) - 1) / 2 * (np.log2(columns["rank"]) - 2.5) / 2.5
    result = surface(knobs_of(columns), scores(rng, 0.8 + crossed))
    pair = result.interaction("rank", "lam")
    assert pair.share.low > 0.2
    assert all(other.share.high < 0.1 for other in result.interactions if other is not pair)
    corners = pair.mean[0, 0] + pair.mean[-1, -1] - pair.mean[0, -1] - pair.mean[-1, 0]
    assert corners == pytest.approx(0.08, abs=0.025)
    assert pair.mean.shape == (6, 25)


MANY = [pytest.param(100, trials, marks=pytest.mark.long) for trials in (24, 60, 200)]


@pytest.mark.parametrize(("studies", "trials"), [(20, 60), *MANY])
def test_intervals_hold_the_truth_about_as_often_as_they_say(studies, trials):
    held, claims = [], []
    for seed in range(studies):
        rng = np.random.default_rng(seed)
        columns = {key: column for key, column in space(rng, trials).items() if key in ("lam", "lr", "layers")}
        result = surface(knobs_of(columns), scores(rng, 0.8 + bend(columns["lam"])), seed=seed, count=300)
        truths = {"lam": bend(result.effect("lam").values) - bend(columns["lam"]).mean()}
        for effect in result.effects:
            truth = truths.get(effect.knob.key, np.zeros(len(effect.values)))
            held.append(((effect.low <= truth) & (truth <= effect.high)).mean())
            if effect.knob.key != "lam":
                claims.append(((effect.low > 0) | (effect.high < 0)).any())
    assert 0.9 <= np.mean(held) <= 0.995
    assert np.mean(claims) <= 0.1


def test_trials_without_a_key_have_a_level_of_their_own_and_leave_its_curve_alone():
    rng = np.random.default_rng(7)
    columns = space(rng, 120)
    lam = [None if i % 3 == 0 else value for i, value in enumerate(columns["lam"])]
    truth = np.array([0.7 if value is None else 0.8 + bend(value) for value in lam])
    effect = surface(knobs_of({"lam": lam, "rank": columns["rank"]}), scores(rng, truth)).effect("lam")
    assert effect.knob.apart == "none"
    gap = effect.mean.max() - effect.apart.mean
    assert gap == pytest.approx(0.1, abs=0.01)
    assert abs(np.log10(effect.values[effect.mean.argmax()]) - 1) < 0.5


def test_a_key_of_one_method_alone_is_told_from_that_methods_trials():
    rng = np.random.default_rng(11)
    columns = space(rng, 120)
    kind = np.where(np.arange(120) % 2, "lora", "factorized")
    lam = [value if name == "factorized" else None for value, name in zip(columns["lam"], kind, strict=True)]
    truth = np.array([0.85 if value is None else 0.8 + bend(value) for value in lam])
    result = surface(knobs_of({"kind": kind, "lam": lam, "rank": columns["rank"]}), scores(rng, truth))
    effect = result.effect("lam")
    at_ten = int(np.abs(np.log10(effect.values) - 1).argmin())
    assert result.level.mean + effect.mean[at_ten] == pytest.approx(0.8, abs=0.01)
    assert result.level.mean + effect.apart.mean == pytest.approx(0.85, abs=0.01)
    # Whether a trial has the key is known from its method: no doubt of which of the two it is widens the curve.
    assert effect.high[at_ten] - effect.low[at_ten] < 0.02
    assert [(pair.first.key, pair.second.key) for pair in result.interactions] == [("kind", "rank"), ("lam", "rank")]


def test_trials_stopped_after_the_easy_fold_are_not_thought_better():
    rng = np.random.default_rng(8)
    rank = np.repeat([1, 32], 30)
    folds = 0.8 + np.array([0.1, 0, -0.1]) + rng.normal(0, 0.005, (60, 3))
    folds[rank == 1, 1:] = np.nan
    effect = surface(knobs_of({"rank": rank, "lr": rng.uniform(1, 2, 60)}), folds).effect("rank")
    assert ((effect.low <= 0) & (effect.high >= 0)).all()
    assert np.abs(effect.mean).max() < 0.005


def test_known_errors_say_which_trials_to_believe():
    rng = np.random.default_rng(9)
    rank, errors = np.tile([1, 2], 20), np.repeat([0.001, 0.1], 20)
    gains = 0.8 + 0.02 * (rank == 2) + rng.normal(0, 1, 40) * errors
    gap, error = surface(knobs_of({"rank": rank}), gains, errors).effect("rank").difference(1, 0)
    assert gap == pytest.approx(0.02, abs=0.003)
    assert error < 0.002


def test_too_few_trials_or_equal_gains_tell_nothing():
    rank = np.arange(1, FEWEST + 1)
    assert surface(knobs_of({"rank": rank[1:]}), np.zeros(FEWEST - 1)) is None
    assert surface((), np.zeros(FEWEST)) is None
    assert surface(knobs_of({"rank": rank}), np.full((FEWEST, 2), 0.5)) is None


def test_scores_without_any_noise_are_followed_exactly():
    rank = np.tile(RANKS, 3)
    result = surface(
        knobs_of({"rank": rank, "lr": np.linspace(1, 2, 18)}), np.tile(0.8 + 0.01 * np.log2(rank), (2, 1)).T
    )
    assert result.effect("rank").mean + result.level.mean == pytest.approx(0.8 + 0.01 * np.arange(6), abs=1e-3)
    assert result.importances["rank"].mean > 0.98


def test_the_same_trials_tell_the_same():
    rng = np.random.default_rng(10)
    columns = space(rng, 20)
    gains = rng.normal(size=(20, 3))
    one, other = (surface(knobs_of(columns), gains).effect("lam") for _ in range(2))
    assert one.low.tolist() == other.low.tolist()
