"""Attribution maps as FITS files with WCS: one file per galaxy, or all that a figure shows in one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from gz2interp.attribution import METHODS
from gz2interp.results import Attribution
from gz2interp.schema import DISPLAY_UNIT, pixel_unit
from gz2interp.sky import cutout_wcs
from gz2interp.stores.files import atomic_write
from gz2interp.stores.table_formats import escape_ascii
from gz2interp.workflows.explain import Explanation

__all__ = ["image_hdu", "map_path", "write_maps", "write_maps_together"]


def write_maps(explanation: Explanation, folder: Path) -> list[Path]:
    """Write ``GALAXYID_METHOD.fits`` for each galaxy; the same explanation gives the same bytes.

    Each file holds ``ATTRIBUTION`` (band, y, x) or (y, x), ``IMAGE`` (band, y, x) [nanomaggy] and ``VALID`` (y, x), for
    a mean over views also its ``VARIANCE``, all with the galaxy's WCS where its position and pixel scale are known,
    their unit as BUNIT and the band of each plane of a cube as BANDn. The primary header and that of ``ATTRIBUTION``
    contain the method, its paper, its parameters, the layer, the score, the completeness gap where the method is
    complete, and the digests of data and model.
    """
    paths = []
    for i, galaxy_id in enumerate(explanation.galaxy_ids):
        path = map_path(folder, galaxy_id, explanation.attribution.method)
        with atomic_write(path) as aside:
            _file(explanation, i).writeto(aside)
        paths.append(path)
    return paths


def map_path(folder: Path, galaxy_id: int | str, method: str) -> Path:
    """Path of the map of one galaxy, as `write_maps` writes it."""
    return folder / f"{galaxy_id}_{method}.fits"


def write_maps_together(explanations: Sequence[Explanation], path: Path) -> None:
    """Write all maps of some explanations to one file; the same explanations give the same bytes.

    The k-th map is ``ATTRIBUTION`` with EXTVER k, followed by its ``IMAGE`` and ``VALID`` of that EXTVER.
    """
    hdus = [fits.PrimaryHDU()]
    for explanation in explanations:
        for i in range(len(explanation.galaxy_ids)):
            _, *parts = _file(explanation, i)
            for part in parts:
                part.ver = 1 + sum(hdu.name == part.name for hdu in hdus)
                hdus.append(part)
    with atomic_write(path) as aside:
        fits.HDUList(hdus).writeto(aside)


def _file(explanation: Explanation, i: int) -> fits.HDUList:
    images, wcs = explanation.images, _wcs(explanation, i)
    maps = explanation.attribution.values[i]
    bands = explanation.bands
    of_maps, variance = bands if maps.ndim == 3 else (), explanation.attribution.variance
    header, (unit, words) = _header(explanation, i), _unit(explanation.attribution, bands)
    parts = [
        fits.PrimaryHDU(header=header),
        image_hdu("ATTRIBUTION", maps, wcs, of_maps, unit, words),
        image_hdu("IMAGE", images[i], wcs, bands, *_pixel_unit(bands)),
        image_hdu("VALID", explanation.valid[i].astype(np.uint8), wcs, (), "1", "1 where all bands were imaged"),
    ]
    parts[1].header.extend(header.copy(strip=True), bottom=True)
    if variance is not None:
        parts.append(image_hdu("VARIANCE", variance[i], wcs, of_maps, _squared(unit), "square of the unit of the map"))
    return fits.HDUList(parts)


def _unit(attribution: Attribution, bands: Sequence[str]) -> tuple[str, str]:
    """Unit of a map in FITS notation, "1" for none, and its description. Scores of a network have no unit."""
    method = METHODS.get(attribution.method)
    if method is None or method.contributes:
        return "1", "share of the score (no unit) in each pixel"
    of_flux = attribution.domain == "input" and pixel_unit(bands) != DISPLAY_UNIT
    words = f"score per unit of the {'image' if attribution.domain == 'input' else 'scaled image'}"
    unit = "nmgy-1" if of_flux else "1"
    return (unit, words) if method.signed else (_squared(unit), f"square of {words}")


def _squared(unit: str) -> str:
    return {"nmgy-1": "nmgy-2"}.get(unit, unit)


def _pixel_unit(bands: Sequence[str]) -> tuple[str, str]:
    """BUNIT of an image of these bands, and its comment."""
    if pixel_unit(bands) == DISPLAY_UNIT:
        return DISPLAY_UNIT, "brightness of a picture, no flux"
    return "nmgy", "nanomaggies per pixel"


def _wcs(explanation: Explanation, i: int) -> WCS | None:
    """WCS of a galaxy; None where its position or pixel scale is unknown."""
    ra, dec = explanation.positions[i]
    scale, angle = explanation.pixel_scale[i], explanation.position_angle[i]
    if not np.isfinite([ra, dec, scale, angle]).all():
        return None
    _, height, width, _ = explanation.images.shape
    return cutout_wcs(ra, dec, scale, angle, (height, width))


def _header(explanation: Explanation, i: int) -> fits.Header:
    attribution, provenance = explanation.attribution, explanation.provenance
    header = fits.Header()
    _set_card(header, "OBJECT", str(explanation.galaxy_ids[i]), "galaxy_id, as text: it exceeds 2**53")
    _set_card(header, "METHOD", escape_ascii(attribution.method), "attribution method")
    if method := METHODS.get(attribution.method):
        _set_card(header, "REFERENC", escape_ascii(f"{method.title}: {method.reference}"), "paper of the method")
    _set_card(header, "SCORE", escape_ascii(explanation.score_names[i]), "what is attributed")
    _set_card(header, "SCOREVAL", float(attribution.scores[i]), "its value")
    _set_card(header, "PREDICT", escape_ascii(explanation.predictions[i]), "class the network predicts")
    _set_card(header, "CONFID", float(explanation.confidence[i]), "probability of that class")
    _set_card(header, "LABEL", escape_ascii(explanation.labels[i]), "class in the catalogue")
    if attribution.total is not None:
        total = float(attribution.total[i])
        gap = float(np.sum(attribution.values[i], dtype=np.float64)) - total
        _set_card(header, "TOTAL", total, "what the map is to sum to")
        _set_card(header, "GAP", gap, "sum of the map less TOTAL")
        if total:
            _set_card(header, "GAPSHARE", abs(gap / total), "abs(GAP / TOTAL)")
    if attribution.steps is not None:
        _set_card(header, "STEPS", int(attribution.steps[i]), "gradients that the integral took")
    if attribution.layer:
        _set_card(header, "LAYER", escape_ascii(attribution.layer), "layer looked at")
    _set_card(header, "DOMAIN", escape_ascii(attribution.domain), "input that the attribution refers to")
    _set_card(header, "DATAHASH", provenance.data, "digest of the survey")
    _set_card(header, "MODLHASH", provenance.model, "digest of the model file")
    for name, value in sorted(attribution.parameters.items()):
        header.add_history(escape_ascii(f"{name} = {value}"))
    for package, version in sorted(provenance.versions.items()):
        header.add_history(f"{package} {version}")
    return header


def _set_card(header: fits.Header, key: str, value: str | float, words: str) -> None:
    """Set a header card, with its comment if the card has room for it."""
    roomy = not isinstance(value, str) or len(value) + len(words) < 62
    header[key] = (value, words) if roomy else value


def image_hdu(
    name: str, values: np.ndarray, wcs: WCS | None, bands: Sequence[str], unit: str, words: str
) -> fits.ImageHDU:
    """An image extension; cubes are transposed from (y, x, band) to (band, y, x), that is (x, y, band) in FITS order.

    Parameters
    ----------
    values : (y, x) or (y, x, band)
    wcs : WCS or None
        Of the sky.
    bands : sequence of str
        Of the planes of a cube, stored as BANDn; the third axis counts them from 1.
    unit, words : str
        BUNIT, "1" for none, and its comment.
    """
    header = wcs.to_header() if wcs else fits.Header()
    if bands and wcs:
        header["WCSAXES"] = 3
        for key, value in (("CTYPE3", "BAND"), ("CRPIX3", 1.0), ("CRVAL3", 1.0), ("CDELT3", 1.0)):
            header[key] = value
    for plane, band in enumerate(bands, start=1):
        header[f"BAND{plane}"] = (escape_ascii(band), f"band of plane {plane}")
    header["BUNIT"] = (unit, words)
    data = np.moveaxis(values, -1, 0) if values.ndim == 3 else values
    return fits.ImageHDU(np.ascontiguousarray(data), header=header, name=name)
