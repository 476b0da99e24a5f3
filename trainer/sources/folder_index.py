"""Matching of image files in a folder to galaxies, by id, position or number in the file name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from gz2interp.errors import InputError, choices
from gz2interp.results import Galaxy
from gz2interp.schema import BANDS, DEC, DISPLAY_BANDS, GALAXY_ID, RA
from gz2interp.stores.band_names import bands_in, is_auxiliary
from gz2interp.stores.image_files import DISPLAY_SUFFIXES, SUFFIXES, image_centre
from trainer.catalog import TABLE_ROW, name_id, position_ids, read_catalog
from trainer.catalog.identity import chord, unit_vectors

__all__ = ["FolderIndex", "ImageFiles", "bands_of_folder", "catalog_of_folder", "find_images"]

MATCH_RADIUS: Final = 2.0
"""Matching radius of positions in file names [arcsec]; names are rounded to about 0.02 arcsec."""

_ID: Final = re.compile(r"(?<!\d)\d{12,19}(?!\d)")
_POSITION: Final = re.compile(r"(?<![\d.])(\d{1,3}\.\d+)[ _]?([+-]\d{1,2}\.\d+)")
_UNSIGNED: Final = re.compile(r"(?<![\d.])(\d{1,3}\.\d{3,})_(\d{1,2}\.\d{3,})(?![\d.])")
"""A position without a sign, as in ``cutout_154.7709_46.4537``; numbers with fewer decimals are something else."""
_NAME: Final = re.compile(r"J(\d{2})(\d{2})(\d{2}(?:\.\d+)?)([+-])(\d{2})(\d{2})(\d{2}(?:\.\d+)?)", re.IGNORECASE)
_SCIENCE: Final = re.compile(r"[-_.](?:sci|science|image|img|flux|data)(?=[-_.]|$)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"(?:^|_)(\d{1,11})$")


@dataclass(frozen=True)
class ImageFiles:
    """The file of one galaxy, or its files, one per band in the bands' order.

    Attributes
    ----------
    stem : str
        The name without suffix, and without the band where there is one file per band.
    missing_bands : tuple of str
        Bands without a file, in a set of one file per band.
    """

    paths: tuple[Path, ...]
    stem: str
    missing_bands: tuple[str, ...] = ()

    @property
    def galaxy_id(self) -> int | None:
        """The id in the name: a single run of 12 to 19 digits."""
        ids = _ID.findall(self.stem)
        return int(ids[0]) if len(ids) == 1 and int(ids[0]) < 2**63 else None

    @property
    def position(self) -> tuple[float, float] | None:
        """(ra, dec) [deg] in the name, as ``sdss_3.59699_+15.62713`` or ``J001423.28+153737.7``."""
        match = _POSITION.search(self.stem) or _UNSIGNED.search(self.stem)
        if match:
            return float(match[1]), float(match[2])
        name = _NAME.search(self.stem)
        if not name:
            return None
        hours, degrees = (int(name[n]) + int(name[n + 1]) / 60 + float(name[n + 2]) / 3600 for n in (1, 5))
        return 15 * hours, -degrees if name[4] == "-" else degrees

    @property
    def number(self) -> int | None:
        """The number that ends the name: a row, counted from 0, as in ``array_number_17``, or a short id."""
        match = _NUMBER.search(self.stem)
        return int(match[1]) if match and self.position is None else None


class FolderIndex:
    """Index of the images of a folder by galaxy.

    Parameters
    ----------
    galaxy_ids : sequence of int
        Of the catalogue.

    Notes
    -----
    Matches are made by the id in the name, or the whole name where ids are derived from names; then by a position
    within 2 arcsec; then by the number at the end of the name. Such numbers are taken as ids (as in Kaggle's
    ``100008.jpg``) if more of them are ids of the catalogue than could be its rows, else as rows. They are used only
    where no file of the folder has a long id or a position.
    """

    def __init__(self, images: Sequence[ImageFiles], galaxy_ids: Sequence[int] = ()) -> None:
        self.images = tuple(images)
        self._by_id = {image.galaxy_id: image for image in images if image.galaxy_id is not None}
        self._by_name = {name_id(image.stem): image for image in images}
        self._placed = [image for image in images if image.position is not None]
        named = bool(self._by_id or self._placed)
        self._by_row = {} if named else {image.number: image for image in images if image.number is not None}
        ids = set(galaxy_ids) & self._by_row.keys()
        if len(ids) > sum(0 <= number < len(galaxy_ids) for number in self._by_row if number is not None):
            self._by_id, self._by_row = {number: self._by_row[number] for number in ids}, {}
        self._alike: dict[int | None, list[ImageFiles]] = {}
        self._has_numbers = not named
        for image in images:
            self._alike.setdefault(self._key(image), []).append(image)
        positions = np.array([image.position for image in self._placed], dtype=np.float64).reshape(-1, 2)
        self._tree = cKDTree(unit_vectors(positions[:, 0], positions[:, 1])) if self._placed else None

    def _key(self, image: ImageFiles) -> int | None:
        return image.number if self._has_numbers else image.galaxy_id

    def like(self, image: ImageFiles) -> list[ImageFiles]:
        """All images with the same id or number in the name, this one included."""
        key = self._key(image)
        return [image] if key is None else self._alike[key]

    def of(self, galaxy: Galaxy) -> ImageFiles | None:
        """The image of a galaxy; None if the folder has none."""
        named = self._by_id.get(galaxy.galaxy_id) or self._by_name.get(galaxy.galaxy_id)
        return named or self._near(galaxy) or self._by_row.get(galaxy.row)

    def _near(self, galaxy: Galaxy) -> ImageFiles | None:
        if self._tree is None or not np.isfinite([galaxy.ra, galaxy.dec]).all():
            return None
        distance, place = self._tree.query(
            unit_vectors(galaxy.ra, galaxy.dec), distance_upper_bound=chord(MATCH_RADIUS)
        )
        return self._placed[place] if np.isfinite(distance) else None


def bands_of_folder(folder: Path) -> tuple[str, ...]:
    """Default bands of a folder: colours if it holds only display images, else `BANDS`."""
    names = [path.name.lower() for path in _files_below(folder)] if folder.is_dir() else []
    only_display = any(name.endswith(DISPLAY_SUFFIXES) for name in names) and not any(
        name.endswith(SUFFIXES) for name in names
    )
    return DISPLAY_BANDS if only_display else BANDS


def find_images(folder: Path, bands: Sequence[str] = BANDS) -> list[ImageFiles]:
    """The images below a folder, in the order of their names, numbers as numbers.

    Parameters
    ----------
    bands : sequence of str
        Files whose names differ only in the band, or that lie in folders named after the bands, form one image. With
        `DISPLAY_BANDS`, JPEG and PNG files are found, otherwise FITS and NumPy files.

    Raises
    ------
    InputError
        There is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}", "a folder of cutouts", "Check the path.")
    suffixes = DISPLAY_SUFFIXES if tuple(bands) == DISPLAY_BANDS else SUFFIXES
    files = sorted((path for path in _files_below(folder) if path.name.lower().endswith(suffixes)), key=_natural)
    files = _without_auxiliary(files)
    sets: dict[tuple[Path, str], dict[str, Path]] = {}
    for path in files:
        key, band = _without_band(path, folder, bands)
        if band and len(bands) > 1 and suffixes != DISPLAY_SUFFIXES:
            sets.setdefault(key, {}).setdefault(band, path)
    images = dict[Path, ImageFiles]()
    for path in files:
        key, band = _without_band(path, folder, bands)
        members = sets.get(key, {}) if band else {}
        if len(members) < 2 or members[band] != path:
            images[path] = ImageFiles((path,), _stem(path))
            continue
        whole = tuple(members[name] for name in bands if name in members)
        images.setdefault(whole[0], ImageFiles(whole, key[1], tuple(name for name in bands if name not in members)))
    if not images:
        raise InputError(f"{folder} holds no images", f"files ending in {choices((*SUFFIXES, *DISPLAY_SUFFIXES), 20)}")
    return list(images.values())


def _files_below(folder: Path) -> Iterator[Path]:
    """All files except hidden ones, such as the ``._NAME`` that macOS adds to each file copied to other disks."""
    return (path for path in folder.rglob("*") if not path.name.startswith("."))


def _without_auxiliary(files: Sequence[Path]) -> list[Path]:
    """The files without weights, masks and the like: those whose name, less that word, is the name of another file.

    The other file may have a word such as ``sci`` in its place.
    """
    stems = {(path.parent, stem) for path in files for stem in (_stem(path), _SCIENCE.sub("", _stem(path)))}

    def belongs_to_another(path: Path) -> bool:
        parts = re.split(r"([-_.])", _stem(path))
        for place in range(0, len(parts), 2):
            rest = "".join(parts[:place] + parts[place + 2 :]).strip("-_.")
            shorter = "".join(parts[: max(place - 1, 0)] + parts[place + 1 :]).strip("-_.")
            if is_auxiliary(parts[place]) and {(path.parent, rest), (path.parent, shorter)} & stems:
                return True
        return False

    return [path for path in files if not belongs_to_another(path)]


def catalog_of_folder(
    folder: str | Path, table: str | Path | pd.DataFrame | None = None, bands: Sequence[str] = BANDS
) -> pd.DataFrame:
    """Catalogue of the galaxies in a folder of images.

    Parameters
    ----------
    table : path or DataFrame, optional
        A table of galaxies, or the result of `trainer.catalog.read_catalog`. Its column ``file`` names the images by a
        path below the folder, a path on another machine or a bare name, with any suffix or none; without that column,
        images are matched by ids, positions and numbers in their names, numbers being ids, or rows of the table on
        disk. By default the catalogue is derived from the names.
    bands : sequence of str
        See `find_images`.

    Returns
    -------
    DataFrame
        ``galaxy_id`` int64, ``ra``, ``dec`` [deg] (NaN where neither name nor header has them), ``file`` (below the
        folder) and ``id_from``: ``"table"``; ``"name"`` (an id in the file name); ``"position"`` (derived from the
        coordinates in name or header, see `trainer.catalog.position_ids`); ``"file"`` (derived from the file name).

    Raises
    ------
    InputError
        Two files have the same id, or no file matches the table.
    """
    folder = Path(folder)
    if table is not None:
        catalog = table if isinstance(table, pd.DataFrame) else read_catalog(table)[0]
        images = find_images(folder, bands)
        files = _named_files(catalog["file"], images, folder) if "file" in catalog else None
        if files is not None and files.notna().any():
            files = files.fillna(catalog["file"])  # a missing file keeps its name, for the galaxy's status
        else:
            files = _files_of(catalog, images, folder)
        if files.isna().all():
            raise _none_fits(catalog, images, folder)
        return catalog.assign(file=files, id_from=pd.Series("table", index=catalog.index, dtype="str"))
    records = [_record(image, folder, bands) for image in find_images(folder, bands)]
    catalog = pd.DataFrame(records).astype({GALAXY_ID: np.int64, RA: np.float64, DEC: np.float64})
    twice = catalog.loc[catalog.duplicated(GALAXY_ID, keep=False), "file"]
    if len(twice):
        raise _same_galaxy(twice)
    return catalog


