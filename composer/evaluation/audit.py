"""The audit of the reward terms: does each rank real music over the prior's, and that over noise?

A term that ranks them otherwise, or that merely counts notes, teaches the agents something else than music.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from composer.evaluation.tables import Number, defined, markdown_table
from composer.rewards import TERMS, Reference, reward_terms, term_totals
from composer.score import Score
from composer.view import View

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AuditRow:
    """How one term ranks the sets.

    Attributes:
        term: its name.
        group: its group.
        real: mean over the real pieces, a bar.
        deviation: standard deviation over the real pieces.
        real_over_prior: AUC, the chance that a real piece has more of it than one of the prior; None without a prior.
        prior_over_random: AUC of the prior's pieces over random ones.
        real_over_random: AUC of real pieces over random ones.
        real_over_shuffled: AUC of real pieces over real ones with their bars shuffled.
        notes: correlation with the number of notes a bar inside the sets, -1..1.
        applies: share of the real pieces in which it finds anything to judge.
    """

    term: str
    group: str
    real: Number
    deviation: Number
    real_over_prior: Number
    prior_over_random: Number
    real_over_random: Number
    real_over_shuffled: Number
    notes: Number
    applies: Number


@dataclass(frozen=True, slots=True)
class Audit:
    """The table of all terms."""

    rows: tuple[AuditRow, ...]

    def to_json(self) -> list[dict[str, object]]:
        """A JSON list, one object a term; figures that do not exist are null."""
        return [asdict(row) for row in self.rows]

    def markdown(self) -> str:
        """The table for reading."""
        columns = list(asdict(self.rows[0])) if self.rows else []
        return markdown_table(
            [name.replace("_", " ") for name in columns],
            [list(asdict(row).values()) for row in self.rows],
        )


def audit(
    real: Score,
    prior: Score | None,
    random: Score,
    reference: Reference,
    shuffled: Score | None = None,
) -> Audit:
    """Rank the sets by every reward term.

    Args:
        real: pieces the reference was *not* fitted on (it remembers the runs of those it was).
        prior: pieces sampled from the frozen prior, or None.
        random: pieces of uniformly random legal actions.
        reference: the corpus' statistics.
        shuffled: real pieces with their bars in random order (:func:`composer.evaluation.shuffle_bars`), or None.
    """
    sets = {"real": real, "random": random}
    sets |= {name: score for name, score in (("prior", prior), ("shuffled", shuffled)) if score is not None}
    views = {name: View(score) for name, score in sets.items()}
    totals = {name: term_values(score, reference) for name, score in sets.items()}
    notes = {name: notes_per_bar(score) for name, score in sets.items()}
    rows = []
    for name, term in TERMS.items():
        values = {which: found[name] for which, found in totals.items()}
        judges = {which: _judges(name, view, reference) for which, view in views.items()}
        judged = {which: value[judges[which]] for which, value in values.items()}
        rows.append(
            AuditRow(
                term=name,
                group=term.group,
                real=defined(_mean(judged["real"])),
                deviation=defined(judged["real"].std() if len(judged["real"]) else np.nan),
                real_over_prior=area_under_curve(judged["real"], judged.get("prior")),
                prior_over_random=area_under_curve(judged.get("prior"), judged["random"]),
                real_over_random=area_under_curve(judged["real"], judged["random"]),
                real_over_shuffled=area_under_curve(judged["real"], judged.get("shuffled")),
                notes=_correlation(values, notes),
                applies=defined(judges["real"].mean()),
            )
        )
    return Audit(tuple(rows))


def _judges(name: str, view: View, reference: Reference) -> NDArray[np.bool_]:
    """(B,) whether the term finds anything to judge in each piece: a credit of 0 may also be a judgement."""
    found: NDArray[np.bool_] = TERMS[name].measure.places(view, reference).here.any(1).numpy()
    return found


def term_values(score: Score, reference: Reference) -> dict[str, Values]:
    """Every term's (B,) credit of each piece, a bar, as float64 arrays."""
    totals = term_totals(reward_terms(score, reference), score)
    return {name: total.double().numpy() for name, total in totals.items()}


def notes_per_bar(score: Score) -> Values:
    """(B,) melody notes a bar."""
    values: Values = (score.onset().sum(1) / score.bars.clamp(min=1)).double().numpy()
    return values


def area_under_curve(more: Values | None, less: Values | None) -> Number:
    """The chance that a draw from ``more`` exceeds one from ``less``, ties counting half: U / (n m).

    The area under the ROC curve by the Mann-Whitney statistic; None where either is empty.
    """
    if more is None or less is None or not len(more) or not len(less):
        return None
    return defined(stats.mannwhitneyu(more, less).statistic / (len(more) * len(less)))


def _correlation(values: Mapping[str, Values], notes: Mapping[str, Values]) -> Number:
    """Pearson's r with the number of notes, averaged over the sets.

    Inside the sets, for over all of them together r would only tell the sets apart.
    """
    found = [
        stats.pearsonr(value, notes[name]).statistic
        for name, value in values.items()
        if len(value) > 1 and np.ptp(value) > 0 and np.ptp(notes[name]) > 0
    ]
    return defined(np.mean(found)) if found else None


def _mean(values: Values) -> float:
    return float(values.mean()) if len(values) else float("nan")
