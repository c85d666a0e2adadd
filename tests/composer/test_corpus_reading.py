import os
from pathlib import Path

import numpy as np
import pytest
import torch

from composer.corpus import Corpus, CorpusError, bundled_corpus, cached_corpus, read_corpus
from composer.corpus.bundle import bundled_styles
from composer.corpus.errors import Unusable
from composer.corpus.piece import read_piece
from composer.corpus.reader import CorpusReport
from composer.theory import NO_CHORD, chord_name
from composer.vocabulary import Vocabulary
from tests.composer.midi_files import FRERE, FRERE_BARS, FRERE_CHORDS, Note, Track, midi, tune


def frere(semitones: int = 0, phase: float = 0.0, **options) -> bytes:
    """Frère Jacques, transposed and off the grid by ``phase`` sixteenths."""

    def moved(notes: list[Note]) -> list[Note]:
        return [(start + phase, length, pitch + semitones) for start, length, pitch in notes]

    return midi(Track(moved(FRERE), "melody"), Track(moved(FRERE_CHORDS), "chords", 1), **options)


def test_a_lead_sheet_is_read_as_written() -> None:
    piece = read_piece(frere(keys=((0, "C"),)), "frere.mid")
    assert piece.meta.key == "C major"
    assert piece.meta.meter == "4/4"
    assert piece.meta.tempo == 100
    assert piece.meta.bars == FRERE_BARS
    assert piece.meta.melody == "melody"
    assert piece.meta.harmony == "block"
    assert piece.events[:16].tolist() == [72, 1, 1, 1, 74, 1, 1, 1, 76, 1, 1, 1, 72, 1, 1, 1]
    assert [chord_name(int(code)) for code in piece.chords[-8::2]] == ["G", "C", "G", "C"]


@pytest.mark.parametrize("semitones", [-5, 2, 6])
def test_every_key_is_written_in_c(semitones: int) -> None:
    there, here = read_piece(frere(semitones), "there"), read_piece(frere(), "here")
    assert (there.key.transposition - semitones) % 12 == 0
    assert there.chords.tolist() == here.chords.tolist()
    assert there.events.tolist() == here.events.tolist()


@pytest.mark.parametrize("phase", [0.3, 0.5, 0.77])
def test_a_constant_offset_does_not_change_the_music(phase: float) -> None:
    moved = read_piece(frere(phase=phase), "moved")
    assert moved.events.tolist() == read_piece(frere(), "here").events.tolist()
    assert "bars found by ear" in moved.meta.notes


def test_silence_at_the_ends_is_cut_to_whole_bars() -> None:
    late = read_piece(frere(phase=32.0), "late")
    assert late.meta.bars == FRERE_BARS


def test_a_pickup_fills_the_first_bar() -> None:
    notes = tune("67", 4, 12) + tune("72 76 79 72 " * 4, 4, 16)
    piece = read_piece(midi(Track(notes, "melody")), "pickup")
    assert piece.meta.bars == 5
    assert piece.events[:16].tolist() == [0] * 12 + [67, 1, 1, 1]


def test_a_tune_alone_has_implied_harmony() -> None:
    piece = read_piece(midi(Track(FRERE, "melody")), "tune")
    assert piece.meta.harmony == "implied"
    assert (piece.chords != NO_CHORD).all()
    assert chord_name(int(piece.chords[-1])) == "C"


def test_triplet_time_is_read_as_compound() -> None:
    swing = [(4 / 3 * index, 4 / 3, 72 + (0, 4, 7)[index % 3]) for index in range(96)]
    piece = read_piece(midi(Track(swing, "melody"), tempos=((0, 80),)), "swing")
    assert piece.meta.meter == "12/8"
    assert piece.meta.tempo == 120
    assert (piece.events[::2] > 1).all()


def test_duplets_beside_triplets_are_kept() -> None:
    notes = tune("72 74 76 77 79 77 76 74 " * 2, 2)
    notes += [(32 + 4 / 3 * index, 4 / 3, 72 + (0, 4, 7)[index % 3]) for index in range(36)]
    notes += tune("72 74 76 77 " * 16, 1, 80)
    piece = read_piece(midi(Track(notes, "melody")), "mixed")
    assert piece.meta.meter == "4/4"
    assert "24 notes moved to the nearest sixteenth" in piece.meta.notes


