"""What drummers play: two-bar grooves, what follows them, and fills, by family of styles, learned from recordings.

``grooves.json`` comes with Triad and was made by ``scripts/learn_drums.py``; its ``licence`` and ``attribution`` say
from what. Each drum has one line of text, a sign a sixteenth: ``.`` for none, ``0``..``9`` and ``A``..``Z`` for
velocities 1..127, and beside it how far each stroke lies from its sixteenth.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from composer.arrangement.kit import DRUMS

BANK = Path(__file__).parent / "grooves.json"
BAR_STEPS = 16  # everything here is in 4/4
GROOVE_STEPS = 2 * BAR_STEPS
SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SILENT = "."
_LOUDEST = 127

Feel = Literal["straight", "swung"]


def velocity_sign(velocity: float) -> str:
    """The sign nearest to a MIDI velocity 1..127."""
    return SIGNS[round((min(max(velocity, 1), _LOUDEST) - 1) / (_LOUDEST - 1) * (len(SIGNS) - 1))]


def sign_velocity(sign: str) -> int:
    """The MIDI velocity 1..127 of a sign."""
    return 1 + round(SIGNS.index(sign) / (len(SIGNS) - 1) * (_LOUDEST - 1))


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DrumLine(_Frozen):
    """One drum.

    Attributes:
        strokes: a sign a sixteenth.
        timing: hundredths of a sixteenth each stroke is late (negative: early), in order.
    """

    strokes: Annotated[str, Field(pattern=r"^[.0-9A-Z]+$")]
    timing: tuple[int, ...]

    @model_validator(mode="after")
    def _one_timing_a_stroke(self) -> DrumLine:
        struck = len(self.strokes) - self.strokes.count(SILENT)
        if struck != len(self.timing):
            raise ValueError(f"line {self.strokes!r} has {struck} strokes and {len(self.timing)} timings")
        return self


class _Played(_Frozen):
    """What a groove and a fill have.

    Attributes:
        source: the recording its strokes were taken from, by name.
        feel: whether the drummer's beats divide in three. Then the signs of a beat are its thirds, the fourth silent:
            swung in full they sound as they were played.
        tempo: quarter notes a minute it was played at, the mean of all times it was.
        played: how often it was.
        energy: strokes times velocity a bar, as a share 0..1 of the family's most energetic.
        lines: what each drum plays.
    """

    source: str
    feel: Feel
    tempo: Annotated[float, Field(gt=0)]
    played: Annotated[int, Field(ge=1)]
    energy: Annotated[float, Field(ge=0, le=1)]
    lines: dict[str, DrumLine]

    def check(self, steps: int) -> None:
        """Raise ValueError unless every drum is known and its line has ``steps`` signs."""
        for drum, line in self.lines.items():
            if drum not in DRUMS:
                raise ValueError(f"unknown drum {drum!r}")
            if len(line.strokes) != steps:
                raise ValueError(f"{drum} line has {len(line.strokes)} signs: expected {steps}")


class Groove(_Played):
    """Two bars; ``following`` says how often each groove of the family, by index, was the next of those known."""

    following: dict[int, int]

    @model_validator(mode="after")
    def _two_bars(self) -> Groove:
        self.check(GROOVE_STEPS)
        return self


class Fill(_Played):
    """A bar that departs from the groove from beat ``since`` (0..3) on."""

    since: Annotated[int, Field(ge=0, le=3)]

    @model_validator(mode="after")
    def _one_bar(self) -> Fill:
        self.check(BAR_STEPS)
        return self


class Family(_Frozen):
    """Drumming in kindred styles.

    Attributes:
        styles: the names the recordings bear.
        files: recordings read.
        bars: bars heard.
        grooves: from calm to full.
        fills: likewise.
    """

    styles: tuple[str, ...]
    files: int
    bars: int
    grooves: tuple[Groove, ...]
    fills: tuple[Fill, ...]

    @model_validator(mode="after")
    def _followers_exist(self) -> Family:
        for groove in self.grooves:
            if not set(groove.following) <= set(range(len(self.grooves))):
                raise ValueError(f"a groove of {groove.source} is followed by one that is not there")
        return self

    def feels(self) -> tuple[Feel, ...]:
        """The feels it has both grooves and fills in."""
        both = {groove.feel for groove in self.grooves} & {fill.feel for fill in self.fills}
        return tuple(sorted(both))


class GrooveBank(_Frozen):
    """All families, and whose drumming it is."""

    title: str
    licence: str
    attribution: str
    changes: str
    families: dict[str, Family]


@lru_cache(maxsize=1)
def groove_bank() -> GrooveBank:
    """The grooves that come with Triad."""
    return GrooveBank.model_validate_json(BANK.read_text(encoding="utf-8"))
