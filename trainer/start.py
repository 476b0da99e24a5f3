"""Begin with what another network has learnt: layers of the same name and shape take its weights.

So one can learn a question with many rough answers first, and then one with few good ones.
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
"""The start that is no network of a survey: weights learnt from photographs."""


def start_file(survey: Survey, start: str) -> Path:
    """The network's file that a config's ``start`` names.

    Parameters
    ----------
    survey : Survey
        The one to be learnt from.
    start : str
        A ``.keras`` file, a model's folder, a model of the same survey, or ``SURVEY/MODEL`` in the surveys' folder.

    Raises
    ------
    InputError
        There is none.
    """
    given = Path(start).expanduser()
    places = [given, survey.path / "models" / start]
    if len(given.parts) == 2:
        places.append(surveys_folder() / given.parts[0] / "models" / given.parts[1])
    for place in places:
        file = place / "model.keras" if place.is_dir() else place
        if file.is_file():
            return file
    raise InputError(
        f"start = {start!r} was given, and there is no such network",
        f"A .keras file, a model's folder, or a model of {survey.name}: {choices(survey.models())}",
    )


def transfer_weights(model: Any, file: Path) -> tuple[str, ...]:
    """Give a fresh network the weights of a trained one, wherever their layers have one name and one shape.

    Parameters
    ----------
    model : keras.Model
        Changed in place.
    file : Path
        Of the trained one.

    Returns
    -------
    tuple of str
        The layers that keep their first weights.

    Raises
    ------
    InputError
        Not even the first layer could be taken over: it is a network of another make, or of other bands.
    """
    left = _take_over(model, load_network(file))
    first = next((layer.name for layer in model.layers if layer.get_weights()), "")
    if first in left:
        raise InputError(
            f"start = {file} was given, but the network to be trained is made of other layers ({choices(left)})",
            "A network of the same kind, for as many bands",
            "The same network = ... in both configs",
        )
    return left


def load_imagenet_weights(model: Any) -> tuple[str, ...]:
    """Give the network ``transfer`` what its backbone learnt from ImageNet; returns the layers that learn afresh.

    Raises
    ------
    InputError
        It is another network, or the weights could not be had.
    """
    if model.name != "transfer":
        raise InputError(
            f'start = "{IMAGENET}" was given with network = "{model.name}"',
            'network = "transfer", whose backbone has been shown photographs',
        )
    return _take_over(model, imagenet_backbone())


def _take_over(model: Any, trained: Any) -> tuple[str, ...]:
    learnt = {layer.name: layer.get_weights() for layer in trained.layers}
    left = []
    for layer in model.layers:
        own, given = layer.get_weights(), learnt.get(layer.name, [])
        if own and [part.shape for part in given] == [part.shape for part in own]:
            layer.set_weights(given)
        elif own:
            left.append(layer.name)
    return tuple(left)
