"""The pixels of one galaxy from FITS extensions or cubes, one file per band, NumPy arrays, JPEG or PNG."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales
from numpy.typing import NDArray
from PIL import Image, ImageOps

from gz2interp.errors import CutoutUnavailable
from gz2interp.schema import DISPLAY_BANDS, DISPLAY_UNIT, UNIT
from gz2interp.stores.band_names import header_bands
from gz2interp.stores.fits_headers import (
    beam_area,
    celestial,
    is_asinh,
    is_known_unit,
    is_magnitude,
    position_angle,
    psf_fwhm,
    to_nanomaggies,
    unit_of,
    zero_point,
)
from gz2interp.stores.image_planes import NUMPY_SUFFIXES, Plane, band_planes, image_headers, named_plane
from gz2interp.stores.reading import errors_as, reading

__all__ = [
    "DISPLAY_SUFFIXES",
    "NUMPY_SUFFIXES",
    "SUFFIXES",
    "RawPixels",
    "area_mean",
    "display_pixels",
    "image_centre",
    "image_window",
    "mask_invalid",
    "read_pixels",
    "reference_band",
]

_FITS_SUFFIXES: Final = tuple(
    f".{name}{packed}" for name in ("fits", "fit", "fts") for packed in ("", ".gz", ".bz2", ".fz")
)
DISPLAY_SUFFIXES: Final = (".jpg", ".jpeg", ".png")
SUFFIXES: Final = (*_FITS_SUFFIXES, *NUMPY_SUFFIXES)
"""Of files with measured bands; `DISPLAY_SUFFIXES` are those of colour images."""

ALIGNED: Final = 0.05
"""Largest offset of bands by their WCS for which they are not resampled [pixel]."""

_FORMATS: Final = ("JPEG", "PNG")
_MOST_PIXELS: Final = 16 << 20
"""Of a JPEG or PNG file."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class RawPixels:
    """Pixels of files, before a cutout is made of them.

    Attributes
    ----------
    image : float32 (y, x, band)
        Nanomaggies per pixel, or in `unit` if not `calibrated`, or from 0 to 1 for colour images; not finite where
        nothing was measured. With north up, east is left.
    unit : str
        Of the file.
    calibrated : bool
        Whether the unit has a zero point, so that the values are nanomaggies.
    pixel_scale : float
        [arcsec]; NaN where unknown.
    position_angle : float
        Of +y, east of north [deg]; 0 where unknown.
    psf_fwhm : float per band
        [arcsec].
    wcs : WCS or None
        Of the reference band, see `reference_band`, in ICRS; None where it has none.
    mirrored : bool
        Whether the columns of the file, which has east on the right, are reversed.
    note : str
        Remarks: an assumed order of bands, a unit without zero point, a resampling.
    """

    image: NDArray[np.float32]
    unit: str = f"{UNIT} (assumed)"
    calibrated: bool = True
    pixel_scale: float = float("nan")
    position_angle: float = 0.0
    psf_fwhm: tuple[float, ...] = ()
    wcs: WCS | None = None
    mirrored: bool = False
    note: str = ""

    @property
    def is_display(self) -> bool:
        """Whether this is a colour image, not linear in flux."""
        return self.unit == DISPLAY_UNIT

    def place(self, ra: float, dec: float) -> tuple[float, float] | None:
        """Pixel coordinates (x, y), from 0, of a position [deg]; not finite off the projection; None without a WCS."""
        if self.wcs is None or not np.isfinite([ra, dec]).all():
            return None
        x, y = (float(pixel) for pixel in self.wcs.world_to_pixel_values(ra, dec))
        return (self.image.shape[1] - 1 - x if self.mirrored else x), y

    def sky(self, x: float, y: float) -> tuple[float, float]:
        """The position (ra, dec) [deg] of pixel coordinates, from 0; NaN without a WCS."""
        if self.wcs is None:
            return float("nan"), float("nan")
        ra, dec = self.wcs.pixel_to_world_values(self.image.shape[1] - 1 - x if self.mirrored else x, y)
        return float(ra) % 360.0, float(dec)


