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
from gz2interp.stores.files import read_json, replaced, sync, write_json
from gz2interp.stores.survey import Survey
from gz2interp.stores.table_formats import ascii_of
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
"""Says which galaxies a folder holds, from the first cutout on: another selection's are never among them."""


def write_cutouts(subset: SelectedGalaxies, folder: Path, told: Callable[[str, int, int], None]) -> str:
    """Write what is not there yet, some galaxies at a time; returns what is in the folder, in words.

    The table, `TABLE`, comes last and names the file of each galaxy; of one without an image it says why.

    Raises
    ------
    InputError
        The folder holds something else, or another process is filling it.
    """
    _claim(subset, folder)
    try:
        with FileLock(folder / ".lock", timeout=0):
            return _fill(subset, folder, told)
    except Timeout:
        raise InputError(f"Another process is filling {folder}", remedy="Wait for it, or name another folder") from None


def _fill(subset: SelectedGalaxies, folder: Path, told: Callable[[str, int, int], None]) -> str:
    known = subset.known()
    rows = np.intersect1d(subset.rows, np.flatnonzero(subset.survey.usable))
    for start in range(0, len(rows), SHARD_ROWS):
        part = rows[start : start + SHARD_ROWS]
        _write_some(subset.survey, known.loc[part], folder)
        told("cutouts", start + len(part), len(rows))
    table = subset.with_found(known)
    has_image = np.isin(subset.rows, rows)
    names = [f"{galaxy_id}.fits" for galaxy_id in table[GALAXY_ID].tolist()]
    table = table.rename(columns={"file": "catalog_file"})  # the catalogue of a folder of images names theirs
    table.insert(1, "file", np.where(has_image, names, ""))
    write_table(folder / TABLE, table, subset.description)
    without = len(subset) - len(rows)
    return f"{len(rows)} cutouts and {TABLE}" + (
        f"; {without} galaxies have no image, {TABLE} says why" if without else ""
    )


def write_cutout(subset: SelectedGalaxies, path: Path) -> None:
    """Write the cutout of the first galaxy alone, as one file of such a folder.

    Raises
    ------
    SurveyError
        It has no image; the error says why.
    """
    first = SelectedGalaxies(subset.survey, subset.rows[:1], subset.model)
    seen = subset.survey.cutout(int(first.rows[0]))
    (facts,) = _facts(first.known())
    with replaced(path) as aside:
        _hdu(facts, seen.image, seen.valid, subset.survey).writeto(aside)


def _claim(subset: SelectedGalaxies, folder: Path) -> None:
    """Say what the folder will hold, unless it says so already."""
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


def _write_some(survey: Survey, known: pd.DataFrame, folder: Path) -> None:
    """The cutouts that are not there yet, of a few galaxies."""
    wanted = known[[not (folder / f"{galaxy_id}.fits").exists() for galaxy_id in known[GALAXY_ID].tolist()]]
    if wanted.empty:
        return
    rows = wanted.index.to_numpy(np.int64)
    # `replaced` looks through the folder for what others left behind, which thousands of times takes minutes.
    aside = folder / ".cutout.part"
    for facts, image, valid in zip(_facts(wanted), survey.images(rows), survey.valid(rows), strict=True):
        _hdu(facts, image, valid, survey).writeto(aside, overwrite=True, output_verify="ignore")  # the header is ours
        sync(aside)
        aside.replace(folder / f"{facts[GALAXY_ID]}.fits")
    sync(folder)


def _facts(known: pd.DataFrame) -> Iterator[Any]:
    """Rows of a table as objects: in a row of floats an id would lose its last digits."""
    return (facts for _, facts in known.astype(object).iterrows())


def _hdu(facts: Any, image: NDArray[np.float32], valid: NDArray[np.bool_], survey: Survey) -> fits.PrimaryHDU:
    """(band, y, x), which FITS counts as (x, y, band); not a number where nothing was measured."""
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
        _tell(header, key, facts.get(column), words)
    for place, band in enumerate(survey.bands, start=1):
        header[f"BAND{place}"] = ascii_of(band)
        _tell(header, f"SKYSIG{place}", facts.get(f"sky_sigma_{band}"), f"[{survey.unit}] scatter of the sky")
        _tell(header, f"FWHM{place}", facts.get(f"psf_fwhm_{band}"), "[arcsec] width of the PSF")
    header["SURVEY"], header["DATAHASH"] = ascii_of(survey.name), (survey.digest, "digest of the survey")
    return header


def _wcs(facts: Any, shape: tuple[int, int]) -> fits.Header:
    """Empty for a galaxy whose position or pixel scale nobody knows."""
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


def _tell(header: fits.Header, key: str, value: Any, words: str) -> None:
    """A card; what is not known is left out. A long text keeps no comment."""
    if value is None or pd.isna(value) or value == "":
        return
    told = ascii_of(value) if isinstance(value, str) else float(value)
    header[key] = told if isinstance(told, str) and len(told) + len(words) > 60 else (told, words)


HEADER: Final = (
    "# Region file format: DS9 version 4.1\n"
    'global color=green dashlist=8 3 width=1 font="helvetica 10 normal roman" select=1 highlite=1 dash=0 fixed=0 '
    "edit=1 move=1 delete=1 include=1 source=1\n"
    "fk5\n"
)


def write_regions(subset: SelectedGalaxies, path: Path) -> str:
    """Write the file, whole or not at all; returns what is in it, in words.

    The radius is the Petrosian one, else half the cutout's width; a galaxy of which neither is known is a cross. One
    without a position is named in a comment.
    """
    table = subset.known((RA, DEC, PETRO_RADIUS))
    places = zip(
        table[GALAXY_ID].tolist(), table[RA].tolist(), table[DEC].tolist(), _radii(table).tolist(), strict=True
    )
    lines = [_region(*place) for place in places]
    with replaced(path) as aside:
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
    """What was written.

    Attributes
    ----------
    path : Path
    galaxies : int
        How many were asked for.
    words : str
        What is in it, and what is not, for a person.
    """

    path: Path
    galaxies: int
    words: str


def export_selection(
    subset: SelectedGalaxies, out: str | Path, told: Callable[[str, int, int], None] = lambda stage, done, of: None
) -> Export:
    """Write galaxies in the form that the name of the file says.

    Parameters
    ----------
    subset : SelectedGalaxies
    out : path
        ``.csv``, ``.ecsv``, ``.fits``, ``.vot`` (or ``.xml``) or ``.parquet`` for a table of all that is known;
        ``.reg`` for DS9's circles; a name without a suffix for a folder with a FITS file of each cutout and a table. A
        file is replaced whole or stays as it was; a folder that was interrupted goes on. Each table tells how it was
        made and what its columns mean; a CSV file is plain, and ``NAME.csv.json`` beside it tells them.
    told : callable
        Told (stage, done, of) while cutouts are written.

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
            raise InputError("Columns were chosen for a file of regions", "Columns are those of a table")
        return Export(path, len(subset), write_regions(subset, path))
    if suffix and not path.is_dir():
        raise InputError(
            f"The file {path.name} was asked for",
            f"The suffix may be {choices([*FORMATS, '.reg'])}; a name without one is a folder of cutouts",
        )
    return Export(path, len(subset), write_cutouts(subset, path, told))
