"""The recipe of a painted galaxy, from which all its pixels follow, and the true geometry of its bar."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.painting.components import component_of
from gz2interp.painting.components.registry import flattening_of
from gz2interp.painting.noise import Background, Noise
from gz2interp.painting.psf import Psf
from gz2interp.records import record_from_json
from gz2interp.schema import BANDS

__all__ = ["ComponentPart", "Recipe", "Shape", "bar_on_sky"]


Shape = Mapping[str, float]


@dataclass(frozen=True)
class ComponentPart:
    """A piece of one component of one galaxy.

    Attributes
    ----------
    name : str
        Of a registered component.
    flux : float per band
        Over the whole sky [nanomaggies]; negative for a screen of dust: what it takes away.
    shape : mapping
        The keywords of the component's function, and its position x, y from the galaxy's centre [arcsec] if it has one.
    """

    name: str
    flux: tuple[float, ...]
    shape: Shape

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"name": self.name, "flux": list(self.flux), "shape": dict(self.shape)}


@dataclass(frozen=True)
class Recipe:
    """A painted galaxy before it is painted.

    Attributes
    ----------
    kind : str
        A key of `KINDS`, for example ``"spiral"``.
    seed : int
        Of its noise and of its votes; below 2**53, so that JSON keeps it.
    parts : tuple of ComponentPart
        Parts of one name together are one component: two tails, five neighbours.
    centre : (x, y)
        From the middle of the cutout [arcsec].
    psf : Psf
    noise : Noise
    background : Background
    petro_radius : float
        [arcsec].
    axis_ratio : float
        Apparent, minor to major.
    redshift : float
    """

    kind: str
    seed: int
    parts: tuple[ComponentPart, ...]
    centre: tuple[float, float] = (0.0, 0.0)
    psf: Psf = field(default_factory=Psf)
    noise: Noise = field(default_factory=Noise)
    background: Background = field(default_factory=Background)
    petro_radius: float = float("nan")
    axis_ratio: float = 1.0
    redshift: float = 0.0

    @property
    def components(self) -> tuple[str, ...]:
        """Names of what is in the picture, each once, in the order of its parts."""
        return tuple(dict.fromkeys(part.name for part in self.parts))

    @property
    def flux(self) -> NDArray[np.float64]:
        """Fluxes of its components (component, band) [nanomaggies]."""
        sums = [np.sum([part.flux for part in self.parts_of(name)], axis=0) for name in self.components]
        return np.array(sums, np.float64).reshape(-1, len(BANDS))

    @property
    def subject(self) -> tuple[ComponentPart, ...]:
        """The parts that make the galaxy: not those of its field. Where there is no galaxy, those at its place."""
        galaxy = tuple(part for part in self.parts if component_of(part.name).place != "field")
        return galaxy or tuple(part for part in self.parts if "x" not in part.shape)

    @property
    def subject_flux(self) -> NDArray[np.float64]:
        """Flux of the galaxy in each band (band,) [nanomaggies]."""
        fluxes = np.array([part.flux for part in self.subject], np.float64).reshape(-1, len(BANDS))
        return np.asarray(fluxes.sum(axis=0))

    @property
    def magnitudes(self) -> NDArray[np.float64]:
        """Total magnitude of the galaxy in each band (band,)."""
        return np.asarray(22.5 - 2.5 * np.log10(self.subject_flux))

    def part(self, name: str) -> ComponentPart | None:
        """The first of its parts of that name, or None."""
        return next(iter(self.parts_of(name)), None)

    def parts_of(self, name: str) -> tuple[ComponentPart, ...]:
        """All of its parts of that name."""
        return tuple(part for part in self.parts if part.name == name)

    def to_json(self) -> str:
        """As one line of JSON."""
        record = vars(self) | {
            "parts": [part.to_json() for part in self.parts],
            "psf": self.psf.to_json(),
            "noise": self.noise.to_json(),
            "background": self.background.to_json(),
        }
        return json.dumps(record, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """The inverse of `to_json`.

        Raises
        ------
        InputError
            The text is not a recipe.
        """
        try:
            record = json.loads(text)
            return record_from_json(cls, {**record, "psf": {"shift": [], **record["psf"]}})
        except Exception as error:  # of a text that is damaged, whatever it is
            raise InputError(
                f"This is not a recipe ({error}): {text[:60]}", "The JSON that Recipe.to_json wrote"
            ) from error


def bar_on_sky(recipe: Recipe) -> tuple[float, float] | None:
    """Length and angle of the bar's axis as it is seen, under the disc's inclination and before the seeing.

    Returns
    -------
    (length, angle) or None
        From end to end [arcsec]; and from the x axis towards the y axis, from 0 to below 180 [deg]. A bar ends where
        its surface brightness has fallen to half of its middle's: twice the component's keyword ``length``, which for
        its Gaussian profile holds half the light too. None for a galaxy without a bar.
    """
    part = recipe.part("bar")
    if part is None:
        return None
    shape = part.shape
    in_plane, node = math.radians(shape["bar_angle"]), math.radians(shape["angle"])
    along = math.cos(in_plane)
    across = math.sin(in_plane) * float(flattening_of(shape["inclination"], 0.0))
    angle = math.degrees(node + math.atan2(across, along)) % 180.0
    return 2 * shape["length"] * math.hypot(along, across), angle
