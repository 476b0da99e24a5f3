"""Transfer of weights from a trained network to layers of the same name and shape.

A network can be trained on a large set of rough labels first, and then on a small set of good ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gz2interp.errors import InputError, choices
from gz2interp.network.loading import load_network
from gz2interp.stores.locations import surveys_folder
from gz2interp.stores.survey import Survey
from trainer.networks.transfer import imagenet_backbone

__all__ = ["IMAGENET", "load_imagenet_weights", "start_file", "transfer_weights"]

IMAGENET = "imagenet"
"""The start with weights pretrained on ImageNet."""


def start_file(survey: Survey, start: str) -> Path:
    """File of the network given by ``start`` in a config.

    Parameters
    ----------
    survey : Survey
        Survey of the training.
    start : str
        A ``.keras`` file, a model's folder, a model of the same survey, or ``SURVEY/MODEL`` in the surveys' folder.

    Raises
    ------
    InputError
        There is none.
    """
    path = Path(start).expanduser()
    candidates = [path, survey.path / "models" / start]
    if len(path.parts) == 2:
        candidates.append(surveys_folder() / path.parts[0] / "models" / path.parts[1])
    for candidate in candidates:
        file = candidate / "model.keras" if candidate.is_dir() else candidate
        if file.is_file():
            return file
    raise InputError(
        f"start = {start!r} was given, and there is no such network",
        f"A .keras file, a model's folder, or a model of {survey.name}: {choices(survey.models())}",
    )


def transfer_weights(model: Any, file: Path) -> tuple[str, ...]:
    """Transfer weights from the trained network in a file, where names and shapes of layers agree.

    Parameters
    ----------
    model : keras.Model
        Changed in place.

    Returns
    -------
    tuple of str
        Layers that keep their initial weights.

    Raises
    ------
    InputError
        The first layer differs: the network has another architecture or other bands.
    """
    left = _transfer(model, load_network(file))
    first = next((layer.name for layer in model.layers if layer.get_weights()), "")
    if first in left:
        raise InputError(
            f"start = {file} was given, but the network to be trained is made of other layers ({choices(left)})",
            "A network of the same kind, for as many bands",
            "The same network = ... in both configs",
        )
    return left


def load_imagenet_weights(model: Any) -> tuple[str, ...]:
    """Load ImageNet weights into the backbone of the network ``transfer``; returns the other layers.

    Raises
    ------
    InputError
        It is another network, or the weights are not available.
    """
    if model.name != "transfer":
        raise InputError(
            f'start = "{IMAGENET}" was given with network = "{model.name}"',
            'network = "transfer", which has a pretrained backbone',
        )
    return _transfer(model, imagenet_backbone())


def _transfer(model: Any, trained: Any) -> tuple[str, ...]:
    sources = {layer.name: layer.get_weights() for layer in trained.layers}
    left = []
    for layer in model.layers:
        initial, weights = layer.get_weights(), sources.get(layer.name, [])
        if initial and [part.shape for part in weights] == [part.shape for part in initial]:
            layer.set_weights(weights)
        elif initial:
            left.append(layer.name)
    return tuple(left)
