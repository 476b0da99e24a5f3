"""A network that forgets what it learned, layer by layer from the top: what its maps must not survive."""

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
        Of the randomisation; each layer has a draw of its own.

    Attributes
    ----------
    probe : Probe
        Of the copy as it is now.
    layers : tuple of str
        The learned layers, those nearest to the answer first; see `gz2interp.network.layers`.

    Notes
    -----
    A layer is randomised by shuffling the entries of each of its weights: what it learned is gone, and the size of the
    numbers stays, so that signals neither die nor grow. Adebayo et al. draw them anew from the initialiser, which a
    network from elsewhere may not name.

    References
    ----------
    Adebayo et al. 2018, Sanity checks for saliency maps, https://arxiv.org/abs/1810.03292
    """

    def __init__(self, path: Path, class_names: Sequence[str] | None, seed: int = 0, *, batch_size: int = 64) -> None:
        self.probe = Probe.open(path, class_names, batch_size)
        self._seed, self._learned = seed, learned_layers(self.probe.model)
        if not self._learned:
            raise InputError("The network has no weights that it learned", "A network that was trained")
        self._known = [[weight.numpy() for weight in each.weights] for each in self._learned]

    @property
    def layers(self) -> tuple[str, ...]:  # noqa: D102
        return tuple(each.name for each in self._learned)

    def randomise_top_layers(self, count: int) -> None:
        """Randomise the `count` top layers, and give all others what they had."""
        for number, (layer, known) in enumerate(zip(self._learned, self._known, strict=True)):
            generator = np.random.default_rng([self._seed, number])
            for weight, value in zip(layer.weights, known, strict=True):
                weight.assign(_shuffled(value, generator) if number < count else value)


def _shuffled(weight: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    return generator.permutation(weight.ravel()).reshape(weight.shape)
