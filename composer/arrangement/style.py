"""Styles: what plays, where and in which patterns. A style is a TOML file; a new style is a new file.

:class:`Style` says what a file may hold; ``styles/*.toml`` are those that come with Triad, and a path to a file
of one's own is as good as a name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from composer.arrangement.errors import ArrangementError
from composer.arrangement.grooves import Feel, groove_bank
from composer.arrangement.kit import DRUMS
from composer.arrangement.patterns import read_pattern
from composer.theory import METER_INDEX, METERS

LEARNED_METER = "4/4"  # the metre of the recordings that grooves.json was learned from
FOLDER = Path(__file__).parent / "styles"

Level = Annotated[int, Field(ge=0, le=127)]
Velocity = Annotated[int, Field(ge=1, le=127)]
Pitch = Annotated[int, Field(ge=12, le=120)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Patterns = Mapping[str, tuple[str, ...]]
Groove = Mapping[str, str]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MixConfig(_Frozen):
    """A track's place in the mix, as MIDI controllers.

    Attributes:
        gain: volume (controller 7).
        pan: 0 left, 64 centre, 127 right (controller 10).
        reverb: send to the reverb (controller 91).
        chorus: send to the chorus (controller 93).
    """

    gain: Level = 100
    pan: Level = 64
    reverb: Level = 40
    chorus: Level = 0


class _TrackConfig(_Frozen):
    """What every track has.

    Attributes:
        name: shown to the musician.
        program: General MIDI program 0..127 (for drums the kit).
        velocity: of a plain note in a phrase of middle energy.
        enter: the track plays in phrases of at least this energy.
        mix: its place in the mix.
    """

    name: str = Field(min_length=1)
    program: Level
    velocity: Velocity
    enter: Share = 0.0
    mix: MixConfig = MixConfig()


class _PitchedConfig(_TrackConfig):
    """A track with pitches: the instrument's range ``low``..``high``, MIDI pitches, both included."""

    low: Pitch
    high: Pitch

    @model_validator(mode="after")
    def _wide_enough(self) -> _PitchedConfig:
        if self.high - self.low < 12:
            raise ValueError(f"a range of {self.low}..{self.high} is too narrow: give at least an octave")
        return self


class MelodyConfig(_PitchedConfig):
    """The melody; ``legato`` is the share of a note's written length that sounds."""

    part: Literal["melody"]
    legato: Annotated[float, Field(ge=0.25, le=1.0)] = 0.95


class CompingConfig(_PitchedConfig):
    """Chords.

    Attributes:
        voices: notes in a full chord.
        ring: whether every voice rings on until it is struck again or the chord changes.
        tie: whether a voice that a change of chord leaves in place is held rather than struck again.
        groove: how it plays the piece's own groove: the upper voices together or one after the other. Left out,
            and for pieces without a groove, it plays its patterns.
        patterns: bars of comping signs by metre, from calm to full.
    """

    part: Literal["comping"]
    voices: Annotated[int, Field(ge=2, le=6)] = 3
    ring: bool = False
    tie: bool = False
    groove: Literal["blocks", "broken"] | None = None
    patterns: Patterns


class VoiceConfig(_PitchedConfig):
    """One inner voice of a choir: all tracks of this part share a voicing, the first of them its highest voice."""

    part: Literal["voice"]
    tie: bool = True
    patterns: Patterns


class BassConfig(_PitchedConfig):
    """The bass.

    Attributes:
        groove: how it plays the piece's own groove: what it takes beside the roots. Left out, and for pieces
            without a groove, it plays its patterns.
        walk: in phrases of at least this energy the bass walks, a note a beat, in 4/4 and 3/4; never if left out.
        patterns: bars of bass signs by metre, from calm to full.
    """

    part: Literal["bass"]
    groove: Literal["roots", "fifths", "octaves"] | None = None
    walk: Share | None = None
    patterns: Patterns


class DrumsConfig(_TrackConfig):
    """The drums.

    Attributes:
        family: the family of ``grooves.json`` whose drummer plays in 4/4, or an empty name for the bars given here.
        grooves: by metre, from calm to full: a bar for each drum; 4/4 only where no family plays it.
        fills: likewise: the bar that ends a phrase.
        crash: the drum that opens a section, or an empty name for none.
    """

    part: Literal["drums"]
    family: str = ""
    grooves: Mapping[str, tuple[Groove, ...]]
    fills: Mapping[str, tuple[Groove, ...]]
    crash: str = "crash"

    @field_validator("family")
    @classmethod
    def _known_family(cls, family: str) -> str:
        known = groove_bank().families if family else {}
        if family and family not in known:
            raise ValueError(f"unknown family {family!r}: choose from {', '.join(known)}")
        return family

    @model_validator(mode="after")
    def _known_drums(self) -> DrumsConfig:
        bars = [bar for table in (self.grooves, self.fills) for row in table.values() for bar in row]
        named = {name for bar in bars for name in bar} | ({self.crash} - {""})
        unknown = sorted(named - set(DRUMS))
        if unknown:
            raise ValueError(f"unknown drum {unknown[0]!r}: choose from {', '.join(DRUMS)}")
        return self


