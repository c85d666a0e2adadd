"""Sheet music: what is written is what sounds, and a notation engine has nothing to complain of."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from composer.environment import Conditions, play, uniform_policy
from composer.environment.settings import make_settings
from composer.notation import engrave, lead_sheet, write_pdf, write_svg
from composer.score import Score, from_melody
from composer.theory import METERS, chord_code, parse_meter

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def sounding(xml: str) -> list[tuple[int, int, int]]:
    """(start, end, MIDI pitch) of every note, ties joined, as a reader of the document plays it."""
    at, found = 0, []
    for note in ElementTree.fromstring(xml).iter("note"):
        length = int(note.findtext("duration", "0"))
        pitch = note.find("pitch")
        if pitch is not None:
            number = STEPS[pitch.findtext("step", "")] + int(pitch.findtext("alter", "0"))
            number += 12 * (int(pitch.findtext("octave", "0")) + 1)
            if any(tie.get("type") == "stop" for tie in note.findall("tie")):
                start, end, before = found.pop()
                assert (end, before) == (at, number)
                found.append((start, at + length, number))
            else:
                found.append((at, at + length, number))
        at += length
    return found


def held(score: Score) -> list[tuple[int, int, int]]:
    """The same of the score."""
    found = []
    shift, action = int(score.transposition[0]), score.action()[0].tolist()
    for step, pitch in enumerate(score.pitch[0].tolist()):
        if action[step] == 2:
            found.append((step, step + 1, pitch + shift))
        elif action[step] == 1:
            start, _, sounds = found.pop()
            found.append((start, step + 1, sounds))
    return found


@pytest.mark.parametrize("meter", [meter.name for meter in METERS])
@pytest.mark.parametrize("tonic", [0, 6, 10])
def test_any_piece_in_any_metre_and_key_is_written_as_it_sounds(meter: str, tonic: int) -> None:
    vocabulary = make_settings(meters=(meter,)).vocabulary
    conditions = Conditions.uniform(1, meter=parse_meter(meter), mode=tonic % 2, bars=6, tonic=tonic)
    score, _ = play(vocabulary, conditions, uniform_policy(torch.Generator().manual_seed(tonic)))
    xml = lead_sheet(score, title="Any piece")
    assert sounding(xml) == held(score)
    pages, complaints = engrave(xml)
    assert complaints == ""
    assert len(pages) >= 1
    bar_steps = METERS[parse_meter(meter)].bar_steps
    for measure in ElementTree.fromstring(xml).iter("measure"):
        assert sum(int(note.findtext("duration", "0")) for note in measure.iter("note")) == bar_steps


def test_a_bar_worked_by_hand(tmp_path: Path) -> None:
    # Bb4 for three eighths, then A4 tied over the barline, under Gm and from the third beat Eb7.
    melody = torch.tensor([[70, 1, 1, 1, 1, 1, 69, *[1] * 13, *[0] * 12]])
    chords = torch.tensor([[chord_code(7, 1)] * 2 + [chord_code(3, 2)] * 6])
    down = (9 - 7) % 12
    # Scores are relative: in A minor, a tone above G minor.
    relative = torch.where(melody > 1, melody + down, melody)
    codes = torch.where(chords > 0, 1 + (chords - 1) // 12 * 12 + (chords - 1 + down) % 12, 0)
    one = torch.tensor
    score = from_melody(
        relative, codes, meter=one([0]), mode=one([1]), bars=one([2]), tonic=one([7]), tempo=one([100.0])
    )
    xml = lead_sheet(score)
    root = ElementTree.fromstring(xml)
    assert root.findtext(".//key/fifths") == "-2"
    written = [
        (note.findtext("pitch/step"), note.findtext("pitch/alter"), note.findtext("type"), len(note.findall("dot")))
        for note in root.iter("note")
    ]
    assert written[:4] == [
        ("B", "-1", "quarter", 0),
        ("B", "-1", "eighth", 0),
        ("A", None, "eighth", 0),
        ("A", None, "half", 0),
    ]
    symbols = [
        (chord.findtext("root/root-step"), chord.findtext("root/root-alter"), chord.findtext("kind"))
        for chord in root.iter("harmony")
    ]
    assert symbols == [("G", None, "minor"), ("E", "-1", "dominant")]
    write_svg(xml, tmp_path / "sheet.svg")
    write_pdf(xml, tmp_path / "sheet.pdf", title="By hand")
    assert "viewBox" in (tmp_path / "sheet.svg").read_text()[:300]
    assert (tmp_path / "sheet.pdf").read_bytes().startswith(b"%PDF")
