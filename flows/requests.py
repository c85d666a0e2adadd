"""What a composer can be asked for: one typed request for the command line, the flows and the served model.

Every field may be left out. What is left out comes from the music the model learned from.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from composer.forms import usual_bars
from flows.checks import USUAL_BARS, check


class Request(BaseModel):
    """A piece somebody would like to have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # A served model's schema knows `str | None`, no choices: they are checked below.
    key: str | None = Field(None, description="Key, such as 'D minor'.")
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
        }
        given = {name: value for name, value in self if value is not None}
        asked = {**usual, **{name: value for name, value in typical.items() if name in usual}, **given}
        # Only agents have a dial; what is saved can be asked for again.
        return asked if asked["policy"] == "agents" else {**asked, "dial": None}
