from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agents.config import TrainConfig
from agents.records import Record
from composer.errors import TriadError
from flows import stages
from flows.composing import Model
from flows.errors import FlowError
from flows.home import Home
from flows.judging import judge_models
from flows.styles import DEFAULT_STYLE, arrangement_for, bundled_styles, style_of_folder
from tests.flows.conftest import SETTINGS, write_tune


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


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tunes that are none of those a model learned from."""
    folder = tmp_path_factory.mktemp("apart") / "judges"
    folder.mkdir()
    for number in range(40, 44):
        write_tune(folder / f"{number}.mid", number, bars=12)
    return folder


def test_with_music_to_judge_by_all_of_the_corpus_is_learned_from(tunes: Path, apart: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    corpus, judges = stages.read_corpus(tunes, None, home), stages.read_corpus(apart, "tunes", home)
    training, held_out = stages.parted(corpus, judges)
    assert (len(training), held_out.digest) == (16, judges.digest)
    config = TrainConfig.from_json({**SETTINGS, "seed": 1, "steps": 1})
    assert stages.training_folder(home, corpus, config, judges) != stages.training_folder(home, corpus, config)
    model = Model.load(stages.train_model(corpus, config, tmp_path / "run", held_out=judges))
    known = model.provenance
    assert known["corpus"] == known["corpus_digest"] == corpus.digest
    assert (known["held_out_source"], known["held_out_digest"]) == ("judges", judges.digest)
    report, _ = judge_models([model], home, held_out=apart, count=4)
    assert "12 excerpts of 4 pieces kept out of training" in " ".join(report.about)


def test_without_it_a_tenth_is_kept_out(trained: Path) -> None:
    known = Model.load(trained / "models" / "tunes" / "model").provenance
    assert known["corpus"] != known["corpus_digest"]
    assert "held_out_digest" not in known


def test_music_that_was_learned_from_cannot_judge(tunes: Path, tmp_path: Path) -> None:
    home, folder = Home(tmp_path / "home"), tmp_path / "mixed"
    folder.mkdir()
    shutil.copy(tunes / "tune-03.mid", folder / "other-name.mid")
    write_tune(folder / "new.mid", 40, bars=12)
    corpus, judges = stages.read_corpus(tunes, None, home), stages.read_corpus(folder, "tunes", home)
    with pytest.raises(FlowError, match=r"1 pieces in common, the first is other-name\.mid"):
        stages.parted(corpus, judges)


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