def read_pixels(paths: Sequence[Path], bands: Sequence[str]) -> RawPixels:
    """The pixels of one galaxy.

    Parameters
    ----------
    paths : sequence of Path
        One file with all bands, or one file per band in the bands' order.

    Returns
    -------
    RawPixels
        All bands on the pixels of the reference band: a band that is offset by its WCS is resampled with conserved
        flux; pixels that it does not cover are NaN.

    Raises
    ------
    CutoutUnavailable
        ``"failed"``: a file is damaged, does not have these bands, or is not linear in flux.
    """
    name = ", ".join(path.name for path in paths)
    if paths[0].name.lower().endswith(DISPLAY_SUFFIXES):
        return _display_file(paths[0], bands)
    with errors_as(CutoutUnavailable, name):
        if len(paths) == len(bands) > 1:
            planes, note = [named_plane(path, band, bands) for path, band in zip(paths, bands, strict=True)], ""
        else:
            planes, note = band_planes(paths[0], bands)
        with errors_as(CutoutUnavailable, f"The header of {name}"):
            return _from_planes(planes, bands, name, note)


def reference_band(bands: Sequence[str]) -> int:
    """Index of the band onto whose pixels all bands are resampled: r if there is one, else the first."""
    return list(bands).index("r") if "r" in bands else 0


def image_centre(paths: Sequence[Path], bands: Sequence[str]) -> tuple[float, float]:
    """Position (ra, dec) [deg] of the centre of an image; NaN without a WCS, or where no file can be read."""
    nothing = float("nan"), float("nan")
    if paths[0].name.lower().endswith((*NUMPY_SUFFIXES, *DISPLAY_SUFFIXES)):
        return nothing
    reference = bands[reference_band(bands)]
    try:
        headers = [header for path in paths for header in image_headers(path)]
        # Those of the reference band come first: its pixels become the cutout's.
        headers.sort(key=lambda header: reference not in header_bands(header, bands).values())
        for header in headers:
            wcs = celestial(header)
            if wcs is not None:
                bands_first = header.get("NAXIS1") == len(bands) != header.get("NAXIS3", len(bands))
                x, y = ((int(header[f"NAXIS{axis}"]) - 1) / 2 for axis in ((2, 3) if bands_first else (1, 2)))
                ra, dec = wcs.pixel_to_world_values(x, y)
                return float(ra) % 360.0, float(dec)
    except Exception:  # `read_pixels` reports the damage
        return nothing
    return nothing


