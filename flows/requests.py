"""What a composer can be asked for: one typed request for the command line, the flows and the served model.

Every field may be left out. What is left out comes from the music the model learned from.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from composer.forms import usual_bars
from composer.modes import parse_key
from composer.moods import Mood
from composer.theory import MODE_INDEX, MODES, Key
from flows.checks import FASTEST, SLOWEST, USUAL_BARS, check


class Request(BaseModel):
    """A piece somebody would like to have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # A served model's schema knows `str | None`, no choices: they are checked below.
    key: str | None = Field(None, description="Key, such as 'D minor' or 'D dorian'.")
    meter: str | None = Field(None, description="Time signature, such as '3/4'.")
    bars: int | None = Field(
        None, description="Length in bars; if left out 16, or eight for each section of the form."
    )
    form: str | None = Field(None, description="Sections, such as 'AABA' or 'intro verse chorus'; else drawn.")
    tempo: float | None = Field(None, description="Quarter notes a minute.")
    seed: int | None = Field(None, description="Of all random choices, 0 if left out.")
    policy: str | None = Field(None, description="Who writes: agents, prior or random.")
    dial: str | None = Field(None, description="Style to theory: 0 to 1000, 1 as trained, or such as 'melody=2'.")
    humanize: bool | None = Field(None, description="Whether notes lie off the grid a little, as people play.")
    wishes: str | None = Field(None, description="More or less of what, 0 to 1, such as 'density=0.8,leaps=0.2'.")
    sections: str | None = Field(
        None, description="The same by section, such as 'chorus: density=0.9; verse: density=0.3, register=0.4'."
    )
    mood: str | None = Field(None, description="Such as happy, sad, calm or tense, or valence,arousal: '0.5,-0.2'.")
    ending: str | None = Field(None, description="Cadence of the last phrase: authentic, half, plagal or deceptive.")
    swing: float | None = Field(None, description="0 as written, 1 pairs as triplets; else the arrangement's.")

    @model_validator(mode="after")
    def _known(self) -> Self:
        check(**dict(self))
        return self

    def filled(self, typical: dict[str, Any]) -> dict[str, Any]:
        """Every field; those left out are as in ``typical``, and those left out there too as usual."""
        usual = {
            "key": "C major",
            "meter": "4/4",
            "bars": USUAL_BARS if self.form is None else usual_bars(self.form),
            "form": None,
            "tempo": 96.0,
            "seed": 0,
            "policy": "agents",
            "dial": "1",
            "humanize": False,
            **dict.fromkeys(("wishes", "sections", "mood", "ending", "swing")),
        }
        given = {name: value for name, value in self if value is not None}
        asked = {**usual, **{name: value for name, value in typical.items() if name in usual}, **given}
        if self.mood is not None:
            asked |= self._moody(asked)
        # Only agents have a dial; what is saved can be asked for again.
        return asked if asked["policy"] == "agents" else {**asked, "dial": None}

    def _moody(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Key and tempo as the mood wants them, where nobody says otherwise."""
        mood = Mood.parse(str(self.mood))
        found: dict[str, Any] = {}
        key, _ = parse_key(asked["key"])
        if self.key is None and mood.mode is not None and MODES[key.mode].name != mood.mode:
            # The relative key: the notes stay those the style is usually in.
            relative = (key.tonic + (3 if mood.mode == "major" else -3)) % 12
            found["key"] = Key(relative, MODE_INDEX[mood.mode]).name
        if self.tempo is None:
            found["tempo"] = round(min(max(mood.tempo(asked["tempo"]), SLOWEST), FASTEST), 1)
        return found
