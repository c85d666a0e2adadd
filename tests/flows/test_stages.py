from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agents.config import TrainConfig
from agents.records import Record
from composer.errors import TriadError
from flows import stages
from flows.home import Home
from flows.styles import DEFAULT_STYLE, arrangement_for, bundled_styles, style_of_folder


def test_a_corpus_is_read_once_and_named_after_its_folder(tunes: Path, tmp_path: Path) -> None:
    home, seen = Home(tmp_path), []
    corpus = stages.read_corpus(tunes, None, home, lambda done, total: seen.append((done, total)))
    assert (corpus.style, corpus.pieces, corpus.bars) == ("tunes", 16, 16 * 16)
    assert corpus.typical == {"key": "C major", "meter": "4/4", "tempo": 107.0}
    assert seen[-1] == (16, 16)
    again = stages.read_corpus(tunes, None, home, lambda done, total: seen.append((done, total)))
    assert again == corpus
    assert len(seen) == 16
    assert stages.CorpusFile.from_json(corpus.to_json()) == corpus


def test_a_corpus_file_is_as_good_as_a_folder(tunes: Path, tmp_path: Path) -> None:
    read = stages.read_corpus(tunes, None, Home(tmp_path))
    kept = tmp_path / "mine.safetensors"
    shutil.copy(read.path, kept)
    found = stages.read_corpus(kept, None, Home(tmp_path / "other"))
    assert (found.digest, found.style, found.pieces) == (read.digest, "mine", 16)


def test_same_music_settings_and_seed_have_the_same_folder(tunes: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    corpus = stages.read_corpus(tunes, None, home)
    folder = stages.training_folder(home, corpus, TrainConfig(seed=3, minutes=1.0))
    assert folder.name.startswith("tunes-seed3-")
    assert stages.training_folder(home, corpus, TrainConfig(seed=3, minutes=5.0)) == folder
    assert stages.training_folder(home, corpus, TrainConfig(seed=4, minutes=1.0)) != folder
    assert stages.training_folder(home, corpus, TrainConfig(seed=3, minutes=1.0, bars=8)) != folder


def test_how_much_is_done_is_the_nearer_of_the_two_ends() -> None:
    record = Record("learn", "trio", 1, {"steps": 250.0, "seconds": 30.0})
    assert stages.share_done(record, TrainConfig(steps=1000)) == 0.25
    assert stages.share_done(record, TrainConfig(minutes=1.0)) == 0.5
    assert stages.share_done(record, TrainConfig(steps=1000, minutes=1.0)) == 0.5
    assert stages.share_done(record, TrainConfig(steps=100)) == 1.0


def test_going_on_with_other_settings_is_refused(trained: Path, tunes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(trained / "models" / "tunes", folder)
    corpus = stages.read_corpus(tunes, None, Home(trained))
    with pytest.raises(TriadError, match="seed"):
        stages.train_model(corpus, TrainConfig(seed=99, steps=10), folder)


def test_styles_have_arrangements() -> None:
    assert DEFAULT_STYLE in bundled_styles()
    assert arrangement_for("chorale") == "chorale"
    assert arrangement_for("folk") == "folk"
    assert arrangement_for("my-songs") == "pop"
    assert style_of_folder(Path("My Songs (live)")) == "my-songs-live"
