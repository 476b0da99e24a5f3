"""Tables as FITS and VOTable, with the unit, UCD and description of each column."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from astropy.io.votable import from_table
from astropy.io.votable.exceptions import W03, W50
from astropy.io.votable.tree import Info
from astropy.table import Column, MaskedColumn, Table
from astropy.units import UnitsWarning
from numpy.typing import NDArray

from gz2interp.schema import DEC, GALAXY_ID, GZ2CLASS, LABEL, PETRO_RADIUS, QUESTIONS, RA

__all__ = [
    "ColumnMeaning",
    "TableDescription",
    "catalogue_meaning",
    "column_meaning",
    "escape_ascii",
    "write_ecsv",
    "write_fits",
    "write_votable",
]


@dataclass(frozen=True)
class ColumnMeaning:
    """Meaning of a column.

    Attributes
    ----------
    unit : str
        As spelt in FITS and VOTable; "" for none, and for nanomaggies, which they do not have.
    ucd : str
        Of the IVOA's controlled vocabulary; "" where none fits.
    words : str
        Description.
    """

    unit: str = ""
    ucd: str = ""
    words: str = ""

    def to_json(self) -> dict[str, str]:
        """Unit, ucd and description, without empty ones."""
        words = {"unit": self.unit, "ucd": self.ucd, "description": self.words}
        return {name: word for name, word in words.items() if word}


@dataclass(frozen=True)
class TableDescription:
    """Metadata of a table.

    Attributes
    ----------
    provenance : mapping of str to str
        How the table was made: survey, selection, model, digests, versions.
    columns : mapping of str to ColumnMeaning
        Of columns for which `column_meaning` does not apply.
    """

    provenance: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, ColumnMeaning] = field(default_factory=dict)

    def of(self, column: str) -> ColumnMeaning:
        """The meaning of one column."""
        return self.columns.get(column) or column_meaning(column)


_OPTICAL: Final = {"u": "U", "g": "B", "r": "R", "i": "I", "z": "I"}

_CATALOGUE: Final[Mapping[str, ColumnMeaning]] = {
    GALAXY_ID: ColumnMeaning("", "meta.id;meta.main", "SDSS object id, a 64-bit whole number"),
    RA: ColumnMeaning("deg", "pos.eq.ra;meta.main", "Right ascension, J2000"),
    DEC: ColumnMeaning("deg", "pos.eq.dec;meta.main", "Declination, J2000"),
    **{
        band: ColumnMeaning("mag", f"phot.mag;em.opt.{word}", f"Magnitude in {band}") for band, word in _OPTICAL.items()
    },
    PETRO_RADIUS: ColumnMeaning("arcsec", "phys.angSize", "Petrosian radius"),
    "axis_ratio": ColumnMeaning("", "", "Minor over major axis of the galaxy's image"),
    "redshift": ColumnMeaning("", "src.redshift", "Redshift"),
    "ebv": ColumnMeaning("mag", "phot.color.excess", "Reddening E(B-V)"),
    GZ2CLASS: ColumnMeaning("", "src.morph.type", "Galaxy Zoo 2 class"),
    LABEL: ColumnMeaning("", "src.class", "Class in the catalogue"),
    "painted_kind": ColumnMeaning("", "src.class", "Kind of galaxy that was painted"),
    "total_classifications": ColumnMeaning("", "meta.number", "Number of volunteers who classified the galaxy"),
    "total_votes": ColumnMeaning("", "meta.number", "Number of votes over all questions of Galaxy Zoo"),
}
"""Columns named by the reader of catalogues, so that their meaning is certain."""

_OURS: Final[Mapping[str, ColumnMeaning]] = {
    "split": ColumnMeaning(
        "", "meta.code", "Part of the data: train, validation or test; empty where there is no label"
    ),
    "prediction": ColumnMeaning("", "src.class", "Class that the network predicts"),
    "confidence": ColumnMeaning("", "stat.probability", "Probability that the network gives to its prediction"),
    "uncertainty": ColumnMeaning("", "stat.value", "How unsure the network is"),
    "status": ColumnMeaning(
        "", "meta.code.status", "State of the cutout: ok, missing, failed, ...; empty if not requested yet"
    ),
    "reason": ColumnMeaning("", "meta.note", "Why there is no cutout, or a note on its pixels"),
    "source": ColumnMeaning("", "meta.bib", "Where the cutout came from"),
    "tries": ColumnMeaning("", "meta.number", "How often the cutout was requested"),
    "time": ColumnMeaning("", "", "When the cutout was stored, UTC"),
    "native_unit": ColumnMeaning("", "meta.note", "Unit of the pixels where the cutout came from"),
    "pixel_scale": ColumnMeaning("arcsec", "instr.scale", "Width of a pixel"),
    "field": ColumnMeaning("arcsec", "phys.angSize", "Full width of the cutout"),
    "position_angle": ColumnMeaning("deg", "pos.posAng", "Of the cutout's +y axis, east of north"),
    "map_x": ColumnMeaning("", "", "First coordinate on the map of the network's activations; no unit"),
    "map_y": ColumnMeaning("", "", "Second coordinate on the map of the network's activations; no unit"),
    "distance": ColumnMeaning("", "", "Distance from the named galaxy between activations of the network; no unit"),
    "file": ColumnMeaning("", "meta.ref", "The cutout's file in this folder; empty where there is none"),
    "row": ColumnMeaning("", "meta.record", "Row of the survey, from 0"),
    "rank": ColumnMeaning("", "meta.number", "Rank, 1 for the first"),
    "near": ColumnMeaning("", "meta.id", "The galaxy whose neighbours are listed"),
    "same_galaxy": ColumnMeaning("", "meta.code", 'True for the same galaxy imaged twice: within 5" on the sky'),
    "separation": ColumnMeaning(
        "arcsec", "pos.angDistance", "Angle on the sky from the galaxy whose neighbours are listed"
    ),
    "score": ColumnMeaning("", "", "Score by which the list is ordered, the highest first"),
    "unusual": ColumnMeaning("", "stat.value", "How unusual the galaxy is, as a normal score; higher is more unusual"),
    "cluster": ColumnMeaning("", "meta.id", "Cluster of the map; -1 for galaxies in none"),
    "rating": ColumnMeaning("", "stat.value", "What a person rated the galaxy: 0 ordinary to 5 very interesting"),
    "tag": ColumnMeaning("", "meta.note", "A person's word for the galaxy"),
    "note": ColumnMeaning("", "meta.note", "A person's note on the galaxy"),
}
"""Columns that this package adds."""

_BY_START: Final[Mapping[str, ColumnMeaning]] = {
    "sky_sigma_": ColumnMeaning(
        "", "stat.stdev;instr.background", "Scatter of the sky in nanomaggies per pixel, band "
    ),
    "psf_fwhm_": ColumnMeaning("arcsec", "instr.obsty.seeing", "Full width at half maximum of the PSF, band "),
    "p_": ColumnMeaning("", "stat.probability", "Probability that the network gives to the class "),
}

_BY_END: Final[Mapping[str, ColumnMeaning]] = {
    "_count": ColumnMeaning("", "meta.number", "number of votes of volunteers"),
    "_total-votes": ColumnMeaning("", "meta.number", "number of votes of volunteers"),
    "_weight": ColumnMeaning("", "stat.weight", "votes of volunteers, weighted by their consistency"),
    "_debiased": ColumnMeaning(
        "", "stat.value", "share of the weighted votes, corrected for the loss of detail with distance"
    ),
    "_weighted_fraction": ColumnMeaning("", "stat.value", "share of the weighted votes"),
    "_fraction": ColumnMeaning("", "stat.value", "share of the votes"),
    "_flag": ColumnMeaning("", "meta.code", "1 where the share is large enough, and of enough votes, to be trusted"),
}
"""Kinds of votes, by the end of the column's name."""

_ANSWERS: Final = {
    f"{question.name}_{answer}": f"Galaxy Zoo 2, task {question.name[1:3]} ({question.name[4:]}), answer {answer[4:]}"
    for question in QUESTIONS.values()
    for answer in question.answers
}


def column_meaning(column: str) -> ColumnMeaning:
    """The meaning of a column of a survey's tables by its name; empty if it is unknown."""
    name = column.removeprefix("catalog_")
    meaning = _CATALOGUE.get(name) or _OURS.get(name) or _meaning_of_votes(name)
    if meaning:
        return meaning
    for start, meaning in _BY_START.items():
        if name.startswith(start):
            return ColumnMeaning(meaning.unit, meaning.ucd, meaning.words + name.removeprefix(start))
    return ColumnMeaning()


def catalogue_meaning(column: str, unit: str = "", words: str = "") -> ColumnMeaning:
    """The meaning of a column of the catalogue; for an unknown name, unit and description of its file.

    Parameters
    ----------
    unit, words : str
        From the catalogue's file.
    """
    meaning = _CATALOGUE.get(column) or _meaning_of_votes(column)
    return meaning or ColumnMeaning(unit, "", words or "Column of the catalogue, as given")


def _meaning_of_votes(column: str) -> ColumnMeaning | None:
    """Meaning of a column of votes: of Galaxy Zoo 2 by task and answer, of others by the start of the name."""
    for end, kind in _BY_END.items():
        if column.endswith(end):
            study = column.removesuffix(end)
            return ColumnMeaning(kind.unit, kind.ucd, f"{_ANSWERS.get(study, study)}: {kind.words}")
    return None


_FITS_KEYS: Final = {
    "software": "ORIGIN",
    "survey": "SURVEY",
    "survey_digest": "DATAHASH",
    "selection": "SELECT",
    "model": "MODEL",
    "model_digest": "MODLHASH",
    "layer": "LAYER",
}
"""Keywords of a FITS header for parts of the provenance; the rest is in HISTORY."""


def write_fits(frame: pd.DataFrame, path: Path, description: TableDescription) -> None:
    """Write a binary table, in ASCII: see `escape_ascii`.

    TCOMM and TUCD describe each column, as TOPCAT reads them; astropy reads its own comments.
    """
    table = _table(frame, description)
    for name in table.colnames:
        if table[name].dtype.kind == "U":
            encoded = Column(np.char.encode(table[name], "ascii", "backslashreplace"))
            table[name] = _with_meaning(description.of(name), encoded)
    table.meta |= _fits_cards(table.colnames, description)
    table.rename_columns(table.colnames, _fits_names(table.colnames))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnitsWarning)  # of the catalogue's units that are not standard
        table.write(path, format="fits")


def _fits_names(columns: Sequence[str]) -> list[str]:
    """Names of at most 60 ASCII characters, which fit a card, unique regardless of case."""
    names, taken = list[str](), set[str]()
    for column in columns:
        name, number = escape_ascii(column)[:60], 1
        while name.lower() in taken:
            number += 1
            name = f"{escape_ascii(column)[:56]}_{number}"
        taken.add(name.lower())
        names.append(name)
    return names


def _fits_cards(columns: Sequence[str], description: TableDescription) -> dict[str, Any]:
    cards: dict[str, Any] = {}
    for place, name in enumerate(columns, start=1):
        meaning = description.of(name)
        words = {f"TCOMM{place}": meaning.words, f"TUCD{place}": meaning.ucd}
        cards |= {key: escape_ascii(word) for key, word in words.items() if word}
    history = []
    for name, value in description.provenance.items():
        if name in _FITS_KEYS:
            cards[_FITS_KEYS[name]] = escape_ascii(value)
        else:
            history.append(escape_ascii(f"{name} = {value}"))
    return cards | ({"HISTORY": history} if history else {})


def write_votable(frame: pd.DataFrame, path: Path, description: TableDescription) -> None:
    """Write BINARY2, which has missing whole numbers without a null value; provenance as INFO."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", W03)  # an XML ID allows fewer characters than a name
        warnings.simplefilter("ignore", W50)  # of units, as in `write_fits`
        document = from_table(_table(frame, description))
    for name, value in description.provenance.items():
        document.resources[0].infos.append(Info(name=name, value=value))
    document.to_xml(str(path), tabledata_format="binary2")


def write_ecsv(frame: pd.DataFrame, path: Path, description: TableDescription) -> None:
    """Write Enhanced CSV: units, descriptions and provenance are in comments above the table."""
    table = _table(frame, description)
    table.meta |= dict(description.provenance)
    table.write(path, format="ascii.ecsv", delimiter=",")


def escape_ascii(text: str) -> str:
    """The text with characters beyond ASCII escaped, for FITS."""
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _table(frame: pd.DataFrame, description: TableDescription) -> Table:
    columns = {str(name): _column(frame[name]) for name in frame.columns}
    return Table({name: _with_meaning(description.of(name), column) for name, column in columns.items()}, copy=False)


def _with_meaning(meaning: ColumnMeaning, column: Column) -> Column:
    """Add unit (of numbers only), description and UCD to a column."""
    if column.dtype.kind in "iuf":
        column.unit = meaning.unit or None
    column.description = meaning.words or None
    if meaning.ucd:
        column.meta["ucd"] = meaning.ucd
    return column


def _column(values: pd.Series[Any]) -> Column:
    """A column of pandas as one of astropy, which does not have pandas' own types."""
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_integer_dtype(values):
        return _whole(values)
    if pd.api.types.is_float_dtype(values):
        numbers = values.to_numpy(np.float64, na_value=np.nan) if values.dtype == "Float64" else values.to_numpy()
        return Column(np.array(numbers, np.float32 if numbers.dtype == np.float16 else None))
    return Column(_text(values))


def _whole(values: pd.Series[Any]) -> Column:
    """Whole numbers and booleans; missing ones are masked."""
    missing = values.isna().to_numpy()
    if not missing.any():
        plain = np.array(values.to_numpy(getattr(values.dtype, "numpy_dtype", None)))
        if plain.dtype != np.uint64:
            return Column(plain)
        # VOTable has no unsigned 64-bit type.
        return Column(plain.astype(np.int64)) if (plain < 2**63).all() else Column(_text(values))
    filled = values.astype("Int64").fillna(0).to_numpy(np.int64)
    return MaskedColumn(filled, mask=missing, fill_value=np.iinfo(np.int64).min)


def _text(values: pd.Series[Any]) -> NDArray[np.str_]:
    return np.array(["" if pd.isna(value) else str(value) for value in values], dtype=np.str_)
