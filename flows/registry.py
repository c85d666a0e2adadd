"""Trained trios as versions of one registered model, found again by version, alias or run."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
from filelock import FileLock
from mlflow.exceptions import MlflowException
from mlflow.models import Model as MlflowModel

from flows.composing import Model
from flows.errors import FlowError
from flows.home import MODEL_FILE, Home
from flows.tracking import STORE_ERRORS, Run, Tracker

# Aliases: who composes, who would like to, and who composed before, to roll back to.
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
# Tag of a version somebody took the champion's place from: no retraining gives it back.
ROLLED_BACK = "rolled_back"
_ARTIFACT = "trio"
# What the stores answer where an alias or its model does not exist.
_MISSING = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
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


def model_name(style: str) -> str:
    """The registered model that holds a style's versions."""
    return f"triad-{style}"


def register(tracker: Tracker, run: Run, folder: Path, tags: Mapping[str, str], *, crown: bool = True) -> Registered:
    """Log the model in ``folder`` with ``run`` and register it.

    Args:
        tracker: of the store.
        run: the training run.
        folder: of the model.
        tags: of the version, such as the corpus' digest.
        crown: whether it becomes the champion where there is none.
    """
    model = Model.load(folder)
    name = model_name(model.style)
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
    number = str(created.version)
    return Registered(name, number, logged.model_id, crown and _crown(tracker, name, number))


def _crown(tracker: Tracker, name: str, number: str) -> bool:
    """Make a version the champion where there is none; gives whether it is."""
    with _alone(tracker):
        champion = holder(tracker, name, CHAMPION)
        if champion is None:
            tracker.client.set_registered_model_alias(name, CHAMPION, number)
        return champion in (None, number)


def holder(tracker: Tracker, name: str, alias: str) -> str | None:
    """The number of the version that holds an alias; None where nobody does."""
    try:
        return str(tracker.client.get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        # A store that cannot be reached is no store without a champion.
        if error.error_code in _MISSING:
            return None
        raise


def challenge(tracker: Tracker, name: str, number: str) -> None:
    """Make a version the challenger."""
    tracker.client.set_registered_model_alias(name, CHALLENGER, number)


def promote(tracker: Tracker, name: str, number: str, *, instead_of: str | None) -> None:
    """Make a version the champion and its predecessor the one to roll back to.

    Args:
        tracker: of the store.
        name: of the registered model.
        number: of the version.
        instead_of: the champion it was compared with; None where there was none.

    Raises:
        FlowError: if somebody else is the champion by now: the comparison says nothing about that one.
    """
    with _alone(tracker):
        champion = holder(tracker, name, CHAMPION)
        if champion == number:
            return
        if champion != instead_of:
            raise FlowError(
                f"{name} version {champion} became the champion while version {number} was compared with "
                f"{instead_of}: run the retraining again"
            )
        # In this order a kill in between leaves a champion at every moment.
        if champion is not None:
            tracker.client.set_registered_model_alias(name, PREVIOUS, champion)
        tracker.client.set_registered_model_alias(name, CHAMPION, number)


def rollback(tracker: Tracker, name: str) -> tuple[str, str]:
    """Give the place back to the champion before; a second rollback undoes the first.

    Returns:
        the version that was the champion and the one that is now.

    Raises:
        FlowError: if there is no such model, or nobody was the champion before.
    """
    with _alone(tracker):
        champion, previous = (holder(tracker, name, alias) for alias in (CHAMPION, PREVIOUS))
        if champion is None or previous is None or champion == previous:
            raise FlowError(
                f"{name} has no former champion to go back to: 'triad models' lists its versions, "
                "and a retraining that promotes makes one"
            )
        tracker.client.set_registered_model_alias(name, CHAMPION, previous)
        tracker.client.set_registered_model_alias(name, PREVIOUS, champion)
        tracker.client.set_model_version_tag(name, champion, ROLLED_BACK, "true")
        if ROLLED_BACK in tracker.client.get_model_version(name, previous).tags:
            tracker.client.delete_model_version_tag(name, previous, ROLLED_BACK)
        return champion, previous


def versions(tracker: Tracker, name: str | None = None) -> list[dict[str, Any]]:
    """Every version of Triad's registered models, the newest first, with its aliases and tags.

    Args:
        tracker: of the store.
        name: of one registered model; all by default.

    Raises:
        FlowError: if there is no model of that name.
    """
    models = [model.name for model in tracker.client.search_registered_models() if model.name.startswith("triad-")]
    if name is not None and name not in models:
        there = ", ".join(models) or "none"
        raise FlowError(f"no registered model {name}: there are {there}; 'triad retrain' makes one")
    found = []
    for model in [name] if name else sorted(models):
        aliases = tracker.client.get_registered_model(model).aliases
        held: dict[str, list[str]] = {}
        for alias, number in aliases.items():
            held.setdefault(str(number), []).append(alias)
        for row in tracker.client.search_model_versions(f"name='{model}'"):
            number = str(row.version)
            found.append(
                {
                    "name": model,
                    "version": number,
                    "aliases": sorted(held.get(number, [])),
                    "created": int(row.creation_timestamp),
                    "run_id": row.run_id,
                    "tags": dict(row.tags),
                }
            )
    return sorted(found, key=lambda told: (told["name"], -int(told["version"])))


def _alone(tracker: Tracker) -> FileLock:
    """One promotion at a time: aliases know no compare-and-set."""
    return FileLock(tracker.home.root / "registry.lock")


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
