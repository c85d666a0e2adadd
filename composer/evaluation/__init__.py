"""Evaluation: finished pieces beside real music kept out of training, and the audit of the reward terms.

The room knows scores, conditions and rewards; it knows no learner and writes no file.
"""

from composer.evaluation.audit import Audit, AuditRow, audit
from composer.evaluation.baselines import scramble_pitches, shuffle_bars
from composer.evaluation.classifier import Classification, classify
from composer.evaluation.comparison import REAL_AGAINST_REAL, Comparison, compare
from composer.evaluation.evaluation import (
    KEY_FEATURES,
    Evaluation,
    EvaluationError,
    evaluate,
)
from composer.evaluation.features import features
from composer.evaluation.markov import Markov

__all__ = [
    "KEY_FEATURES",
    "REAL_AGAINST_REAL",
    "Audit",
    "AuditRow",
    "Classification",
    "Comparison",
    "Evaluation",
    "EvaluationError",
    "Markov",
    "audit",
    "classify",
    "compare",
    "evaluate",
    "features",
    "scramble_pitches",
    "shuffle_bars",
]
