"""Nuisances: properties of an image other than the galaxy's, measured, and transferred between galaxies.

Pixels outside the recipient and the donor are replaced with the donor's, whose background and noise are first made the
recipient's own: those are other families.

A new family is a function with the decorator `nuisance`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import fft

from gz2interp.errors import InputError
from gz2interp.measure.outskirts import MeasuredImages, planes

__all__ = [
    "NUISANCES",
    "MeasuredImages",
    "Nuisance",
    "Transplant",
    "amid",
    "background",
    "blurred",
    "centring",
    "missing",
    "noise",
    "nuisance",
    "outside",
    "response",
    "seeing",
    "smoothing",
    "spectra_of",
    "surroundings",
    "with_spectra",
]


Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

Transplant = Callable[[MeasuredImages, Sequence[MeasuredImages], Generator], Floats]
"""``(recipients, donors, generator)``: n galaxies, and of each of k kinds of donors as many. It returns float32 (k, n,
y, x, band): each recipient with each of its donors' nuisance. What is random is the same for all of them."""


def _none_is_lacking(galaxies: MeasuredImages) -> str:
    return ""


def _all_will_do(recipients: MeasuredImages, donors: Sequence[MeasuredImages]) -> Bools:
    return np.ones(len(recipients), np.bool_)


@dataclass(frozen=True)
class Nuisance:
    """A family of nuisances.

    Attributes
    ----------
    name : str
    phrase : str
        In a sentence: "the noise of their images".
    transplant : callable
    lacking : callable
        ``(galaxies) -> str``: why it cannot be tested on these galaxies; "" if it can.
    usable : callable
        ``(recipients, donors) -> bool (n,)``: where the transplant is possible.
    """

    name: str
    phrase: str
    transplant: Transplant
    lacking: Callable[[MeasuredImages], str] = _none_is_lacking
    usable: Callable[[MeasuredImages, Sequence[MeasuredImages]], Bools] = _all_will_do


NUISANCES: dict[str, Nuisance] = {}


def nuisance(name: str, phrase: str, **rules: Any) -> Callable[[Transplant], Transplant]:
    """Register a transplant under the name of its family; `rules` are the other fields of `Nuisance`.

    Raises
    ------
    InputError
        The name is taken.
    """

    def register(function: Transplant) -> Transplant:
        if name in NUISANCES:
            raise InputError(f"A nuisance called {name} exists already", "Each has a name of its own")
        NUISANCES[name] = Nuisance(name, phrase, function, **rules)
        return function

    return register


@nuisance("background", "the background of their images")
def background(
    recipients: MeasuredImages, donors: Sequence[MeasuredImages], generator: Generator
) -> NDArray[np.float32]:
    """A level and a slope per band, in the donor's own units of light."""
    shape, valid = recipients.images.shape[1:3], recipients.valid[..., None]
    return np.stack(
        [recipients.images + valid * planes(donor.plane - recipients.plane, shape) for donor in donors]
    ).astype(np.float32)


FARTHEST = 0.125
"""Largest shift, as a share of the cutout's width."""


@nuisance("centring", "where in the cutout they stand")
def centring(recipients: MeasuredImages, donors: Sequence[MeasuredImages], generator: Generator) -> NDArray[np.float32]:
    """A shift by whole pixels; uncovered pixels are filled by reflection."""
    return np.stack([_moved(recipients, donor.centre) for donor in donors])


def _moved(recipients: MeasuredImages, centre: NDArray[np.float32]) -> NDArray[np.float32]:
    sides = recipients.images.shape[1:3]
    most = int(FARTHEST * min(sides))
    shifts = np.clip(np.rint(centre - recipients.centre), -most, most).astype(np.int64)
    frame = np.pad(recipients.images, ((0, 0), (most, most), (most, most), (0, 0)), mode="symmetric")
    y, x = (most - shifts).T
    return np.stack(
        [image[top : top + sides[0], left : left + sides[1]] for image, top, left in zip(frame, y, x, strict=True)]
    )


def _all_pixels_valid(galaxies: MeasuredImages) -> str:
    return "no pixel is missing in any of these galaxies" if galaxies.valid.all() else ""


@nuisance("missing pixels", "which pixels are missing", lacking=_all_pixels_valid)
def missing(recipients: MeasuredImages, donors: Sequence[MeasuredImages], generator: Generator) -> NDArray[np.float32]:
    """Pixels that are missing in the donor are set to 0."""
    return np.stack([recipients.images * donor.valid[..., None] for donor in donors])


@nuisance("noise", "how noisy their images are")
def noise(recipients: MeasuredImages, donors: Sequence[MeasuredImages], generator: Generator) -> NDArray[np.float32]:
    """White noise added in each band to the level of the donor's, where that is higher."""
    drawn = generator.standard_normal(recipients.images.shape, dtype=np.float32) * recipients.valid[..., None]
    lacking = [np.sqrt(np.maximum(donor.sigma**2 - recipients.sigma**2, 0)) for donor in donors]
    return np.stack([recipients.images + drawn * missing[:, None, None] for missing in lacking])


def blurred(images: Floats, widths: Floats) -> Floats:
    """Each band under a Gaussian; a width of 0 leaves it as it is.

    Parameters
    ----------
    images : float32 (n, y, x, band)
    widths : float32 (n, band)
        Standard deviations [pixel].
    """
    changed = (widths > 0).any(axis=1)
    smooth = images.copy()
    if changed.any():
        some, wide = images[changed], widths[changed]
        smooth[changed] = with_spectra(some, spectra_of(some) * response(wide, some.shape[1:3]), wide)
    return smooth


