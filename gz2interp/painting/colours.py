"""Magnitudes, colours and sizes of populations of galaxies, and how a galaxy's colour divides among its components.

The numbers are medians and scatters measured on the SDSS photometry of Galaxy Zoo 2's Stripe 82 (Willett et al. 2013,
MNRAS 435, 2835, table 5): "smooth" and "disc" are galaxies with a debiased fraction above 0.8, "spiral" and "edge_on"
those that pass the published thresholds. The colours of "cigar" are those of "smooth"; "star" scatters in its reddest
colours by half as much as measured, since artefacts are not painted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

__all__ = ["POPULATIONS", "REDDENING", "Photometry", "Population", "divided", "draw_photometry"]

Doubles = NDArray[np.float64]

SHARED_COLOUR = 0.75
"""Correlation between the colours of one galaxy: 0.55 to 0.86 for the four pairs and two populations measured."""

QUANTILES = (0.0, 0.05, 0.25, 0.50, 0.75, 0.95, 1.0)
"""At which the magnitudes of a population are given: they pile up at the sample's limit, as no Gaussian does."""


@dataclass(frozen=True)
class Population:
    """Photometry of one population of galaxies.

    Attributes
    ----------
    colours, scatter : float (4,)
        Medians and standard deviations of u-g, g-r, r-i, i-z [mag].
    r_mag : float per quantile
        Magnitudes in the r band at `QUANTILES`. The brightest end leaves out what no cutout holds.
    log_radius, slope, radius_scatter : float
        Of log10 of the Petrosian radius [arcsec] at r = 17, per magnitude, and about that line.
    """

    colours: tuple[float, ...]
    scatter: tuple[float, ...]
    r_mag: tuple[float, ...]
    log_radius: float
    slope: float
    radius_scatter: float


@dataclass(frozen=True)
class Photometry:
    """What a telescope would measure of one galaxy.

    Attributes
    ----------
    flux : float (band,)
        [nanomaggies].
    petro_radius : float
        [arcsec].
    """

    flux: Doubles
    petro_radius: float


SMOOTH_SCATTER, DISC_SCATTER = (0.42, 0.29, 0.08, 0.09), (0.32, 0.20, 0.08, 0.10)
SMOOTH_MAGNITUDES = (15.0, 16.06, 17.25, 17.48, 17.63, 17.82, 18.0)

POPULATIONS: Mapping[str, Population] = {
    "smooth": Population((1.81, 0.98, 0.45, 0.34), SMOOTH_SCATTER, SMOOTH_MAGNITUDES, 0.69, -0.13, 0.125),
    "cigar": Population((1.81, 0.98, 0.45, 0.34), SMOOTH_SCATTER, SMOOTH_MAGNITUDES, 0.76, -0.13, 0.125),
    "disc": Population(
        (1.49, 0.75, 0.41, 0.29), DISC_SCATTER, (14.2, 14.96, 16.18, 16.71, 17.08, 17.46, 18.0), 0.80, -0.14, 0.127
    ),
    "spiral": Population(
        (1.39, 0.69, 0.39, 0.27), DISC_SCATTER, (14.2, 14.82, 16.15, 16.75, 17.19, 17.65, 18.0), 0.82, -0.13, 0.134
    ),
    "edge_on": Population(
        (1.80, 0.91, 0.47, 0.37), DISC_SCATTER, (14.2, 15.40, 16.47, 17.00, 17.32, 17.64, 18.0), 0.78, -0.12, 0.15
    ),
    "star": Population(
        (1.76, 0.91, 0.44, 0.32), (0.57, 0.32, 0.22, 0.21), (14.0, 14.4, 16.45, 17.2, 17.45, 17.75, 17.9), 0.26, 0, 0.02
    ),
}

REDDENING: Mapping[str, tuple[float, ...]] = {
    "bulge": (0.30, 0.18, 0.07, 0.06),
    "bar": (0.20, 0.12, 0.05, 0.04),
    "arms": (-0.30, -0.16, -0.06, -0.05),
}
"""How much redder than its disc a component is in u-g, g-r, r-i, i-z [mag]; 0 for one that is not named."""


def draw_photometry(rng: Generator, population: Population) -> Photometry:
    """Magnitudes and size of one galaxy of a population."""
    r_mag = float(np.interp(rng.random(), QUANTILES, population.r_mag))
    common, own = rng.standard_normal(), rng.standard_normal(4)
    deviation = np.sqrt(SHARED_COLOUR) * common + np.sqrt(1 - SHARED_COLOUR) * own
    # A galaxy beyond two and a half scatters is an error of the photometry, not a colour.
    colours = np.array(population.colours) + np.array(population.scatter) * np.clip(deviation, -2.5, 2.5)
    spread = population.radius_scatter * np.clip(rng.standard_normal(), -2.5, 2.5)
    log_radius = population.log_radius + population.slope * (r_mag - 17) + spread
    return Photometry(10 ** (0.4 * (22.5 - r_mag - _relative_to_r(colours))), float(10**log_radius))


def divided(flux: Doubles, r_shares: Mapping[str, float]) -> dict[str, tuple[float, ...]]:
    """Divide a galaxy's flux among its components so that their sum has the galaxy's magnitudes in every band.

    Parameters
    ----------
    flux : float (band,)
        Of the whole galaxy, u g r i z.
    r_shares : mapping
        Component to its share of the r-band flux, summing to 1.

    Returns
    -------
    dict
        Component to its flux per band.
    """
    none = (0.0,) * 4
    colour_terms = np.array([_relative_to_r(np.array(REDDENING.get(name, none))) for name in r_shares])
    weights = np.array(list(r_shares.values()))[:, None] * 10 ** (-0.4 * colour_terms)
    fluxes = flux * weights / weights.sum(axis=0)
    return {name: tuple(float(f"{value:.6g}") for value in row) for name, row in zip(r_shares, fluxes, strict=True)}


def _relative_to_r(colours: Doubles) -> Doubles:
    """Magnitudes in u g r i z less that in r, from the four colours."""
    ug, gr, ri, iz = colours
    return np.array([ug + gr, gr, 0.0, -ri, -ri - iz])
