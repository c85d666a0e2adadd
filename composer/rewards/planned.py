"""Following the plan: does the piece do what was settled about it before its first note?

Every term here compares what the music does with what :data:`composer.plan.COLUMNS` asks for, by the very definitions
that read plans from real music (:mod:`composer.form`). Asking for less is missed as much as asking for more is: a bar
that shall be new must not be a copy. Without a plan there is nothing to measure.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from composer.form.phrases import cadences
from composer.form.recalls import likenesses, recalled_bars, relations
from composer.form.targets import classes, measured, registers
from composer.plan import CADENCES, INDEX, RELATIONS, TARGETS
from composer.rewards.harmony import close_of
from composer.rewards.measure import Measure, Places
from composer.view import CHORD_TONES, View

# Relations that a listener may take for each other; missing the planned one by a relative is half right.
_FAMILIES = torch.tensor([("new", "loose", "rhythm", "copy").index(name) for name in (
    "new", "loose", "rhythm", "rhythm", "rhythm", "rhythm", "copy", "copy",
)])  # fmt: skip
assert len(_FAMILIES) == len(RELATIONS)
_FAR = 3


def _planned(view: View, name: str) -> Tensor:
    """(B, M) int64: an entry of the plan, 0 beyond the plan's end."""
    column = view.score.plan[:, : view.bar_count, INDEX[name]].long()
    return torch.nn.functional.pad(column, (0, view.bar_count - column.shape[1])) * view.bar_here


def _at_bars(view: View, grade: Tensor, here: Tensor) -> Places:
    return Places(view.bar_end, grade, here & view.bar_here)


def melodic_recall(view: View) -> Places:
    """Does the melody of each bar make of the recalled bar what is planned?

    The grade is 1 for the planned relation, a half for one of its family, else 0. Where a new bar is planned it is 1
    if the bar recalls none before it.
    """
    planned, lag = _planned(view, "relation"), _planned(view, "recalled")
    found, _ = relations(view, lag)
    asked = (planned - 1).clamp(min=0)
    grade = ((found == asked).float() + (_FAMILIES[found] == _FAMILIES[asked]).float()) / 2
    unlike = recalled_bars(view, likenesses(view)) == 0
    return _at_bars(view, torch.where(lag > 0, grade, unlike.float()), planned > 0)


def harmonic_recall(view: View) -> Places:
    """Does the harmony of each bar make of the recalled bar what is planned? 1 if so, a half if nearly, else 0."""
    planned, lag = _planned(view, "harmony"), _planned(view, "recalled")
    _, found = relations(view, lag)
    missed = (found + 1 - planned).abs()
    return _at_bars(view, 1 - missed.float() / 2, (planned > 0) & (lag > 0))


def planned_cadence(view: View) -> Places:
    """Does each phrase close with the cadence that is planned for it, and comes to rest there?

    The grade is 0 for another cadence. For the planned one it is 1 where the phrase shall run on; else the mean of 1
    and how long the last note is (:attr:`composer.rewards.harmony.Close.rest`), halved for a note outside the chord.
    The context is the planned cadence.
    """
    planned = _planned(view, "cadence")
    here = (planned > 0) & (_planned(view, "bars to the phrase's end") == 1)
    close = close_of(view, torch.arange(view.bar_count).expand_as(planned))
    rest = (1 + close.rest) / 2 * torch.where(CHORD_TONES[close.chord, close.pitch % 12], 1.0, 0.5)
    rest = torch.where(planned == 1 + CADENCES.index("none"), 1.0, torch.where(close.known, rest, 0.5))
    grade = (cadences(view) + 1 == planned).float() * rest
    return Places(view.bar_end, grade, here & view.bar_here, planned)


def register(view: View) -> Places:
    """Does the melody of each bar lie where it is planned? A third less for each class it lies beside."""
    planned, found = _planned(view, "register"), registers(view)
    missed = (found - planned).abs().clamp(max=_FAR)
    return _at_bars(view, 1 - missed.float() / _FAR, (planned > 0) & (found > 0))


def _quantities(*names: str) -> Callable[[View], Places]:
    columns = [index for index, target in enumerate(TARGETS) if target.name in names]
    assert len(columns) == len(names)

    def measure(view: View) -> Places:
        """Are the quantities of each phrase those that are planned? The mean grade, a third less for each class."""
        left = _planned(view, "bars to the phrase's end")
        phrase = torch.nn.functional.pad((left == 1).long().cumsum(1)[:, :-1], (1, 0)).clamp(max=view.bar_count - 1)
        found = classes(measured(view, phrase))[:, :, columns]
        asked = torch.stack([_planned(view, TARGETS[column].name) for column in columns], 2)
        known = (asked > 0) & (found > 0)
        grade = 1 - (found - asked).abs().clamp(max=_FAR).float() / _FAR
        mean = (grade * known).sum(2) / known.sum(2).clamp(min=1)
        return _at_bars(view, mean, known.any(2) & (left == 1))

    return measure


def _row(name: str, function: Callable[[View], Places], description: str) -> Measure:
    return Measure(name, "plan", function, description, "meter")


MEASURES = (
    _row("melodic_recall", melodic_recall, "bars that return, vary or renew as planned"),
    _row("harmonic_recall", harmonic_recall, "harmony that returns or moves on as planned"),
    Measure(
        "planned_cadence",
        "plan",
        planned_cadence,
        "phrases that close as planned",
        "meter",
        contexts=len(CADENCES) + 1,
    ),
    _row("register", register, "bars that lie as high as planned"),
    _row(
        "rhythm_targets",
        _quantities("density", "off beat", "off eighth", "rests", "eighths", "rhythmic variety"),
        "rhythm as full as planned",
    ),
    _row(
        "harmony_targets",
        _quantities("harmonic rhythm", "coloured chords", "borrowed chords"),
        "harmony as quick and as coloured as planned",
    ),
    _row(
        "melody_targets",
        _quantities("movement", "steps", "repeated notes", "span", "chord tones", "figures"),
        "a line as wide, as smooth and as consonant as planned",
    ),
)