def spectra_of(images: Floats) -> Floats:
    """Of the images mirrored at their edges, float32 (n, y, x, band); white noise has a white one, as wide."""
    return np.asarray(fft.dctn(images, axes=(1, 2), norm="ortho"))


def with_spectra(images: Floats, spectra: Floats, widths: Floats) -> Floats:
    """The images of these spectra in the bands with a width above 0, and in the others those given."""
    smooth = fft.idctn(spectra, axes=(1, 2), norm="ortho")
    return np.where(widths[:, None, None] > 0, smooth, images).astype(np.float32)


def response(widths: Floats, shape: tuple[int, int]) -> Floats:
    """Transfer function of a Gaussian for each frequency, float32 (n, y, x, band)."""
    ky, kx = (np.pi * np.arange(side) / side for side in shape)
    squares = (ky[:, None] ** 2 + kx[None, :] ** 2).astype(np.float32)
    wide = np.asarray(widths, np.float32)[:, None, None]
    return np.asarray(np.exp(-0.5 * squares[None, :, :, None] * wide**2))


FWHM = float(np.sqrt(8 * np.log(2)))
"""Of a Gaussian, in standard deviations."""

KNOWN = 0.5
"""Share of the galaxies whose PSF must be known."""


def _seeing_unknown(galaxies: MeasuredImages) -> str:
    share = np.isfinite(galaxies.fwhm).all(axis=1).mean() if len(galaxies) else 0.0
    return "" if share >= KNOWN else "the width of the PSF is not known"


def _seeing_measured(recipients: MeasuredImages, donors: Sequence[MeasuredImages]) -> NDArray[np.bool_]:
    return np.asarray(np.all([np.isfinite(sample.fwhm).all(axis=1) for sample in (recipients, *donors)], axis=0))


@nuisance("seeing", "the seeing in which they were taken", lacking=_seeing_unknown, usable=_seeing_measured)
def seeing(recipients: MeasuredImages, donors: Sequence[MeasuredImages], generator: Generator) -> Floats:
    """A Gaussian that widens the recipient's PSF to the donor's where that is wider, band by band.

    To the blurred noise is added what it lacks at each frequency, so that the noise of the sky stays white.
    """
    spectra = spectra_of(recipients.images)
    white = generator.standard_normal(spectra.shape, dtype=np.float32) * recipients.sigma[:, None, None]
    return np.stack([_widened(recipients, donor.fwhm, spectra, white) for donor in donors])


def _widened(recipients: MeasuredImages, fwhm: Floats, spectra: Floats, white: Floats) -> Floats:
    widths = np.sqrt(np.maximum(fwhm**2 - recipients.fwhm**2, 0)) / np.float32(FWHM)  # (n, band)
    transfer = response(widths, recipients.images.shape[1:3])
    blurry = with_spectra(
        recipients.images, spectra * transfer + white * np.sqrt(np.maximum(1 - transfer**2, 0)), widths
    )
    return np.where(recipients.valid[..., None], blurry, recipients.images)


LEAST_CORRELATION = 0.1
"""A smaller correlation is none: it is known to a few hundredths, and no Gaussian of half a pixel has less."""

MOST = 0.95


@nuisance("smoothing", "how smooth their pixels were made")
def smoothing(
    recipients: MeasuredImages, donors: Sequence[MeasuredImages], generator: Generator
) -> NDArray[np.float32]:
    """A Gaussian under which the recipient's noise is as smooth as the donor's, if that is smoother."""
    width = _width(recipients.correlation)
    images = []
    for donor in donors:
        more = np.sqrt(np.maximum(_width(donor.correlation) ** 2 - width**2, 0))
        wide = np.broadcast_to(more[:, None], recipients.sigma.shape).astype(np.float32)
        images.append(blurred(recipients.images, wide))
    return np.stack(images)


def _width(correlation: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of the Gaussian under which white noise has this correlation between neighbours: exp(-1 / (4 width**2))."""
    smooth = np.clip(correlation, LEAST_CORRELATION, MOST)
    return np.where(correlation > LEAST_CORRELATION, 0.5 / np.sqrt(-np.log(smooth)), 0.0).astype(np.float32)


LEAST_ROOM = 0.15
"""Share of the cutout that must lie outside both."""


def outside(recipients: MeasuredImages, donors: MeasuredImages) -> Bools:
    """Valid pixels with neither the recipient nor the donor, bool (n, y, x)."""
    return np.asarray(recipients.valid & donors.valid & ~recipients.galaxy & ~donors.galaxy)


def _has_room(recipients: MeasuredImages, donors: Sequence[MeasuredImages]) -> Bools:
    room = [outside(recipients, donor).mean(axis=(1, 2)) for donor in donors]
    return np.asarray(np.min(room, axis=0) >= LEAST_ROOM)


@nuisance("surroundings", "what stands around them", usable=_has_room)
def surroundings(recipients: MeasuredImages, donors: Sequence[MeasuredImages], generator: Generator) -> Floats:
    """The donor's pixels in units of its noise, above its background."""
    return np.stack([amid(recipients, donor) for donor in donors])


def amid(recipients: MeasuredImages, donors: MeasuredImages) -> Floats:
    """Recipients amid what stands around their donors, float32 (n, y, x, band)."""
    shape = recipients.images.shape[1:3]
    above = (donors.images - planes(donors.plane, shape)) * (recipients.sigma / donors.sigma)[:, None, None]
    replaced = outside(recipients, donors)[..., None]
    return np.where(replaced, above + planes(recipients.plane, shape), recipients.images).astype(np.float32)