def _files_of(catalog: pd.DataFrame, images: Sequence[ImageFiles], folder: Path) -> pd.Series[str]:
    index = FolderIndex(images, catalog[GALAXY_ID].tolist())
    columns = (catalog[name].tolist() for name in (TABLE_ROW, GALAXY_ID, RA, DEC))
    matches = [index.of(Galaxy(*values)) for values in zip(*columns, strict=True)]
    for image in filter(None, matches):
        if len(alike := index.like(image)) > 1:
            raise _same_galaxy([other.paths[0].relative_to(folder).as_posix() for other in alike])
    files = [image.paths[0].relative_to(folder).as_posix() if image else None for image in matches]
    return pd.Series(files, index=catalog.index, dtype="str")


def _same_galaxy(names: Iterable[str]) -> InputError:
    return InputError(
        f"{choices(names, 4)} show the same galaxy by name or position",
        "One image of each",
        "Move the others elsewhere, or name the file of each galaxy in a column 'file' of the table",
    )


def _named_files(names: pd.Series[str], images: Sequence[ImageFiles], folder: Path) -> pd.Series[str]:
    """The file below the folder that each name refers to; missing where none or several match."""
    by_path = {path.relative_to(folder).as_posix(): image for image in images for path in image.paths}
    tails: dict[str, set[str]] = {}
    for path, image in by_path.items():
        first = image.paths[0].relative_to(folder).as_posix()
        parts = path.split("/")
        for start in range(len(parts)):
            tail = "/".join(parts[start:])
            for name in {tail, tail[: len(tail) - len(parts[-1])] + _stem(Path(parts[-1]))}:
                tails.setdefault(name, set()).add(first)

    def resolve(name: str) -> str | None:
        parts = name.replace("\\", "/").strip().strip("/").split("/")
        stem = re.sub(r"\.(?:png|jpe?g|tiff?|fits?|fts|npy)(?:\.gz)?$", "", parts[-1], flags=re.IGNORECASE)
        for last in (parts[-1], stem):
            for start in range(len(parts)):
                candidates = tails.get("/".join([*parts[start:-1], last]), set())
                if candidates:
                    return next(iter(candidates)) if len(candidates) == 1 else None
        return None

    return pd.Series(
        [resolve(name) if isinstance(name, str) else None for name in names], index=names.index, dtype="str"
    )


