"""Styles: which are found, which model of a style is taken, and what is said of each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agents.packing import pack
from agents.trio import Trio
from flows.cards import Card, write_card
from flows.cli import cli
from flows.errors import FlowError
from flows.home import Home
from flows.styles import check_style_name, model_of_style, model_unless_named, own_models, shipped_models

CARD = Card(
    data="Little tunes.",
    figures={"agents/overlap": 0.5, "real_against_real/overlap": 0.75, "agents/reward": 1.0, "prior/reward": -2.0},
    verdict="Well",
    judged=4,
    licence="CC0",
)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def shelf(tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place where models ship, with two styles, one judged and one not."""
    folder = tmp_path / "shelf"
    trio = Trio.load(trained / "models" / "tunes" / "model")
    for style in ("tunes", "folk"):
        pack(trio, folder / style)
    write_card(folder / "tunes", CARD)
    monkeypatch.setattr("flows.styles.SHIPPED", folder)
    return folder


def train_anew(home: Path, trained: Path, style: str) -> Path:
    """A model of ``style`` as a training would leave it."""
    folder = home / "models" / f"{style}-seed1" / "model"
    shutil.copytree(trained / "models" / "tunes" / "model", folder)
    told = json.loads((folder / "model.json").read_text())
    told["provenance"]["style"] = style
    (folder / "model.json").write_text(json.dumps(told))
    return folder


def test_a_shipped_style_composes_where_nothing_was_trained(shelf: Path, home: Path, tmp_path: Path) -> None:
    done = run("compose", "--style", "tunes", "--bars", 2, "--format", "mid", "-o", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert "style tunes: the model that comes with Triad" in done.stderr
    told = json.loads((tmp_path / "out" / "piece-0-1.json").read_text())
    assert (told["style"], told["model"]["source"]) == ("tunes", "the model that comes with Triad")
    assert not home.exists()


def test_a_model_trained_here_goes_before_the_shipped_one(
    shelf: Path, home: Path, trained: Path, tmp_path: Path
) -> None:
    own = train_anew(home, trained, "tunes")
    assert model_of_style("tunes", Home(home)).folder == own
    assert model_of_style("folk", Home(home)).folder == shelf / "folk"
    done = run("compose", "--style", "tunes", "--bars", 2, "--format", "mid", "-o", tmp_path / "out")
    assert f"style tunes: {own}" in done.stderr


def test_of_two_models_of_a_style_the_newer_is_taken(shelf: Path, home: Path, trained: Path) -> None:
    old, new = train_anew(home, trained, "tunes"), train_anew(home, trained, "polka")
    for folder, when in ((old, 1_000), (new, 2_000)):
        text = (folder / "model.json").read_text()
        (folder / "model.json").write_text(text.replace('"polka"', '"tunes"'))
        os.utime(folder / "model.json", (when, when))
    assert [model.folder for model in own_models(Home(home))] == [new, old]
    assert model_of_style("tunes", Home(home)).folder == new


def test_whoever_names_none_gets_the_newest_trained_here_or_the_usual_shipped_one(
    shelf: Path, home: Path, trained: Path
) -> None:
    assert model_unless_named(Home(home)).folder == shelf / "folk"
    shutil.rmtree(shelf / "folk")
    assert model_unless_named(Home(home)).folder == shelf / "tunes"
    own = train_anew(home, trained, "polka")
    assert model_unless_named(Home(home)).folder == own
    shutil.rmtree(home)
    shutil.rmtree(shelf)
    with pytest.raises(FlowError, match="triad train"):
        model_unless_named(Home(home))


def test_an_unknown_style_lists_those_there_are(shelf: Path, home: Path, trained: Path, tmp_path: Path) -> None:
    train_anew(home, trained, "waltzes")
    done = run("compose", "--style", "polka", "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert "unknown style 'polka': with Triad folk, tunes, trained here waltzes" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_model_and_a_style_contradict_each_other(shelf: Path, home: Path, tmp_path: Path) -> None:
    done = run("compose", shelf / "folk", "--style", "tunes", "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert "leave one out" in done.stderr


def test_styles_lists_what_is_known_of_each(shelf: Path, home: Path, trained: Path) -> None:
    own = train_anew(home, trained, "waltzes")
    told = json.loads(run("styles", "--json").stdout)["styles"]
    assert [(row["style"], row["from"]) for row in told] == [
        ("folk", "Triad"),
        ("tunes", "Triad"),
        ("waltzes", "here"),
    ]
    judged = told[1]
    assert (judged["licence"], judged["overlap"], judged["real"], judged["prior"]) == ("CC0", 0.5, 0.75, -2.0)
    assert (judged["corpus"], judged["pieces"], judged["seed"]) == ("tunes", 16, 1)
    assert (told[2]["folder"], told[2]["overlap"], told[2]["licence"]) == (str(own), None, None)
    lines = run("styles").stdout.splitlines()
    assert lines[0].split()[:3] == ["style", "from", "corpus"]
    assert lines[2].split()[:5] == ["tunes", "Triad", "tunes", "16", "CC0"]


def test_where_there_is_no_style_styles_says_how_to_make_one(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.styles.SHIPPED", tmp_path)
    assert "triad train" in run("styles").stdout
    assert json.loads(run("styles", "--json").stdout) == {"styles": []}


def test_a_card_of_other_weights_is_not_believed(shelf: Path) -> None:
    (model,) = [model for model in shipped_models() if model.style == "tunes"]
    assert model.card["licence"] == "CC0"
    told = json.loads((shelf / "tunes" / "model.json").read_text())
    (shelf / "tunes" / "model.json").write_text(json.dumps({**told, "sha256": "0" * 64}))
    (again,) = [model for model in shipped_models() if model.style == "tunes"]
    assert again.card == {}


def test_a_styles_name_can_name_folders_and_models() -> None:
    for good in ("pop", "my-songs", "90s", "a-b-c"):
        check_style_name(good)
    for bad in ("", "Pop", "my songs", "a/b", "..", "-a", "a--b", "pop\n"):
        with pytest.raises(FlowError, match="lower-case"):
            check_style_name(bad)


COLD = """
import sys
from pathlib import Path
import flows.styles
from flows.cli import cli
flows.styles.SHIPPED = Path(sys.argv[1])
for arguments in (["styles"], ["compose", "--style", "tunes", "--bars", "4", "-o", sys.argv[2]]):
    if arguments == ["styles"]:
        heavy = ("torch", "numpy", "pydantic", "mlflow", "prefect")
    else:
        heavy = ("mlflow", "prefect", "sklearn", "matplotlib")
    try:
        cli(arguments)
    except SystemExit as end:
        assert not end.code, end.code
    print("LOADED", [name for name in heavy if name in sys.modules])
"""


def test_from_a_cold_start_a_style_needs_neither_prefect_nor_mlflow(shelf: Path, home: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COLD, str(shelf), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        env={**os.environ, "TRIAD_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("LOADED")] == ["LOADED []"] * 2
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"piece-0-1.{end}" for end in ("mid", "wav", "json")
    }
