"""Evaluation: finished pieces beside real music kept out of training, and the audit of the reward terms.

The room knows scores, conditions and rewards; it knows no learner and writes no file.
"""

from composer.evaluation.audit import Audit, AuditRow, audit
from composer.evaluation.baselines import scramble_pitches, shuffle_bars
from composer.evaluation.classifier import Classification, classify
from composer.evaluation.comparison import REAL_AGAINST_REAL, SHUFFLED, TRAINING, YARDSTICKS, Comparison, compare
from composer.evaluation.evaluation import (
    Evaluation,
    EvaluationError,
    evaluate,
)
from composer.evaluation.figures import FIGURE, FIGURES, Figure
from composer.evaluation.markov import Markov
from composer.evaluation.plots import draw_trade_off
from composer.evaluation.report import Report, headline, verdicts
from composer.evaluation.trade_off import Point, TradeOff, trade_off
from composer.features import features

__all__ = [
    "FIGURE",
    "FIGURES",
    "REAL_AGAINST_REAL",
    "SHUFFLED",
    "TRAINING",
    "YARDSTICKS",
    "Audit",
    "AuditRow",
    "Classification",
    "Comparison",
    "Evaluation",
    "EvaluationError",
    "Figure",
    "Markov",
    "Point",
    "Report",
    "TradeOff",
    "audit",
    "classify",
    "compare",
    "draw_trade_off",
    "evaluate",
    "features",
    "headline",
    "scramble_pitches",
    "shuffle_bars",
    "trade_off",
    "verdicts",
]
