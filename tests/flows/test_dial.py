from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from composer.evaluation import Point, TradeOff
from flows.composing import Model
from flows.dial import dial_curve, draw_curve
from flows.errors import FlowError
from flows.home import Home
from flows.music import music_of
from tests.flows.conftest import triad, write_tune


@pytest.fixture
def model(trained: Path) -> Model:
    return Model.load(trained / "models" / "tunes" / "model")


def test_a_model_is_measured_by_music_it_never_saw(model: Model, trained: Path, tmp_path: Path) -> None:
    music = music_of(model, Home(trained))
    assert (len(music.training), len(music.held_out)) == (15, 1)
    assert music.file.digest == model.provenance["corpus_digest"]
    assert not set(music.training.names) & set(music.held_out.names)


def test_other_music_is_refused_as_what_was_learned_from(
    model: Model, trained: Path, tunes: Path, tmp_path: Path
) -> None:
    with pytest.raises(FlowError, match="--corpus"):
        music_of(model, Home(tmp_path / "elsewhere"))
    other = tmp_path / "other"
    other.mkdir()
    for number in range(3):
        write_tune(other / f"{number}.mid", number)
    with pytest.raises(FlowError, match="other music"):
        music_of(model, Home(trained), corpus=other)
    music = music_of(model, Home(trained), corpus=tunes, held_out=other)
    assert (len(music.training), len(music.held_out)) == (15, 3)


def test_the_curve_has_a_point_for_every_setting(model: Model, trained: Path) -> None:
    seen: list[int] = []
    music = music_of(model, Home(trained))
    curve = dial_curve(model, music, [0.0, 1.0, 30.0], count=4, progress=lambda done, total: seen.append(done))
    assert curve.dials == (0.0, 1.0, 30.0)
    # Each set is judged by as many pieces as half of the real excerpts are.
    assert curve.pieces == 2
    assert all(0 <= (point.overlap or -1) <= 1 for point in (*curve.points, curve.real))
    assert seen == [0, 1, 2]
    assert curve == dial_curve(model, music, [0.0, 1.0, 30.0], count=4)
    assert curve.markdown().count("\n") == 6
    json.dumps(curve.to_json(), allow_nan=False)


def test_without_a_model_there_is_no_dial(model: Model, trained: Path) -> None:
    with pytest.raises(FlowError, match="triad train"):
        dial_curve(Model.none(), music_of(model, Home(trained)), [0.0])


def test_a_picture_of_the_curve(tmp_path: Path) -> None:
    agents = {"chord": 1.0, "rhythm": 0.5, "melody": 0.5}
    points = (Point(0.8, -2.0, agents), Point(0.7, 2.0, agents))
    draw_curve(TradeOff((0.0, 1.0), points, Point(0.82, 0.0, agents), 10), "Dial", tmp_path / "new" / "curve.png")
    assert (tmp_path / "new" / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_prints_the_curve_and_draws_it(trained: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(trained, home)
    done = triad("dial", "--dials", "0,2", "--count", 4, "-o", tmp_path / "dial.png", "--json", home=home)
    found = json.loads(done.stdout)
    assert [point["dial"] for point in found["points"]] == [0.0, 2.0]
    assert (tmp_path / "dial.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dial", "--dials", "melody=2"), "is for one agent"),
        (("dial", "--dials", ","), "no dial given"),
        (("dial", "--dials", "-1"), "out of range"),
        (("dial", "-o", "curve.jpg"), "ends in .png"),
        (("compose", "--dial", "loud", "-o", "x"), "'loud' is no number"),
        (("compose", "--dial", "2", "--policy", "prior", "-o", "x"), "policy prior asks none"),
        (("rl-tuner", "--dial", "1,2"), "give one number"),
    ],
)
def test_what_is_wrong_with_a_dial_is_said_before_anything_is_loaded(
    arguments: tuple[str, ...], message: str, home: Path
) -> None:
    from click.testing import CliRunner

    from flows.cli import cli

    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert message in result.stderr
