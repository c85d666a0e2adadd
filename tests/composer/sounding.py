"""Small pieces for the tests of the sounding rooms (arrangement, export, render)."""

import torch

from composer.score import Score, from_melody
from composer.theory import METERS, chord_code, parse_meter

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_QUALITIES = {"": 0, "m": 1, "7": 2}


def melody(text: str) -> list[int]:
    """``"C5:4 r:2"``: a pitch or a rest and its length in sixteenths; one event a step."""
    events: list[int] = []
    for word in text.split():
        name, length = word.split(":")
        if name == "r":
            events += [0] * int(length)
        else:
            pitch = _LETTERS[name[0]] + name.count("#") + 12 * (int(name[-1]) + 1)
            events += [pitch, *[1] * (int(length) - 1)]
    return events


def chords(text: str) -> list[int]:
    """``"Am:2 E7:1 -:1"``: a chord or silence and its length in beats; one code a beat."""
    codes: list[int] = []
    for word in text.split():
        name, length = word.split(":")
        code = 0 if name == "-" else chord_code(_LETTERS[name[0]], _QUALITIES[name[1:]])
        codes += [code] * int(length)
    return codes


def tune(
    notes: str, harmony: str, *, meter: str = "4/4", mode: int = 0, tonic: int | None = None, tempo: float = 120.0
) -> Score:
    """A score of one piece; ``tonic`` defaults to the mode's own, so that nothing is transposed."""
    index = parse_meter(meter)
    steps, codes = melody(notes), chords(harmony)
    bars, rest = divmod(len(steps), METERS[index].bar_steps)
    assert rest == 0
    assert len(codes) == bars * METERS[index].beats
    home = (0, 9)[mode] if tonic is None else tonic
    return from_melody(
        torch.tensor([steps]),
        torch.tensor([codes]),
        meter=torch.tensor([index]),
        mode=torch.tensor([mode]),
        bars=torch.tensor([bars]),
        tonic=torch.tensor([home]),
        tempo=torch.tensor([tempo]),
    )


# Beethoven's theme in D: 16 bars of 4/4, phrases of eight bars.
_FIRST = "E4:4 E4:4 F4:4 G4:4 G4:4 F4:4 E4:4 D4:4 C4:4 C4:4 D4:4 E4:4 "
_MIDDLE = "D4:4 D4:4 E4:4 C4:4 D4:4 E4:2 F4:2 E4:4 C4:4 D4:4 E4:2 F4:2 E4:4 D4:4 C4:4 D4:4 G4:8 "
ODE = tune(
    _FIRST + "E4:6 D4:2 D4:8 " + _FIRST + "D4:6 C4:2 C4:8 " + _MIDDLE + _FIRST + "D4:6 C4:2 C4:8 ",
    "C:4 G:4 C:2 F:2 C:2 G7:2 C:4 G7:4 C:2 F:2 G7:2 C:2 "
    "G7:2 C:2 G7:2 Am:2 G7:2 E7:2 Dm:2 G7:2 C:4 G7:4 C:2 F:2 G7:2 C:2 ",
    tonic=2,
    tempo=132,
)
# A traditional tune in G minor: 16 bars of 3/4.
GREENSLEEVES = tune(
    "C5:8 D5:4 E5:6 F5:2 E5:4 D5:8 B4:4 G4:6 A4:2 B4:4 C5:8 A4:4 A4:6 G#4:2 A4:4 B4:8 G#4:4 E4:8 A4:4 "
    "C5:8 D5:4 E5:6 F5:2 E5:4 D5:8 B4:4 G4:6 A4:2 B4:4 C5:6 B4:2 A4:4 G#4:6 F#4:2 G#4:4 A4:12 A4:12 ",
    "Am:6 G:6 Am:6 E:6 Am:6 G:6 Am:3 E7:3 Am:6 ",
    meter="3/4",
    mode=1,
    tonic=7,
    tempo=140,
)