TrackConfig = Annotated[
    MelodyConfig | CompingConfig | VoiceConfig | BassConfig | DrumsConfig, Field(discriminator="part")
]


class Style(_Frozen):
    """A style.

    Attributes:
        title: its name for people.
        description: one line on how it sounds.
        swing: 0 plays as written, 1 turns pairs into triplets; simple metres only.
        swing_unit: the notes that swing.
        tracks: the instruments, the melody first.
    """

    title: str
    description: str
    swing: Share = 0.0
    swing_unit: Literal["eighth", "sixteenth"] = "eighth"
    tracks: Annotated[tuple[TrackConfig, ...], Field(min_length=1, max_length=16)]

    @property
    def feel(self) -> Feel:
        """Whether a drummer's beats divide in two or three."""
        return "swung" if self.swing > 0 and self.swing_unit == "eighth" else "straight"

    @model_validator(mode="after")
    def _drummer_has_the_feel(self) -> Style:
        for track in self.tracks:
            family = track.family if isinstance(track, DrumsConfig) else ""
            if family and self.feel not in groove_bank().families[family].feels():
                fits = [name for name, other in groove_bank().families.items() if self.feel in other.feels()]
                raise ValueError(
                    f"family {family!r} has no {self.feel} grooves, which this swing asks for:"
                    f" choose from {', '.join(fits)}, or change the swing"
                )
        return self

    @field_validator("tracks")
    @classmethod
    def _one_band(cls, tracks: tuple[TrackConfig, ...]) -> tuple[TrackConfig, ...]:
        names = [track.name for track in tracks]
        if len(set(names)) < len(names):
            raise ValueError("two tracks have the same name")
        parts = [track.part for track in tracks]
        if parts[0] != "melody" or parts.count("melody") > 1:
            raise ValueError("the first track, and no other, plays the part 'melody'")
        for part in ("bass", "drums"):
            if parts.count(part) > 1:
                raise ValueError(f"more than one track plays the part {part!r}")
        for track in tracks:
            if isinstance(track, (CompingConfig, VoiceConfig, BassConfig)):
                kind = "bass" if isinstance(track, BassConfig) else "comping"
                _check_bars(f"{track.name} patterns", kind, track.patterns)
            elif isinstance(track, DrumsConfig):
                for field, table in (("grooves", track.grooves), ("fills", track.fills)):
                    if track.family and LEARNED_METER in table:
                        raise ValueError(
                            f"{track.name} {field} name {LEARNED_METER}, which the family {track.family!r} plays:"
                            " leave out one of the two"
                        )
                    _check_bars(
                        f"{track.name} {field}",
                        "drums",
                        {meter: [line for bar in bars for line in bar.values()] for meter, bars in table.items()},
                        {LEARNED_METER} if track.family else set(),
                    )
        return tracks


def _check_bars(
    where: str, kind: str, table: Mapping[str, tuple[str, ...] | list[str]], without: Collection[str] = ()
) -> None:
    """Every metre but those ``without`` has a bar, and every bar its length."""
    needed = [meter.name for meter in METERS if meter.name not in without]
    for meter in needed:
        if not table.get(meter):
            raise ValueError(f"{where} lack {meter}: give at least one bar for each of {', '.join(needed)}")
    for name, bars in table.items():
        if name not in METER_INDEX:
            raise ValueError(f"{where} name {name!r}: choose from {', '.join(METER_INDEX)}")
        for bar in bars:
            try:
                read_pattern(bar, kind, METERS[METER_INDEX[name]].bar_steps)
            except ArrangementError as error:
                raise ValueError(f"{where} {name}: {error}") from None


def style_names() -> tuple[str, ...]:
    """The styles that come with Triad, in alphabetical order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def with_swing(style: Style, swing: float) -> Style:
    """The same style swung by ``swing``, 0..1.

    Raises:
        ArrangementError: if its drummer has no grooves of that feel.
    """
    try:
        return Style.model_validate({**style.model_dump(), "swing": swing})
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ArrangementError(
            f"arrangement {style.title!r} and swing {swing:g} conflict: {reason.rstrip()}, or choose "
            "another arrangement"
        ) from None


def load_style(name: str) -> Style:
    """The style of that name, or the one in the TOML file at that path.

    Raises:
        ArrangementError: if there is none, or its file does not say what a style must say.
    """
    path = FOLDER / f"{name}.toml" if name in style_names() else Path(name)
    if path.suffix != ".toml":
        raise ArrangementError(
            f"unknown arrangement {name!r}: choose one of {', '.join(style_names())}, or give a .toml file"
        )
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArrangementError(f"arrangement file {path} cannot be read ({error.strerror}): check its path") from None
    except ValueError as error:
        raise ArrangementError(f"arrangement file {path} is no valid TOML: {error}") from None
    try:
        return Style.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the style"
        raise ArrangementError(f"arrangement file {path}: {place}: {first['msg']}") from None
