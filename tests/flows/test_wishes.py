"""More or less of something, moods and request files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from composer.form import granted
from composer.form.targets import measured
from composer.form.wishes import WISHES, WishError, read_sections, read_wishes
from composer.moods import MOODS, Mood, MoodError
from composer.plan import INDEX, TARGETS, WIDTH
from composer.score import Score, concatenate
from composer.view import View
from flows.cli import cli
from flows.composing import Model
from flows.errors import FlowError
from flows.request_file import asked_in
from flows.requests import Request
from flows.styles import SHIPPED


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load(SHIPPED / "folk")


def compose(model: Model, count: int = 4, **asked: object) -> Score:
    request = Request.model_validate({"bars": 8, "seed": 5, **asked})
    return concatenate([model.compose(request, number)[0] for number in range(1, count + 1)])


def quantity(score: Score, name: str) -> float:
    view = View(score)
    phrase = torch.zeros(len(score), view.bar_count, dtype=torch.int64)
    place = [target.name for target in TARGETS].index(name)
    return float(measured(view, phrase)[:, 0, place].nanmean())


@pytest.mark.parametrize(
    ("wish", "target"),
    [("density", "density"), ("harmonic-rhythm", "harmonic rhythm"), ("syncopation", "off beat")],
)
def test_what_is_wished_for_is_what_one_gets(model: Model, wish: str, target: str) -> None:
    little, much = (quantity(compose(model, wishes=f"{wish}={value}"), target) for value in (0.1, 0.9))
    assert little < much


def test_happy_and_sad_differ_as_the_literature_says(model: Model) -> None:
    happy, sad = (compose(model, mood=mood) for mood in ("happy", "sad"))
    assert happy.mode.tolist() == [0] * 4
    assert sad.mode.tolist() == [1] * 4
    assert float(happy.tempo.mean()) > float(sad.tempo.mean())
    assert quantity(happy, "density") > quantity(sad, "density")
    mean = [float(score.pitch[score.onset()].float().mean()) for score in (happy, sad)]
    assert mean[0] > mean[1]


def test_wishes_change_their_columns_alone() -> None:
    plan = torch.ones(4, WIDTH, dtype=torch.uint8)
    changed = granted(plan, {"density": 1.0}, torch.tensor([False, True, True, False]))
    assert changed[:, INDEX["density"]].tolist() == [1, 8, 8, 1]
    assert changed[:, INDEX["eighths"]].tolist() == [1, 7, 7, 1]
    same = [column for column in range(WIDTH) if column not in (INDEX["density"], INDEX["eighths"])]
    assert torch.equal(changed[:, same], plan[:, same])
    assert granted(plan, {"dissonance": 1.0})[0, INDEX["chord tones"]] == 1
    assert granted(plan, {"register": 1.0})[0, INDEX["register"]] == 3


def test_sections_wish_for_themselves(model: Model) -> None:
    score = compose(model, 4, form="verse chorus", sections="verse: density=0; chorus: density=1", bars=16)
    onset = score.onset().float().view(4, 2, -1).sum(2).mean(0)
    assert onset[0] < onset[1]
    with pytest.raises(WishError, match="has no section C"):
        compose(model, 1, form="verse chorus", sections="bridge: density=1", bars=16)


def test_wishes_are_read_and_faults_named() -> None:
    assert read_wishes("density=0.8, leaps=0") == {"density": 0.8, "leaps": 0.0}
    assert read_sections("chorus: density=1; A: rests=0.5") == {"B": {"density": 1.0}, "A": {"rests": 0.5}}
    for text, says in {"loud=1": "unknown wish 'loud'", "rests=2": "out of range", "rests=x": "no number"}.items():
        with pytest.raises(WishError, match=says):
            read_wishes(text)
    with pytest.raises(WishError, match="wished for twice"):
        read_wishes("rests=0, rests=1")
    with pytest.raises(WishError, match="begin with a letter"):
        read_sections("density=1")
    assert all(wish.says for wish in WISHES.values())


def test_moods_by_name_and_by_place() -> None:
    assert Mood.parse("0.8,0.5") == Mood.parse("happy") == Mood(*MOODS["happy"])
    assert Mood.parse("excited").tempo(100) > 100 > Mood.parse("calm").tempo(100)
    with pytest.raises(MoodError, match="unknown mood 'blue'"):
        Mood.parse("blue")


def test_a_request_file_asks_for_what_flags_ask_for(tmp_path: Path) -> None:
    path = tmp_path / "request.yaml"
    path.write_text("key: D minor\nbars: 8\nwishes: density=0.9\ndial: 2\n")
    assert asked_in(path, {"bars": 8, "mood": None}) == {
        "key": "D minor",
        "bars": 8,
        "wishes": "density=0.9",
        "dial": "2",
    }
    for text, said, says in (
        ("bars: 8", {"bars": 16}, "the two conflict"),
        ("colour: red", {}, "unknown setting 'colour'"),
        ("bars: eight", {}, "bars is 'eight', which is no int"),
        ("- bars", {}, "holds no settings"),
        ("bars: [", {}, "neither YAML nor JSON"),
    ):
        path.write_text(text)
        with pytest.raises(FlowError, match=says):
            asked_in(path, said)


def test_a_saved_request_gives_the_same_piece_and_the_schema_knows_it(tmp_path: Path) -> None:
    words = ["compose", "--style", "folk", "--format", "mid", "--json", "-o"]
    first = CliRunner().invoke(cli, [*words, str(tmp_path / "1"), "--bars", "8", "--mood", "calm", "--swing", "0.5"])
    assert first.exit_code == 0, first.output
    saved = tmp_path / "1" / "piece-0-1.json"
    again = CliRunner().invoke(cli, [*words, str(tmp_path / "2"), "--request", str(saved)])
    assert again.exit_code == 0, again.output
    one, two = (json.loads(run.stdout)["pieces"][0] for run in (first, again))
    assert one["midi_sha256"] == two["midi_sha256"]
    schema = json.loads(CliRunner().invoke(cli, ["schema"]).stdout)
    assert set(json.loads(saved.read_text())["request"]) <= set(schema["properties"])


def test_conflicting_settings_are_both_named() -> None:
    for words, says in (
        (["--mood", "sad", "--key", "C major"], "mood sad and key C major conflict"),
        (["--wish", "rests=1", "--policy", "random"], "wishes and policy random conflict"),
        (["--swing", "3"], "swing 3"),
        (["--ending", "abrupt"], "unknown ending 'abrupt'"),
    ):
        run = CliRunner().invoke(cli, ["compose", *words, "-o", "x"])
        assert run.exit_code == 2
        assert says in run.stderr
