from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flows.cli import cli
from flows.revision import triad_version
from tests.flows.conftest import triad

HEAVY = ("torch", "mlflow", "prefect", "numpy", "pydantic", "scipy", "matplotlib")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def one_line(result: Result) -> str:
    """The error a user sees: one line after what progress there was, exit code 2, nothing on stdout."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    *progress, error = result.stderr.splitlines()
    assert error.startswith("error: ")
    assert all("%" in line for line in progress), result.stderr
    return error


def test_help_lists_every_command() -> None:
    shown = run("--help").stdout
    for command in ("corpus", "train", "evaluate", "compose", "styles", "render", "pipeline", "ui", "doctor"):
        assert f"  {command} " in shown


def test_version() -> None:
    assert run("--version").stdout == f"triad {triad_version()}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["compose", "--help"],
        ["compose", "--key", "H moll", "-o", "pieces"],
        ["compose", "--meter", "5/4", "-o", "pieces"],
        ["compose", "--style", "polka", "-o", "pieces"],
        ["compose", "missing", "-o", "pieces"],
        ["evaluate", "missing"],
        ["styles", "--help"],
        ["render", "missing.mid", "-o", "x.wav"],
        ["corpus", "missing"],
        ["train", "--corpus", "missing"],
        ["train", "--steps", "0"],
        ["pipeline", "--style", "polka"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_answers_without_loading_anything_heavy(arguments: list[str], tmp_path: Path) -> None:
    """Loaded modules rather than a clock: importing any of these alone takes longer than an answer may."""
    code = (
        "import sys\nfrom flows.cli import cli\n"
        f"try: cli({arguments!r})\nexcept SystemExit as end: code = end.code\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules], code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "TRIAD_HOME": str(tmp_path / "home"), "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    expected = 0 if arguments[-1].startswith("--") else 2
    assert done.stdout.splitlines()[-1] == f"LOADED [] {expected}", done.stderr
    assert not list(tmp_path.iterdir())


def test_compose_and_doctor_load_neither_mlflow_nor_prefect(trained: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom flows.cli import cli\n"
        "for arguments in (['compose', '--bars', '4', '--format', 'mid', '-o', sys.argv[1]], ['doctor']):\n"
        "    try: cli(arguments)\n    except SystemExit as end: assert not end.code, end.code\n"
        "print('LOADED', [name for name in ('mlflow', 'prefect') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out")],
        capture_output=True,
        text=True,
        env={**os.environ, "TRIAD_HOME": str(trained)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_an_unknown_key_is_named_with_what_is_accepted(home: Path) -> None:
    assert "unknown key 'H moll'" in one_line(run("compose", "--key", "H moll", "-o", "pieces"))


def test_an_unknown_metre_is_named_with_those_there_are(home: Path) -> None:
    assert "3/4" in one_line(run("compose", "--meter", "5/4", "-o", "pieces"))


def test_where_no_model_is_compose_says_what_to_do(home: Path, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr("flows.styles.SHIPPED", tmp_path)
    said = one_line(run("compose", "-o", "pieces"))
    assert "triad train" in said
    assert "--policy random" in said


def test_a_usage_error_is_one_line_too(home: Path) -> None:
    assert "missing option" in one_line(run("compose"))
    assert "nonsense" in one_line(run("nonsense"))


def test_an_unknown_format_is_named(home: Path) -> None:
    assert "'ogv'" in one_line(run("compose", "--format", "mid,ogv", "-o", "pieces"))


@pytest.mark.parametrize("options", [["--bars", "0"], ["--bars", "9999"], ["--tempo", "1"]], ids=" ".join)
def test_what_no_piece_can_have_is_refused(options: list[str], home: Path) -> None:
    assert options[1] in one_line(run("compose", *options, "-o", "pieces"))


def test_a_folder_without_midi_is_named(home: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert str(tmp_path / "empty") in one_line(run("corpus", tmp_path / "empty"))


def test_a_folder_of_broken_midi_says_why(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "bad.mid").write_bytes(b"MThd nothing that follows makes sense")
    assert "bad.mid" in one_line(run("corpus", folder))


def test_a_missing_soundfont_is_named_and_nothing_is_written(trained: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TRIAD_HOME", str(trained))
    out = tmp_path / "out"
    assert "no.sf2" in one_line(run("compose", "--soundfont", tmp_path / "no.sf2", "-o", out))
    fake = tmp_path / "fake.sf2"
    fake.write_bytes(b"RIFF")
    assert "fake.sf2" in one_line(run("compose", "--soundfont", fake, "--bars", "4", "-o", out))
    assert not out.exists() or not list(out.iterdir())


def test_an_output_that_is_a_file_is_refused(home: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    said = one_line(run("compose", "--policy", "random", "-o", tmp_path / "taken" / "pieces"))
    assert "taken" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_output_is_refused(home: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert "locked" in one_line(run("compose", "--policy", "random", "-o", locked / "pieces"))


def test_a_damaged_model_is_named(home: Path, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("{}")
    assert "model.json" in one_line(run("compose", tmp_path, "-o", tmp_path / "out"))


def test_settings_that_are_no_json_object_are_refused(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("[1]")
    assert "settings.json" in one_line(run("train", "--settings", path))
    path.write_text('{"chord": {"hidden": "many"}}')
    said = one_line(run("train", "--settings", path))
    assert "settings.json" in said
    assert "chord.hidden" in said


@pytest.mark.parametrize("minutes", ["nan", "inf"])
@pytest.mark.parametrize("command", ["train", "pipeline"])
def test_minutes_that_never_end_are_refused(command: str, minutes: str, home: Path) -> None:
    assert f"{minutes} is not a finite number" in one_line(run(command, "--minutes", minutes))


@pytest.mark.parametrize("command", ["train", "pipeline"])
def test_music_to_judge_by_that_is_missing_or_learned_from_is_refused(command: str, home: Path, tunes: Path) -> None:
    assert "nowhere: no such folder" in one_line(run(command, "--corpus", tunes, "--held-out", tunes / "nowhere"))
    said = one_line(run(command, "--corpus", tunes, "--held-out", tunes))
    assert "16 pieces in common, the first is tune-00.mid" in said


@pytest.mark.parametrize("command", ["train", "pipeline"])
def test_a_style_that_can_name_no_folder_is_refused(command: str, home: Path, tunes: Path) -> None:
    said = one_line(run(command, "--corpus", tunes, "--style", "../My Songs"))
    assert "'../My Songs'" in said
    assert said.endswith("such as 'my-songs'")


def test_a_home_that_is_a_file_is_refused(tunes: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("TRIAD_HOME", str(tmp_path / "taken"))
    assert "taken is a file" in one_line(run("corpus", tunes, "-o", tmp_path / "tunes.safetensors"))


def test_a_folder_for_stems_that_is_a_file_is_refused(home: Path, tunes: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    arguments = ("render", tunes / "tune-00.mid", "-o", tmp_path / "a.wav", "--stems", tmp_path / "taken")
    assert "taken is a file" in one_line(run(*arguments))
    assert not (tmp_path / "a.wav").exists()


def test_names_keep_their_capitals_in_an_error(home: Path, tunes: Path) -> None:
    said = one_line(run("render", tunes / "tune-00.mid", "-o", "a.wav", "--soundfont", "no.sf2"))
    assert said.startswith("error: SoundFont no.sf2")
    assert one_line(run("compose")).startswith("error: missing option")


def test_corpus_prints_one_json_object(home: Path, tunes: Path, tmp_path: Path) -> None:
    result = run("corpus", tunes, "-o", tmp_path / "tunes.safetensors", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["pieces"] == len(told["used"]) == 16
    assert told["dropped"] == []
    assert Path(told["corpus"]).is_file()
    assert "16 of 16 files" in result.stderr


def test_compose_prints_one_json_object(trained: Path, tmp_path: Path) -> None:
    done = triad("compose", "--bars", 4, "--count", 2, "--seed", 5, "-o", tmp_path, "--json", home=trained)
    told = json.loads(done.stdout)
    assert [piece["number"] for piece in told["pieces"]] == [1, 2]
    names = {f"piece-5-{number}.{ending}" for number in (1, 2) for ending in ("mid", "wav", "json")}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert "2 of 2 pieces" in done.stderr


def test_render_a_midi_file(trained: Path, tunes: Path, tmp_path: Path) -> None:
    done = triad("render", tunes / "tune-00.mid", "-o", tmp_path / "a.wav", "--json", home=trained)
    told = json.loads(done.stdout)
    assert told["seconds"] > 30
    assert (tmp_path / "a.wav").stat().st_size > 1_000_000


def test_doctor_finds_the_machine_well(home: Path) -> None:
    result = run("doctor", "--json")
    told = json.loads(result.stdout)
    assert told["ok"], told["problems"]
    assert told["sound"]["peak_dbfs"] < 0
    assert told["versions"]["torch"] != "missing"


def test_doctor_says_what_is_wrong(home: Path, tmp_path: Path) -> None:
    result = run("doctor", "--soundfont", tmp_path / "no.sf2", "--json")
    assert result.exit_code == 2
    assert "no.sf2" in json.loads(result.stdout)["problems"][0]
