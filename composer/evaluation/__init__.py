"""Evaluation: finished pieces beside real music kept out of training, and the audit of the reward terms.

The room knows scores and rewards; it knows no learner and writes no file.
"""

from composer.evaluation.audit import Audit, AuditRow, audit
from composer.evaluation.baselines import scramble_pitches, shuffle_bars
from composer.evaluation.comparison import REAL_AGAINST_REAL, Comparison, compare
from composer.evaluation.evaluation import (
    KEY_FEATURES,
    Evaluation,
    EvaluationError,
    evaluate,
)
from composer.evaluation.features import features
from composer.evaluation.trade_off import Point, TradeOff, trade_off

__all__ = [
    "KEY_FEATURES",
    "REAL_AGAINST_REAL",
    "Audit",
    "AuditRow",
    "Comparison",
    "Evaluation",
    "EvaluationError",
    "Point",
    "TradeOff",
    "audit",
    "compare",
    "evaluate",
    "features",
    "scramble_pitches",
    "shuffle_bars",
    "trade_off",
]
