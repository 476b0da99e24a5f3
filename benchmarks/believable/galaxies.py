"""Can galaxies be told from painted ones as bright and as large? Their structure, colours and profiles, and a judge."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gz2interp.schema import BANDS, NATIVE_PIXEL_SCALE

from .judge import Sample, forest, judged, told_apart
from .matching import Match
from .photometry import Subject, aperture, centre_of, radii, ring_profile
from .report import Line
from .statistics import autocorrelation, clipped

__all__ = ["compare_profiles", "judge_galaxies"]

Array = NDArray[np.floating]

COLOURS = tuple(pairwise(BANDS))
RINGS = (0.0, 0.15, 0.3, 0.5, 0.75, 1.0, 1.25, 1.6)
"""Edges of the rings of a profile, in Petrosian radii."""

FAINTEST = 20.5
"""Magnitude of a galaxy whose profile can be measured in a band."""


def judge_galaxies(matched: Sequence[Match]) -> list[Line]:
    """Areas under the curve of all features, of each family, and the features that tell most."""
    real = [match for match in matched if match.painted]
    painted = [(seen, subject, match.real.group) for match in real for seen, subject in match.painted]
    sides = [_features(match.subject) for match in real], [_features(subject) for _, subject, _ in painted]
    # A painted galaxy is judged with the real one that it was matched to, so that no fold knows its brightness.
    groups = [match.real.group for match in real] + [group for _, _, group in painted]
    sample = Sample.of(sides, groups)
    lines = [judged(sample, forest(), "galaxies, all features")]
    for family in dict.fromkeys(name.split(":")[0] for name in sample.names):
        lines.append(judged(sample.family(family), forest(100), f"   {family} alone"))
    lines.append(judged(sample.without(("registration",)), forest(), "galaxies, without registration"))
    structure = sample.without(("sky", "registration", "colour"))
    lines.append(judged(structure, forest(), "galaxies, without sky, registration, colour"))
    return lines + told_apart(sample, 12)


def compare_profiles(matched: Sequence[Match]) -> list[Line]:
    """Brightness and colours ring by ring, each galaxy in units of its own flux and Petrosian radius."""
    pairs = [match for match in matched if match.painted]
    real = np.array([_profile(match.subject) for match in pairs])
    painted = np.array([np.nanmean([_profile(subject) for _, subject in match.painted], axis=0) for match in pairs])
    lines = []
    for band in "ugriz":
        index = BANDS.index(band)
        for ring in range(len(RINGS) - 1):
            if band != "r" and ring % 2:
                continue
            one, other = real[:, index, ring], painted[:, index, ring]
            change, error = _change(one, other)
            what = f"{band} at {RINGS[ring]:g} to {RINGS[ring + 1]:g} Petrosian radii"
            passed = abs(change) < max(0.1, 2 * error)
            shown = [f"{np.nanmedian(values):.4f}" for values in (one, other)]
            lines.append(
                Line(what, shown[0], shown[1], f"{change:+.2f} +- {error:.2f}", passed, "mag, within 0.1 or 2 errors")
            )
    return lines


def _change(real: Array, painted: Array) -> tuple[float, float]:
    """Magnitudes between the mean profiles, and their error from drawing galaxies anew."""
    rng = np.random.default_rng(0)

    def apart(chosen: NDArray[np.intp]) -> float:
        ratio = float(np.nanmean(painted[chosen]) / np.nanmean(real[chosen]))
        return float(-2.5 * np.log10(max(ratio, 1e-3)))

    everyone = np.arange(len(real))
    return apart(everyone), float(np.std([apart(rng.choice(everyone, len(real))) for _ in range(200)]))


def _profile(subject: Subject) -> Array:
    """Brightness per square Petrosian radius and unit flux (band, ring)."""
    edges = np.maximum(np.array(RINGS) * subject.petro_radius, 1e-3)
    pixels = (subject.petro_radius / NATIVE_PIXEL_SCALE) ** 2
    flux = np.where(subject.magnitudes < FAINTEST, 10 ** (0.4 * (22.5 - subject.magnitudes)), np.nan)
    own = [centre_of(np.nan_to_num(subject.image[..., band]), subject.centre) for band in range(len(BANDS))]
    rings = [ring_profile(subject.image[..., band], own[band], edges) for band in range(len(BANDS))]
    return np.asarray(np.array(rings) * pixels / flux[:, None])


def _features(subject: Subject) -> dict[str, float]:
    found = _structure(subject, "g") | _structure(subject, "r") | _structure(subject, "i")
    radius = subject.petro_radius
    for index, (blue, red) in enumerate(COLOURS):
        found[f"colour: {blue}-{red}"] = float(subject.magnitudes[index] - subject.magnitudes[index + 1])
    centres = [_own_centre(subject, band) for band in range(len(BANDS))]
    inner, outer = (_magnitudes(subject, centres, low * radius, high * radius) for low, high in ((0, 0.35), (0.5, 1.0)))
    for index, (blue, red) in enumerate(COLOURS):
        gradient = (inner[index] - inner[index + 1]) - (outer[index] - outer[index + 1])
        found[f"colour gradient: {blue}-{red}"] = float(gradient)
    for index, band in enumerate(BANDS):
        if band != "r":
            found[f"registration: {band}"] = float(np.hypot(*np.subtract(centres[index], subject.centre)))
    return found | _sky(subject)


def _structure(subject: Subject, band: str) -> dict[str, float]:
    light = np.nan_to_num(subject.image[..., BANDS.index(band)])
    centre, radius = _own_centre(subject, BANDS.index(band)), subject.petro_radius
    distance = radii(light, centre)
    inside = distance < radius
    within = np.array([aperture(light, centre, share * radius) for share in np.arange(0.02, 1.5, 0.02)])
    r20, r50, r80 = (
        float(np.interp(share * within[-1], np.maximum.accumulate(within), np.arange(0.02, 1.5, 0.02)))
        for share in (0.2, 0.5, 0.8)
    )
    turned = _turned(light, centre)
    smooth = ndimage.gaussian_filter(light, 0.25 * radius / NATIVE_PIXEL_SCALE / 2)
    total = float(np.abs(light[inside]).sum())
    sky = (distance > 1.5 * radius) & (distance < 11.5)
    noise = inside.sum() * np.array(
        [np.abs(light - image)[sky].mean() if sky.any() else 0.0 for image in (turned, smooth)]
    )
    return {
        f"structure: {band} concentration": 5 * np.log10(r80 / r20),
        f"structure: {band} half-light radius": r50,
        f"structure: {band} asymmetry": float((np.abs(light - turned)[inside].sum() - noise[0]) / (2 * total)),
        f"structure: {band} clumpiness": float(
            (np.abs(light - smooth)[inside & (distance > 0.25 * radius)].sum() - noise[1]) / total
        ),
        f"structure: {band} Gini": _gini(light[inside]),
        f"structure: {band} M20": _m20(light[inside], distance[inside]),
        f"structure: {band} axis ratio": _axis_ratio(light, inside, centre),
        f"structure: {band} peak": float(light[distance < 1].max() / max(within[-1], 1e-3)),
    }


def _sky(subject: Subject) -> dict[str, float]:
    """Not its noise: three fields have three, which tell where a galaxy lies and not what it is."""
    found = {"sky: other objects": float(subject.others)}
    distance = radii(subject.image[..., 0], subject.centre)
    far = distance > min(1.6 * subject.petro_radius, 9.0)
    for index, band in enumerate(BANDS):
        light = np.where(far, subject.image[..., index], np.nan)
        level, sigma = clipped(light[far])
        scaled = np.where(np.abs(light - level) < 5 * sigma, (light - level) / sigma, np.nan)
        found[f"sky: {band} level"] = level / sigma
        found[f"sky: {band} correlation"] = autocorrelation(scaled, (0, 1)) + autocorrelation(scaled, (1, 0))
    return found


def _own_centre(subject: Subject, band: int) -> tuple[float, float]:
    """Of the galaxy in a band, whose pixels may lie up to half a pixel beside those of r."""
    centre = centre_of(np.nan_to_num(subject.image[..., band]), subject.centre)
    return centre if np.hypot(*np.subtract(centre, subject.centre)) < 1.5 else subject.centre


def _magnitudes(subject: Subject, centres: Sequence[tuple[float, float]], low: float, high: float) -> Array:
    flux = [
        aperture(subject.image[..., band], centre, high)
        - (aperture(subject.image[..., band], centre, low) if low else 0)
        for band, centre in enumerate(centres)
    ]
    return np.asarray(-2.5 * np.log10(np.maximum(flux, 1e-2)))


def _turned(light: Array, centre: tuple[float, float]) -> Array:
    """By 180 degrees about the centre."""
    y, x = np.indices(light.shape, float)
    places = [2 * centre[1] - y, 2 * centre[0] - x]
    return np.asarray(ndimage.map_coordinates(light, places, order=1, mode="constant"))


def _gini(values: Array) -> float:
    """Lotz et al. 2004, AJ 128, 163, equation 6."""
    ordered = np.sort(np.abs(values))
    count = len(ordered)
    ranks = 2 * np.arange(1, count + 1) - count - 1
    return float((ranks * ordered).sum() / (ordered.mean() * count * (count - 1)))


def _m20(values: Array, distance: Array) -> float:
    """Second moment of the brightest fifth of the light over that of all (Lotz et al. 2004, equation 8)."""
    order = np.argsort(values)[::-1]
    bright = order[np.cumsum(values[order]) < 0.2 * values.sum()]
    moment = values * distance**2
    return float(np.log10(max(moment[bright].sum(), 1e-6) / max(moment.sum(), 1e-6)))


def _axis_ratio(light: Array, inside: NDArray[np.bool_], centre: tuple[float, float]) -> float:
    y, x = np.indices(light.shape, float)
    weight = np.where(inside, np.clip(light, 0, None), 0)
    weight /= weight.sum()
    dx, dy = x - centre[0], y - centre[1]
    moments = np.array([[(weight * dx * dx).sum(), (weight * dx * dy).sum()], [0, (weight * dy * dy).sum()]])
    moments[1, 0] = moments[0, 1]
    small, large = np.linalg.eigvalsh(moments)
    return float(np.sqrt(max(small, 1e-6) / large))