def test_a_change_of_metre_keeps_the_longest_stretch() -> None:
    notes = tune("72 74 76 " * 2, 4) + tune("72 74 76 77 " * 6, 4, 24)
    piece = read_piece(midi(Track(notes, "melody"), meters=((0, 3, 4), (24, 4, 4))), "change")
    assert piece.meta.meter == "4/4"
    assert piece.meta.bars == 6
    assert any("longest stretch" in note for note in piece.meta.notes)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (midi(Track(tune("72 74 76 77 72 74 76 77 72"), "melody")), "too short"),
        (midi(Track(tune("38 42 " * 20), channel=9)), "no melody"),
        (midi(Track(tune("72 74 76 77 79 " * 8), "melody"), meters=((0, 5, 4),)), "unknown metre"),
        (midi(Track([(time, 1.0, 70) for time in np.random.default_rng(3).uniform(0, 400, 300)])), "off the grid"),
    ],
)
def test_what_cannot_be_learned_from_is_dropped_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(Unusable) as verdict:
        read_piece(data, "bad.mid")
    assert verdict.value.reason == reason


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder: good files in several keys and metres, a broken one, notes and a hidden file."""
    music = tmp_path / "music"
    (music / "more").mkdir(parents=True)
    for semitones in range(4):
        (music / f"frere{semitones}.mid").write_bytes(frere(semitones))
    waltz = tune("72 76 79 77 74 71 " * 5, 4)
    (music / "more" / "waltz.MIDI").write_bytes(midi(Track(waltz, "melody"), meters=((0, 3, 4),)))
    (music / "broken.mid").write_bytes(b"MThd nothing")
    (music / "readme.txt").write_text("no music")
    (music / "._frere0.mid").write_bytes(b"\0")
    return music


def test_a_folder_is_read_whole_and_a_bad_file_named(folder: Path) -> None:
    counts: list[tuple[int, int]] = []
    corpus, report = read_corpus(folder, progress=lambda done, total: counts.append((done, total)))
    assert corpus.names == ("frere0.mid", "frere1.mid", "frere2.mid", "frere3.mid", "more/waltz.MIDI")
    assert [drop.file for drop in report.dropped] == ["broken.mid"]
    assert report.reasons == {"broken MIDI": 1}
    assert counts == [(index, 6) for index in range(1, 7)]
    assert corpus.scores.tonic.tolist() == [0, 1, 2, 3, 0]
    assert corpus.scores.bars.tolist() == [FRERE_BARS] * 4 + [10]
    assert torch.equal(corpus.scores.select([0]).chord, corpus.scores.select([3]).chord)
    assert any(line.startswith("broken.mid: dropped, broken MIDI") for line in report.lines())
    assert report.summary()[0].startswith("5 of 6 files used")
    assert CorpusReport.from_json(report.to_json()) == report


def test_the_number_of_workers_changes_nothing(folder: Path) -> None:
    one, report = read_corpus(folder)
    two, same = read_corpus(folder, workers=2)
    assert one.digest == two.digest
    assert report == same


def test_a_file_that_cannot_be_opened_is_named(folder: Path) -> None:
    path = folder / "frere0.mid"
    path.chmod(0)
    if os.access(path, os.R_OK):
        path.unlink()
        path.symlink_to(folder / "nowhere.mid")
        assert "frere0.mid" not in read_corpus(folder)[0].names
    else:
        assert read_corpus(folder)[1].reasons["cannot be opened"] == 1


def test_a_folder_without_music_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "song.mid"
    file.write_bytes(b"MThd")
    empty = tmp_path / "empty"
    empty.mkdir()
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "x.mid").write_bytes(b"MThd")
    for folder, words in (
        (tmp_path / "missing", "no such folder"),
        (file, "not a folder"),
        (empty, "no MIDI file"),
        (bad, "none of 1 MIDI files"),
    ):
        with pytest.raises(CorpusError, match=words) as error:
            read_corpus(folder)
        assert str(folder) in str(error.value)
        assert "\n" not in str(error.value)


def test_what_was_read_once_is_not_read_again(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    corpus, report, path = cached_corpus(folder, cache)
    before = path.stat().st_mtime_ns
    again, same, where = cached_corpus(folder, cache, progress=lambda done, total: pytest.fail("read again"))
    assert (again.digest, same, where) == (corpus.digest, report, path)
    assert path.stat().st_mtime_ns == before
    (folder / "frere9.mid").write_bytes(frere(5))
    assert cached_corpus(folder, cache)[2] != path


def test_a_damaged_cache_file_is_made_anew(folder: Path, tmp_path: Path) -> None:
    corpus, _, path = cached_corpus(folder, tmp_path)
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    assert cached_corpus(folder, tmp_path)[0].digest == corpus.digest
    assert Corpus.load(path).digest == corpus.digest


def test_bundled_styles_are_folders_of_midi_with_their_sources() -> None:
    assert {"chorale", "folk"} == set(bundled_styles())
    assert "music21" in (bundled_corpus() / "SOURCES.md").read_text("utf-8")
    with pytest.raises(CorpusError, match="chorale"):
        bundled_corpus("polka")


@pytest.mark.parametrize("style", ["chorale", "folk"])
def test_bundled_music_is_read(style: str, tmp_path: Path) -> None:
    for path in sorted(bundled_corpus(style).rglob("*.mid"))[::12]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    corpus, report = read_corpus(tmp_path)
    assert len(report.dropped) <= 1
    assert all(piece.melody == "melody" for piece in report.used)
    assert {0, 1} == set(corpus.scores.mode.tolist())
    vocabulary = Vocabulary.from_scores(corpus.scores)
    pitch = corpus.scores.pitch[corpus.scores.onset()]
    inside = (pitch >= vocabulary.low) & (pitch <= vocabulary.high)
    assert float(inside.float().mean()) > 0.99
    # Written relative to the tonic, most notes are in the scale of C major or A minor.
    white = torch.tensor([step in (0, 2, 4, 5, 7, 9, 11) for step in range(12)])
    assert float(white[pitch.long() % 12].float().mean()) > 0.9


@pytest.mark.skipif("TRIAD_TEST_DATA" not in os.environ, reason="TRIAD_TEST_DATA names no folder of real songs")
def test_real_songs_off_the_grid_are_read(tmp_path: Path) -> None:
    files = sorted((Path(os.environ["TRIAD_TEST_DATA"]) / "pop909").glob("*/*.mid"))[::60]
    for path in files:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    corpus, report = read_corpus(tmp_path)
    assert len(report.dropped) <= 1
    assert {piece.melody for piece in report.used} == {"MELODY"}
    assert [piece.meter for piece in report.used].count("4/4") >= 0.8 * len(files)
    white = torch.tensor([step in (0, 2, 4, 5, 7, 9, 11) for step in range(12)])
    pitch = corpus.scores.pitch[corpus.scores.onset()].long()
    assert float(white[pitch % 12].float().mean()) > 0.9
