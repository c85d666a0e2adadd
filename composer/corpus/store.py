"""A corpus as one file: scores, names and where each piece came from.

The file is a safetensors file whose header holds a JSON object. It carries its own digest, so that a model can name
the music it learned from, and a damaged file is noticed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from composer.corpus.errors import CorpusError
from composer.corpus.piece import READER_VERSION, Piece, PieceMeta
from composer.score import Score, concatenate, from_melody, unplanned
from composer.theory import METER_INDEX

FORMAT = "triad-corpus"
FORMAT_VERSION = 2
_PHRASE_BARS = (8, 4)
_DIGITS = 16
# A plan follows from the music and is found anew (composer.form), so a corpus holds none.
_STORED = tuple(field.name for field in fields(Score) if field.name != "plan")


@dataclass(frozen=True)
class Corpus:
    """Pieces to learn from.

    Attributes:
        scores: (P,) the pieces, padded to the longest.
        names: (P,) file names in the corpus folder, which are unique.
        digest: sixteen hexadecimal digits that name the content.
        meta: (P,) where each piece came from.
        reader_version: of the reader that made it.
    """

    scores: Score
    names: tuple[str, ...]
    digest: str
    meta: tuple[PieceMeta, ...]
    reader_version: int = READER_VERSION

    @classmethod
    def of(cls, scores: Score, meta: Sequence[PieceMeta]) -> Corpus:
        """The corpus of ``scores`` described by ``meta``; its digest is computed here."""
        if len(scores) != len(meta):
            raise ValueError(f"{len(scores)} scores but {len(meta)} descriptions")
        # So that equal pieces have equal digests.
        scores = scores.trimmed()
        names = tuple(piece.file for piece in meta)
        return cls(scores, names, _digest(scores, names), tuple(meta))

    def __len__(self) -> int:
        """Number of pieces."""
        return len(self.names)

    def select(self, rows: Sequence[int]) -> Corpus:
        """The corpus of the pieces at ``rows``, in that order."""
        return Corpus.of(self.scores.select(rows), [self.meta[row] for row in rows])

    def of_meters(self, names: Sequence[str]) -> Corpus:
        """The pieces in one of the metres ``names``, such as ``["4/4"]``.

        Raises:
            CorpusError: if there is none.
        """
        wanted = {METER_INDEX[name] for name in names if name in METER_INDEX}
        rows = [row for row, meter in enumerate(self.scores.meter.tolist()) if meter in wanted]
        if not rows:
            there = ", ".join(sorted({piece.meter for piece in self.meta}))
            raise CorpusError(f"the corpus holds no piece in {', '.join(names)}: it holds {there}")
        return self.select(rows)

    def split(self, held_out: float = 0.1) -> tuple[Corpus, Corpus]:
        """Training pieces and held-out pieces.

        A piece's name decides its side, so it stays where it is when others come or go.

        Args:
            held_out: share to hold out, in 0..1; at least one piece is on each side.

        Raises:
            CorpusError: if there are fewer than two pieces.
        """
        if len(self) < 2:
            raise CorpusError("one piece cannot be both trained on and held out: add MIDI files to the corpus")
        ranks = [_rank(name) for name in self.names]
        out = {row for row, rank in enumerate(ranks) if rank < held_out}
        order = sorted(range(len(self)), key=lambda row: ranks[row])
        out = out or {order[0]}
        out = out if len(out) < len(self) else set(order[:-1])
        rows = range(len(self))
        return self.select([row for row in rows if row not in out]), self.select([row for row in rows if row in out])

    def excerpts(self, bars: int) -> Score:
        """Excerpts of ``bars`` bars that do not overlap and begin where phrases do, every 8 (or 4) bars.

        Bars are counted from the first full one, so a pickup before it is left out. An excerpt is left out if the
        melody is silent in more than half of its bars; a piece, if it is too short.

        Raises:
            CorpusError: if no piece gives an excerpt.
        """
        rows, starts = self._excerpt_places(bars)
        return self.scores.select(rows).excerpt(torch.tensor(starts), bars)

    def excerpt_rows(self, bars: int) -> Tensor:
        """(E,) int64: the piece that each of :meth:`excerpts` was cut from. Raises as that does."""
        return torch.tensor(self._excerpt_places(bars)[0])

    def _excerpt_places(self, bars: int) -> tuple[list[int], list[int]]:
        """The piece and the first bar of every excerpt."""
        unit = next((unit for unit in _PHRASE_BARS if bars % unit == 0), bars)
        played, pickup = self._bars_with_onset(), self._begins_with_pickup()
        rows: list[int] = []
        starts: list[int] = []
        for row, length in enumerate(self.scores.bars.tolist()):
            start = int(pickup[row]) if length > bars else 0
            while start + bars <= length:
                if 2 * int(played[row, start : start + bars].sum()) >= bars:
                    rows.append(row)
                    starts.append(start)
                    start += bars
                else:
                    start += unit
        if not rows:
            raise CorpusError(
                f"no piece of the corpus is {bars} bars long: ask for shorter pieces or add longer MIDI files"
            )
        return rows, starts

    def _bars_with_onset(self) -> Tensor:
        """(P, bars) bool: bars in which the melody strikes a note."""
        scores = self.scores
        onset = scores.onset()
        bar = torch.arange(onset.shape[1]) // scores.bar_steps[:, None]
        counts = torch.zeros(len(scores), int(scores.bars.max()) + int(bar.max()) + 1, dtype=torch.int64)
        return counts.scatter_add_(1, bar, onset.long()) > 0

    def _begins_with_pickup(self) -> Tensor:
        """(P,) bool: the melody enters in the second half of the first bar."""
        first = self.scores.onset().long().argmax(1)
        return (2 * first >= self.scores.bar_steps) & (first < self.scores.bar_steps)

    def save(self, path: Path, *, extra: dict[str, object] | None = None) -> None:
        """Write the corpus to ``path`` (a ``.safetensors`` file), whole or not at all.

        Args:
            path: the file; its folder is made if it does not exist.
            extra: further JSON members for the header, such as the report of the reading.
        """
        header = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "reader_version": self.reader_version,
            "digest": self.digest,
            "meta": [piece.to_json() for piece in self.meta],
            **(extra or {}),
        }
        tensors = {name: getattr(self.scores, name).contiguous() for name in _STORED}
        data = safetensors.torch.save(tensors, {"triad": json.dumps(header, sort_keys=True)})
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> Corpus:
        """Read a corpus that :meth:`save` wrote.

        Raises:
            CorpusError: if the file is missing, damaged, of another version or no corpus.
        """
        return load_with_header(path)[0]


def load_with_header(path: Path) -> tuple[Corpus, dict[str, Any]]:
    """The corpus at ``path`` and the JSON object of its header. Raises as :meth:`Corpus.load`."""
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {}).get("triad", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except FileNotFoundError:
        raise CorpusError(f"{path}: no such corpus file; make it with 'triad corpus DIR -o {path}'") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise CorpusError(f"{path}: not a corpus file ({error}); make it with 'triad corpus DIR'") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise CorpusError(f"{path}: not a corpus file; make one with 'triad corpus DIR'")
    if header.get("format_version") != FORMAT_VERSION:
        raise CorpusError(
            f"{path}: corpus format {header.get('format_version')}, this Triad reads {FORMAT_VERSION}; "
            "read the folder again with 'triad corpus DIR'"
        )
    try:
        scores = Score(**tensors, plan=unplanned(len(tensors["bars"]), int(tensors["bars"].max())))
        meta = tuple(meta_from_json(entry) for entry in header["meta"])
        names = tuple(piece.file for piece in meta)
        corpus = Corpus(scores, names, str(header["digest"]), meta, int(header["reader_version"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CorpusError(
            f"{path}: damaged header ({error}); read the folder again with 'triad corpus DIR'"
        ) from None
    if _digest(scores, names) != corpus.digest:
        raise CorpusError(
            f"{path}: the content does not match its digest; read the folder again with 'triad corpus DIR'"
        )
    return corpus, header


def score_of(pieces: Sequence[Piece]) -> Score:
    """One batch of all ``pieces``, padded to the longest."""
    return concatenate([_score(piece) for piece in pieces])


def _score(piece: Piece) -> Score:
    return from_melody(
        torch.from_numpy(piece.events)[None],
        torch.from_numpy(piece.chords)[None],
        meter=torch.tensor([piece.meter]),
        mode=torch.tensor([piece.key.mode]),
        bars=torch.tensor([piece.meta.bars]),
        tonic=torch.tensor([piece.key.tonic]),
        tempo=torch.tensor([piece.meta.tempo]),
        groove=torch.from_numpy(piece.groove)[None],
    )


def meta_from_json(entry: dict[str, Any]) -> PieceMeta:
    """The description a JSON object holds; a KeyError or TypeError if it is none."""
    return PieceMeta(**{**entry, "harmony_tracks": tuple(entry["harmony_tracks"]), "notes": tuple(entry["notes"])})


def _digest(scores: Score, names: Sequence[str]) -> str:
    state = hashlib.sha256(json.dumps([FORMAT_VERSION, list(names)]).encode())
    for name in _STORED:
        tensor = getattr(scores, name)
        state.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
        state.update(tensor.contiguous().numpy().tobytes())
    return state.hexdigest()[:_DIGITS]


def _rank(name: str) -> float:
    """A number in 0..1 that only the name decides."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6]) / 2**48
