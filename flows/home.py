"""Where Triad keeps its state on this machine, and how a model is found there. Standard library only.

=================  ==========================================================
``mlflow.db``      the tracking store, unless ``MLFLOW_TRACKING_URI`` names one
``artifacts/``     what the runs of that store carry
``corpora/``       corpora as read, named by their content
``models/``        one folder for each training run: checkpoint and model
``elsewhere/``     a note for each model finished outside ``models/``: the path of its folder
``prefect/``       the orchestrator's own database, unless ``PREFECT_HOME`` names it
=================  ==========================================================
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.errors import FlowError
from flows.files import write_text

VARIABLE = "TRIAD_HOME"
MODEL_FILE = "model.json"


@dataclass(frozen=True, slots=True)
class Home:
    """Triad's folder on this machine; nothing is made before it is needed."""

    root: Path

    @classmethod
    def here(cls) -> Home:
        """The folder ``TRIAD_HOME`` names, else ``~/.triad``."""
        return cls(Path(os.environ.get(VARIABLE) or "~/.triad").expanduser().absolute())

    @property
    def tracking_uri(self) -> str:
        """Of the MLflow store: ``MLFLOW_TRACKING_URI``, else a SQLite file in this folder."""
        return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.root / 'mlflow.db'}"

    @property
    def artifacts(self) -> Path:
        """Where runs of the SQLite store keep their files."""
        return self.root / "artifacts"

    @property
    def corpora(self) -> Path:
        """Where corpora are cached."""
        return self.root / "corpora"

    @property
    def models(self) -> Path:
        """Where training runs live that were given no folder of their own."""
        return self.root / "models"

    @property
    def prefect(self) -> Path:
        """Where the orchestrator keeps its database and settings."""
        return self.root / "prefect"

    @property
    def elsewhere(self) -> Path:
        """Where models are noted that were finished outside :attr:`models`."""
        return self.root / "elsewhere"

    def remember_model(self, folder: Path) -> None:
        """Note a finished model, so that :meth:`finished_models` finds it wherever it lies.

        Raises:
            FlowError: if the note cannot be written.
        """
        place = folder.absolute()
        if not place.is_relative_to(self.models):
            # A note of its own for each folder: trainings that end at once do not write over each other's.
            name = hashlib.sha256(str(place).encode()).hexdigest()[:16]
            write_text(self.elsewhere / name, f"{place}\n")

    def finished_models(self) -> list[Path]:
        """The folders of all models trained here that are still there, the one finished last first."""
        places = {path.parent for path in self.models.glob(f"*/model/{MODEL_FILE}")}
        for note in self.elsewhere.glob("[!.]*"):
            with contextlib.suppress(OSError):
                places.add(Path(note.read_text(encoding="utf-8").strip()))
        found = [place / MODEL_FILE for place in places if (place / MODEL_FILE).is_file()]
        newest_first = sorted(found, key=lambda path: (path.stat().st_mtime_ns, path), reverse=True)
        return [path.parent for path in newest_first]


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; an empty one where there is none, or none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_uri(model: str) -> bool:
    """Whether a MODEL argument names a model of the tracking store rather than a folder."""
    return model.startswith(("models:/", "runs:/"))


def model_folder(model: str | os.PathLike[str]) -> Path:
    """The folder that holds ``model.json``: ``model`` itself or the one a training run left in it.

    Raises:
        FlowError: if there is none.
    """
    folder = Path(model).expanduser()
    for place in (folder, folder / "model"):
        if (place / MODEL_FILE).is_file():
            return place
    if not folder.exists():
        raise FlowError(
            f"{folder}: no such folder; name a model's folder or an MLflow URI such as models:/NAME@champion"
        )
    raise FlowError(f"{folder} holds no model (no {MODEL_FILE} in it): name the folder that 'triad train' wrote")
