"""The composer as MLflow serves it: models-from-code, so that loading it runs this file and unpickles nothing.

MLflow copies this file into every model it registers; the agents lie beside it as safetensors and JSON.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from flows.composing import Model
from flows.requests import Request
from flows.serving import Piece, answer


class Composer(PythonModel):
    """Three agents behind one ``predict``."""

    def load_context(self, context: Any) -> None:
        """Load the agents from the artifact ``trio``."""
        self.model = Model.load(Path(context.artifacts["trio"]), "served")

    def predict(self, context: Any, model_input: list[Request], params: dict[str, Any] | None = None) -> list[Piece]:
        """One piece for each request."""
        return [answer(self.model, request) for request in model_input]


set_model(Composer())
