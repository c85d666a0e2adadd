"""Where a piece came from, and whether that is true: its request is read back and carried out again."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from agents.improving import improve
from composer.environment import PARTS, Given
from composer.export import write_midi
from composer.score_file import score_from_json, score_to_json
from flows.errors import FlowError
from flows.home import Home
from flows.styles import own_models, shipped_models


def given_to_json(given: Given) -> dict[str, Any]:
    """What was given of one piece as a JSON object; :func:`given_from_json` reads it back."""
    masks = {part: "".join("01"[value] for value in getattr(given, part)[0].tolist()) for part in PARTS}
    return {"score": score_to_json(given.score), **masks}


def given_from_json(data: Mapping[str, Any], where: str) -> Given:
    """What a JSON object says was given.

    Raises:
        TriadError: if it is damaged.
    """
    score = score_from_json(data["score"], where)
    beats = score.chord.shape[1]
    masks = []
    for part in PARTS:
        text = data.get(part)
        if not isinstance(text, str) or len(text) < beats or set(text) - {"0", "1"}:
            raise FlowError(f"{where} does not say for each of {beats} beats whether its {part} was given: damaged")
        masks.append(torch.tensor([[letter == "1" for letter in text[:beats]]]))
    return Given(score, *masks)


def model_of_digest(digest: str, home: Home) -> Path:
    """The folder of the model of that digest, among those that come with Triad and those trained here.

    Raises:
        FlowError: if there is none.
    """
    from flows.composing import model_digest

    for model in (*shipped_models(), *own_models(home)):
        if model_digest(model.folder) == digest:
            return model.folder
    raise FlowError(
        f"no model {digest} comes with Triad or was trained in {home.models}: the piece was written by another one; "
        "name its folder with --model"
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a piece is what it says it is.

    Attributes:
        file: the JSON file that says it.
        same: whether carrying out its request gave the same MIDI file again, byte for byte.
        expected: the SHA-256 of the MIDI file it speaks of.
        found: of the one made now.
        beside: of the MIDI file that lies beside it; None where there is none.
    """

    file: str
    same: bool
    expected: str
    found: str
    beside: str | None


def verify(path: Path, home: Home, model: Path | None = None) -> Verdict:
    """Carry out the request of a piece again.

    Args:
        path: any file of the piece; what it was made from lies beside it in a JSON file of the same name.
        home: where models trained here lie.
        model: the folder of the model that wrote it, where it is neither there nor comes with Triad.

    Raises:
        TriadError: if nothing is known of the piece, its model is not at hand, or its file is damaged.
    """
    said = path.with_suffix(".json")
    try:
        data = json.loads(said.read_text(encoding="utf-8"))
        expected, request = str(data["midi_sha256"]), dict(data["request"])
        number = int(data.get("number", 1))
    except FileNotFoundError:
        raise FlowError(f"nothing is known of {path}: {said}, which says how it was made, is not there") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FlowError(
            f"{said} does not say how a piece was made ({error}): it is damaged or of another kind"
        ) from None
    from flows.composing import made_by

    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "piece.mid"
        arrangement = _made_again(data, request, number, said, home, model)
        write_midi(arrangement, made, made_by=made_by(data))
        found = hashlib.sha256(made.read_bytes()).hexdigest()
    midi = path.with_suffix(".mid")
    beside = hashlib.sha256(midi.read_bytes()).hexdigest() if midi.is_file() else None
    return Verdict(str(said), found == expected and beside in (None, expected), expected, found, beside)


def _made_again(
    data: Mapping[str, Any], request: dict[str, Any], number: int, said: Path, home: Home, model: Path | None
) -> Any:
    """The arrangement that a piece's request asks for."""
    from flows.composing import Model, compose_and_arrange
    from flows.improving import arranged
    from flows.partner import Style, arranged_answer, completed, rearrangement, trio_of
    from flows.requests import Request

    command = request.get("command")
    if command == "arrange":
        return rearrangement(score_from_json(data["score"], str(said)), data["arrangement"], request)
    loaded = Model.load(model or model_of_digest(str(data.get("model", {}).get("digest")), home))
    if command is None:
        _, arrangement, _ = compose_and_arrange(loaded, Request(**request), number, style=data["arrangement"])
        return arrangement
    if command == "improve":
        before = score_from_json(data["original"], str(said))
        return arranged(improve(trio_of(loaded), before, request["changes"]).score, data["arrangement"], request)
    given = given_from_json(data["given"], str(said))
    style = Style.of_request(request, data["arrangement"])
    found = completed(loaded, given, style)
    return arranged_answer(found, number - 1, style, data["arrangement"], request["title"])
