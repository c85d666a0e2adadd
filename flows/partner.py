"""A partner's questions and answers: read what is given, let the agents write the rest, write the answers down.

Knows no Prefect and no MLflow.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch

from agents.partner import Answers, complete
from agents.seeding import derive
from agents.trio import Trio
from composer.arrangement import Arrangement, arrange, load_style
from composer.corpus.errors import Unusable
from composer.corpus.melody_file import MelodyError, transposed
from composer.corpus.piece import read_piece
from composer.corpus.store import score_of
from composer.environment import Given
from composer.features import features
from composer.score import Score
from composer.score_file import score_from_json
from flows.checks import read_dial
from flows.composing import Model, Work, said_of, write_works
from flows.errors import FlowError
from flows.partnering import chord_changes
from flows.provenance import given_to_json
from flows.revision import triad_version

_KEPT = ("answers", "drafts", "seed", "dial", "humanize", "keep_melody")


@dataclass(frozen=True, slots=True)
class Style:
    """How answers are written and set.

    Attributes:
        answers: how many.
        drafts: for each of them.
        seed: of all random choices.
        dial: from style to theory, as a request says it.
        arrangement: an arrangement's name or file; None for the one of the model's style.
        humanize: whether notes lie off the grid a little.
        keep_melody: whether the melody stays in the octave it was given in.
    """

    answers: int = 1
    drafts: int = 16
    seed: int = 0
    dial: str = "1"
    arrangement: str | None = None
    humanize: bool = False
    keep_melody: bool = False

    def to_request(self) -> dict[str, Any]:
        """What is kept of it with a piece; :meth:`of_request` reads it back."""
        return {name: getattr(self, name) for name in _KEPT}

    @classmethod
    def of_request(cls, request: Mapping[str, Any], arrangement: str) -> Style:
        """The style a piece was written in, by what was kept with it."""
        return cls(**{name: request[name] for name in _KEPT}, arrangement=arrangement)


@dataclass(frozen=True, slots=True)
class Source:
    """A piece that was given.

    Attributes:
        score: one piece.
        facts: what it is, for the files of what is made of it.
        notes: what was changed while it was read, in words.
        midi: whether it comes from a MIDI file, whose octave is kept.
    """

    score: Score
    facts: Mapping[str, Any]
    notes: tuple[str, ...]
    midi: bool


def read_source(path: Path) -> Source:
    """The piece in a file: what Triad saved beside a piece (.json), or any MIDI file.

    Raises:
        TriadError: if it cannot be read or holds no piece.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FlowError(
            f"{path} cannot be read: {error.strerror or error}; name a piece (.json) or a MIDI file"
        ) from None
    facts = {"file": path.name, "sha256": hashlib.sha256(data).hexdigest()}
    if path.suffix.lower() == ".json":
        try:
            saved = json.loads(data)
        except ValueError as error:
            raise FlowError(
                f"{path} is no JSON file ({error}): name one that lies beside a piece of Triad's"
            ) from None
        if not isinstance(saved, dict) or not isinstance(saved.get("score"), dict):
            raise FlowError(f"{path} holds no score: name a JSON file that lies beside a piece, or its MIDI file")
        return Source(score_from_json(saved["score"], str(path)), facts, (), midi=False)
    try:
        piece = read_piece(data, path.name)
    except Unusable as error:
        raise MelodyError(f"{path} holds no piece Triad can read: {error.reason}, {error.detail}") from None
    score = transposed(score_of([piece]), -piece.octave)
    notes = tuple(note for note in piece.meta.notes if not note.startswith("melody moved"))
    return Source(score, facts, notes, midi=True)


def trio_of(model: Model) -> Trio:
    """The agents of a model.

    Raises:
        FlowError: if there are none.
    """
    if model.trio is None:
        raise FlowError("there is no model to write with: name one, or a style")
    return model.trio


