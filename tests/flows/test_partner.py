"""A partner at the command line: what is given stays, the rest is written, and all of it can be carried out again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mido
import pytest
from click.testing import CliRunner

from composer.arrangement import style_names
from flows.cli import cli
from flows.partner import occasions

TUNE = (67, 69, 71, 72, 74, 72, 71, 69, 67, 71, 74, 79, 78, 76, 74, 67)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("partner")


@pytest.fixture(scope="module")
def tune(folder: Path) -> Path:
    """Sixteen quarter notes, four bars of 4/4."""
    file, track = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("time_signature", numerator=4, denominator=4))
    for pitch in TUNE:
        track.append(mido.Message("note_on", note=pitch, velocity=80))
        track.append(mido.Message("note_off", note=pitch, time=480))
    file.save(folder / "tune.mid")
    return folder / "tune.mid"


@pytest.fixture(scope="module")
def piece(folder: Path) -> Path:
    ask("compose", "--bars", "8", "--seed", "3", folder=folder / "piece")
    return folder / "piece" / "piece-3-1.json"


def ask(*words: str, folder: Path, style: str | None = "folk") -> dict[str, Any]:
    """The JSON answer of a command that writes MIDI files into ``folder``."""
    of_style = ["--style", style] if style else []
    run = CliRunner().invoke(cli, [*words, *of_style, "--format", "mid", "-o", str(folder), "--json"])
    assert run.exit_code == 0, run.output + str(run.exception)
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def refused(*words: str) -> str:
    run = CliRunner().invoke(cli, [*words])
    assert run.exit_code == 2, run.output
    assert run.stderr.count("\n") == 1, run.stderr
    return run.stderr


def melody_of(midi: str | Path) -> list[tuple[int, int]]:
    """(tick, pitch) of every note of the melody's track."""
    track = next(track for track in mido.MidiFile(midi).tracks if any(m.type == "note_on" for m in track))
    tick, found = 0, []
    for message in track:
        tick += message.time
        if message.type == "note_on" and message.velocity:
            found.append((tick, message.note))
    return found


def test_a_melody_is_harmonized_and_not_a_note_of_it_changed(folder: Path, tune: Path) -> None:
    found = ask("harmonize", str(tune), "--answers", "2", "--drafts", "8", folder=folder / "harmonize")
    assert len(found["pieces"]) == 2
    for piece in found["pieces"]:
        assert melody_of(piece["files"]["mid"]) == [(480 * place, pitch) for place, pitch in enumerate(TUNE)]
        # Chords by chance cover a quarter of a melody.
        assert piece["answer"]["chord_tones"] > 0.4
    first, second = found["pieces"]
    assert first["answer"]["earned_a_bar"] >= second["answer"]["earned_a_bar"]
    assert first["score"]["chord"] != second["score"]["chord"]


def test_a_melody_is_written_to_chords_that_stay(folder: Path) -> None:
    found = ask("melody", "--chords", "G C | D G", "--drafts", "4", folder=folder / "melody")
    [piece] = found["pieces"]
    assert piece["request"]["key"] == "G major"
    texts = [m.text for m in mido.MidiFile(piece["files"]["mid"]).tracks[0] if m.type == "text"]
    assert texts == ["G", "C", "D", "G"]
    assert melody_of(piece["files"]["mid"])


def test_a_piece_goes_on_and_is_patched_and_varied(folder: Path, piece: Path) -> None:
    before = json.loads(piece.read_text())["score"]

    def bars(score: dict[str, Any], part: str, per_bar: int) -> list[list[str]]:
        row = score[part].split()
        return [row[at : at + per_bar] for at in range(0, len(row), per_bar)]

    per_bar = {"chord": 4, "cell": 4, "pitch": 16}
    longer = ask("continue", str(piece), "--bars", "4", "--drafts", "2", folder=folder / "more")["pieces"][0]["score"]
    patched = ask("infill", str(piece), "--bars", "3-4", "--drafts", "2", folder=folder / "in")["pieces"][0]["score"]
    same = ask("vary", str(piece), "--amount", "0", "--drafts", "1", folder=folder / "same")["pieces"][0]["score"]
    assert longer["bars"] == 12
    for part, width in per_bar.items():
        assert bars(longer, part, width)[:8] == bars(before, part, width)
        assert bars(same, part, width) == bars(before, part, width)
    for part in ("chord", "cell"):
        kept, now = bars(before, part, 4), bars(patched, part, 4)
        assert [*now[:2], *now[4:]] == [*kept[:2], *kept[4:]]


