from __future__ import annotations

import json
from itertools import accumulate
from pathlib import Path
from typing import Any

import mido
import pytest
from click.testing import CliRunner

from composer.errors import TriadError
from composer.plan import INDEX, SECTIONS
from composer.score import Score
from composer.vocabulary import AGENTS
from flows.checks import read_dial
from flows.cli import cli
from flows.composing import Model, write_pieces
from flows.errors import FlowError
from flows.requests import Request


@pytest.fixture
def model(trained: Path) -> Model:
    return Model.load(trained / "models" / "tunes" / "model")


def same(first: Score, second: Score) -> bool:
    return bool((first.pitch == second.pitch).all()) and bool((first.chord == second.chord).all())


def test_the_same_request_gives_the_same_piece_and_another_number_another(model: Model) -> None:
    request = Request(bars=4, seed=3)
    first, asked = model.compose(request, 1)
    again, _ = model.compose(request, 1)
    second, _ = model.compose(request, 2)
    assert asked == {
        "key": "C major",
        "meter": "4/4",
        "bars": 4,
        "form": None,
        "tempo": 107.0,
        "seed": 3,
        "policy": "agents",
        "dial": "1",
        "humanize": False,
        **dict.fromkeys(("wishes", "sections", "mood", "ending", "swing")),
    }
    assert same(first, again)
    assert not same(first, second)


def test_a_piece_sounds_in_the_key_and_metre_asked_for(model: Model) -> None:
    score, _ = model.compose(Request(key="D minor", meter="3/4", bars=5, tempo=80.0))
    assert score.transposition.tolist() == [5]
    assert score.steps.tolist() == [5 * 12]
    assert score.tempo.tolist() == [80.0]


def test_a_metre_the_model_never_heard_is_refused(model: Model) -> None:
    with pytest.raises(TriadError, match="6/8"):
        model.compose(Request(meter="6/8"))


def test_a_request_knows_what_a_piece_can_have() -> None:
    for wrong in (
        {"key": "H"},
        {"meter": "7/8"},
        {"bars": 0},
        {"policy": "muse"},
        {"seed": -1},
        {"colour": "blue"},
        {"dial": "-1"},
        {"form": "hello"},
        {"form": "AABA", "bars": 3},
        {"form": "AB" * 40},
    ):
        with pytest.raises(ValueError, match=r"\w"):
            Request(**wrong)


def test_the_dial_is_kept_with_the_piece_and_turns_what_is_written(model: Model, tmp_path: Path) -> None:
    (piece,) = write_pieces(model, Request(bars=4, dial="melody=0, chord=3"), tmp_path, formats=["mid"])
    assert piece["request"]["dial"] == "melody=0, chord=3"
    again, _ = model.compose(Request(**piece["request"]))
    turned, _ = model.compose(Request(bars=4, dial="0"))
    style, asked = model.compose(Request(bars=4, policy="prior"))
    assert not same(again, turned)
    assert same(turned, style)
    assert asked["dial"] is None
    assert same(style, model.compose(Request(**asked))[0])


def test_a_dial_is_a_number_or_one_for_each_agent() -> None:
    assert read_dial("2") == {"chord": 2.0, "rhythm": 2.0, "melody": 2.0}
    assert read_dial("melody=2, chord=0.5") == {"chord": 0.5, "rhythm": 1.0, "melody": 2.0}
    assert tuple(read_dial("1")) == AGENTS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loud", "'loud' is no number"),
        ("-1", "-1 is out of range"),
        ("nan", "nan is out of range"),
        ("1e9", "1e9 is out of range"),
        ("", "'' is no number"),
        ("1,2", "'1,2' is no number"),
        ("=2", "unknown agent ''"),
        ("melody=2,1", "'1' names no agent"),
        ("drums=1", "unknown agent 'drums', choose from chord, rhythm, melody"),
        ("melody=1,melody=2", "names melody twice"),
    ],
)
def test_a_wrong_dial_is_named(text: str, message: str) -> None:
    with pytest.raises(FlowError, match=message):
        read_dial(text)


