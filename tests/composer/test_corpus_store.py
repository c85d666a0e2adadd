from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from composer.corpus import Corpus, CorpusError, PieceMeta
from composer.score import Score, concatenate
from composer.theory import METER_INDEX
from tests.composer.examples import C, G, piece


def corpus_of(pieces: dict[str, Score]) -> Corpus:
    meta = [
        PieceMeta(name, "C major", "4/4", 100.0, int(score.bars), "melody", "block", ("chords",), ("a note",))
        for name, score in pieces.items()
    ]
    return Corpus.of(concatenate(list(pieces.values())), meta)


def song(bars: int, silent: range = range(0), pickup: bool = False) -> Score:
    """A piece whose bar ``n`` begins with pitch ``50 + n``; ``silent`` bars have no note."""
    words = []
    for bar in range(bars):
        words += ["."] * 16 if bar in silent else [str(50 + bar), *["-"] * 3, *["."] * 12]
    if pickup:
        words[:16] = ["."] * 12 + ["50", "-", "-", "-"]
    return piece(" ".join(words), [C, C, G, G] * bars)


SONGS = corpus_of({f"song{index}.mid": song(8 + index % 3) for index in range(40)})


def test_a_corpus_is_saved_and_loaded_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "songs.safetensors"
    SONGS.save(path)
    loaded = Corpus.load(path)
    assert loaded.names == SONGS.names
    assert loaded.meta == SONGS.meta
    assert loaded.digest == SONGS.digest
    assert torch.equal(loaded.scores.pitch, SONGS.scores.pitch)
    assert [file.name for file in path.parent.iterdir()] == ["songs.safetensors"]


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        SONGS.save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_digest_names_the_content() -> None:
    assert len(SONGS.digest) == 16
    assert SONGS.select(range(40)).digest == SONGS.digest
    assert SONGS.select(range(39)).digest != SONGS.digest
    other = replace(SONGS.scores, tonic=SONGS.scores.tonic + 1)
    assert Corpus.of(other, SONGS.meta).digest != SONGS.digest


def test_what_is_no_corpus_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "songs.safetensors"
    with pytest.raises(CorpusError, match="no such corpus file"):
        Corpus.load(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(CorpusError, match="not a corpus file"):
        Corpus.load(path)
    path.write_bytes(safetensors.torch.save({"x": torch.zeros(1)}))
    with pytest.raises(CorpusError, match="not a corpus file"):
        Corpus.load(path)
    SONGS.save(path)
    path.write_bytes(path.read_bytes().replace(b'\\"format_version\\": 2', b'\\"format_version\\": 9'))
    with pytest.raises(CorpusError, match="format 9"):
        Corpus.load(path)
    SONGS.save(path)
    path.write_bytes(path.read_bytes()[:-2] + b"\x07\x07")
    with pytest.raises(CorpusError, match="digest") as error:
        Corpus.load(path)
    assert "\n" not in str(error.value)


def test_a_split_is_stable_when_pieces_are_added() -> None:
    train, held = SONGS.split(0.2)
    assert len(train) + len(held) == 40
    assert 2 <= len(held) <= 16
    assert not set(train.names) & set(held.names)
    assert SONGS.split(0.2)[1].digest == held.digest
    fewer = SONGS.select(range(25)).split(0.2)[1]
    assert set(fewer.names) == set(held.names) & set(SONGS.names[:25])


@pytest.mark.parametrize("held_out", [0.0, 1.0])
def test_both_sides_of_a_split_hold_something(held_out: float) -> None:
    train, held = SONGS.select([0, 1]).split(held_out)
    assert len(train) == len(held) == 1
    with pytest.raises(CorpusError, match="one piece"):
        SONGS.select([0]).split()


def first_pitches(score: Score) -> list[int]:
    return score.pitch[torch.arange(len(score)), score.onset().long().argmax(1)].tolist()


def test_excerpts_begin_where_phrases_do() -> None:
    corpus = corpus_of({"long.mid": song(27), "short.mid": song(5)})
    assert first_pitches(corpus.excerpts(8)) == [50, 58, 66]
    assert first_pitches(corpus.excerpts(4)) == [50, 54, 58, 62, 66, 70, 50]
    assert corpus.excerpts(16).bars.tolist() == [16]
    with pytest.raises(CorpusError, match="32 bars"):
        corpus.excerpts(32)


def test_excerpts_skip_interludes() -> None:
    corpus = corpus_of({"gap.mid": song(24, silent=range(8, 13))})
    assert first_pitches(corpus.excerpts(8)) == [50, 66]


def test_excerpts_are_counted_from_the_first_full_bar() -> None:
    corpus = corpus_of({"pickup.mid": song(17, pickup=True), "whole.mid": song(8, pickup=True)})
    assert first_pitches(corpus.excerpts(8)) == [51, 59, 50]


def test_pieces_are_chosen_by_metre() -> None:
    waltz = piece("72 - - - 74 - - - 76 - - -", [C, C, G], meter=METER_INDEX["3/4"])
    corpus = corpus_of({"a.mid": song(4), "b.mid": waltz})
    assert corpus.of_meters(["3/4"]).names == ("b.mid",)
    assert corpus.of_meters(["4/4", "3/4"]).names == corpus.names
    with pytest.raises(CorpusError, match="6/8"):
        corpus.of_meters(["6/8"])
