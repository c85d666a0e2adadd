"""From a request to pieces on disk: composing, arranging, writing and rendering. Knows no Prefect and no MLflow.

Imports torch; the command line loads it only once a request has passed its checks.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor

from agents.originality import limit, longest_copies
from agents.seeding import derive, generator
from agents.trio import Trio
from composer.arrangement import Arrangement, Style, arrange, load_style, louder, with_swing
from composer.environment import Conditions, play, uniform_policy
from composer.environment.settings import make_settings
from composer.export import write_listening_page, write_midi, write_piano_roll
from composer.form import closing_with, granted, granted_by_section
from composer.form.wishes import read_sections, read_wishes
from composer.modal import altered
from composer.modes import key_name, parse_key
from composer.moods import Mood
from composer.notation import lead_sheet, write_lead_sheet, write_pdf, write_svg
from composer.render import render
from composer.score import Score
from composer.score_file import score_to_json
from composer.theory import METERS, parse_meter
from flows.checks import AUDIO, read_dial
from flows.errors import FlowError
from flows.files import unwritable
from flows.home import MODEL_FILE
from flows.rendering import piece_tags
from flows.requests import Request
from flows.revision import triad_version
from flows.styles import FALLBACK_ARRANGEMENT

torch.set_num_threads(1)

Policy = Literal["agents", "prior", "random"]
# How often a piece that quotes is written anew before the least quoting one is taken.
MOST_REDRAWN = 8


@dataclass(frozen=True)
class Model:
    """A loaded model and what names it.

    Attributes:
        trio: the agents; None stands for no model, which can only compose at random.
        digest: twelve hexadecimal digits of its description, which in turn names its tensors.
        source: the folder or URI it came from.
    """

    trio: Trio | None
    digest: str
    source: str

    @classmethod
    def load(cls, folder: Path, source: str | None = None) -> Model:
        """The model in ``folder``.

        Raises:
            CheckpointError: if it is missing, damaged or of another version.
        """
        trio = Trio.load(folder)
        return cls(trio, model_digest(folder), source or str(folder))

    @classmethod
    def none(cls) -> Model:
        """No model: only the vocabulary that comes with Triad."""
        return cls(None, "none", "Triad's own vocabulary")

    @property
    def provenance(self) -> dict[str, Any]:
        """What was written down about its training."""
        return dict(self.trio.provenance) if self.trio else {}

    @property
    def style(self) -> str:
        """The name of the music it learned."""
        return str(self.provenance.get("style", "random"))

    @property
    def arrangement(self) -> str:
        """How its pieces are arranged unless asked otherwise."""
        return str(self.provenance.get("arrangement", FALLBACK_ARRANGEMENT))

    def compose(self, request: Request, number: int = 1) -> tuple[Score, dict[str, Any]]:
        """Piece ``number`` (from 1) of a request, and the request with every field filled in.

        Every piece has its own seed, so piece 3 is the same whether three or thirty are asked for.

        Raises:
            TriadError: if this model cannot write such a piece.
        """
        vocabulary = self.trio.vocabulary if self.trio else make_settings().vocabulary
        typical = dict(self.provenance.get("typical", {}))
        typical.setdefault("meter", METERS[min(vocabulary.meters())].name)
        asked = request.filled(typical)
        key, modality = parse_key(asked["key"])
        asked["key"] = key_name(key, modality)
        conditions = Conditions.uniform(
            1,
            meter=parse_meter(asked["meter"]),
            mode=key.mode,
            bars=asked["bars"],
            tonic=key.tonic,
            tempo=asked["tempo"],
        )
        seed = derive(asked["seed"], "piece", str(number))
        if self.trio is not None:
            conditions = self.trio.plan(conditions, seed=seed, form=asked["form"])
            conditions = replace(conditions, plan=wished(conditions.plan[0], asked)[None])
            policy = cast(Policy, asked["policy"])
            score = self._original(conditions, policy, seed, asked["dial"] or "1")
            return (score if modality is None else altered(score, modality)), asked
        if asked["policy"] != "random":
            raise FlowError(f"policy {asked['policy']} needs a model: run 'triad train', or take --policy random")
        if asked["form"] is not None:
            raise FlowError(
                f"form {asked['form']}: plans come from the music of a model, and there is none; name one"
            )
        with torch.inference_mode():
            score, _ = play(vocabulary, conditions, uniform_policy(generator(seed, "random")))
        return (score if modality is None else altered(score, modality)), asked

    def _original(self, conditions: Conditions, policy: Policy, seed: int, dial: str) -> Score:
        """A piece that quotes no long run of notes of the music that was learned from, where one can be had."""
        assert self.trio is not None
        found: list[Score] = []
        for again in range(MOST_REDRAWN):
            own = seed if again == 0 else derive(seed, "again", str(again))
            score = self.trio.compose(conditions, policy=policy, seed=own, dial=read_dial(dial))
            if int(longest_copies(self.trio, score)[0]) <= limit(self.trio):
                return score
            found.append(score)
        trio = self.trio
        return min(found, key=lambda score: int(longest_copies(trio, score)[0]))


def copied(model: Model, score: Score) -> dict[str, int]:
    """The longest run of notes one piece shares with the music its model learned from, and how long one may be."""
    if model.trio is None:
        return {}
    return {"longest_run": int(longest_copies(model.trio, score)[0]), "limit": limit(model.trio)}


def wished(plan: Tensor, asked: Mapping[str, Any]) -> Tensor:
    """A piece's plan with everything laid over it that a request wishes for; what is said in more detail wins."""
    if asked["mood"] is not None:
        plan = granted(plan, Mood.parse(asked["mood"]).wishes())
    plan = granted(plan, read_wishes(asked["wishes"] or ""))
    plan = granted_by_section(plan, read_sections(asked["sections"] or ""))
    return plan if asked["ending"] is None else closing_with(plan, asked["ending"])