def answered(
    model: Model,
    given: Given,
    style: Style,
    *,
    request: Mapping[str, Any],
    title: str,
    output: Path,
    formats: Sequence[str],
    soundfont: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Let the agents complete what is given and write the answers into ``output``, the best first.

    Args:
        model: who writes.
        given: one piece and what of it is settled.
        style: how.
        request: what was asked, to be kept with every answer.
        title: of the pieces.
        output: the folder.
        formats: of the files.
        soundfont: to render with.
        progress: called with the number of answers written and their total.

    Returns:
        as :func:`flows.composing.write_works`.

    Raises:
        TriadError: if the agents cannot write in the metre, or a file cannot be written.
    """
    found = completed(model, given, style)
    instruments = style.arrangement or model.arrangement
    said = {**request, **style.to_request(), "title": title}
    known = given_to_json(given)

    def work(place: int) -> Work:
        arranged = arranged_answer(found, place, style, instruments, title)
        facts = {
            **said_of(model, instruments),
            "request": said,
            "number": place + 1,
            "answer": judged(found, given, place),
            "given": known,
        }
        return Work(f"{request['command']}-{place + 1}", found.score.select([place]), arranged, facts)

    works = (work(place) for place in range(len(found.score)))
    return write_works(works, output, count=len(found.score), formats=formats, soundfont=soundfont, progress=progress)


def completed(model: Model, given: Given, style: Style) -> Answers:
    """What the agents of a model write around what is given."""
    return complete(
        trio_of(model),
        given,
        answers=style.answers,
        drafts=style.drafts,
        seed=style.seed,
        dial=read_dial(style.dial),
    )


def arranged_answer(found: Answers, place: int, style: Style, instruments: str, title: str) -> Arrangement:
    """The answer at ``place`` (from 0) set for instruments."""
    return arrange(
        found.score,
        place,
        style=load_style(instruments),
        seed=derive(style.seed, "arrangement", str(place + 1)),
        humanize=style.humanize,
        title=title if len(found.score) == 1 else f"{title}, answer {place + 1}",
        keep_melody=style.keep_melody,
    )


def judged(found: Answers, given: Given, place: int) -> dict[str, float]:
    """The figures of one answer: what it earns, how well it fits, how much it differs from what was there."""
    score = found.score.select([place])
    known = {name: float(value[0]) for name, value in features(score).items()}
    figures = {
        "earned_a_bar": float(found.earned[place]),
        "fit": float(found.fit[place]),
        "chord_tones": known["harmony/chord_tones"],
        "chord_tones_less_those_of_two_bars_later": known["harmony/alignment"],
        "chords_changed": chord_changes(given.score, score),
    }
    # A piece without a note, or without a chord, has no such share.
    return {name: round(value, 4) for name, value in figures.items() if value == value}


@dataclass(frozen=True, slots=True)
class Occasion:
    """What music for an occasion is like.

    Attributes:
        arrangement: the instruments.
        slowest, fastest: quarter notes a minute its music is brought between, by the least change.
        says: for whom, in a few words.
    """

    arrangement: str
    slowest: float
    fastest: float
    says: str

    def tempo(self, tempo: float) -> float:
        """``tempo`` as the occasion wants it."""
        return min(max(tempo, self.slowest), self.fastest)


def occasions() -> dict[str, Occasion]:
    """The occasions there are music for, by name: the rows of ``occasions.toml``."""
    text = files("composer.arrangement").joinpath("occasions.toml").read_text(encoding="utf-8")
    return {name: Occasion(**row) for name, row in tomllib.loads(text).items()}


def at_tempo(score: Score, tempo: float) -> Score:
    """The same music, ``tempo`` quarter notes a minute."""
    return replace(score, tempo=torch.full_like(score.tempo, tempo))


def rearranged(
    path: Path,
    instruments: str | None,
    occasion: str | None,
    *,
    title: str,
    seed: int,
    humanize: bool,
    output: Path,
    formats: Sequence[str],
    soundfont: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """The piece in a file set for other instruments, or for an occasion; no agent writes anything.

    Args:
        path: the file.
        instruments: an arrangement's name or file; the occasion's where there is none.
        occasion: its name; a piece's tempo is brought into the range of its music.
        title: of the piece.
        seed: of what an arrangement draws by lot.
        humanize: whether notes lie off the grid a little.
        output: the folder.
        formats: of the files.
        soundfont: to render with.
        progress: as :func:`flows.composing.write_works`.

    Raises:
        TriadError: if the file holds no piece, there is no such occasion or arrangement, or nothing can be written.
    """
    source = read_source(path)
    score = source.score
    if occasion is not None:
        known = occasions()
        if occasion not in known:
            raise FlowError(f"unknown occasion {occasion!r}: choose one of {', '.join(known)}")
        score = at_tempo(score, known[occasion].tempo(float(score.tempo[0])))
        instruments = instruments or known[occasion].arrangement
    assert instruments is not None
    asked = {"occasion": occasion, "seed": seed, "humanize": humanize, "title": title}
    request = {"command": "arrange", **source.facts, **asked}
    arranged = rearrangement(score, instruments, request)
    facts = {"triad": triad_version(), "arrangement": instruments, "request": request, "number": 1}
    works = [Work("arrange-1", score, arranged, facts)]
    return write_works(works, output, count=1, formats=formats, soundfont=soundfont, progress=progress)


def rearrangement(score: Score, instruments: str, request: Mapping[str, Any]) -> Arrangement:
    """A piece set for other instruments, as its request says."""
    return arrange(
        score,
        0,
        style=load_style(instruments),
        seed=request["seed"],
        humanize=request["humanize"],
        title=request["title"],
    )
