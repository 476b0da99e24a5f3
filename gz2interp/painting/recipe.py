"""The recipe of a painted galaxy: everything that its pixels follow from, in a few hundred characters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.painting.noise import Noise
from gz2interp.painting.psf import Psf
from gz2interp.schema import BANDS

__all__ = ["Part", "Recipe", "Shape"]

Shape = Mapping[str, float]


@dataclass(frozen=True)
class Part:
    """One component of one galaxy.

    Attributes
    ----------
    name : str
        Of a registered component.
    flux : float per band
        Over the whole sky [nanomaggies].
    shape : mapping
        The keywords of the component's function.
    """

    name: str
    flux: tuple[float, ...]
    shape: Shape

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"name": self.name, "flux": list(self.flux), "shape": dict(self.shape)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Part:
        """The inverse of `to_json`."""
        return cls(record["name"], tuple(record["flux"]), dict(record["shape"]))


@dataclass(frozen=True)
class Recipe:
    """A painted galaxy before it is painted.

    Attributes
    ----------
    kind : str
        A key of `KINDS`, for example ``"spiral"``.
    seed : int
        Of its noise and of its votes; below 2**53, so that JSON keeps it.
    parts : tuple of Part
        No name twice.
    centre : (x, y)
        From the middle of the cutout [arcsec].
    psf : Psf
    noise : Noise
    petro_radius : float
        [arcsec].
    axis_ratio : float
        Apparent, minor to major.
    redshift : float
    """

    kind: str
    seed: int
    parts: tuple[Part, ...]
    centre: tuple[float, float] = (0.0, 0.0)
    psf: Psf = field(default_factory=Psf)
    noise: Noise = field(default_factory=Noise)
    petro_radius: float = float("nan")
    axis_ratio: float = 1.0
    redshift: float = 0.0

    def __post_init__(self) -> None:
        names = self.components
        if len(set(names)) < len(names):
            raise InputError(f"A recipe lists {', '.join(names)}", "Each component once")

    @property
    def components(self) -> tuple[str, ...]:
        """Names of its parts."""
        return tuple(part.name for part in self.parts)

    @property
    def flux(self) -> NDArray[np.float64]:
        """Fluxes of its parts (component, band) [nanomaggies]."""
        return np.array([part.flux for part in self.parts]).reshape(-1, len(BANDS))

    @property
    def magnitudes(self) -> NDArray[np.float64]:
        """Total magnitude in each band (band,)."""
        return np.asarray(22.5 - 2.5 * np.log10(self.flux.sum(axis=0)))

    def part(self, name: str) -> Part | None:
        """One of its parts, or None."""
        return next((part for part in self.parts if part.name == name), None)

    def altered(self, without: tuple[str, ...] = (), with_parts: tuple[Part, ...] = ()) -> Recipe:
        """The same galaxy without some parts and with others.

        Raises
        ------
        InputError
            It has no part of that name to leave out.
        """
        for name in without:
            if name not in self.components:
                raise InputError(f"This {self.kind} has no {name}", f"It is made of {', '.join(self.components)}")
        kept = tuple(part for part in self.parts if part.name not in without)
        return replace(self, parts=kept + with_parts)

    def to_json(self) -> str:
        """As one line of JSON."""
        record = vars(self) | {
            "parts": [part.to_json() for part in self.parts],
            "psf": self.psf.to_json(),
            "noise": self.noise.to_json(),
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
            return cls(
                **record
                | {
                    "parts": tuple(Part.from_json(part) for part in record["parts"]),
                    "centre": tuple(record["centre"]),
                    "psf": Psf.from_json(record["psf"]),
                    "noise": Noise.from_json(record["noise"]),
                }
            )
        except (json.JSONDecodeError, TypeError, KeyError) as error:
            raise InputError(
                f"This is not a recipe ({error}): {text[:60]}", "The JSON that Recipe.to_json wrote"
            ) from None