def test_only_agents_have_a_dial() -> None:
    with pytest.raises(ValueError, match="policy prior asks none"):
        Request(policy="prior", dial="2")


def test_sections_return_in_the_form_asked_for(model: Model, tmp_path: Path) -> None:
    score, asked = model.compose(Request(form="AABA"))
    assert asked["bars"] == 32
    section, lag = (score.plan[0, :, INDEX[name]].tolist() for name in ("section", "recalled"))
    assert [SECTIONS[label - 1] for label in section] == ["A"] * 16 + ["B"] * 8 + ["A"] * 8
    # The second A recalls the first bar by bar, the last one the second.
    assert (lag[8:16], lag[24:]) == ([8] * 8, [16] * 8)
    (piece,) = write_pieces(model, Request(form="AABA"), tmp_path, formats=["mid"])
    assert (piece["request"]["form"], piece["request"]["bars"]) == ("AABA", 32)
    assert piece["sections"] == [{"name": name, "bars": 8} for name in "AABA"]
    (conductor,) = (track for track in mido.MidiFile(piece["files"]["mid"]).tracks if markers(track))
    assert markers(conductor) == ["A", "A", "B", "A"]


def markers(track: mido.MidiTrack) -> list[str]:
    return [message.text for message in track if message.type == "marker"]


def test_words_name_sections_too(model: Model, tmp_path: Path) -> None:
    request = Request(form="intro verse chorus verse chorus outro")
    (piece,) = write_pieces(model, request, tmp_path, formats=["mid"])
    assert piece["request"]["bars"] == 48
    assert [section["name"] for section in piece["sections"]] == ["Intro", "A", "B", "A", "B", "Outro"]


@pytest.mark.parametrize("bars", [8, 12, 30, 64, 128])
def test_pieces_of_any_length_follow_a_plan(model: Model, bars: int) -> None:
    score, asked = model.compose(Request(bars=bars, seed=bars))
    assert (score.bars.tolist(), asked["form"]) == ([bars], None)
    plan = score.plan[0].long()
    assert bool((plan[:, INDEX["section"]] > 0).all())
    # From sixteen bars on something returns.
    assert bars < 16 or bool((plan[:, INDEX["recalled"]] > 0).any())


def test_a_form_needs_the_music_of_a_model() -> None:
    with pytest.raises(FlowError, match="form AB: plans come from the music of a model"):
        Model.none().compose(Request(form="AB", policy="random"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--form", "hello"),
            "'hello' is neither letters A to L nor one of intro, outro, verse",
        ),
        (("--form", "AABA", "--bars", "3"), "a form of 4 sections needs 4 to 48 bars, got 3"),
        (("--form", ""), "a form needs at least one section"),
        (("--form", "A" * 70), "eight bars a section make 560 bars, and a piece has 1 to 512"),
    ],
)
def test_a_wrong_form_is_named_before_a_model_is_looked_for(
    arguments: tuple[str, ...], message: str, home: Path
) -> None:
    told = CliRunner().invoke(cli, ["compose", "nowhere", *arguments, "-o", "out"])
    assert told.exit_code == 2
    assert message in told.stderr


def test_pieces_of_a_batch_differ_in_their_drums(model: Model, tmp_path: Path) -> None:
    pieces = write_pieces(model, Request(bars=8), tmp_path, count=3, formats=["mid"])
    drums = [track(piece, "Drums") for piece in pieces]
    assert len({str(part) for part in drums}) == 3


def track(piece: dict[str, Any], name: str) -> mido.MidiTrack:
    return next(part for part in mido.MidiFile(piece["files"]["mid"]).tracks if part.name == name)


