"""Registry of the networks. A new one is a module with a function from scaled pixels to class probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gz2interp.errors import InputError, choices
from gz2interp.network.quiet import keras
from trainer.networks.cnn import cnn
from trainer.networks.d4 import d4
from trainer.networks.original import original
from trainer.networks.resnet import resnet
from trainer.networks.transfer import transfer
from trainer.scaling import scale_pixels

__all__ = ["NETWORKS", "Network", "build_network"]

Network = Callable[[Any, int, float], Any]
"""Maps scaled pixels (n, y, x, band), the number of classes and the dropout rate to outputs (n, class), or (n, 1) for a
sigmoid."""

NETWORKS: dict[str, Network] = {"cnn": cnn, "d4": d4, "original": original, "resnet": resnet, "transfer": transfer}


def build_network(
    name: str,
    *,
    shape: tuple[int, int],
    class_count: int,
    scaling: str,
    softening: Sequence[float],
    dropout: float = 0.0,
) -> keras.Model:
    """Build an untrained network that takes nanomaggies.

    Parameters
    ----------
    name : str
        One of `NETWORKS`.
    shape : (y, x)
    scaling : str
        One of `trainer.scaling.SCALINGS`.
    softening : sequence of float, one per band
        Noise of the sky; its length is the number of bands.
    dropout : float
        Dropout rate before the logits.

    Raises
    ------
    InputError
        There is no such network, or the cutouts are too small for it.
    """
    if name not in NETWORKS:
        raise InputError(f"network = {name!r} was given", f"It may be {choices(NETWORKS)}")
    pixels = keras.Input((*shape, len(softening)), name="nanomaggies")
    try:
        outputs = NETWORKS[name](scale_pixels(pixels, scaling, softening), class_count, dropout)
    except ValueError as error:
        if "negative" not in str(error):  # Keras: negative dimension size
            raise
        raise InputError(
            f"Cutouts of {shape[0]} x {shape[1]} pixels are too small for the network {name!r}",
            remedy="Larger cutouts, or the network 'cnn'",
        ) from None
    return keras.Model(pixels, outputs, name=name.replace("-", "_"))
