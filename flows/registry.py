"""Trained trios as versions of one registered model, found again by version, alias or run."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import mlflow
from filelock import FileLock
from mlflow.exceptions import MlflowException
from mlflow.models import Model as MlflowModel

from flows.composing import Model
from flows.errors import FlowError
from flows.home import MODEL_FILE, Home
from flows.tracking import STORE_ERRORS, Run, Tracker

CHAMPION = "champion"
_ARTIFACT = "trio"
_CODE = Path(__file__).with_name("serving_model.py")
_EXAMPLE = [
    {"key": "D minor", "meter": "4/4", "bars": 8, "form": "AA'", "tempo": 96.0, "seed": 1, "policy": "agents"}
]


@dataclass(frozen=True, slots=True)
class Registered:
    """A version of a registered model.

    Attributes:
        name: of the registered model, ``triad-<style>``.
        version: its number.
        model_id: of the logged model behind it.
        champion: whether it is the one to compose with.
    """

    name: str
    version: str
    model_id: str
    champion: bool

    @property
    def uri(self) -> str:
        """How to load it."""
        return f"models:/{self.name}/{self.version}"


def register(tracker: Tracker, run: Run, folder: Path, tags: Mapping[str, str]) -> Registered:
    """Log the model in ``folder`` with ``run`` and register it; the first version becomes the champion.

    Args:
        tracker: of the store.
        run: the training run.
        folder: of the model.
        tags: of the version, such as the corpus' digest.
    """
    model = Model.load(folder)
    name = f"triad-{model.style}"
    client = tracker.client
    logged = client.create_logged_model(
        tracker.experiment_id,
        name=name,
        source_run_id=run.run_id,
        model_type="composer",
        params={"digest": model.digest},
    )
    with _quiet():
        info = MlflowModel.log(
            artifact_path=None,
            flavor=mlflow.pyfunc,
            name=name,
            run_id=run.run_id,
            model_id=logged.model_id,
            python_model=str(_CODE),
            artifacts={_ARTIFACT: str(folder)},
            pip_requirements=[f"{package}=={version(package)}" for package in ("triad-composer", "mlflow", "torch")],
            input_example=_EXAMPLE,
            step=int(model.provenance.get("iterations", 0)),
        )
    with contextlib.suppress(MlflowException):  # it exists already
        client.create_registered_model(
            name, description="Three agents that write one score: chords, rhythm and melody."
        )
    created = client.create_model_version(
        name, info.model_uri, run.run_id, tags={**tags, "digest": model.digest}, model_id=logged.model_id
    )
    return Registered(name, str(created.version), logged.model_id, _crown(tracker, name, str(created.version)))


def _crown(tracker: Tracker, name: str, number: str) -> bool:
    """Make a version the champion where there is none: aliases know no compare-and-set, so one process at a time."""
    with FileLock(tracker.home.root / "registry.lock"):
        try:
            return str(tracker.client.get_model_version_by_alias(name, CHAMPION).version) == number
        except MlflowException:
            tracker.client.set_registered_model_alias(name, CHAMPION, number)
            return True


@contextlib.contextmanager
def fetched(uri: str, home: Home) -> Iterator[Path]:
    """The folder of a model of the store, copied here for as long as the block lasts.

    Args:
        uri: such as ``models:/triad-folk@champion``, ``models:/triad-fiddle/2`` or ``runs:/<id>/triad-folk``.
        home: whose store it is in.

    Raises:
        FlowError: if the store has no such model, or it is none of Triad's.
    """
    Tracker(home)
    with tempfile.TemporaryDirectory(prefix="triad-") as folder:
        try:
            local = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder))
        except STORE_ERRORS as error:
            reason = str(error).strip().splitlines()[0]
            raise FlowError(
                f"{uri} cannot be had from {home.tracking_uri} ({reason}): see 'triad ui' for its models"
            ) from None
        found = next(iter(sorted(local.rglob(MODEL_FILE))), None)
        if found is None:
            raise FlowError(f"{uri} is no composer of Triad: it holds no {MODEL_FILE}")
        yield found.parent


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hush what MLflow warns of while it looks at type hints."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield
