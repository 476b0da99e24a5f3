"""Augmentation: rotation, reflection, shift, zoom, blur, noise and flux changes, in compiled TensorFlow.

All geometric operations on a galaxy are composed into one matrix, so that an image is interpolated once. The
augmentation of a galaxy depends on (seed, epoch, row) alone, not on the order, the batch, or interruptions.

Zoom conserves surface brightness: a galaxy at half the distance is twice as large with four times the flux. So the
noise per pixel is unchanged too.
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
"""Largest contribution of invalid pixels to a valid one, well above the rounding of positions in float32."""

_NARROW = 1e-3
"""Width of a Gaussian [pixel] that leaves an image unchanged."""

Floats = NDArray[np.float32]
Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Policy:
    """Ranges and probabilities of the augmentation operations.

    Attributes
    ----------
    rotation : float
        Largest angle [deg]; uniform from zero.
    flip : float
        Probability of each of the two reflections.
    shift : float
        Largest shift along each axis [pixel].
    whole_pixels : bool
        Whether shifts are whole numbers of pixels, which repeat the edge pixels in the uncovered area.
    zoom : (float, float)
        Range of the magnification; uniform.
    blur : float
        Largest standard deviation of a Gaussian blur, as by poorer seeing [pixel]; uniform from zero. The reduction of
        the sky noise is compensated.
    noise : float
        Largest noise added, in units of the sky noise of each band.
    flux, band_flux : float
        Largest relative change of all bands together, and of each band.
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
"""Augmentation policies by name.

`original` is that of the script of the original project, `original-notebook` that of its notebook. `flips` only
reflects and keeps all pixel values. `standard` is the default; `seeing` adds blur, and `wide` has a larger zoom range,
for surveys whose cutouts have various fields of view.

Notes on differences: the original resampled an image up to three times, here it is once. The area uncovered by rotation
and zoom is filled by reflection. Shifts come last; in the original policies they repeat the edge, in the others, which
shift by fractions of a pixel, they reflect.
"""


class AugmentationDraws(NamedTuple):
    """Random parameters of the augmentation of n galaxies.

    Attributes
    ----------
    transforms : float32 (n, 8)
        Projective, from output to input, in (x, y) order, as for `ImageProjectiveTransformV3`.
    gains : float32 (n, band)
    widths : float32 (n,)
        Standard deviation of the blur [pixel].
    sigma : float32 (n, band)
        Noise to add, in the unit of the image.
    seeds : int32 (n, 2)
        Seeds of the noise.
    shifts : int32 (n, 2)
        Whole pixels in x and y, included in `transforms`.
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
        There is no such policy.
    """
    if name not in POLICIES:
        raise InputError(f"augmentation = {name!r} was given", f"It may be {choices(POLICIES)}")
    return POLICIES[name]


def draw(
    policy: Policy, seed: int, epoch: int, rows: Ints, *, shape: tuple[int, int], sky_sigma: NDArray[np.floating[Any]]
) -> AugmentationDraws:
    """Draw the augmentation of some galaxies in one epoch.

    Parameters
    ----------
    rows : int (n,)
        Of the survey. The draws of a galaxy do not depend on the other rows.
    shape : (y, x)
    sky_sigma : float (band,)
        Noise of the sky.
    """
    bands = len(sky_sigma)
    even = _uniforms((seed, epoch), rows, columns=10 + bands)
    # Stream 1 is that of the order in `trainer.dataset`.
    widths = policy.blur * _uniforms((seed, epoch, 2), rows, columns=1)[:, 0]
    noise = np.hypot(policy.noise * even[:, 8:9], _noise_reduction(widths)[:, None]) * np.asarray(sky_sigma)
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
    """Apply the drawn augmentation to images and masks; invalid pixels are 0.

    A pixel is valid if all pixels that contribute to it are; reflected pixels have the validity of their originals.

    Parameters
    ----------
    policy : Policy
        The policy of the draws; unused operations are skipped.
    images : float32 (n, y, x, band)
    valid : bool (n, y, x)

    Returns
    -------
    images, valid : tensors of the same shapes and types
    """
    images, valid, draws = tf.nest.map_structure(tf.convert_to_tensor, (images, valid, draws))
    return (images, valid) if policy == POLICIES["none"] else _augmented(policy, images, valid, draws)


@tf.function(reduce_retracing=True, autograph=False)
def _augmented(policy: Policy, images: Any, valid: Any, draws: AugmentationDraws) -> tuple[Any, Any]:
    moved = _resample(images, draws.transforms)
    mask = _resample(tf.cast(valid, tf.float32)[..., None], draws.transforms) > 1 - ROUNDING
    if policy.whole_pixels:
        moved, mask = (_repeat_edge(image, draws.shifts) for image in (moved, mask))
    if policy.blur:
        moved = _blur(moved, draws.widths)
        mask = _blur(tf.cast(mask, tf.float32), draws.widths) > 1 - ROUNDING
    if policy.flux or policy.band_flux:
        moved *= draws.gains[:, None, None]
    if policy.noise or policy.blur:
        moved += _normals(draws.seeds, tf.shape(images)[1:]) * draws.sigma[:, None, None]
    return tf.where(mask, moved, 0.0), mask[..., 0]


def _resample(images: Any, transforms: Any) -> Any:
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )


def _blur(images: Any, widths: Any) -> Any:
    """Blur images (n, y, x, band), each with a Gaussian of its width, normalised at the edges.

    Images are processed one by one: the rounding of a batched product would depend on the size of the batch.
    """
    return tf.map_fn(
        lambda pair: _blur_one(*pair),
        (images, widths),
        fn_output_signature=tf.TensorSpec(images.shape[1:], tf.float32),
        parallel_iterations=8,
    )


def _blur_one(image: Any, width: Any) -> Any:
    for axis, sizes in ((0, "ij,jxb->ixb"), (1, "ij,yjb->yib")):
        places = tf.range(tf.cast(tf.shape(image)[axis], tf.float32))
        distance = (places[:, None] - places) ** 2
        kernel = tf.exp(-distance / (2 * tf.maximum(width, _NARROW) ** 2))
        image = tf.einsum(sizes, kernel / tf.reduce_sum(kernel, axis=1, keepdims=True), image)
    return image


def _noise_reduction(widths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reduction of unit white noise by the blur, in quadrature, (n,)."""
    places = np.arange(-32, 33)
    kernels = np.exp(-(places**2) / (2 * np.maximum(widths, _NARROW)[:, None] ** 2))
    kernels /= kernels.sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt(np.maximum(1 - (kernels**2).sum(axis=1) ** 2, 0)))


def _repeat_edge(images: Any, shifts: Any) -> Any:
    """Fill rows and columns of images (n, y, x, ...) uncovered by a shift (x, y) with the nearest ones."""
    for axis, moved in ((1, shifts[:, 1:]), (2, shifts[:, :1])):
        last = tf.shape(images)[axis] - 1
        uncovered, covered = tf.maximum(moved, 0), last + tf.minimum(moved, 0)
        places = tf.minimum(tf.maximum(tf.range(last + 1)[None], uncovered), covered)
        images = tf.gather(images, places, axis=axis, batch_dims=1)
    return images


def _normals(seeds: Any, shape: Any) -> Any:
    """Standard normal noise (n, y, x, band), with a seed per image."""
    return tf.map_fn(
        lambda seed: tf.random.stateless_normal(shape, seed, alg="philox"),
        seeds,
        fn_output_signature=tf.TensorSpec((None, None, None), tf.float32),
        parallel_iterations=8,
    )


def _uniforms(key: tuple[int, ...], rows: Ints, columns: int) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), (n, columns): the given rows of a virtual table, generated by skipping ahead."""
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
    """Matrices from output to input pixels, (n, 8): inverse of reflection, rotation, zoom about the centre, shift."""
    centre = (np.array(shape[::-1]) - 1) / 2  # (x, y)
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
    if policy.whole_pixels:  # uniform over the integers from -shift to +shift
        offset = np.floor((2 * policy.shift + 1) * even[:, 3:5]) - policy.shift
    else:
        offset = policy.shift * (2 * even[:, 3:5] - 1)
    return np.where(even[:, 5:6] < policy.shift_probability, offset, 0.0)


def _zooms(policy: Policy, even: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = policy.zoom
    return np.where(even[:, 6] < policy.zoom_probability, low + (high - low) * even[:, 7], 1.0)
