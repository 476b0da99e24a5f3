"""The planes of FITS and NumPy files, assigned to bands by name; an assignment by order is noted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from gz2interp.errors import CutoutUnavailable
from gz2interp.stores.band_names import FILTER_CARDS, band_list, header_bands, is_auxiliary_plane, other_filter
from gz2interp.stores.reading import reading, unpacked

__all__ = ["NUMPY_SUFFIXES", "Plane", "band_planes", "image_headers", "named_plane"]

NUMPY_SUFFIXES: Final = (".npy", ".npz")
_LIST_CARDS: Final = ("BANDS", "FILTERS", "BAND", "FILTER", "FILTNAM")
_NUMBERED_CARDS: Final = ("BAND", "FILTER", "FILT", "FILTNAM", "PLANE", "CHANNEL", "CHAN", "SLICE")


@dataclass(frozen=True, eq=False)
class Plane:
    """An array of a file with its header.

    Attributes
    ----------
    values : (y, x), or a cube of three axes
    header : Header
        Of a NumPy array only ``EXTNAME``, its key, and ``BANDS`` where the file lists them.
    label : str
        Name of the array in messages.
    """

    values: NDArray[Any]
    header: fits.Header
    label: str


def band_planes(path: Path, bands: Sequence[str]) -> tuple[list[Plane], str]:
    """The planes (y, x) of the bands in a file with all of them, in the bands' order.

    Parameters
    ----------
    bands : sequence of str
        The survey's.

    Returns
    -------
    planes : list of Plane
    note : str
        A remark on the assignment; "" where the file names every band.

    Raises
    ------
    CutoutUnavailable
        ``"failed"``: the file is damaged, lacks a band, holds one twice, or contradicts itself.
    """
    arrays = _read(path)
    science = [plane for plane in arrays if not is_auxiliary_plane(plane.header)]
    if arrays and not science:
        labels = ", ".join(plane.label for plane in arrays)
        raise _failed(f"{path.name} holds only weights, masks and the like ({labels}), and no image")
    flat, cubes = ([plane for plane in science if plane.values.ndim == axes] for axes in (2, 3))
    named = _by_band(flat, bands, path.name)
    if set(bands) <= set(named):
        return [_single(named[band], band, path.name) for band in bands], ""
    if len(cubes) == 1:
        return _cube_planes(cubes[0], bands, path.name)
    silent = [
        plane for plane in flat if not header_bands(plane.header, bands) and not other_filter(plane.header, bands)
    ]
    if not cubes and len(flat) == len(silent) == len(bands):
        return silent, _declared_order(bands)
    raise _failed(_contents(path.name, science, named, bands))


def named_plane(path: Path, band: str, bands: Sequence[str]) -> Plane:
    """The plane (y, x) of a file that by its name has one band.

    Raises
    ------
    CutoutUnavailable
        ``"failed"``: the file is damaged, has no image or several, or is of another band by its header.
    """
    flat = [plane for plane in _read(path) if plane.values.ndim == 2 and not is_auxiliary_plane(plane.header)]
    if not flat:
        raise _failed(f"{path.name} holds no image of two dimensions")
    by_band = {plane.label: _band_of_plane(plane, bands, path.name) for plane in flat}
    fitting = [plane for plane in flat if by_band[plane.label] == band] or [
        plane for plane in flat if by_band[plane.label] is None
    ]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        others = ", ".join(sorted({str(name) for name in by_band.values()}))
        raise _failed(f"{path.name} is {band} by its name and {others} by its header")
    raise _failed(f"{path.name} holds {len(fitting)} images that could be {band}: {_labels(fitting)}")


def image_headers(path: Path) -> list[fits.Header]:
    """The headers of the images in a FITS file, without weights and masks; pixels are not read.

    Raises
    ------
    CutoutUnavailable
        ``"failed"``: the file is damaged.
    """
    with reading(path, CutoutUnavailable), unpacked(path) as file, fits.open(file, memmap=False) as hdus:
        primary = hdus[0].header
        images = [hdu.header for hdu in hdus if hdu.is_image and hdu.header.get("NAXIS", 0) >= 2]
        alone = _is_alone(images)
        whole = [header if header is primary else _inherit_cards(header, primary, alone) for header in images]
        return [header for header in whole if not is_auxiliary_plane(header)]


# -- reading ----------------------------------------------------------------------------------------------------------


def _read(path: Path) -> list[Plane]:
    with reading(path, CutoutUnavailable):
        return _numpy_arrays(path) if path.suffix.lower() in NUMPY_SUFFIXES else _fits_images(path)


def _numpy_arrays(path: Path) -> list[Plane]:
    # Pickled arrays, which run code when loaded, are refused. NumPy does not close files that it cannot read.
    with path.open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        arrays = {"": stored} if isinstance(stored, np.ndarray) else dict(stored)
    lists = [array for key, array in arrays.items() if key.lower() in ("bands", "filters", "band_names")]
    listed = next((_words(array) for array in lists if array.ndim < 2 and array.dtype.kind in "US"), "")
    images = {key: array for key, array in arrays.items() if len(arrays) == 1 or array.ndim in (2, 3, 4)}
    planes = [Plane(_squeeze(array), _key_header(key, listed), key or "the array") for key, array in images.items()]
    if len(planes) == 1 and planes[0].values.ndim not in (2, 3):
        raise _failed(f"{path.name} is {planes[0].values.shape}, which is neither (band, y, x) nor (y, x, band)")
    return planes


def _words(texts: NDArray[Any]) -> str:
    """The texts of an array, which may be bytes or a single one."""
    return " ".join(np.char.decode(texts, "ascii", "replace").flat if texts.dtype.kind == "S" else texts.flat)


def _key_header(key: str, listed: str) -> fits.Header:
    header = fits.Header()
    header["EXTNAME"] = key.encode("ascii", "replace").decode()[:68]
    if listed:
        header["BANDS"] = listed.encode("ascii", "replace").decode()[:68]
    return header


def _fits_images(path: Path) -> list[Plane]:
    """All images of a FITS file, without axes of length 1; values marked by BLANK are NaN."""
    with unpacked(path) as file, fits.open(file, memmap=False) as hdus:
        primary = hdus[0].header
        images = [(number, hdu) for number, hdu in enumerate(hdus) if hdu.is_image and hdu.data is not None]
        alone = _is_alone([hdu.header for _, hdu in images])
        return [
            Plane(
                _squeeze(_blanks_as_nan(hdu)),
                hdu.header if hdu.header is primary else _inherit_cards(hdu.header, primary, alone),
                f"extension {number}" + f" ({hdu.name})" * bool(hdu.name),
            )
            for number, hdu in images
        ]


def _is_alone(headers: Sequence[fits.Header]) -> bool:
    """Whether there is one image besides weights and masks, to which the primary header then refers."""
    return sum(not is_auxiliary_plane(header) for header in headers) == 1


def _blanks_as_nan(hdu: Any) -> NDArray[Any]:
    """Pixels with blank ones as NaN, which astropy does not do for unsigned integers."""
    values, blank = hdu.data, hdu.header.get("BLANK")
    if values.dtype.kind != "u" or not isinstance(blank, int):
        return np.asarray(values)
    marked = blank * hdu.header.get("BSCALE", 1) + hdu.header.get("BZERO", 0)
    return np.where(values == marked, np.nan, values) if (values == marked).any() else np.asarray(values)


def _inherit_cards(header: fits.Header, primary: fits.Header, alone: bool) -> fits.Header:
    """An extension's header with cards of the primary one, if that has no pixels of its own."""
    if primary.get("NAXIS", 0) != 0:
        return header
    position_cards = (
        *("CTYPE", "CRVAL", "CRPIX", "CDELT", "CUNIT", "CROTA", "CD1_", "CD2_", "PC1_", "PC2_"),
        *("RADESYS", "EQUINOX"),
    )
    cards = [card for card in primary if card in ("BUNIT", "PSF_FWHM", "PSFFWHM", "SEEING", "BMAJ", "BMIN")]
    if "CTYPE1" not in header:
        cards += [card for card in primary if card.startswith(position_cards)]
    if alone:
        cards += [card for card in (*_LIST_CARDS, *FILTER_CARDS) if card in primary]
    merged = header.copy()
    for card in cards:
        if card not in merged:
            merged[card] = primary[card]
    return merged


