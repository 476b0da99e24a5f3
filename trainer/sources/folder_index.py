"""Which file of a folder shows which galaxy: by id, by position or by number in the file's name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from astropy.io import fits
from scipy.spatial import cKDTree

from gz2interp.errors import InputError, choices
from gz2interp.results import Galaxy
from gz2interp.schema import BANDS, DEC, GALAXY_ID, RA
from gz2interp.stores.fits_headers import celestial
from gz2interp.stores.image_files import NUMPY_SUFFIXES, SUFFIXES
from trainer.catalog import TABLE_ROW, name_id, position_ids, read_catalog
from trainer.catalog.cleaning import chord, unit_vectors

__all__ = ["FolderIndex", "ImageFiles", "catalog_of_folder", "find_images"]

WITHIN: Final = 2.0
"""A position in a name is a galaxy's if it is this near [arcsec]; names round to about 0.02."""

_ID: Final = re.compile(r"(?<!\d)\d{12,19}(?!\d)")
_POSITION: Final = re.compile(r"(?<![\d.])(\d{1,3}\.\d+)[ _]?([+-]\d{1,2}\.\d+)")
_NUMBER: Final = re.compile(r"(?:^|_)(\d{1,9})$")


@dataclass(frozen=True)
class ImageFiles:
    """The file of one galaxy, or its files, one per band in the bands' order.

    Attributes
    ----------
    paths : tuple of Path
    stem : str
        The name without suffix, and without the band where there is one file per band.
    """

    paths: tuple[Path, ...]
    stem: str

    @property
    def galaxy_id(self) -> int | None:
        """The id in the name: the one run of 12 to 19 digits."""
        found = _ID.findall(self.stem)
        return int(found[0]) if len(found) == 1 and int(found[0]) < 2**63 else None

    @property
    def position(self) -> tuple[float, float] | None:
        """Right ascension and declination [deg] in the name, as in ``sdss_3.59699_+15.62713``."""
        found = _POSITION.search(self.stem)
        return (float(found[1]), float(found[2])) if found else None

    @property
    def number(self) -> int | None:
        """The number that ends the name: a row, counted from 0, as in ``array_number_17``."""
        found = _NUMBER.search(self.stem)
        return int(found[1]) if found and self.position is None else None


class FolderIndex:
    """All images of a folder, found by galaxy.

    Parameters
    ----------
    images : sequence of ImageFiles

    Notes
    -----
    An id in the name decides; then a position within 2 arcsec; then the number at the name's end, which is a row. Rows
    are used only where no file of the folder bears an id or a position, so that a stray number misleads nobody.
    """

    def __init__(self, images: Sequence[ImageFiles]) -> None:
        self.images = tuple(images)
        self._by_id = {image.galaxy_id: image for image in images if image.galaxy_id is not None}
        self._placed = [image for image in images if image.position is not None]
        named = bool(self._by_id or self._placed)
        self._by_row = {} if named else {image.number: image for image in images if image.number is not None}
        positions = np.array([image.position for image in self._placed], dtype=np.float64).reshape(-1, 2)
        self._tree = cKDTree(unit_vectors(positions[:, 0], positions[:, 1])) if self._placed else None

    def of(self, galaxy: Galaxy) -> ImageFiles | None:
        """The image of a galaxy; None if the folder has none."""
        return self._by_id.get(galaxy.galaxy_id) or self._near(galaxy) or self._by_row.get(galaxy.row)

    def _near(self, galaxy: Galaxy) -> ImageFiles | None:
        if self._tree is None or not np.isfinite([galaxy.ra, galaxy.dec]).all():
            return None
        distance, place = self._tree.query(unit_vectors(galaxy.ra, galaxy.dec), distance_upper_bound=chord(WITHIN))
        return self._placed[place] if np.isfinite(distance) else None


