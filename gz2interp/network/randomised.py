"""Model randomisation: a copy of a network whose learned layers are randomised from the top down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gz2interp.errors import InputError
from gz2interp.network.layers import learned_layers
from gz2interp.network.probe import Probe

__all__ = ["RandomisedNetwork"]


class RandomisedNetwork:
    """A copy of a network whose learned layers can be randomised.

    Parameters
    ----------
    path : Path
        Of a ``.keras`` file.
    class_names : sequence of str or None
    seed : int
        Of the randomisation; each layer has its own draw.

    Attributes
    ----------
    probe : Probe
        Of the copy.
    layers : tuple of str
        The learned layers, those nearest to the output first; see `gz2interp.network.layers`.

    Notes
    -----
    A layer is randomised by shuffling the entries of each of its weights, which keeps their distribution, so that
    activations neither vanish nor explode. Adebayo et al. draw new weights from the initialiser, which an imported
    network may not name.

    References
    ----------
    Adebayo et al. 2018, Sanity checks for saliency maps, https://arxiv.org/abs/1810.03292
    """

    def __init__(self, path: Path, class_names: Sequence[str] | None, seed: int = 0, *, batch_size: int = 64) -> None:
        self.probe = Probe.open(path, class_names, batch_size)
        self._seed, self._learned = seed, learned_layers(self.probe.model)
        if not self._learned:
            raise InputError("The network has no trained weights", "A network that was trained")
        self._original = [[weight.numpy() for weight in layer.weights] for layer in self._learned]

    @property
    def layers(self) -> tuple[str, ...]:  # noqa: D102
        return tuple(layer.name for layer in self._learned)

    def randomise_top_layers(self, count: int) -> None:
        """Randomise the `count` top layers, and restore all others."""
        for number, (layer, original) in enumerate(zip(self._learned, self._original, strict=True)):
            generator = np.random.default_rng([self._seed, number])
            for weight, value in zip(layer.weights, original, strict=True):
                weight.assign(_shuffled(value, generator) if number < count else value)


def _shuffled(weight: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    return generator.permutation(weight.ravel()).reshape(weight.shape)
