"""The dial's trade-off: how like real music pieces are against how well they obey theory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from composer.evaluation.comparison import REAL_AGAINST_REAL, Comparison, compare
from composer.evaluation.evaluation import Evaluation
from composer.evaluation.tables import Number, markdown_table
from composer.rewards import Reference, RewardWeights
from composer.score import Score


@dataclass(frozen=True, slots=True)
class Point:
    """What pieces are like at one setting.

    Attributes:
        overlap: mean overlap of their features' distributions with real music's, 0..1.
        reward: theory reward a bar of all agents together; 0: as the corpus.
        by_agent: the same of each agent.
    """

    overlap: Number
    reward: float
    by_agent: Mapping[str, Number]

    @classmethod
    def of(cls, evaluation: Evaluation) -> Point:
        """The point of a set that was judged."""
        by_agent = {agent: estimate.mean for agent, estimate in evaluation.reward.items()}
        return cls(evaluation.overlap, sum(value or 0.0 for value in by_agent.values()), by_agent)


@dataclass(frozen=True, slots=True)
class TradeOff:
    """Points by the dial's setting, and where real music lies when judged by real music.

    Attributes:
        dials: the settings, ascending.
        points: one for each.
        real: one half of the real music against the other.
        pieces: pieces judged at each setting.
    """

    dials: tuple[float, ...]
    points: tuple[Point, ...]
    real: Point
    pieces: int

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        points = [{"dial": dial, **asdict(point)} for dial, point in zip(self.dials, self.points, strict=True)]
        return {"pieces": self.pieces, "points": points, "real": asdict(self.real)}

    def markdown(self) -> str:
        """The curve as a table."""
        rows: list[tuple[object, ...]] = [
            (f"{dial:g}", point.overlap, point.reward, *point.by_agent.values())
            for dial, point in zip(self.dials, self.points, strict=True)
        ]
        rows.append((REAL_AGAINST_REAL, self.real.overlap, self.real.reward, *self.real.by_agent.values()))
        return markdown_table(("dial", "overlap", "reward a bar", *self.real.by_agent), rows)


def trade_off(
    sets: Mapping[float, Score],
    *,
    held_out: Score,
    training: Score,
    reference: Reference,
    songs: Sequence[int] | None = None,
    seed: int = 0,
    weights: RewardWeights | None = None,
) -> TradeOff:
    """Judge what was written at several settings of the dial.

    Args:
        sets: pieces by the dial's setting.
        held_out: real pieces kept out of training, at least two.
        training: the pieces learned from.
        reference: their statistics.
        songs: for each held-out piece the song it comes from; each is a song of its own by default.
        seed: of every draw.
        weights: reward weights; those of the table by default.

    Raises:
        EvaluationError: if a set is empty or there are fewer than two real pieces.
    """
    dials = tuple(sorted(sets))
    comparison: Comparison = compare(
        {f"{dial:g}": sets[dial] for dial in dials},
        held_out=held_out,
        training=training,
        reference=reference,
        songs=songs,
        seed=seed,
        weights=weights,
    )
    judged: Sequence[Evaluation] = [comparison.runs[f"{dial:g}"][0] for dial in dials]
    return TradeOff(
        dials=dials,
        points=tuple(map(Point.of, judged)),
        real=Point.of(comparison.runs[REAL_AGAINST_REAL][0]),
        pieces=min(found.pieces for found in judged),
    )
