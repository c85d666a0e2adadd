"""A model by the name a user gives it: a folder, or a URI of the tracking store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flows.home import Home, is_uri, model_folder

if TYPE_CHECKING:
    from flows.composing import Model


@contextmanager
def opened(model: str | None, home: Home, source: str | None = None) -> Iterator[Model]:
    """The model a MODEL argument names, for as long as the block lasts; None stands for no model.

    Torch is loaded here, and MLflow only where the model is in its store.

    Args:
        model: its folder or URI.
        home: whose store it is in, if it is in one.
        source: what it is called where a piece says who wrote it, if not by ``model``.

    Raises:
        TriadError: if there is no such model, or it is damaged or of another version.
    """
    from flows.composing import Model

    if model is None:
        yield Model.none()
    elif is_uri(model):
        from flows.registry import fetched

        with fetched(model, home) as folder:
            yield Model.load(folder, source or model)
    else:
        yield Model.load(model_folder(model), source)