def test_players_leave_the_grid_where_they_are_asked_to(model: Model, tmp_path: Path) -> None:
    def places(**wanted: bool) -> set[int]:
        (piece,) = write_pieces(model, Request(bars=4, **wanted), tmp_path, formats=["mid"])
        assert piece["request"]["humanize"] == wanted.get("humanize", False)
        file = mido.MidiFile(piece["files"]["mid"])
        times = accumulate(message.time for message in track(piece, "Melody"))
        return {time % (file.ticks_per_beat // 4) for time in times}

    assert len(places(humanize=True)) > len(places())


def test_without_a_model_pieces_are_random(tmp_path: Path) -> None:
    (piece,) = write_pieces(Model.none(), Request(bars=2, policy="random"), tmp_path, formats=["mid"])
    assert mido.MidiFile(piece["files"]["mid"]).length > 1
    with pytest.raises(FlowError, match="triad train"):
        Model.none().compose(Request(bars=2))


def test_every_piece_has_its_files_and_says_where_it_comes_from(model: Model, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    pieces = write_pieces(model, Request(bars=4, seed=7), out, count=2, formats=["mid", "wav", "png", "html"])
    assert len(list(out.iterdir())) == 2 * 5
    told = json.loads((out / "piece-7-2.json").read_text())
    assert {**told, "files": pieces[1]["files"]} == pieces[1]
    assert told["model"]["digest"] == model.digest
    assert told["model"]["corpus_source"] == "tunes"
    assert told["request"]["seed"] == 7
    assert (told["style"], told["arrangement"]) == ("tunes", "pop")
    assert told["audio"]["wav"]["peak_dbfs"] < 0
    assert len(told["audio"]["wav"]["soundfont_sha256"]) == 64
    assert {"Melody", "Chords", "Bass", "Drums"} <= set(told["tracks"])


def test_another_arrangement_sets_the_same_music_for_other_instruments(model: Model, tmp_path: Path) -> None:
    (plain,) = write_pieces(model, Request(bars=4), tmp_path / "plain", formats=["mid"])
    (sung,) = write_pieces(model, Request(bars=4), tmp_path / "sung", formats=["mid"], arrangement="chorale")
    assert (sung["style"], sung["arrangement"]) == ("tunes", "chorale")
    assert sung["request"] == plain["request"]
    assert sung["tracks"] != plain["tracks"]


def test_a_piece_does_not_depend_on_how_many_are_asked_for(model: Model, tmp_path: Path) -> None:
    for count in (1, 3):
        write_pieces(model, Request(bars=4), tmp_path / str(count), count=count, formats=["mid"])
    assert (tmp_path / "1" / "piece-0-1.mid").read_bytes() == (tmp_path / "3" / "piece-0-1.mid").read_bytes()


def test_a_recording_alone_leaves_no_midi_file(model: Model, tmp_path: Path) -> None:
    write_pieces(model, Request(bars=2), tmp_path, formats=["flac"])
    assert {path.name for path in tmp_path.iterdir()} == {"piece-0-1.flac", "piece-0-1.json"}


def test_where_the_second_piece_fails_nothing_is_left(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import flows.composing as composing

    written = composing.write_midi

    def full(arrangement: object, path: Path, **_: object) -> None:
        if "-2" in path.name:
            raise OSError(28, "No space left on device")
        written(arrangement, path)  # type: ignore[arg-type]

    monkeypatch.setattr(composing, "write_midi", full)
    with pytest.raises(FlowError, match="No space left"):
        write_pieces(model, Request(bars=2), tmp_path, count=2, formats=["mid"])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_a_file_is_named_and_nothing_is_moved(tmp_path: Path) -> None:
    (tmp_path / "piece-0-1.mid").mkdir()
    with pytest.raises(FlowError, match=r"piece-0-1\.mid is a folder"):
        write_pieces(Model.none(), Request(bars=2, policy="random"), tmp_path, formats=["mid"])
    assert [path.name for path in tmp_path.iterdir()] == ["piece-0-1.mid"]
