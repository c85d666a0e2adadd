"""Would it work here? :func:`doctor` looks for library and SoundFonts and plays a note."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass

from composer.render.errors import RenderError
from composer.render.library import find_library, messages
from composer.render.loudness import Meter, decibels
from composer.render.sequence import read_sequence
from composer.render.soundfont import find_soundfont, installed_soundfonts
from composer.render.synth import SAMPLE_RATE, synthesize


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What :func:`doctor` found; ``problem`` is None where everything works.

    Attributes:
        library: path of the FluidSynth library, with its source and version, or None.
        soundfont: path of the SoundFont, with its source and name, or None.
        soundfonts: every SoundFont found on this machine, with its source, the preferred first.
        peak_dbfs: peak of one second of a piano note, before any gain; None where nothing sounded.
        problem: what stands in the way, with its remedy.
    """

    library: str | None
    soundfont: str | None
    soundfonts: tuple[str, ...]
    peak_dbfs: float | None
    problem: str | None

    def to_json(self) -> dict[str, object]:
        """A JSON object with the attributes as fields."""
        return asdict(self)


def doctor(soundfont: str | os.PathLike[str] | None = None) -> Diagnosis:
    """Look for the library and a SoundFont and render one second of a piano note; raises nothing."""
    found_library = found_font = None
    all_fonts = tuple(f"{path} ({source})" for path, source in installed_soundfonts())
    try:
        library = find_library()
        found_library = f"{library.path} ({library.source}, FluidSynth {library.version})"
        font = find_soundfont(soundfont)
        found_font = f"{font.path} ({font.source}, {font.name})"
        meter = Meter(SAMPLE_RATE)
        with messages() as log:
            for block in synthesize(read_sequence(_ONE_SECOND, "the test note"), font, library):
                meter.add(block.mix)
                if meter.frames >= SAMPLE_RATE:
                    break
        peak = decibels(meter.sample_peak)
        said = f" ({'; '.join(log)})" if log else ""
        problem = None if peak is not None else f"a test note stays silent{said}: choose another SoundFont"
    except RenderError as error:
        return Diagnosis(found_library, found_font, all_fonts, None, str(error))
    return Diagnosis(found_library, found_font, all_fonts, peak, problem)


# A type-0 file of one C4 that lasts a second: 480 ticks a quarter note, 120 quarter notes a minute.
_ONE_SECOND = bytes.fromhex(
    "4d546864 00000006 0000 0001 01e0 4d54726b 0000000d 00903c64 8740803c00 00ff2f00".replace(" ", "")
)
