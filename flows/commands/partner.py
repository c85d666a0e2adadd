"""The commands of a partner: give any part of a piece, and the agents write the rest."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from flows.commands.common import choose_model, json_option, seed_option, show, soundfont_option, working
from flows.opening import opened
from flows.styles import arrangements

if TYPE_CHECKING:
    from composer.environment import Given
    from flows.composing import Model
    from flows.partner import Source

F = TypeVar("F", bound=Callable[..., Any])
_Told = tuple[dict[str, Any], list[str]]
_PARTS = ("melody", "chords", "rhythm", "all")
_file = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))


def _options(answers: int) -> Callable[[F], F]:
    """The options of every question; the command is handed them as one :class:`_Asked`, as ``asked``."""

    def decorate(command: F) -> F:
        @wraps(command)
        def call(**given: Any) -> None:
            own = {name: given.pop(name) for name in _Asked.__dataclass_fields__}
            # Shown only here: while a command works, stdout is kept free of what libraries print.
            result, lines = command(asked=_Asked(**own), **given)
            show(result, lines, own["as_json"])

        found: Any = call
        for option in reversed(
            [
                click.option("--model", help="Folder or MLflow URI of the model that writes."),
                click.option("--style", help="Style of the music that is written, see 'triad styles'."),
                click.option(
                    "--answers",
                    type=click.IntRange(1, 64),
                    default=answers,
                    show_default=True,
                    help="How many different ones, the best first.",
                ),
                click.option(
                    "--drafts",
                    type=click.IntRange(1, 256),
                    default=16,
                    show_default=True,
                    help="Written for each answer; the best is kept.",
                ),
                click.option("--dial", default="1", show_default=True, help="From style (0) to theory (above 1)."),
                seed_option,
                click.option(
                    "--format",
                    "formats",
                    default="mid,wav",
                    show_default=True,
                    help="Of mid, wav, flac, ogg, mp3, png, html, musicxml, svg, pdf.",
                ),
                click.option("--arrangement", help=f"Instruments: {', '.join(arrangements())} or a TOML file."),
                click.option(
                    "--humanize/--no-humanize", default=False, help="Off the grid a little, as people play."
                ),
                soundfont_option,
                click.option(
                    "-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for the files."
                ),
                json_option,
            ]
        ):
            found = option(found)
        return found  # type: ignore[no-any-return]

    return decorate


@dataclass(frozen=True, slots=True)
class _Asked:
    """What every question says besides its own."""

    model: str | None
    style: str | None
    answers: int
    drafts: int
    dial: str
    seed: int
    formats: str
    arrangement: str | None
    humanize: bool
    soundfont: Path | None
    output: Path
    as_json: bool

    def check(self) -> None:
        """See that what can be seen at once is in order, before anything heavy is loaded."""
        from flows.checks import check_formats, check_writable, read_dial

        read_dial(self.dial)
        check_formats(self.formats)
        check_writable(self.output)

    def opened(self) -> AbstractContextManager[Model]:
        """The model that writes."""
        from flows.home import Home

        folder, source = choose_model(self.model, self.style)
        return opened(folder, Home.here(), source)

    def answer(
        self,
        model: Model,
        given: Given,
        command: str,
        title: str,
        request: dict[str, Any],
        *,
        arrangement: str | None = None,
        keep_melody: bool = False,
        notes: tuple[str, ...] = (),
    ) -> _Told:
        """Let the agents write, and say where the answers lie."""
        from flows.checks import check_formats
        from flows.partner import Style, answered
        from flows.progress import report

        style = Style(
            answers=self.answers,
            drafts=self.drafts,
            seed=self.seed,
            dial=self.dial,
            arrangement=self.arrangement or arrangement,
            humanize=self.humanize,
            keep_melody=keep_melody,
        )
        pieces = answered(
            model,
            given,
            style,
            request={"command": command, **request},
            title=title,
            output=self.output,
            formats=check_formats(self.formats),
            soundfont=self.soundfont,
            progress=lambda done, total: report(command, done / total, f"{done} of {total} answers"),
        )
        for note in (*notes, f"style {model.style}: {model.source}"):
            click.echo(note, err=True)
        lines = []
        for piece in pieces:
            figures = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in piece["answer"].items())
            lines += [*(path for end, path in piece["files"].items() if end != "json"), f"  {figures}"]
        return {"model": model.digest, "source": model.source, "pieces": pieces}, lines


def _read(file: Path) -> Source:
    from flows.partner import read_source

    return read_source(file)


@click.command()
@_file
@click.option("--track", help="Name or number of the melody's track; else the one most like a melody.")
@click.option("--key", help='It is in, such as "D minor"; else the one it sounds in.')
@click.option("--meter", help="It is in, such as 3/4; else the file's, 4/4 where it says none.")
@click.option("--bars", type=click.IntRange(1, 512), help="Length; else as long as the melody sounds.")
@_options(answers=3)
def harmonize(
    file: Path, track: str | None, key: str | None, meter: str | None, bars: int | None, asked: _Asked
) -> _Told:
    """Write chords, bass and accompaniment for the melody in FILE; not a note of it is changed."""
    from composer.theory import Key, parse_meter

    wanted = (Key.parse(key) if key else None, parse_meter(meter) if meter else None)
    asked.check()
    with working():
        from composer.corpus.melody_file import read_melody
        from flows.partner import trio_of
        from flows.partnering import for_melody

        melody = read_melody(file, track=track, key=wanted[0], meter=wanted[1], bars=bars)
        with asked.opened() as model:
            given = for_melody(trio_of(model), melody.score, asked.seed)
            request = {"file": file.name, "track": melody.track, "key": key, "meter": meter, "bars": bars}
            return asked.answer(
                model, given, "harmonize", f"{file.stem}, harmonized", request, keep_melody=True, notes=melody.notes
            )


@click.command()
@click.option("--chords", required=True, help='Such as "Am F | C G | Dm7 G7 | C": bars parted by |.')
@click.option("--key", help="Else the one the chords sound in.")
@click.option("--meter", default="4/4", show_default=True, help="Time signature.")
@click.option("--tempo", type=click.FloatRange(20, 400), help="Quarter notes a minute; else as in the model's music.")
@_options(answers=1)
def melody(chords: str, key: str | None, meter: str, tempo: float | None, asked: _Asked) -> _Told:
    """Write a melody and an accompaniment to chords; the chords stay as they are given."""
    from composer.chord_symbols import parse_progression
    from composer.theory import METERS, Key, parse_meter

    index = parse_meter(meter)
    codes = parse_progression(chords, METERS[index])
    named = Key.parse(key) if key else None
    asked.check()
    with working():
        from composer.corpus.keys import key_of_chords
        from flows.partner import trio_of
        from flows.partnering import for_chords

        with asked.opened() as model:
            pace = tempo or float(model.provenance.get("typical", {}).get("tempo", 96.0))
            found = named or key_of_chords(codes)
            given = for_chords(trio_of(model), codes, found, index, pace, asked.seed)
            request = {"chords": chords, "key": found.name, "meter": meter, "tempo": pace}
            return asked.answer(model, given, "melody", f"Melody in {found.name}", request)


@click.command(name="continue")
@_file
@click.option("--bars", type=click.IntRange(1, 512), default=8, show_default=True, help="How many more.")
@_options(answers=1)
def continue_(file: Path, bars: int, asked: _Asked) -> _Told:
    """Go on from where the piece in FILE (.json of a piece, or .mid) ends; what is there stays."""
    asked.check()
    with working():
        from flows.partner import trio_of
        from flows.partnering import for_more

        source = _read(file)
        with asked.opened() as model:
            given = for_more(trio_of(model), source.score, bars, asked.seed)
            return asked.answer(
                model,
                given,
                "continue",
                f"{file.stem}, continued",
                {**source.facts, "bars": bars},
                keep_melody=source.midi,
                notes=source.notes,
            )


@click.command()
@_file
@click.option("--bars", "span", required=True, help="Which, such as 5-8 or 12.")
@click.option("--part", type=click.Choice(_PARTS), default="all", show_default=True, help="What of them.")
@_options(answers=1)
def infill(file: Path, span: str, part: str, asked: _Asked) -> _Told:
    """Write some bars of the piece in FILE anew; all others stay."""
    from flows.errors import FlowError

    match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+))?\s*", span)
    if match is None:
        raise FlowError(f"bars {span!r}: give a bar such as 12, or several such as 5-8")
    first, last = int(match[1]), int(match[2] or match[1])
    asked.check()
    with working():
        from flows.partnering import for_bars

        source = _read(file)
        given = for_bars(source.score, first, last, part)
        with asked.opened() as model:
            request = {**source.facts, "bars": span, "part": part}
            title = f"{file.stem}, bars {span} anew"
            return asked.answer(model, given, "infill", title, request, keep_melody=source.midi, notes=source.notes)


@click.command()
@_file
@click.option("--amount", type=float, default=0.3, show_default=True, help="Share of the bars: 0 none, 1 all.")
@_options(answers=1)
def vary(file: Path, amount: float, asked: _Asked) -> _Told:
    """Write a share of the bars of the piece in FILE anew, drawn by lot."""
    asked.check()
    with working():
        from flows.partnering import for_variation

        source = _read(file)
        given = for_variation(source.score, amount, asked.seed)
        with asked.opened() as model:
            request = {**source.facts, "amount": amount}
            title = f"{file.stem}, varied"
            return asked.answer(model, given, "vary", title, request, keep_melody=source.midi, notes=source.notes)


@click.command()
@_file
@_options(answers=3)
def reharmonize(file: Path, asked: _Asked) -> _Told:
    """Other chords and another accompaniment under the melody of the piece in FILE."""
    asked.check()
    with working():
        from flows.partnering import for_new_chords

        source = _read(file)
        with asked.opened() as model:
            title = f"{file.stem}, reharmonized"
            return asked.answer(
                model,
                for_new_chords(source.score),
                "reharmonize",
                title,
                dict(source.facts),
                keep_melody=source.midi,
                notes=source.notes,
            )


@click.command()
@_file
@_options(answers=1)
def restyle(file: Path, asked: _Asked) -> _Told:
    """The melody of the piece in FILE in another style: its chords, accompaniment and instruments.

    --style names a style of music, whose agents then write the harmony, or an arrangement, whose instruments then
    play the chords that are there.
    """
    from flows.errors import FlowError
    from flows.styles import arrangement_for, shipped_models

    if asked.style is None and asked.model is None:
        known = sorted({*arrangements(), *(model.style for model in shipped_models())})
        raise FlowError(f"no style given: say --style and one of {', '.join(known)}")
    asked.check()
    if asked.style in arrangements() and asked.style not in {model.style for model in shipped_models()}:
        return _arranged(file, asked, asked.style or "", None, f"in the style of {asked.style}")
    with working():
        from flows.partnering import for_new_chords

        source = _read(file)
        with asked.opened() as model:
            return asked.answer(
                model,
                for_new_chords(source.score),
                "restyle",
                f"{file.stem}, {model.style}",
                {**source.facts, "style": model.style},
                arrangement=arrangement_for(model.style),
                keep_melody=source.midi,
                notes=source.notes,
            )


@click.command()
@_file
@click.option("--occasion", help="Such as wedding, banquet, celebration, study or game.")
@_options(answers=1)
def arrange(file: Path, occasion: str | None, asked: _Asked) -> _Told:
    """Set the piece in FILE for other instruments, by name (--arrangement) or for an occasion."""
    from flows.errors import FlowError

    if (occasion is None) == (asked.arrangement is None):
        both = "both --occasion and --arrangement are" if occasion else "neither --occasion nor --arrangement is"
        raise FlowError(f"{both} given: say one of them")
    asked.check()
    return _arranged(
        file, asked, asked.arrangement, occasion, f"for a {occasion}" if occasion else str(asked.arrangement)
    )


def _arranged(file: Path, asked: _Asked, instruments: str | None, occasion: str | None, words: str) -> _Told:
    """Nothing is written by agents: the piece as it is, for other instruments."""
    from flows.checks import check_formats
    from flows.progress import report

    with working():
        from flows.partner import rearranged

        pieces = rearranged(
            file,
            instruments,
            occasion,
            title=f"{file.stem}, {words}",
            seed=asked.seed,
            humanize=asked.humanize,
            output=asked.output,
            formats=check_formats(asked.formats),
            soundfont=asked.soundfont,
            progress=lambda done, total: report("arrange", done / total, f"{done} of {total}"),
        )
    return {"pieces": pieces}, [path for piece in pieces for end, path in piece["files"].items() if end != "json"]