def compose_and_arrange(
    model: Model, request: Request, number: int = 1, *, style: str | Style | None = None
) -> tuple[Score, Arrangement, dict[str, Any]]:
    """Piece ``number`` of a request, the same set for instruments, and the request with every field filled in.

    Args:
        model: who writes.
        request: what.
        number: of the piece, from 1.
        style: of the arrangement; by default as the model's style wants.

    Raises:
        TriadError: if the model cannot write such a piece, or there is no such arrangement.
    """
    score, asked = model.compose(request, number)
    title = f"{model.style.capitalize()} in {asked['key']}, no. {number} of seed {asked['seed']}"
    chosen = load_style(style or model.arrangement) if not isinstance(style, Style) else style
    if asked["swing"] is not None:
        chosen = with_swing(chosen, asked["swing"])
    arrangement = arrange(
        score,
        0,
        style=chosen,
        # Of its own for every piece: those of one seed shall not share their drums.
        seed=derive(asked["seed"], "arrangement", str(number)),
        humanize=asked["humanize"],
        title=title,
    )
    if asked["mood"] is not None:
        arrangement = louder(arrangement, Mood.parse(asked["mood"]).loudness)
    return score, arrangement, asked


def model_digest(folder: Path) -> str:
    """Twelve hexadecimal digits that name the model in ``folder``."""
    return hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest()[:12]


