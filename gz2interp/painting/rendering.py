"""From a recipe to light without noise: each component through the PSF, and what dust takes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from gz2interp.errors import InputError
from gz2interp.painting.components import Component, component_of
from gz2interp.painting.grid import CELL, FIELD_SIZE, MARGIN, field_of, placed, samples, spectrum_of, wave_numbers
from gz2interp.painting.populations import EXTINCTION
from gz2interp.painting.psf import transfer
from gz2interp.painting.recipe import ComponentPart, Recipe
from gz2interp.schema import BANDS, CUTOUT_SIZE, NATIVE_PIXEL_SCALE

__all__ = ["Rendered", "render", "shares_behind"]

Floats = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

SHAPE = (len(BANDS), CUTOUT_SIZE, CUTOUT_SIZE)
INNER = slice(MARGIN, MARGIN + CUTOUT_SIZE)


@dataclass(frozen=True, eq=False)
class Rendered:
    """A galaxy's light without noise.

    Attributes
    ----------
    light : mapping
        Component to float32 (band, y, x) [nanomaggies per pixel]: as if there were no dust; of a screen of dust what it
        takes, below 0.
    taken : mapping
        Screen and component to float32 (band, y, x): what the one takes of the other, above 0.
    """

    light: Mapping[str, Floats]
    taken: Mapping[tuple[str, str], Floats]

    @property
    def total(self) -> Floats:
        """All light together (band, y, x)."""
        return _together(list(self.light.values()))


def render(recipe: Recipe) -> Rendered:
    """Render a recipe.

    Raises
    ------
    InputError
        A part is of no registered component, or its shape is not what the component's function takes.
    """
    blur = transfer(recipe.psf)
    # Each component by itself: what it comes to, to the last bit, must not depend on which others there are.
    screens = [name for name in recipe.components if component_of(name).form == "screen"]
    light = {name: _pixels(_light(recipe, name) * blur) for name in recipe.components if name not in screens}
    taken = {pair: _pixels(spectrum * blur) for pair, spectrum in _absorptions(recipe, screens)}
    for screen in screens:
        light[screen] = -_together([pixels for (by, _), pixels in taken.items() if by == screen])
    return Rendered({name: light[name] for name in recipe.components}, taken)


def shares_behind(parts: Sequence[ComponentPart]) -> dict[str, NDArray[np.float64]]:
    """Which share of the light of all parts each screen of dust among them takes, before the PSF.

    Parameters
    ----------
    parts : sequence of ComponentPart
        Of a galaxy in the middle of its cutout.

    Returns
    -------
    dict
        Screen to float (band,): empty if there is none.
    """
    recipe = Recipe("", 0, tuple(parts))
    screens = [name for name in recipe.components if component_of(name).form == "screen"]
    total = np.sum([part.flux for part in parts if part.name not in screens], axis=0)
    shares = {screen: np.zeros(len(BANDS)) for screen in screens}
    for (screen, _), spectrum in _absorptions(recipe, screens):
        shares[screen] += spectrum[:, 0, 0].real / total
    return shares


def _light(recipe: Recipe, name: str) -> Spectrum:
    """Spectrum of all the light of one component, before the PSF (band, y frequency, x frequency)."""
    return _sum([_flux(part) * _spectrum(part, recipe.centre) for part in recipe.parts_of(name)])


def _absorptions(recipe: Recipe, screens: Sequence[str]) -> list[tuple[tuple[str, str], Spectrum]]:
    """Of what each screen takes of each component behind it; a screen sees what those listed before it let through.

    What is known by its Fourier transform alone, such as clumps, shines through.
    """
    hosts = [name for name in recipe.components if screens and _is_behind_dust(component_of(name))]
    reaching = np.ones((len(BANDS), 1), np.float32)
    absorptions = []
    for screen in screens:
        passing = np.exp(-EXTINCTION[:, None] * _depth(recipe, screen))
        for host in hosts:
            parts = [_dimmed(part, recipe.centre, reaching * (1 - passing)) for part in recipe.parts_of(host)]
            absorptions.append(((screen, host), _sum(parts)))
        reaching = reaching * passing
    return absorptions


def _is_behind_dust(component: Component) -> bool:
    return component.place == "body" and component.form == "brightness"


def _dimmed(part: ComponentPart, centre: tuple[float, float], shares: Floats) -> Spectrum:
    """Of a part's light times a share (band, sample) of it."""
    brightness = _brightness(part, centre)
    return np.asarray(_flux(part) * np.stack([spectrum_of(field_of(brightness * share)) for share in shares]))


def _depth(recipe: Recipe, screen: str) -> Floats:
    """Optical depth in the r band at each sample."""
    depths = [_values(part, recipe.centre) for part in recipe.parts_of(screen)]
    return np.asarray(np.sum(depths, axis=0, dtype=np.float32))


def _spectrum(part: ComponentPart, centre: tuple[float, float]) -> Spectrum:
    """Of a part of unit flux (y frequency, x frequency)."""
    if component_of(part.name).form == "spectrum":
        return placed(_called(part, *wave_numbers()), *_place(part, centre))
    return spectrum_of(field_of(_brightness(part, centre)))


def _brightness(part: ComponentPart, centre: tuple[float, float]) -> Floats:
    """Of a part of unit flux at each sample [1/arcsec**2]."""
    values = _values(part, centre)
    if component_of(part.name).unit_flux:
        return values
    inside = float(field_of(values).sum(dtype=np.float64)) * CELL**2
    return values / np.float32(inside) if inside > 0 else values


def _values(part: ComponentPart, centre: tuple[float, float]) -> Floats:
    where, (x, y) = samples(), _place(part, centre)
    return _called(part, where.x - np.float32(x), where.y - np.float32(y))


def _called(part: ComponentPart, first: Floats, second: Floats) -> Floats:
    shape = {key: value for key, value in part.shape.items() if key not in ("x", "y")}
    try:
        return np.asarray(component_of(part.name).function(first, second, **shape))
    except TypeError as error:
        raise InputError(f"A {part.name} cannot have the shape {dict(part.shape)} ({error})") from error


def _place(part: ComponentPart, centre: tuple[float, float]) -> tuple[float, float]:
    return centre[0] + part.shape.get("x", 0.0), centre[1] + part.shape.get("y", 0.0)


def _flux(part: ComponentPart) -> Floats:
    """Nanomaggies per pixel for a unit of surface brightness (band, 1, 1)."""
    return np.asarray(part.flux, np.float32)[:, None, None] * np.float32(NATIVE_PIXEL_SCALE**2)


def _together(light: Sequence[Floats]) -> Floats:
    return np.sum(light, axis=0, dtype=np.float32) if light else np.zeros(SHAPE, np.float32)


def _sum(spectra: Sequence[Spectrum]) -> Spectrum:
    return spectra[0] if len(spectra) == 1 else np.sum(spectra, axis=0)


def _pixels(spectra: Spectrum) -> Floats:
    """The cutout's part of the field (band, y, x); rows outside it need no transform along x."""
    rows = fft.ifft(spectra, axis=-2)[:, INNER]
    return np.asarray(fft.irfft(rows, n=FIELD_SIZE)[..., INNER])
