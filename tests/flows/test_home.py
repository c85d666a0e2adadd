from __future__ import annotations

import os
from pathlib import Path

import pytest

from flows.errors import FlowError
from flows.home import Home, is_uri, model_folder


def made(home: Home, name: str, when: int) -> Path:
    folder = home.models / name / "model"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text("{}")
    os.utime(folder / "model.json", (when, when))
    return folder


def test_the_environment_names_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRIAD_HOME", str(tmp_path))
    assert Home.here().root == tmp_path
    assert Home.here().tracking_uri == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
    assert Home.here().tracking_uri == "http://tracking:5000"


def test_without_it_the_home_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRIAD_HOME", raising=False)
    assert Home.here().root == Path.home() / ".triad"


def test_the_newest_model_is_the_one_finished_last(tmp_path: Path) -> None:
    home = Home(tmp_path)
    made(home, "b", 1_000)
    newest = made(home, "a", 2_000)
    assert home.finished_models() == [newest, home.models / "b" / "model"]


def test_models_finished_elsewhere_are_found_too(tmp_path: Path) -> None:
    home, other = Home(tmp_path / "home"), Home(tmp_path / "other")
    own, third, second = made(home, "a", 1_000), made(other, "c", 3_000), made(other, "b", 2_000)
    for folder in (own, third, second, second):
        home.remember_model(folder)
    assert home.finished_models() == [third, second, own]
    assert len(list(home.elsewhere.iterdir())) == 2
    (third / "model.json").unlink()
    assert home.finished_models() == [second, own]


def test_a_training_that_did_not_end_left_no_model(tmp_path: Path) -> None:
    (tmp_path / "models" / "unfinished" / "checkpoint").mkdir(parents=True)
    assert Home(tmp_path).finished_models() == []


def test_a_model_is_found_in_its_training_folder_too(tmp_path: Path) -> None:
    folder = made(Home(tmp_path), "a", 1)
    assert model_folder(folder) == model_folder(folder.parent) == folder
    with pytest.raises(FlowError, match="holds no model"):
        model_folder(tmp_path)
    with pytest.raises(FlowError, match="no such folder"):
        model_folder(tmp_path / "nowhere")


def test_uris_are_told_from_folders() -> None:
    assert is_uri("models:/triad-folk@champion")
    assert is_uri("runs:/0123/triad-folk")
    assert not is_uri("models/triad-folk")