def _none_fits(catalog: pd.DataFrame, images: Sequence[ImageFiles], folder: Path) -> InputError:
    ids = choices(catalog[GALAXY_ID].head(3))
    names = choices([image.paths[0].relative_to(folder).as_posix() for image in images], 3)
    return InputError(
        f"None of the {len(images)} images in {folder} has an id, a position or a row of the table's {len(catalog)} "
        f"galaxies: the files are named {names}, and the ids are {ids}",
        "File names with an id or a position, or a column 'file' in the table",
    )


def _record(image: ImageFiles, folder: Path, bands: Sequence[str]) -> dict[str, object]:
    ra, dec = image.position or image_centre(image.paths, bands)
    file = image.paths[0].relative_to(folder).as_posix()
    if image.galaxy_id is not None:
        name, origin = image.galaxy_id, "name"
    elif np.isfinite([ra, dec]).all():
        name, origin = int(position_ids(ra, dec)[0]), "position"
    else:
        name, origin = name_id(image.stem), "file"
    return {GALAXY_ID: name, RA: ra, DEC: dec, "file": file, "id_from": origin}


def _stem(path: Path) -> str:
    suffixes = (*SUFFIXES, *DISPLAY_SUFFIXES)
    suffix = max((suffix for suffix in suffixes if path.name.lower().endswith(suffix)), key=len)
    return path.name[: -len(suffix)]


def _without_band(path: Path, folder: Path, bands: Sequence[str]) -> tuple[tuple[Path, str], str]:
    """Common folder and name of the files of one galaxy, and the band of this file, "" if it has none.

    Bands occur in names as in ``1237_u``, ``r-1237``, ``cut.g.1237`` or ``ps1_g``, or as the name of the folder.
    """
    parts = re.split(r"([-_.])", _stem(path))
    named = {place: bands_in(parts[place], bands) for place in range(0, len(parts), 2)}
    named = {place: names for place, names in named.items() if len(names) == 1}
    if len(named) == 1:
        ((place, (band,)),) = named.items()
        rest = "".join(parts[: max(place - 1, 0)] + parts[place + 1 :] if place else parts[2:])
        return (path.parent, rest), band
    above = bands_in(path.parent.name, bands) if path.parent != folder else ()
    if not named and len(above) == 1:
        return (path.parent.parent, _stem(path)), above[0]
    return (path.parent, _stem(path)), ""


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort key that puts ``array_number_9`` before ``array_number_10``."""
    parts = re.split(r"(\d+)", path.as_posix())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