def find_images(folder: Path, bands: Sequence[str] = BANDS) -> list[ImageFiles]:
    """The images below a folder, in the order of their names, numbers as numbers; a full set of bands is one image.

    Raises
    ------
    InputError
        There is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}", "a folder of cutouts", "Check the path.")
    files = sorted((path for path in folder.rglob("*") if path.name.lower().endswith(SUFFIXES)), key=_natural)
    sets: dict[tuple[Path, str], dict[str, Path]] = {}
    for path in files:
        stem, band = _without_band(_stem(path), bands)
        if band:
            sets.setdefault((path.parent, stem), {})[band] = path
    images = dict[Path, ImageFiles]()
    for path in files:
        stem, band = _without_band(_stem(path), bands)
        members = sets.get((path.parent, stem), {}) if band else {}
        whole = tuple(members[name] for name in bands) if set(bands) <= set(members) else (path,)
        images.setdefault(whole[0], ImageFiles(whole, stem if len(whole) > 1 else _stem(path)))
    if not images:
        raise InputError(f"{folder} holds no images", f"files ending in {choices(SUFFIXES)}")
    return list(images.values())


def catalog_of_folder(folder: str | Path, table: str | Path | pd.DataFrame | None = None) -> pd.DataFrame:
    """A catalogue of what a folder shows, so that the folder alone can become a survey.

    Parameters
    ----------
    folder : path
    table : path or DataFrame, optional
        A table of galaxies, or what `trainer.catalog.read_catalog` made of it, which then is the catalogue: its column
        ``file`` names their images; if it has none, ids, positions and numbers in the files' names find them, the
        numbers being rows of the table as it is on disk. Without a table, the names are all there is.

    Returns
    -------
    DataFrame
        ``galaxy_id`` int64, ``ra``, ``dec`` [deg] (NaN where neither name nor header says), ``file`` (below the folder)
        and ``id_from``: ``"table"``; ``"name"`` (an id in the file's name); ``"position"`` (made of the coordinates in
        the name or the header, see `trainer.catalog.position_ids`); ``"file"`` (made of the file's name).

    Raises
    ------
    InputError
        Two files bear the same id, or no file belongs to the table.
    """
    folder = Path(folder)
    if table is not None:
        catalog = table if isinstance(table, pd.DataFrame) else read_catalog(table)[0]
        files = catalog["file"] if "file" in catalog else _files_of(catalog, folder)
        if files.isna().all():
            raise InputError(
                f"No image in {folder} bears an id, a position or a row of the table",
                "names that say whose image it is, or a column 'file' in the table",
            )
        return catalog.assign(file=files, id_from=pd.Series("table", index=catalog.index, dtype="str"))
    records = [_record(image, folder) for image in find_images(folder)]
    catalog = pd.DataFrame(records).astype({GALAXY_ID: np.int64, RA: np.float64, DEC: np.float64})
    twice = catalog.loc[catalog.duplicated(GALAXY_ID, keep=False), "file"]
    if len(twice):
        raise InputError(
            f"{choices(twice, 4)} show the same galaxy by name or position", "one image of each", "Move one elsewhere."
        )
    return catalog


def _files_of(catalog: pd.DataFrame, folder: Path) -> pd.Series[str]:
    index = FolderIndex(find_images(folder))
    columns = (catalog[name].tolist() for name in (TABLE_ROW, GALAXY_ID, RA, DEC))
    found = [index.of(Galaxy(*values)) for values in zip(*columns, strict=True)]
    files = [image.paths[0].relative_to(folder).as_posix() if image else None for image in found]
    return pd.Series(files, index=catalog.index, dtype="str")


def _record(image: ImageFiles, folder: Path) -> dict[str, object]:
    ra, dec = image.position or _centre(image.paths[0])
    file = image.paths[0].relative_to(folder).as_posix()
    if image.galaxy_id is not None:
        name, origin = image.galaxy_id, "name"
    elif np.isfinite([ra, dec]).all():
        name, origin = int(position_ids(ra, dec)[0]), "position"
    else:
        name, origin = name_id(image.stem), "file"
    return {GALAXY_ID: name, RA: ra, DEC: dec, "file": file, "id_from": origin}


def _centre(path: Path) -> tuple[float, float]:
    """Where an image's middle lies on the sky, from the first header that says so; NaN where none does."""
    if path.suffix.lower() in NUMPY_SUFFIXES:
        return np.nan, np.nan
    try:
        with fits.open(path) as hdus:
            for header in (hdu.header for hdu in hdus if hdu.is_image):
                wcs = celestial(header)
                if wcs is not None:
                    place = wcs.pixel_to_world_values((header["NAXIS1"] - 1) / 2, (header["NAXIS2"] - 1) / 2)
                    return float(place[0]), float(place[1])
    except (OSError, EOFError, KeyError, ValueError):
        pass  # a damaged file keeps its row; reading its pixels will say what is wrong
    return np.nan, np.nan


def _stem(path: Path) -> str:
    suffix = max((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), key=len)
    return path.name[: -len(suffix)]


def _without_band(stem: str, bands: Sequence[str]) -> tuple[str, str]:
    """The name without its band, and the band, of ``1237_u``, ``r-1237`` or ``cut.g.1237``; "" where no band stands."""
    letters = "|".join(map(re.escape, bands))
    found = re.search(rf"(?:^|[-_.])({letters})(?=[-_.]|$)", stem, re.IGNORECASE)
    return (stem[: found.start()] + stem[found.end() :], found[1].lower()) if found else (stem, "")


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sorts ``array_number_9`` before ``array_number_10``."""
    parts = re.split(r"(\d+)", path.as_posix())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
