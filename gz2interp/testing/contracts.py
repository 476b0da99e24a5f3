"""Properties that every attribution method must have, as a test class to inherit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution import METHODS, Method
from gz2interp.network.scores import logit
from gz2interp.results import Attribution

__all__ = ["AttributionContract"]

Floats = NDArray[np.float32]


class AttributionContract(ABC):
    """Shape, type, invariance under batching, linearity in the score, and respect for the input.

    Inherit it in a class whose name begins with ``Test``, set `method` (also to your own `Method`), and return the
    network from `probe`. `parameters` are passed to the method; `linear` is False if it is not linear in the score.

    >>> class TestGradient(AttributionContract):
    ...     method = METHODS["gradient"]
    ...
    ...     def probe(self):
    ...         return LinearProbe(weights)
    """

    method: Method = METHODS["gradient"]
    parameters: dict[str, Any] = {}  # noqa: RUF012  # read only, and overridden by those who inherit
    linear: bool = True
    image_shape: tuple[int, int, int] = (16, 16, 5)
    tolerance: float = 1e-5
    """Relative to the largest value of the map."""

    @abstractmethod
    def probe(self) -> Any:
        """A probe, or a fake of one, with two classes or more, for images of `image_shape`."""

    def images(self, n: int = 5) -> Floats:
        """Noise with a fixed seed."""
        return np.random.default_rng(7).normal(size=(n, *self.image_shape)).astype(np.float32)

    def explain(self, images: Floats, score: Any = None) -> Attribution:
        """The attribution by the method."""
        return self.method.function(self.probe(), images, score or logit(1), **self.parameters)

    def assert_close(self, values: Floats, expected: Floats) -> None:
        """Equal within `tolerance`."""
        np.testing.assert_allclose(values, expected, rtol=0, atol=self.tolerance * float(np.abs(expected).max()))

    def test_shape_and_type(self) -> None:
        """Maps of the image, with bands if the method has them; float32."""
        attribution = self.explain(self.images())
        assert attribution.values.shape == (5, *(self.image_shape if self.method.has_bands else self.image_shape[:2]))
        assert attribution.scores.shape == (5,)
        assert attribution.values.dtype == attribution.scores.dtype == np.float32

    def test_names_of_method_score_and_layer(self) -> None:
        """The attribution names its method, score and layer."""
        attribution = self.explain(self.images(1), logit(1) - logit(0))
        assert attribution.method == self.method.name
        assert attribution.score == "logit(1) - logit(0)"
        assert bool(attribution.layer) == self.method.needs_layer

    def test_an_image_alone_is_explained_as_in_a_batch(self) -> None:
        """The other images of a batch do not matter."""
        images = self.images()
        together = self.explain(images).values
        for k in range(len(images)):
            self.assert_close(self.explain(images[k : k + 1]).values[0], together[k])

    def test_no_images_give_no_maps(self) -> None:
        """An empty batch gives an empty result."""
        assert len(self.explain(self.images(0)).values) == 0

    def test_results_are_reproducible(self) -> None:
        """No hidden randomness."""
        np.testing.assert_array_equal(self.explain(self.images()).values, self.explain(self.images()).values)

    def test_linear_in_the_score(self) -> None:
        """The map of 2 a - b / 2 is 2 map(a) - map(b) / 2."""
        if not self.linear:
            return
        images = self.images()
        parts = 2 * self.explain(images, logit(1)).values - 0.5 * self.explain(images, logit(0)).values
        self.assert_close(self.explain(images, 2 * logit(1) - 0.5 * logit(0)).values, parts)

    def test_the_images_are_left_alone(self) -> None:
        """The method does not write into its input."""
        images = self.images()
        before = images.copy()
        images.flags.writeable = False
        self.explain(images)
        np.testing.assert_array_equal(images, before)