def _squeeze(values: NDArray[Any]) -> NDArray[Any]:
    return np.squeeze(values) if values.ndim > 2 else values


# -- which plane is which band ----------------------------------------------------------------------------------------


def _by_band(planes: Sequence[Plane], bands: Sequence[str], name: str) -> dict[str, list[Plane]]:
    named: dict[str, list[Plane]] = {}
    for plane in planes:
        band = _band_of_plane(plane, bands, name)
        if band is not None:
            named.setdefault(band, []).append(plane)
    return named


def _band_of_plane(plane: Plane, bands: Sequence[str], name: str) -> str | None:
    by_card = header_bands(plane.header, bands)
    if len(set(by_card.values())) > 1:
        words = ", ".join(f"{card} = {str(plane.header[card]).strip()}" for card in by_card)
        raise _failed(f"{name}, {plane.label}: its cards name different bands ({words})")
    return next(iter(by_card.values()), None)


def _single(planes: Sequence[Plane], band: str, name: str) -> Plane:
    if len(planes) > 1:
        raise _failed(f"{name} holds {band} {len(planes)} times: {_labels(planes)}")
    return planes[0]


def _cube_planes(cube: Plane, bands: Sequence[str], name: str) -> tuple[list[Plane], str]:
    """The planes of a cube by the header's list of bands, or in the survey's order with a note."""
    lists = {axis: _listed_bands(cube.header, cube.values.shape[axis], bands) for axis in (0, -1)}
    axes = [axis for axis, listed in lists.items() if listed]
    if len(axes) == 1:
        listed = lists[axes[0]]
        wrong = [band for band in bands if listed.count(band) != 1]
        if wrong:
            raise _failed(f"{name} has the planes {' '.join(listed)}, and {' '.join(wrong)} not once among them")
        order, note = [listed.index(band) for band in bands], ""
        axis = axes[0]
    else:
        axis = _band_axis(cube.values.shape, len(bands), name)
        order, note = list(range(len(bands))), _declared_order(bands)
        _refuse_single_band(cube, bands, name)
    values = np.moveaxis(cube.values, axis, 0)
    return [Plane(values[number], cube.header, f"plane {number}") for number in order], note


