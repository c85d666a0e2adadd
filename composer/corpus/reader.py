"""A folder of MIDI files to a corpus: every file is read or named with the reason why not."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from composer.corpus.errors import CorpusError, Unusable
from composer.corpus.midi import MAX_BYTES
from composer.corpus.piece import READER_VERSION, Piece, PieceMeta, read_piece
from composer.corpus.store import Corpus, load_with_header, meta_from_json, score_of

SUFFIXES = frozenset({".mid", ".midi", ".smf", ".kar"})
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file that gave no piece: its ``reason``, the same words for all such files, and the ``detail``."""

    file: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class CorpusReport:
    """What became of every file of a folder, in the order of their names."""

    used: tuple[PieceMeta, ...]
    dropped: tuple[Dropped, ...]

    @property
    def reasons(self) -> dict[str, int]:
        """How many files were dropped for each reason, the most frequent first."""
        return dict(Counter(drop.reason for drop in self.dropped).most_common())

    def to_json(self) -> dict[str, object]:
        """A JSON object; :meth:`from_json` reads it back."""
        return {
            "used": [piece.to_json() for piece in self.used],
            "dropped": [asdict(drop) for drop in self.dropped],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CorpusReport:
        """The report a JSON object describes."""
        used = tuple(meta_from_json(entry) for entry in data["used"])
        return cls(used, tuple(Dropped(**entry) for entry in data["dropped"]))

    def summary(self) -> list[str]:
        """A few lines for a reader in a hurry: counts of files, metres, modes, harmony and reasons."""
        count = len(self.used)
        lines = [f"{count} of {count + len(self.dropped)} files used, {sum(piece.bars for piece in self.used)} bars"]
        for title, values in (
            ("metre", [piece.meter for piece in self.used]),
            ("mode", [piece.key.split()[1] for piece in self.used]),
            ("harmony", [piece.harmony for piece in self.used]),
        ):
            counts = ", ".join(f"{name} {number}" for name, number in Counter(values).most_common())
            lines.append(f"{title}: {counts}")
        lines += [f"dropped {number}: {reason}" for reason, number in self.reasons.items()]
        return lines

    def lines(self) -> list[str]:
        """A line for every file, then :meth:`summary`."""
        used = [
            f"{piece.file}: {piece.key}, {piece.meter}, {piece.tempo:g} a minute, {piece.bars} bars, "
            f"melody '{piece.melody}', harmony {piece.harmony}"
            + (f" from {', '.join(repr(track) for track in piece.harmony_tracks)}" if piece.harmony_tracks else "")
            + "".join(f"; {note}" for note in piece.notes)
            for piece in self.used
        ]
        dropped = [f"{drop.file}: dropped, {drop.reason}: {drop.detail}" for drop in self.dropped]
        return used + dropped + self.summary()


def read_corpus(folder: Path, *, progress: Progress | None = None, workers: int = 1) -> tuple[Corpus, CorpusReport]:
    """Read every MIDI file in ``folder`` and the folders below it.

    Args:
        folder: where the files are.
        progress: called with the number of files done and their total.
        workers: processes to read with; the result does not depend on it.

    Raises:
        CorpusError: if there is no such folder, no MIDI file in it, or none that can be used.
    """
    files = midi_files(folder)
    outcomes: list[Piece | Dropped] = []
    for outcome in _read_all(folder, files, workers):
        outcomes.append(outcome)
        if progress is not None:
            progress(len(outcomes), len(files))
    pieces = [outcome for outcome in outcomes if isinstance(outcome, Piece)]
    dropped = tuple(outcome for outcome in outcomes if isinstance(outcome, Dropped))
    report = CorpusReport(tuple(piece.meta for piece in pieces), dropped)
    if not pieces:
        reasons = ", ".join(f"{reason} ({number})" for reason, number in report.reasons.items())
        raise CorpusError(
            f"{folder}: none of {len(files)} MIDI files can be used: {reasons}; the first is "
            f"{dropped[0].file}: {dropped[0].detail}. Add files with a melody of at least 4 bars on a beat grid"
        )
    return Corpus.of(score_of(pieces), report.used), report


def cached_corpus(
    folder: Path, cache: Path, *, progress: Progress | None = None, workers: int = 1
) -> tuple[Corpus, CorpusReport, Path]:
    """As :func:`read_corpus`, but read only what was not read before.

    Args:
        folder: where the MIDI files are.
        cache: folder of the corpus files, made if missing. A file is named by the digest of all the MIDI files and
            the reader's version; a damaged one is made anew.
        progress: called with the number of files done and their total.
        workers: processes to read with.

    Returns:
        the corpus, the report of its reading and the corpus file.
    """
    files = midi_files(folder)
    path = cache / f"corpus-{source_digest(folder, files)}.safetensors"
    if path.exists():
        try:
            corpus, header = load_with_header(path)
            return corpus, CorpusReport.from_json(header["report"]), path
        except (CorpusError, KeyError, TypeError):
            path.unlink()
    corpus, report = read_corpus(folder, progress=progress, workers=workers)
    corpus.save(path, extra={"report": report.to_json()})
    return corpus, report, path


def midi_files(folder: Path) -> list[Path]:
    """The MIDI files in ``folder`` and below it, ordered by name; hidden files are none.

    Raises:
        CorpusError: if there is no such folder or no MIDI file in it.
    """
    if not folder.exists():
        raise CorpusError(f"{folder}: no such folder; name a folder of MIDI files (.mid)")
    if not folder.is_dir():
        raise CorpusError(f"{folder}: not a folder; name the folder the MIDI file is in")
    files = sorted(
        (
            path
            for path in folder.rglob("*")
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
        ),
        key=lambda path: path.relative_to(folder).as_posix(),
    )
    if not files:
        raise CorpusError(f"{folder}: no MIDI file in it or below; put .mid files there")
    return files


def source_digest(folder: Path, files: Sequence[Path]) -> str:
    """Sixteen hexadecimal digits that name the files' names and contents and the reader's version."""
    state = hashlib.sha256(f"reader {READER_VERSION}".encode())
    for path in files:
        state.update(b"\0" + path.relative_to(folder).as_posix().encode() + b"\0")
        state.update(hashlib.sha256(_bytes(path)).digest())
    return state.hexdigest()[:16]


def _read_all(folder: Path, files: Sequence[Path], workers: int) -> Iterator[Piece | Dropped]:
    """The outcome of every file, in order."""
    names = [path.relative_to(folder).as_posix() for path in files]
    if workers <= 1 or len(files) < 2 * workers:
        yield from map(_read_one, files, names)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(files)), mp_context=context) as pool:
        yield from pool.map(_read_one, files, names, chunksize=8)


def _read_one(path: Path, name: str) -> Piece | Dropped:
    try:
        return read_piece(_bytes(path), name)
    except Unusable as verdict:
        return Dropped(name, verdict.reason, verdict.detail)
    except OSError as error:
        return Dropped(name, "cannot be opened", error.strerror or type(error).__name__)


def _bytes(path: Path) -> bytes:
    """The file's content, cut just beyond the size that is refused."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