def test_other_chords_another_style_another_band(folder: Path, piece: Path) -> None:
    other = ask("reharmonize", str(piece), "--answers", "1", "--drafts", "4", folder=folder / "re")["pieces"][0]
    assert other["answer"]["chords_changed"] > 0
    before = json.loads(piece.read_text())["score"]
    assert other["score"]["cell"] == before["cell"]
    styled = ask("restyle", str(piece), "--drafts", "2", folder=folder / "style", style="chorale")["pieces"][0]
    assert (styled["arrangement"], styled["score"]["pitch"]) == ("chorale", before["pitch"])
    band = ask("restyle", str(piece), folder=folder / "band", style="jazz")["pieces"][0]
    assert (band["arrangement"], band["score"]["chord"]) == ("jazz", before["chord"])
    party = ask("arrange", str(piece), "--occasion", "study", folder=folder / "party", style=None)["pieces"][0]
    assert party["arrangement"] == "lofi"
    assert occasions()["study"].slowest <= party["score"]["tempo"] <= occasions()["study"].fastest


def test_every_occasion_has_a_band_that_is_there() -> None:
    assert {occasion.arrangement for occasion in occasions().values()} <= set(style_names())
    assert all(occasion.slowest < occasion.fastest for occasion in occasions().values())


def test_what_was_written_can_be_written_again_byte_for_byte(folder: Path, piece: Path, tune: Path) -> None:
    ask("harmonize", str(tune), "--answers", "1", "--drafts", "2", folder=folder / "v")
    run = CliRunner().invoke(
        cli, ["improve", str(piece), "--style", "folk", "--changes", "2", "-o", str(folder / "v")]
    )
    assert run.exit_code == 0, run.output
    assert "reward a bar" in run.stdout
    for path in (piece, folder / "v" / "harmonize-1.mid", folder / "v" / "improved.mid"):
        run = CliRunner().invoke(cli, ["verify", str(path)])
        assert "reproduced byte for byte" in run.stdout, run.output
    said = folder / "v" / "harmonize-1.json"
    said.write_text(said.read_text().replace('"seed": 0', '"seed": 1', 1))
    assert "is not what" in refused("verify", str(said))


def test_two_changes_at_most_and_each_raises_the_score(folder: Path, piece: Path) -> None:
    run = CliRunner().invoke(
        cli, ["improve", str(piece), "--style", "folk", "--changes", "2", "-o", str(folder / "i"), "--json"]
    )
    found = json.loads(run.stdout)
    assert len(found["changes"]) <= 2
    assert found["after"] - found["before"] == pytest.approx(sum(change["gain"] for change in found["changes"]))
    before, after = (json.loads(path.read_text())["score"] for path in (piece, folder / "i" / "improved.json"))
    assert (before["cell"], before["chord"]) == (after["cell"], after["chord"])
    starts = {change["step"] for change in found["changes"]}
    assert {old == new for old, new in zip(before["pitch"].split(), after["pitch"].split(), strict=True)} <= {
        True,
        not starts,
    }


def test_every_choice_is_explained(folder: Path, piece: Path) -> None:
    run = CliRunner().invoke(cli, ["explain", str(piece), "--style", "folk", "-o", str(folder / "e")])
    data, page = (Path(line) for line in run.stdout.split())
    found = json.loads(data.read_text())
    score = json.loads(piece.read_text())["score"]
    assert sum(reason["part"] == "cell" for reason in found["reasons"]) == len(score["cell"].split())
    for reason in found["reasons"]:
        assert 0 < reason["probability"] <= 1
        assert reason["chosen"] != reason["rejected"]
        assert reason["probability"] + reason["rejected_probability"] <= 1 + 1e-5
    assert set(found["credit"]) == {"chord", "rhythm", "melody"}
    assert "src=" not in page.read_text()


def test_a_piece_of_a_corpus_is_found_in_it(folder: Path, tunes: Path) -> None:
    song = sorted(tunes.glob("*.mid"))[0]
    run = CliRunner().invoke(cli, ["original", str(song), "--corpus", str(tunes), "--json"])
    found = json.loads(run.stdout)
    assert found["piece"] == song.name
    assert found["longest_run"] > 20


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("melody", "--chords", "Am H7", "-o", "x"), "unknown chord symbol 'H7'"),
        (("melody", "--chords", "Am", "--key", "H flat", "-o", "x"), "unknown key 'H flat'"),
        (("harmonize", "TUNE", "--meter", "3/4", "-o", "x"), "is in 4/4 and 3/4 is asked for"),
        (("harmonize", "TUNE", "--track", "9", "-o", "x"), "no track '9'"),
        (("infill", "PIECE", "--bars", "7-12", "-o", "x"), "the piece has bars 1 to 8"),
        (("infill", "PIECE", "--bars", "four", "-o", "x"), "bars 'four'"),
        (("vary", "PIECE", "--amount", "2", "-o", "x"), "amount 2"),
        (("restyle", "PIECE", "-o", "x"), "no style given"),
        (("arrange", "PIECE", "-o", "x"), "neither --occasion nor --arrangement"),
        (("arrange", "PIECE", "--occasion", "funeral", "-o", "x"), "unknown occasion 'funeral'"),
        (("verify", "TUNE"), "nothing is known of"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(tune: Path, piece: Path, words: tuple[str, ...], says: str) -> None:
    places = {"TUNE": str(tune), "PIECE": str(piece)}
    assert says in refused(*(places.get(word, word) for word in words))