def _listed_bands(header: Mapping[str, Any], count: int, bands: Sequence[str]) -> tuple[str, ...]:
    """The bands of `count` planes by cards ``BAND0``, ``BAND1``, ... or by one card with all; () without such cards."""
    for card in _NUMBERED_CARDS:
        for first, width in ((0, 1), (1, 1), (0, 2), (1, 2)):
            cards = [f"{card}{first + number:0{width}d}" for number in range(count)]
            texts = [str(header.get(name, "")).strip() for name in cards]
            if all(texts):
                return band_list(texts, bands)
    lists = (band_list([str(header[card])], bands) for card in _LIST_CARDS if card in header)
    return next((listed for listed in lists if len(listed) == count and set(listed) & set(bands)), ())


def _band_axis(shape: tuple[int, ...], count: int, name: str) -> int:
    first, last = (shape[axis] == count for axis in (0, -1))
    if first == last:
        could_be = "could be either" if first else "is neither"
        raise _failed(f"{name} is {shape}, which {could_be} (band, y, x) or (y, x, band) of {count} bands")
    return 0 if first else -1


def _refuse_single_band(cube: Plane, bands: Sequence[str], name: str) -> None:
    cards = {card: band for card, band in header_bands(cube.header, bands).items() if card != "SURVEY"}
    if cards and len(bands) > 1:
        words = ", ".join(f"{card} = {str(cube.header[card]).strip()}" for card in cards)
        raise _failed(
            f"{name} is a cube of {len(bands)} planes whose header names one band ({words}); a card BANDS helps"
        )


def _declared_order(bands: Sequence[str]) -> str:
    return f"the file names no bands: its planes are taken in the survey's order {' '.join(bands)}"


def _contents(name: str, planes: Sequence[Plane], named: Mapping[str, Sequence[Plane]], bands: Sequence[str]) -> str:
    lacking = " ".join(band for band in bands if band not in named)
    others = (other_filter(plane.header, bands) for plane in planes)
    listed = ", ".join(
        f"{plane.label} {' x '.join(map(str, plane.values.shape))}" + f" [{other}]" * bool(other)
        for plane, other in zip(planes[:12], others, strict=False)
    )
    expected = f"an image for each of {', '.join(bands)}, or one cube, was expected"
    return f"{name} names no plane for {lacking}; it holds {listed or 'no image'}; {expected}"


def _labels(planes: Sequence[Plane]) -> str:
    return ", ".join(plane.label for plane in planes[:6])


def _failed(reason: str) -> CutoutUnavailable:
    return CutoutUnavailable("failed", reason)
