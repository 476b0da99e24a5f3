"""Magnitudes, colours and sizes of populations of galaxies, and the colours of their components.

The numbers are medians and scatters measured on the SDSS photometry of Galaxy Zoo 2's Stripe 82 (Willett et al. 2013,
MNRAS 435, 2835, table 5): "smooth" are galaxies with a debiased fraction above 0.8, "cigar", "spiral" and "edge_on"
those that pass the published thresholds, "lenticular" those with features or a disc in which most saw neither arms nor
an edge; "ring", "merger", "disturbed", "irregular", "lens" and "dust_lane" those whose odd feature most called so.
"star" scatters in its reddest colours by half as much as measured, since there the photometry of artefacts errs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

__all__ = ["EXTINCTION", "POPULATIONS", "REDDENING", "Photometry", "Population", "draw_photometry", "relative_to_r"]


Doubles = NDArray[np.float64]

EXTINCTION = np.array((1.855, 1.446, 1.0, 0.743, 0.553), np.float32)
"""Of interstellar dust in u g r i z, relative to r (Schlafly & Finkbeiner 2011, ApJ 737, 103, table 6, R_V = 3.1)."""

REDDENING: Mapping[str, tuple[float, float, float, float]] = {
    "bulge": (0.40, 0.25, 0.09, 0.08),
    "bar": (0.20, 0.12, 0.05, 0.04),
    "arms": (-0.35, -0.20, -0.07, -0.06),
    "inner_ring": (-0.20, -0.12, -0.05, -0.04),
    "outer_ring": (-0.35, -0.20, -0.08, -0.06),
    "clumps": (-0.70, -0.40, -0.15, -0.15),
    "tail": (-0.20, -0.12, -0.05, -0.04),
}
"""How much redder than its disc a component is in u-g, g-r, r-i, i-z [mag]; 0 for one that is not named."""


def relative_to_r(colours: Doubles) -> Doubles:
    """Magnitudes in u g r i z less that in r, from the four colours."""
    ug, gr, ri, iz = colours
    return np.array([ug + gr, gr, 0.0, -ri, -ri - iz])


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


SMOOTH_MAGNITUDES = (15.0, 16.06, 17.25, 17.48, 17.63, 17.82, 18.0)
MERGER_MAGNITUDES = (14.5, 15.85, 16.67, 17.16, 17.5, 17.76, 18.0)

POPULATIONS: Mapping[str, Population] = {
    "smooth": Population((1.81, 0.98, 0.45, 0.34), (0.42, 0.29, 0.08, 0.09), SMOOTH_MAGNITUDES, 0.69, -0.13, 0.125),
    "cigar": Population((1.72, 0.90, 0.45, 0.34), (0.38, 0.26, 0.09, 0.09), SMOOTH_MAGNITUDES, 0.76, -0.11, 0.14),
    "lenticular": Population(
        (1.78, 0.88, 0.42, 0.33),
        (0.32, 0.19, 0.07, 0.08),
        (14.2, 15.6, 16.45, 16.84, 17.12, 17.38, 17.8),
        0.70,
        -0.13,
        0.12,
    ),
    "spiral": Population(
        (1.39, 0.69, 0.39, 0.27),
        (0.29, 0.19, 0.08, 0.10),
        (14.2, 14.82, 16.15, 16.75, 17.19, 17.65, 18.0),
        0.82,
        -0.13,
        0.134,
    ),
    "edge_on": Population(
        (1.80, 0.91, 0.47, 0.37),
        (0.31, 0.19, 0.09, 0.09),
        (14.2, 15.40, 16.47, 17.00, 17.32, 17.64, 18.0),
        0.78,
        -0.12,
        0.16,
    ),
    "ring": Population(
        (1.75, 0.86, 0.42, 0.32),
        (0.30, 0.16, 0.05, 0.06),
        (14.2, 14.51, 15.83, 16.45, 16.9, 17.46, 17.9),
        0.74,
        -0.14,
        0.12,
    ),
    "merger": Population((1.75, 0.91, 0.45, 0.33), (0.42, 0.28, 0.08, 0.11), MERGER_MAGNITUDES, 0.72, -0.11, 0.15),
    "disturbed": Population(
        (1.33, 0.69, 0.40, 0.27),
        (0.33, 0.24, 0.08, 0.12),
        (14.5, 15.5, 16.67, 17.0, 17.45, 17.68, 17.8),
        0.77,
        -0.14,
        0.15,
    ),
    "irregular": Population(
        (1.14, 0.42, 0.28, 0.14),
        (0.35, 0.24, 0.12, 0.13),
        (14.5, 15.38, 16.5, 17.05, 17.43, 17.75, 18.0),
        0.87,
        -0.08,
        0.17,
    ),
    "lens": Population(
        (1.95, 1.03, 0.47, 0.35),
        (0.24, 0.20, 0.05, 0.05),
        (15.6, 15.76, 16.35, 16.75, 17.1, 17.28, 17.6),
        0.66,
        -0.15,
        0.15,
    ),
    "dust_lane": Population(
        (1.96, 1.02, 0.50, 0.40),
        (0.30, 0.20, 0.07, 0.08),
        (14.2, 14.4, 15.17, 15.99, 16.41, 17.36, 17.5),
        0.90,
        -0.08,
        0.12,
    ),
    "star": Population(
        (1.76, 0.91, 0.44, 0.32), (0.57, 0.32, 0.22, 0.21), (14.0, 14.4, 16.45, 17.2, 17.45, 17.75, 17.9), 0.26, 0, 0.02
    ),
}


def draw_photometry(rng: Generator, population: Population) -> Photometry:
    """Magnitudes and size of one galaxy of a population."""
    r_mag = float(np.interp(rng.random(), QUANTILES, population.r_mag))
    common, independent = rng.standard_normal(), rng.standard_normal(4)
    deviation = np.sqrt(SHARED_COLOUR) * common + np.sqrt(1 - SHARED_COLOUR) * independent
    # A galaxy beyond two and a half scatters is an error of the photometry, not a colour.
    colours = np.array(population.colours) + np.array(population.scatter) * np.clip(deviation, -2.5, 2.5)
    spread = population.radius_scatter * np.clip(rng.standard_normal(), -2.5, 2.5)
    log_radius = population.log_radius + population.slope * (r_mag - 17) + spread
    return Photometry(10 ** (0.4 * (22.5 - r_mag - relative_to_r(colours))), float(10**log_radius))
