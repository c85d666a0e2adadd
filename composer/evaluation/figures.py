"""The figures that sets of pieces are judged by, and what each should come to: rows of a table.

The yardstick is real music against real music. A goal is two-sided wherever more could be as wrong as less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from composer.evaluation.evaluation import Evaluation
from composer.evaluation.tables import Number


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should come to.

    Attributes:
        text: for readers.
        met: whether a value meets it, given the same figure of real music against real music.
    """

    text: str
    met: Callable[[float, float], bool]


def _at_most(bound: float) -> Goal:
    return Goal(f"at most {bound:.2f}", lambda value, _: value <= bound)


def _at_least(bound: float) -> Goal:
    return Goal(f"at least {bound:.2f}", lambda value, _: value >= bound)


def _within(share: float) -> Goal:
    return Goal(f"within {share:.0%} of real", lambda value, real: abs(value - real) <= share * abs(real))


def _no_lower_than_real(but: float) -> Goal:
    return Goal(f"at most {but:.2f} below real", lambda value, real: value >= real - but)


_ABOVE_REAL = Goal("above real", lambda value, real: value > real)
_NO_MORE_THAN_REAL = Goal("no more than real", lambda value, real: value <= real)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of an evaluation.

    Attributes:
        key: its name for programs.
        name: its name for readers.
        read: gives it.
        goals: what it should come to; none for what is only told.
        scale: whether it has a zero that means nothing is there, so that ratios make sense.
        interval: gives its 95 % confidence interval within one set of pieces, where there is one.
    """

    key: str
    name: str
    read: Callable[[Evaluation], Number]
    goals: tuple[Goal, ...] = ()
    scale: bool = True
    interval: Callable[[Evaluation], tuple[Number, Number]] | None = None


def _group(name: str) -> Figure:
    return Figure(
        f"overlap_{name}",
        f"overlap of features, {name}",
        lambda found: found.overlap_by_group[name],
        (_no_lower_than_real(0.03),),
    )


def _reward(agent: str) -> Figure:
    return Figure(
        f"reward_{agent}", f"theory reward a bar, {agent}", lambda found: found.reward[agent].mean, scale=False
    )


def _feature(key: str, name: str, feature: str, *goals: Goal) -> Figure:
    return Figure(key, name, lambda found: found.features[feature].mean, goals)


def _accuracy(found: Evaluation) -> Number:
    return found.classification.accuracy if found.classification else None


def _accuracy_interval(found: Evaluation) -> tuple[Number, Number]:
    return (found.classification.low, found.classification.high) if found.classification else (None, None)


def _all_rewards(found: Evaluation) -> Number:
    means = [estimate.mean for estimate in found.reward.values()]
    return sum(mean for mean in means if mean is not None) if None not in means else None


# The bounds are those the project set itself for 200 pieces of 16 bars; .60 is the stretch.
FIGURES: tuple[Figure, ...] = (
    Figure("overlap", "overlap of features", lambda found: found.overlap, (_no_lower_than_real(0.03),)),
    *(_group(name) for name in ("melody", "rhythm", "harmony", "structure")),
    Figure(
        "classifier",
        "classifier's balanced accuracy",
        _accuracy,
        (_at_most(0.70), _at_most(0.60)),
        interval=_accuracy_interval,
    ),
    Figure("reward", "theory reward a bar", _all_rewards, (_ABOVE_REAL,), scale=False),
    *(_reward(agent) for agent in ("chord", "rhythm", "melody")),
    Figure("following", "reward for following the plan", lambda found: found.following.mean, scale=False),
    Figure("distinct", "distinct pieces", lambda found: found.diversity.distinct, (_at_least(1.0),)),
    Figure("nearest", "distance to the nearest piece", lambda found: found.diversity.nearest, (_within(0.10),)),
    Figure("copied_run", "longest copied run (notes)", lambda found: found.copying.longest, (_NO_MORE_THAN_REAL,)),
    Figure("copied_run_high", "copied run, 95th percentile", lambda found: found.copying.high),
    _feature("like_4", "self-similarity at 4 bars", "structure/melody_like_4_before", _within(0.15)),
    _feature("like_8", "self-similarity at 8 bars", "structure/melody_like_8_before", _within(0.15)),
    _feature("rest_share", "rest share", "rhythm/rest_share", _within(0.15)),
    _feature("off_beat", "off-beat share", "rhythm/off_beat", _within(0.15)),
    _feature("strong_beat_chord_tones", "strong-beat chord tones", "harmony/strong_beat_chord_tones", _within(0.15)),
    _feature("cadence_share", "cadence share", "harmony/cadence_share", _within(0.15)),
    _feature("chord_tones", "chord-tone coverage", "harmony/chord_tones"),
    _feature("alignment", "the same, less with chords of two bars later", "harmony/alignment"),
)
FIGURE = {figure.key: figure for figure in FIGURES}
# What agents that listen to each other should have more of.
COORDINATION = tuple(
    FIGURE[key] for key in ("alignment", "strong_beat_chord_tones", "reward", "overlap", "classifier")
)
