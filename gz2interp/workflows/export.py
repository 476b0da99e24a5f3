"""``gz2interp export``: a selection of galaxies as a table, FITS cutouts or a region file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from astropy.io import fits
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.schema import DEC, DISPLAY_UNIT, GALAXY_ID, LABEL, PETRO_RADIUS, RA
from gz2interp.sky import cutout_wcs
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.stores.files import atomic_write, read_json, sync, write_json
from gz2interp.stores.survey import Survey
from gz2interp.stores.table_formats import escape_ascii
from gz2interp.stores.tables import FORMATS, write_table
from gz2interp.workflows.selection import SelectedGalaxies

__all__ = [
    "SELECTION",
    "TABLE",
    "Export",
    "SelectedGalaxies",
    "export_selection",
    "write_cutout",
    "write_cutouts",
    "write_regions",
]


TABLE: Final = "galaxies.fits"
SELECTION: Final = "selection.json"
"""Identifies the selection whose cutouts a folder holds, from the first cutout on."""

HEADER: Final = (
    "# Region file format: DS9 version 4.1\n"
    'global color=green dashlist=8 3 width=1 font="helvetica 10 normal roman" select=1 highlite=1 dash=0 fixed=0 '
    "edit=1 move=1 delete=1 include=1 source=1\n"
    "fk5\n"
)


def write_cutouts(subset: SelectedGalaxies, folder: Path, progress: Callable[[str, int, int], None]) -> str:
    """Write the missing cutouts of a selection to a folder, a shard at a time; returns a summary in words.

    The table, `TABLE`, is written last and names the file of each galaxy, or the reason why it has no image.

    Raises
    ------
    InputError
        The folder holds something else, or another process is filling it.
    """
    _record_selection(subset, folder)
    try:
        with FileLock(folder / ".lock", timeout=0):
            return _write_folder(subset, folder, progress)
    except Timeout:
        raise InputError(f"Another process is filling {folder}", remedy="Wait for it, or name another folder") from None


def _write_folder(subset: SelectedGalaxies, folder: Path, progress: Callable[[str, int, int], None]) -> str:
    joined = subset.joined()
    rows = np.intersect1d(subset.rows, np.flatnonzero(subset.survey.usable))
    for start in range(0, len(rows), SHARD_ROWS):
        part = rows[start : start + SHARD_ROWS]
        _write_missing(subset.survey, joined.loc[part], folder)
        progress("cutouts", start + len(part), len(rows))
    table = subset.with_extra(joined)
    has_image = np.isin(subset.rows, rows)
    names = [f"{galaxy_id}.fits" for galaxy_id in table[GALAXY_ID].tolist()]
    table = table.rename(columns={"file": "catalog_file"})  # the catalogue of a folder of images names theirs
    table.insert(1, "file", np.where(has_image, names, ""))
    write_table(folder / TABLE, table, subset.description)
    without = len(subset) - len(rows)
    return f"{len(rows)} cutouts and {TABLE}" + (
        f"; {without} galaxies have no image, with the reasons in {TABLE}" if without else ""
    )


def write_cutout(subset: SelectedGalaxies, path: Path) -> None:
    """Write the cutout of the first galaxy as a FITS file.

    Raises
    ------
    SurveyError
        It has no image; the error gives the reason.
    """
    first = SelectedGalaxies(subset.survey, subset.rows[:1], subset.model)
    cutout = subset.survey.cutout(int(first.rows[0]))
    (facts,) = _facts(first.joined())
    with atomic_write(path) as aside:
        _hdu(facts, cutout.image, cutout.valid, subset.survey).writeto(aside)


def _record_selection(subset: SelectedGalaxies, folder: Path) -> None:
    """Record which selection the folder holds, unless it is recorded already."""
    record = {
        "galaxies": len(subset),
        "digest": subset.digest,
        "data": subset.survey.digest,
        "model": subset.model or "",
    }
    if (folder / SELECTION).is_file():
        if read_json(folder / SELECTION) == record:
            return
        what = "another selection of galaxies, or of another model"
    elif not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / SELECTION, record)
        return
    else:
        what = "something else"
    raise InputError(
        f"{folder} holds {what}", "A new or an empty folder, or the one that this selection was going into"
    )


def _write_missing(survey: Survey, table: pd.DataFrame, folder: Path) -> None:
    """Write the missing cutouts of a few galaxies."""
    missing = table[[not (folder / f"{galaxy_id}.fits").exists() for galaxy_id in table[GALAXY_ID].tolist()]]
    if missing.empty:
        return
    rows = missing.index.to_numpy(np.int64)
    # `atomic_write` searches the folder for abandoned files, which takes minutes for thousands of cutouts.
    aside = folder / ".cutout.part"
    for facts, image, valid in zip(_facts(missing), survey.images(rows), survey.valid(rows), strict=True):
        _hdu(facts, image, valid, survey).writeto(aside, overwrite=True, output_verify="ignore")  # the header is ours
        sync(aside)
        aside.replace(folder / f"{facts[GALAXY_ID]}.fits")
    sync(folder)


def _facts(table: pd.DataFrame) -> Iterator[Any]:
    """Rows of a table as objects: as floats, ids would lose their last digits."""
    return (facts for _, facts in table.astype(object).iterrows())


def _hdu(facts: Any, image: NDArray[np.float32], valid: NDArray[np.bool_], survey: Survey) -> fits.PrimaryHDU:
    """A cube (band, y, x), which FITS counts as (x, y, band), with NaN where pixels are not valid."""
    cube = np.moveaxis(np.where(valid[..., None], image, np.float32(np.nan)), -1, 0)
    return fits.PrimaryHDU(np.ascontiguousarray(cube), _header(facts, survey))


def _header(facts: Any, survey: Survey) -> fits.Header:
    header = _wcs(facts, survey.shape)
    display = survey.unit == DISPLAY_UNIT
    meaning = "0 to 1, for the eye, not linear in flux" if display else "flux per pixel; 1 nanomaggy is magnitude 22.5"
    header["BUNIT"] = (survey.unit, meaning)
    header["OBJECT"] = (str(facts[GALAXY_ID]), "galaxy_id, as text: it exceeds 2**53")
    for key, column, words in (
        ("LABEL", LABEL, "class in the catalogue"),
        ("PREDICT", "prediction", "class the network predicts"),
        ("PETRORAD", PETRO_RADIUS, "[arcsec] Petrosian radius"),
        ("ORIGIN", "source", "where the image came from"),
        ("NATUNIT", "native_unit", "unit in which it came"),
    ):
        _add_card(header, key, facts.get(column), words)
    for number, band in enumerate(survey.bands, start=1):
        header[f"BAND{number}"] = escape_ascii(band)
        _add_card(header, f"SKYSIG{number}", facts.get(f"sky_sigma_{band}"), f"[{survey.unit}] scatter of the sky")
        _add_card(header, f"FWHM{number}", facts.get(f"psf_fwhm_{band}"), "[arcsec] width of the PSF")
    header["SURVEY"], header["DATAHASH"] = escape_ascii(survey.name), (survey.digest, "digest of the survey")
    return header


def _wcs(facts: Any, shape: tuple[int, int]) -> fits.Header:
    """The WCS of a cutout; empty where the position or the pixel scale is unknown."""
    place = [
        float("nan") if pd.isna(facts[name]) else facts[name] for name in (RA, DEC, "pixel_scale", "position_angle")
    ]
    if not np.isfinite(np.array(place, np.float64)).all():
        return fits.Header()
    ra, dec, scale, angle = (float(value) for value in place)
    header = cutout_wcs(ra, dec, scale, angle, shape).to_header()
    header["WCSAXES"] = 3
    for key, value in (("CTYPE3", "BAND"), ("CRPIX3", 1.0), ("CRVAL3", 1.0), ("CDELT3", 1.0)):
        header[key] = value
    return header


def _add_card(header: fits.Header, key: str, value: Any, words: str) -> None:
    """Add a card unless the value is missing; the comment is dropped where the text is long."""
    if value is None or pd.isna(value) or value == "":
        return
    value = escape_ascii(value) if isinstance(value, str) else float(value)
    header[key] = value if isinstance(value, str) and len(value) + len(words) > 60 else (value, words)


def write_regions(subset: SelectedGalaxies, path: Path) -> str:
    """Write a DS9 region file atomically; returns a summary in words.

    The radius is the Petrosian one, else half the cutout's width; a galaxy without either is a cross, and one without
    a position a comment.
    """
    table = subset.joined((RA, DEC, PETRO_RADIUS))
    places = zip(
        table[GALAXY_ID].tolist(), table[RA].tolist(), table[DEC].tolist(), _radii(table).tolist(), strict=True
    )
    lines = [_region(*place) for place in places]
    with atomic_write(path) as aside:
        aside.write_text(HEADER + "".join(f"{line}\n" for line in lines), encoding="ascii")
    lost = sum(line.startswith("#") for line in lines)
    return f"{len(lines) - lost} regions" + (f"; {lost} galaxies have no position, comments name them" if lost else "")


def _radii(table: pd.DataFrame) -> NDArray[np.float64]:
    halves = table["field"].to_numpy(np.float64) / 2
    if PETRO_RADIUS not in table:
        return halves
    petrosian = table[PETRO_RADIUS].to_numpy(np.float64, na_value=np.nan)
    return np.where(petrosian > 0, petrosian, halves)


def _region(galaxy_id: int, ra: float, dec: float, radius: float) -> str:
    if not np.isfinite([ra, dec]).all():
        return f"# no position: {galaxy_id}"
    if not radius > 0:
        return f"point({ra:.7f},{dec:.7f}) # point=cross text={{{galaxy_id}}}"
    return f'circle({ra:.7f},{dec:.7f},{radius:.3f}") # text={{{galaxy_id}}}'


@dataclass(frozen=True)
class Export:
    """An exported file or folder.

    Attributes
    ----------
    galaxies : int
        Number of selected galaxies.
    words : str
        Summary of what was written, and what was left out.
    """

    path: Path
    galaxies: int
    words: str


def export_selection(
    subset: SelectedGalaxies, out: str | Path, progress: Callable[[str, int, int], None] = lambda stage, done, of: None
) -> Export:
    """Export galaxies in the format given by the suffix of the file.

    Parameters
    ----------
    out : path
        ``.csv``, ``.ecsv``, ``.fits``, ``.vot`` (or ``.xml``) or ``.parquet`` for a table of all columns; ``.reg`` for
        DS9 regions; a name without a suffix for a folder with a FITS file of each cutout and a table. A file is
        replaced atomically; an interrupted folder is completed. Tables contain their provenance and the meaning of
        their columns; for a plain CSV file these are in ``NAME.csv.json`` beside it.
    progress : callable
        Called with (stage, done, total) while cutouts are written.

    Raises
    ------
    InputError
        The suffix is none of these, or the folder holds something else.
    """
    path = Path(out).expanduser()
    suffix = path.suffix.lower()
    if suffix in FORMATS:
        table = subset.table()
        _, *beside = write_table(path, table, subset.description)
        words = f"{len(table)} galaxies, {len(table.columns)} columns"
        more = f"; units and provenance are in {beside[0].name}" if beside else ""
        return Export(path, len(subset), words + more)
    if suffix == ".reg":
        if subset.columns:
            raise InputError("Columns were selected for a region file", "Columns apply to tables only")
        return Export(path, len(subset), write_regions(subset, path))
    if suffix and not path.is_dir():
        raise InputError(
            f"The file {path.name} was given",
            f"The suffix may be {choices([*FORMATS, '.reg'])}; a name without one is a folder of cutouts",
        )
    return Export(path, len(subset), write_cutouts(subset, path, progress))
