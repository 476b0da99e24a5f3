"""The same galaxy seen otherwise: turned, mirrored, moved, nearer, noisier. Compiled TensorFlow.

All that moves pixels is composed into one matrix a galaxy, so an image is interpolated once however much is done to it.
What happens to a galaxy depends on (seed, epoch, row) alone: not on the order, the batch, or an interruption.

Zooming keeps the surface brightness, as the sky does: a galaxy half as far away is twice as large, and its total flux
grows by four, while a pixel of its disc stays as bright. So the noise of the sky stays what it was too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.network.quiet import tf

__all__ = ["POLICIES", "AugmentationDraws", "Policy", "augment", "draw", "policy_named"]

ROUNDING = 1e-3
"""Share of a pixel that may come from pixels not valid: generous beside the rounding of positions in float32."""

_NARROW = 1e-3
"""Pixels: a Gaussian so narrow leaves an image as it is."""

Floats = NDArray[np.float32]
Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Policy:
    """What may happen to a galaxy, how far, and how often.

    Attributes
    ----------
    rotation : float
        Largest angle [deg], drawn evenly from zero, always.
    flip : float
        Probability of each of the two mirrorings.
    shift : float
        Largest shift along each axis [pixel].
    shift_probability : float
    whole_pixels : bool
        Shifts are whole numbers of pixels, and what they uncover repeats the pixels at the edge.
    zoom : (float, float)
        Least and greatest magnification, drawn evenly between them.
    zoom_probability : float
    blur : float
        Largest width (standard deviation) of a Gaussian that spreads the light further, as poorer seeing would [pixel],
        drawn evenly from zero. What it takes from the sky's noise is given back.
    noise : float
        Largest noise added, in units of each band's sky noise.
    flux, band_flux : float
        Largest relative change of all bands together, and of each band on its own.
    """

    rotation: float = 0.0
    flip: float = 0.0
    shift: float = 0.0
    shift_probability: float = 1.0
    whole_pixels: bool = False
    zoom: tuple[float, float] = (1.0, 1.0)
    zoom_probability: float = 1.0
    blur: float = 0.0
    noise: float = 0.0
    flux: float = 0.0
    band_flux: float = 0.0


_ORIGINAL = Policy(rotation=45.0, shift=4.0, whole_pixels=True, zoom=(0.75, 1.3))
_STANDARD = Policy(rotation=360.0, flip=0.5, shift=3.0, zoom=(0.8, 1.25), noise=0.5, flux=0.1, band_flux=0.02)

POLICIES = {
    "none": Policy(),
    "flips": Policy(flip=0.5),
    "original": replace(_ORIGINAL, flip=0.25, shift_probability=0.25, zoom_probability=0.25),
    "original-notebook": replace(_ORIGINAL, flip=0.5, shift_probability=0.5),
    "seeing": replace(_STANDARD, blur=1.0),
    "standard": _STANDARD,
    "wide": replace(_STANDARD, zoom=(0.65, 1.5)),
}
"""`original` is that of the original project's script, `original-notebook` that of its notebook. `flips` only mirrors:
all pixels keep their values, and a corner stays a corner. `standard` is ours; `seeing` blurs besides, and `wide` zooms
farther, for surveys whose cutouts are framed in several ways.

