"""Where Triad keeps its state on this machine, and how a model is found there. Standard library only.

=================  ==========================================================
``mlflow.db``      the tracking store, unless ``MLFLOW_TRACKING_URI`` names one
``artifacts/``     what the runs of that store carry
``corpora/``       corpora as read, named by their content
``models/``        one folder for each training run: checkpoint and model
``newest``         where the model lies that was finished last outside ``models/``
``prefect/``       the orchestrator's own database, unless ``PREFECT_HOME`` names it
=================  ==========================================================
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

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

    def remember_model(self, folder: Path) -> None:
        """Note a model that was finished outside this folder, so that :meth:`newest_model` finds it.

        Raises:
            FlowError: if the note cannot be written.
        """
        write_text(self.root / "newest", f"{folder.absolute()}\n")

    def newest_model(self) -> Path:
        """The folder of the model that was finished last.

        Raises:
            FlowError: if nothing was trained here yet.
        """
        places = [path.parent for path in self.models.glob(f"*/model/{MODEL_FILE}")]
        with contextlib.suppress(OSError):
            places.append(Path((self.root / "newest").read_text(encoding="utf-8").strip()))
        found = [place / MODEL_FILE for place in places if (place / MODEL_FILE).is_file()]
        if not found:
            raise FlowError(
                f"no model yet in {self.models}: run 'triad train' or 'triad pipeline' first, name a model's folder, "
                "or compose with --policy random, which needs none"
            )
        return max(found, key=lambda path: (path.stat().st_mtime_ns, path)).parent


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