def mask_invalid(image: NDArray[np.float32], bands: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """An image with invalid pixels set to 0, and the mask of valid ones.

    Parameters
    ----------
    image : float32 (y, x, band)
        Not finite where nothing was measured.

    Returns
    -------
    image : float32 (y, x, band)
        0 where not valid.
    valid : bool (y, x)
        True where every band is finite, and none is exactly 0 over an area, as outside a footprint.

    Raises
    ------
    CutoutUnavailable
        ``"failed"``: no pixel is valid, or all valid pixels of a band have the same value.
    """
    valid = np.asarray(np.isfinite(image).all(axis=-1))
    if tuple(bands) != DISPLAY_BANDS:
        valid &= ~_unmeasured(image).any(axis=-1)
    if not valid.any():
        raise _failed("the image has no valid pixel: none is finite in every band")
    pixels = image[valid]
    constant = (pixels == pixels[0]).all(axis=0) if len(pixels) > 1 else np.zeros(len(bands), np.bool_)
    if tuple(bands) == DISPLAY_BANDS and not constant.all():
        constant[:] = False  # one colour of an image may be dark everywhere
    if constant.any():
        where = "every band" if constant.all() else f"band {' '.join(np.array(bands)[constant])}"
        values = ", ".join(f"{value:g}" for value in dict.fromkeys(pixels[0][constant].tolist()))
        raise _failed(f"no valid pixel: every pixel of {where} is {values}, as outside a survey's footprint")
    return np.where(valid[..., None], image, np.float32(0.0)), valid


def _unmeasured(image: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels (y, x, band) in areas of 3 x 3 pixels and more that are exactly 0 in a band that has noise elsewhere.

    Bands without negative values, which may be models, and bands of whole numbers are left out.
    """
    from scipy.ndimage import binary_opening

    zero = image == 0
    unmeasured = np.zeros(image.shape, np.bool_)
    for band in np.flatnonzero(zero.any(axis=(0, 1))):
        plane = image[..., band]
        values = plane[np.isfinite(plane) & (plane != 0)]
        if (values < 0).any() and (values != np.round(values)).any():
            padded = np.pad(zero[..., band], 1, mode="edge")  # an area may end at the edge
            unmeasured[..., band] = binary_opening(padded, np.ones((3, 3)))[1:-1, 1:-1]
    return unmeasured


def image_window(
    pixels: RawPixels, shape: tuple[int, int], first: tuple[int, int] | None = None, central: float = 1.0
) -> RawPixels:
    """The part of an image that becomes a cutout.

    Parameters
    ----------
    shape : (int, int)
        (y, x) of the cutout.
    first : (int, int), optional
        First row and column of the window; by default it is central.
    central : float
        Of colour images, which are averaged over areas to `shape`: the central share of their width that is used.
        Images of measured flux are cropped and not resampled.

    Raises
    ------
    CutoutUnavailable
        ``"failed"``: the image is smaller than the cutout.
    """
    height, width = pixels.image.shape[:2]
    scale = min(height / shape[0], width / shape[1]) * (central if pixels.is_display else 1.0)
    if scale < 1.0:
        share = f" in its central {central:g}" if central != 1.0 and pixels.is_display else ""
        raise _failed(f"the image has {height} x {width} pixels{share}, fewer than {shape[0]} x {shape[1]}")
    if pixels.is_display:
        return replace(pixels, image=area_mean(pixels.image, shape, scale), pixel_scale=pixels.pixel_scale * scale)
    top, left = first or ((height - shape[0]) // 2, (width - shape[1]) // 2)
    return replace(pixels, image=pixels.image[top : top + shape[0], left : left + shape[1]])


def area_mean(image: NDArray[np.float32], shape: tuple[int, int], scale: float) -> NDArray[np.float32]:
    """The centre of an image on coarser pixels, each the mean over its area.

    Parameters
    ----------
    image : float32 (y, x, band)
    shape : (int, int)
        (y, x) of the result.
    scale : float
        Width of its pixels in those of `image`, 1 or more.
    """
    rows, columns = (_overlaps(length, count, scale) for length, count in zip(image.shape[:2], shape, strict=True))
    return np.asarray(np.einsum("ty,yxb,sx->tsb", rows, image, columns, optimize=True), dtype=np.float32)


def _overlaps(length: int, count: int, scale: float) -> NDArray[np.float64]:
    """Shares (count, length) of each pixel in each of `count` wider ones about the centre; every row sums to 1."""
    edges = (length - count * scale) / 2 + scale * np.arange(count + 1)
    pixel = np.arange(length)
    covered = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return np.asarray(np.clip(covered, 0.0, None) / scale)


# -- colour images ----------------------------------------------------------------------------------------------------


def display_pixels(values: NDArray[np.uint8], pixel_scale: float = float("nan")) -> RawPixels:
    """A colour image uint8 (y, x, 3), red first and the first row at the top, as values from 0 to 1 with north up."""
    image = values[::-1].astype(np.float32) / np.float32(255.0)
    return RawPixels(image, DISPLAY_UNIT, calibrated=False, pixel_scale=pixel_scale)


def _display_file(path: Path, bands: Sequence[str]) -> RawPixels:
    if tuple(bands) != DISPLAY_BANDS:
        raise _failed(
            f"{path.name} is a colour image made for the eye ({' '.join(DISPLAY_BANDS)}, not linear in flux); "
            f"{' '.join(bands)} was expected"
        )
    with reading(path, CutoutUnavailable), _open_picture(path) as picture:
        if picture.width * picture.height > _MOST_PIXELS:
            raise _failed(f"{path.name} has {picture.width} x {picture.height} pixels, too many for a galaxy's image")
        if picture.mode in ("I", "F") or picture.mode.startswith("I;"):
            raise _failed(f"{path.name} has one channel of more than 8 bits; a colour image of 8 bits was expected")
        grey = picture.mode in ("1", "L", "LA")
        pixels = display_pixels(_colours(ImageOps.exif_transpose(picture)))
        return replace(pixels, note="a grey image: its three colours are equal") if grey else pixels


def _open_picture(path: Path) -> Image.Image:
    """Open an image after comparing its checksums, which Pillow does not do on decoding."""
    with Image.open(path, formats=_FORMATS) as picture:
        picture.verify()
    return Image.open(path, formats=_FORMATS)


def _colours(picture: Image.Image) -> NDArray[np.uint8]:
    """Red, green and blue, uint8 (y, x, 3), first row at the top; transparent pixels are black."""
    if picture.has_transparency_data:
        over = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", over.size, (0, 0, 0, 255)), over)
    return np.asarray(picture.convert("RGB"))


# -- bands on one grid ------------------------------------------------------------------------------------------------


def _from_planes(planes: Sequence[Plane], bands: Sequence[str], name: str, note: str) -> RawPixels:
    maps = [celestial(plane.header) for plane in planes]
    reference = reference_band(bands)
    units, factors, calibrated = _units(planes, maps, bands, name)
    scaled = [_float(plane.values) * factor for plane, factor in zip(planes, factors, strict=True)]
    aligned, moved = _align(scaled, maps, bands, name)
    wcs = maps[reference]
    mirrored = wcs is not None and bool(np.linalg.det(wcs.pixel_scale_matrix) > 0)
    if mirrored:
        _log.info("%s has east on the right: it is mirrored, left to right, as the sky is", name)
    image = _single_precision(np.stack(aligned, axis=-1))
    unplaced = "its WCS gives no place on the sky or no size of a pixel: not used"
    unusable = unplaced if wcs is None and "CRVAL1" in planes[reference].header else ""
    doubtful = _doubtful_unit(planes, units, calibrated)
    return RawPixels(
        image=image[:, ::-1] if mirrored else image,
        unit=units,
        calibrated=calibrated,
        pixel_scale=float(np.mean(proj_plane_pixel_scales(wcs))) * 3600.0 if wcs else float("nan"),
        position_angle=position_angle(wcs) if wcs else 0.0,  # unchanged by mirroring columns
        psf_fwhm=tuple(psf_fwhm(plane.header) for plane in planes),
        wcs=wcs,
        mirrored=mirrored,
        note="; ".join(filter(None, (note, doubtful, moved, unusable))),
    )


def _units(
    planes: Sequence[Plane], maps: Sequence[WCS | None], bands: Sequence[str], name: str
) -> tuple[str, list[float], bool]:
    """The units as text, the factor of each plane, and whether the results are nanomaggies."""
    units = [_unit(plane) for plane in planes]
    logarithmic = [unit for unit in units if is_magnitude(unit)]
    if logarithmic:
        raise _failed(f"{name} is in {logarithmic[0]}, which cannot be added up; linear flux per pixel was expected")
    if any(is_asinh(plane.header) for plane in planes):
        raise _failed(
            f"{name} has the cards BSOFTEN and BOFFSET of Pan-STARRS: its pixels are inverse hyperbolic sines of flux; "
            "write BOFFSET + 2 BSOFTEN sinh(pixel / 1.0857362) to a new file, without these cards"
        )
    areas = [_pixel_area(wcs) for wcs in maps]
    beams = [beam_area(plane.header) for plane in planes]
    properties = list(zip(units, areas, beams, strict=True))
    calibrated = all(is_known_unit(*of_plane) for of_plane in properties)
    if len(set(units)) > 1 and not calibrated:
        by_band = ", ".join(f"{band} in {unit}" for band, unit in zip(bands, units, strict=True))
        raise _failed(f"the bands of {name} cannot be compared: {by_band}")
    return ", ".join(dict.fromkeys(units)), [to_nanomaggies(*of_plane) for of_plane in properties], calibrated


def _doubtful_unit(planes: Sequence[Plane], units: str, calibrated: bool) -> str:
    """A remark on the unit; "" where the files have one with a known zero point."""
    if calibrated:
        return f"no file names a unit: pixels are taken as {UNIT}" if "(assumed)" in units else ""
    points = dict.fromkeys(zero_point(plane.header) for plane in planes)
    listed = ", ".join(f"{card} = {value:g}" for card, value in points if card)
    cards = f" ({listed}, of a magnitude system that the header does not name, is not applied)" if listed else ""
    return f"pixels in {units}, a unit without a known zero point: values as they are{cards}"


def _unit(plane: Plane) -> str:
    unit = unit_of(plane.header)
    # A camera's raw counts are whole numbers; calibrated flux never is.
    return "counts (assumed)" if unit.endswith("(assumed)") and plane.values.dtype.kind in "iu" else unit


def _pixel_area(wcs: WCS | None) -> float:
    return float("nan") if wcs is None else float(abs(np.linalg.det(wcs.pixel_scale_matrix)) * np.radians(1.0) ** 2)


def _float(values: NDArray[Any]) -> NDArray[np.float64]:
    if values.dtype.kind not in "fiu":
        raise _failed(f"the file holds values of type {values.dtype}; real numbers were expected")
    return np.asarray(values, dtype=np.float64)


def _align(
    planes: Sequence[NDArray[np.float64]], maps: Sequence[WCS | None], bands: Sequence[str], name: str
) -> tuple[list[NDArray[np.float64]], str]:
    """All bands on the pixels of the reference band, and a note on the resampling."""
    reference = reference_band(bands)
    target, shape = maps[reference], planes[reference].shape
    moved, aligned = dict[str, float](), list[NDArray[np.float64]]()
    lost = [band for band, wcs in zip(bands, maps, strict=True) if (wcs is None) != (target is None)]
    for band, values, wcs in zip(bands, planes, maps, strict=True):
        if target is None or wcs is None:
            if values.shape != shape:
                sizes = ", ".join(sorted({str(plane.shape) for plane in planes}))
                raise _failed(f"The bands of {name} differ in shape ({sizes}), and no WCS says how they lie")
            aligned.append(values)
            continue
        offset = 0.0 if wcs is target else _offset(wcs, target, shape)
        if offset <= ALIGNED and values.shape == shape:
            aligned.append(values)
            continue
        moved[band] = offset
        aligned.append(_resample_band(values, wcs, target, shape))
        if not np.isfinite(aligned[-1]).any():
            raise _failed(f"{name}: by its own WCS, {band} shows other sky than {bands[reference]}")
    notes = []
    if moved:
        most = max(moved.values())
        far = f"up to {most:.1f} pixels" if np.isfinite(most) else "far"
        notes.append(
            f"{' '.join(moved)} lay {far} from {bands[reference]} by WCS: resampled on its pixels, flux conserved"
        )
    if lost:
        notes.append(f"no WCS says how {' '.join(lost)} and the other bands lie: taken pixel by pixel")
    return aligned, "; ".join(notes)


def _offset(wcs: WCS, target: WCS, shape: tuple[int, ...]) -> float:
    """Largest distance of the target's pixels from the same pixels of another WCS [pixel]."""
    y, x = np.array(
        [[0, 0, shape[0] - 1, shape[0] - 1, (shape[0] - 1) / 2], [0, shape[1] - 1, 0, shape[1] - 1, (shape[1] - 1) / 2]]
    )
    other_x, other_y = wcs.world_to_pixel_values(*target.pixel_to_world_values(x, y))
    offset = float(np.hypot(other_x - x, other_y - y).max())
    return offset if np.isfinite(offset) else float("inf")


def _resample_band(values: NDArray[np.float64], wcs: WCS, target: WCS, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A band on the target's pixels with conserved flux; NaN where it does not cover them."""
    from gz2interp.stores.resampling import resample  # imports reproject

    flux, valid = resample(_single_precision(values), wcs, target, (shape[0], shape[1]))
    y, x = np.indices(shape)
    positions = wcs.world_to_pixel_values(*target.pixel_to_world_values(x, y))
    inside = np.ones(shape, np.bool_)
    for place, length in zip(positions, values.shape[::-1], strict=True):
        inside &= (place >= -ALIGNED) & (place <= length - 1 + ALIGNED)
    return np.where(valid & inside, flux, np.nan).astype(np.float64)


def _single_precision(values: NDArray[Any]) -> NDArray[np.float32]:
    """Single precision; values beyond its range become infinite, which counts as not measured."""
    with np.errstate(over="ignore"):
        return np.asarray(values, dtype=np.float32)


def _failed(reason: str) -> CutoutUnavailable:
    return CutoutUnavailable("failed", reason)