Notes on differences: the original resampled an image up to three times, here it is once. What rotation and zoom bring
in from outside is filled by reflection. A shift comes last; in the original's policies it repeats the edge, as there,
and in ours, which moves galaxies by parts of a pixel, it reflects.
"""


class AugmentationDraws(NamedTuple):
    """What happens to each of n galaxies.

    Attributes
    ----------
    transforms : float32 (n, 8)
        Projective, from output to input, in (x, y) order, as `ImageProjectiveTransformV3` has it.
    gains : float32 (n, band)
    widths : float32 (n,)
        Of the Gaussian that spreads the light [pixel].
    sigma : float32 (n, band)
        Noise to add, in the image's unit.
    seeds : int32 (n, 2)
        Of the noise.
    shifts : int32 (n, 2)
        Whole pixels in x and y, already part of `transforms`.
    """

    transforms: Any
    gains: Any
    widths: Any
    sigma: Any
    seeds: Any
    shifts: Any


def policy_named(name: str) -> Policy:
    """One of `POLICIES`.

    Raises
    ------
    InputError
        There is none of that name.
    """
    if name not in POLICIES:
        raise InputError(f"augmentation = {name!r} was given", f"It may be {choices(POLICIES)}")
    return POLICIES[name]


def draw(
    policy: Policy, seed: int, epoch: int, rows: Ints, *, shape: tuple[int, int], sky_sigma: NDArray[np.floating[Any]]
) -> AugmentationDraws:
    """What happens to the given galaxies in one epoch.

    Parameters
    ----------
    policy : Policy
    seed, epoch : int
    rows : int (n,)
        Of the survey. A galaxy's draws do not depend on which others are asked for.
    shape : (y, x)
    sky_sigma : float (band,)
        Noise of the sky.
    """
    bands = len(sky_sigma)
    even = _uniforms((seed, epoch), rows, columns=10 + bands)
    widths = policy.blur * _uniforms((seed, epoch, 2), rows, columns=1)[:, 0]  # 1 is the order's, in `trainer.dataset`
    noise = np.hypot(policy.noise * even[:, 8:9], _smoothed_away(widths)[:, None]) * np.asarray(sky_sigma)
    flux = 1 + policy.flux * (2 * even[:, 9:10] - 1)
    colours = 1 + policy.band_flux * (2 * even[:, 10:] - 1)
    return AugmentationDraws(
        transforms=_transforms(policy, even, shape).astype(np.float32),
        gains=(flux * colours).astype(np.float32),
        widths=widths.astype(np.float32),
        sigma=noise.astype(np.float32),
        seeds=np.stack([np.full(len(rows), _mixed(seed, epoch)), rows], axis=1).astype(np.int32),
        shifts=np.trunc(_shifts(policy, even)).astype(np.int32),
    )


def augment(policy: Policy, images: Any, valid: Any, draws: AugmentationDraws) -> tuple[Any, Any]:
    """Images and masks after what was drawn for them; pixels not valid are 0.

    A pixel is valid if all those are that it was made of. A reflected one is as valid as the one it mirrors.

    Parameters
    ----------
    policy : Policy
        That of the draws; what it never does costs nothing.
    images : float32 (n, y, x, band)
    valid : bool (n, y, x)
    draws : AugmentationDraws

    Returns
    -------
    images, valid : tensors of the same shapes and types
    """
    images, valid, draws = tf.nest.map_structure(tf.convert_to_tensor, (images, valid, draws))
    return (images, valid) if policy == POLICIES["none"] else _augmented(policy, images, valid, draws)


@tf.function(reduce_retracing=True, autograph=False)
def _augmented(policy: Policy, images: Any, valid: Any, draws: AugmentationDraws) -> tuple[Any, Any]:
    moved = _resampled(images, draws.transforms)
    mask = _resampled(tf.cast(valid, tf.float32)[..., None], draws.transforms) > 1 - ROUNDING
    if policy.whole_pixels:
        moved, mask = (_repeated_edge(seen, draws.shifts) for seen in (moved, mask))
    if policy.blur:
        moved = _spread(moved, draws.widths)
        mask = _spread(tf.cast(mask, tf.float32), draws.widths) > 1 - ROUNDING
    if policy.flux or policy.band_flux:
        moved *= draws.gains[:, None, None]
    if policy.noise or policy.blur:
        moved += _normals(draws.seeds, tf.shape(images)[1:]) * draws.sigma[:, None, None]
    return tf.where(mask, moved, 0.0), mask[..., 0]


def _resampled(images: Any, transforms: Any) -> Any:
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )


def _spread(images: Any, widths: Any) -> Any:
    """Images (n, y, x, band) under a Gaussian of each one's width; what would come from beyond the edge is left out.

    One after the other: products of many matrices round otherwise than those of few, and company must not matter.
    """
    return tf.map_fn(
        lambda each: _spread_one(*each),
        (images, widths),
        fn_output_signature=tf.TensorSpec(images.shape[1:], tf.float32),
        parallel_iterations=8,
    )


def _spread_one(image: Any, width: Any) -> Any:
    for axis, sizes in ((0, "ij,jxb->ixb"), (1, "ij,yjb->yib")):
        places = tf.range(tf.cast(tf.shape(image)[axis], tf.float32))
        far = (places[:, None] - places) ** 2
        kernel = tf.exp(-far / (2 * tf.maximum(width, _NARROW) ** 2))
        image = tf.einsum(sizes, kernel / tf.reduce_sum(kernel, axis=1, keepdims=True), image)
    return image


def _smoothed_away(widths: NDArray[np.float64]) -> NDArray[np.float64]:
    """The noise that spreading takes from white noise of one, in quadrature, (n,)."""
    places = np.arange(-32, 33)
    kernels = np.exp(-(places**2) / (2 * np.maximum(widths, _NARROW)[:, None] ** 2))
    kernels /= kernels.sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt(np.maximum(1 - (kernels**2).sum(axis=1) ** 2, 0)))


def _repeated_edge(images: Any, shifts: Any) -> Any:
    """Images (n, y, x, ...) whose rows and columns uncovered by a shift (x, y) repeat the one beside them."""
    for axis, moved in ((1, shifts[:, 1:]), (2, shifts[:, :1])):
        last = tf.shape(images)[axis] - 1
        uncovered, covered = tf.maximum(moved, 0), last + tf.minimum(moved, 0)
        places = tf.minimum(tf.maximum(tf.range(last + 1)[None], uncovered), covered)
        images = tf.gather(images, places, axis=axis, batch_dims=1)
    return images


def _normals(seeds: Any, shape: Any) -> Any:
    """Standard normal noise (n, y, x, band), each image's from its own seed."""
    return tf.map_fn(
        lambda seed: tf.random.stateless_normal(shape, seed, alg="philox"),
        seeds,
        fn_output_signature=tf.TensorSpec((None, None, None), tf.float32),
        parallel_iterations=8,
    )