def write_pieces(
    model: Model,
    request: Request,
    output: Path,
    *,
    count: int = 1,
    formats: Sequence[str] = ("mid", "wav"),
    arrangement: str | None = None,
    soundfont: Path | None = None,
    name: str = "piece-{seed}-{number}",
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Compose ``count`` pieces and write them into ``output``: all of them or, where anything fails, none.

    Beside every piece lies a JSON file that says which model, seed and request it came from; the same three give the
    same MIDI file.

    Args:
        model: who writes.
        request: what.
        output: the folder, made if missing.
        count: how many pieces.
        formats: of :data:`flows.checks.FORMATS`.
        arrangement: how they are set: an arrangement's name or TOML file; by default as the model's style wants.
        soundfont: to render with; else the one that is found.
        name: of the files without ending.
        progress: called with the number of pieces done and their total.

    Returns:
        for each piece the content of its JSON file and, under ``files``, its files by format.

    Raises:
        TriadError: if the model cannot write such a piece, or a file cannot be written.
    """
    instruments = arrangement or model.arrangement
    style = load_style(instruments)

    def works() -> Iterator[Work]:
        for number in range(1, count + 1):
            score, arranged, asked = compose_and_arrange(model, request, number, style=style)
            facts = {
                **said_of(model, instruments),
                **{"request": asked, "number": number, "originality": copied(model, score)},
            }
            yield Work(name.format(seed=asked["seed"], number=number), score, arranged, facts)

    return write_works(works(), output, count=count, formats=formats, soundfont=soundfont, progress=progress)


@dataclass(frozen=True, slots=True)
class Work:
    """A finished piece to be written down.

    Attributes:
        name: of its files, without ending.
        score: one piece.
        arrangement: the same set for instruments.
        facts: a JSON object of what is known of it.
    """

    name: str
    score: Score
    arrangement: Arrangement
    facts: Mapping[str, Any]


def write_works(
    works: Iterable[Work],
    output: Path,
    *,
    count: int,
    formats: Sequence[str],
    soundfont: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Write pieces into ``output``, each with a JSON file beside it that holds its facts and its score.

    All are written or, where anything fails, none.

    Args:
        works: the pieces, made as they are asked for.
        output: the folder, made if missing.
        count: how many there will be at most.
        formats: of :data:`flows.checks.FORMATS`.
        soundfont: to render with; else the one that is found.
        progress: called with the number of pieces done and their total.

    Returns:
        for each piece the content of its JSON file and, under ``files``, its files by format.

    Raises:
        TriadError: if a file cannot be written.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".triad-", dir=output) as workshop:
            pieces = []
            for number, work in enumerate(works, start=1):
                piece = {
                    **work.facts,
                    **_write(work, Path(workshop) / work.name, formats, soundfont),
                    "score": score_to_json(work.score),
                }
                text = json.dumps(piece, indent=1) + "\n"
                (Path(workshop) / f"{work.name}.json").write_text(text, encoding="utf-8")
                files = {ending: str(output / f"{work.name}.{ending}") for ending in (*formats, "json")}
                pieces.append({**piece, "files": files})
                if progress is not None:
                    progress(number, count)
            asked_for = (*formats, "json")
            ready = [path for path in sorted(Path(workshop).iterdir()) if path.suffix.lstrip(".") in asked_for]
            # The one thing a file cannot replace; found before the first is moved.
            for path in ready:
                if (output / path.name).is_dir():
                    raise FlowError(f"{output / path.name} is a folder: move it away or choose another with -o")
            for path in ready:
                path.replace(output / path.name)
    except OSError as error:
        raise unwritable(output, error) from None
    return pieces


def said_of(model: Model, instruments: str) -> dict[str, Any]:
    """What is written down beside every piece: who wrote it, and how it is set."""
    return {
        "triad": triad_version(),
        "model": {"digest": model.digest, "source": model.source, **model.provenance},
        "style": model.style,
        "arrangement": instruments,
    }


def made_by(facts: Mapping[str, Any]) -> str:
    """How a piece came about, in a line: what is kept in its MIDI file. The JSON file beside it says all."""
    request = facts["request"]
    writer = f"{facts['style']} model {facts['model']['digest']}" if "model" in facts else "no model"
    return f"Triad {facts['triad']}, {request.get('command', 'compose')} by {writer}, seed {request['seed']}"


def _write(work: Work, stem: Path, formats: Sequence[str], soundfont: Path | None) -> dict[str, Any]:
    """Write one piece in all formats; gives the digests and measures for its JSON file."""
    arrangement = work.arrangement
    tags = piece_tags({**work.facts, "title": arrangement.title, "key": arrangement.key_name})
    midi = stem.with_name(f"{stem.name}.mid")
    write_midi(arrangement, midi, made_by=made_by(work.facts))
    found: dict[str, Any] = {
        "title": arrangement.title,
        "key": arrangement.key_name,
        "tracks": [track.name for track in arrangement.tracks],
        "sections": [
            {"name": section.name, "bars": (section.end - section.start) // arrangement.bar_ticks}
            for section in arrangement.sections
        ],
        "midi_sha256": hashlib.sha256(midi.read_bytes()).hexdigest(),
    }
    sounding = [ending for ending in formats if ending in AUDIO]
    # The page needs a recording even where none is asked for.
    rendered = sounding or (["wav"] if "html" in formats else [])
    if rendered:
        first, *also = paths = [stem.with_name(f"{stem.name}.{ending}") for ending in rendered]
        report = render(midi, first, also=also, soundfont=soundfont, tags=tags)
        kept = {
            field: value
            for field, value in report.to_json().items()
            if field not in ("path", "files", "stems", "midi_sha256")
        }
        found["audio"] = {
            ending: {**kept, "audio_sha256": report.files[str(path)]}
            for ending, path in zip(rendered, paths, strict=True)
        }
    if "musicxml" in formats:
        write_lead_sheet(work.score, stem.with_name(f"{stem.name}.musicxml"), title=arrangement.title)
    if "svg" in formats:
        write_svg(lead_sheet(work.score, title=arrangement.title), stem.with_name(f"{stem.name}.svg"))
    if "pdf" in formats:
        write_pdf(lead_sheet(work.score), stem.with_name(f"{stem.name}.pdf"), title=arrangement.title)
    if "png" in formats:
        write_piano_roll(arrangement, stem.with_name(f"{stem.name}.png"))
    if "html" in formats:
        write_listening_page(
            arrangement, stem.with_name(f"{stem.name}.{rendered[0]}"), stem.with_name(f"{stem.name}.html")
        )
    return found