def _uniforms(key: tuple[int, ...], rows: Ints, columns: int) -> NDArray[np.float64]:
    """Even numbers in [0, 1), (n, columns): row i of one endless table is galaxy i's, and nothing between is drawn."""
    bits = np.random.PCG64(key)
    generator, table, at = np.random.Generator(bits), np.empty((len(rows), columns)), 0
    for place in np.argsort(rows):
        bits.advance((int(rows[place]) - at) * columns)
        generator.random(out=table[place])
        at = int(rows[place]) + 1
    return table


def _mixed(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0] >> 1)


def _transforms(policy: Policy, even: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Matrices from output to input pixels, (n, 8): what is done to a galaxy, undone in reverse order.

    Done are mirroring, rotation and zoom about the centre, then the shift.
    """
    centre = (np.array(shape[::-1]) - 1) / 2  # (x, y) of the middle, between the pixels of an even cutout
    linear = _flips(policy, even) @ _rotations(policy, even) / _zooms(policy, even)[:, None, None]
    origin = centre - np.einsum("nij,nj->ni", linear, centre + _shifts(policy, even))
    affine = np.concatenate([linear, origin[:, :, None]], axis=2).reshape(-1, 6)
    return np.concatenate([affine, np.zeros((len(affine), 2))], axis=1)


def _flips(policy: Policy, even: NDArray[np.float64]) -> NDArray[np.float64]:
    signs = np.where(even[:, 0:2] < policy.flip, -1.0, 1.0)
    return np.asarray(signs[:, :, None] * np.eye(2))


def _rotations(policy: Policy, even: NDArray[np.float64]) -> NDArray[np.float64]:
    angle = np.deg2rad(policy.rotation * even[:, 2])
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([cosine, sine, -sine, cosine], axis=1).reshape(-1, 2, 2)


def _shifts(policy: Policy, even: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 2), x and y [pixel]."""
    if policy.whole_pixels:  # each whole number from -shift to +shift is as likely as any other
        far = np.floor((2 * policy.shift + 1) * even[:, 3:5]) - policy.shift
    else:
        far = policy.shift * (2 * even[:, 3:5] - 1)
    return np.where(even[:, 5:6] < policy.shift_probability, far, 0.0)


def _zooms(policy: Policy, even: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = policy.zoom
    return np.where(even[:, 6] < policy.zoom_probability, low + (high - low) * even[:, 7], 1.0)
