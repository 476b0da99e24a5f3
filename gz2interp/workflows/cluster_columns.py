"""The columns in which clusters are compared: catalogue, volunteer votes, sky positions, predictions, image quality.

Right ascension is periodic and has no larger or smaller values. So the survey is divided into parts of the sky with
equal numbers of galaxies, each compared as a flag column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from gz2interp.embedding.cluster_differences import ComparedColumn, flag_column, number_column, word_columns
from gz2interp.schema import (
    DEC,
    DISPLAY_BANDS,
    DISPLAY_UNIT,
    GALAXY_ID,
    LABEL,
    PETRO_RADIUS,
    QUESTIONS,
    RA,
    VOTE_KINDS,
    Question,
    name_in_words,
    vote_column,
)
from gz2interp.stores.tables import parquet_schema, read_parquet

__all__ = [
    "PARTS",
    "catalogue_columns",
    "is_vote_column",
    "network_columns",
    "quality_columns",
    "sky_columns",
    "sky_parts",
    "vote_columns",
]


PARTS: Final = 32
"""Parts of the sky of a large survey; fewer of a small one, so that each has enough galaxies."""

FEWEST: Final = 20
"""Galaxies in a part, at least."""

Floats = NDArray[np.float64]

ColumnReader = Callable[[str], "pd.Series[Any]"]

OF_VOTES: Final = re.compile(rf"t\d\d_\w+_a\d\d_\w+_({'|'.join(VOTE_KINDS)})")

PREFERRED: Final = ("debiased", "weighted_fraction", "fraction")

REACHED: Final = 0.3
"""Share of volunteers reached by a question below which its votes are ignored."""

ANSWERS: Final = {
    "a01_smooth": "smooth", "a02_features_or_disk": "features or a disc", "a03_star_or_artifact": "a star or artefact",
    "a04_yes": "edge-on", "a05_no": "not edge-on", "a06_bar": "a bar", "a07_no_bar": "no bar",
    "a08_spiral": "spiral arms", "a09_no_spiral": "no spiral arms", "a10_no_bulge": "no bulge",
    "a11_just_noticeable": "a just noticeable bulge", "a12_obvious": "an obvious bulge", "a13_dominant":
    "a dominant bulge", "a14_yes": "something odd", "a15_no": "nothing odd", "a16_completely_round": "completely round",
    "a17_in_between": "between round and cigar-shaped", "a18_cigar_shaped": "cigar-shaped", "a19_ring": "a ring",
    "a20_lens_or_arc": "a lens or arc", "a21_disturbed": "disturbed", "a22_irregular": "irregular", "a23_other":
    "another oddity", "a24_merger": "a merger", "a38_dust_lane": "a dust lane",
    "a25_rounded": "a rounded bulge edge-on",
    "a26_boxy": "a boxy bulge edge-on", "a27_no_bulge": "no bulge edge-on", "a28_tight": "tight arms",
    "a29_medium": "medium arms", "a30_loose": "loose arms", "a31_1": "one arm", "a32_2": "two arms", "a33_3":
    "three arms", "a34_4": "four arms", "a36_more_than_4": "more than four arms", "a37_cant_tell":
    "arms that cannot be counted",
}  # fmt: skip
"""Answers of the Galaxy Zoo 2 decision tree, in words."""

Ints = NDArray[np.int64]


NO_PROPERTY: Final = {
    GALAXY_ID, LABEL, "objid", "dr7objid", "dr8objid", "specobjid", "row", "run", "rerun", "camcol", "field", "rowc",
    "colc", "rastring", "decstring", "total_classifications", "total_votes", "asset_id", "name", "iauname",
}  # fmt: skip
"""Columns with identifiers or numbers of votes, which are no properties of galaxies."""

COLOURS: Final = (("u", "g"), ("g", "r"), ("r", "i"), ("i", "z"))

WORDS: Final = {
    PETRO_RADIUS: ("larger", "smaller", "Petrosian radius", "{:.1f}\N{DOUBLE PRIME}"),
    "petrorad_r": ("larger", "smaller", "Petrosian radius", "{:.1f}\N{DOUBLE PRIME}"),
    "redshift": ("farther away", "nearer", "redshift", "{:.3f}"),
    "axis_ratio": ("rounder", "more elongated", "axis ratio", "{:.2f}"),
    "ebv": ("more reddened by dust", "less reddened by dust", "E(B-V)", "{:.3f}"),
}
"""Words for more and less, label and number format of well-known columns."""

OF_QUALITY: Final = {
    "sky": ("noisier", "less noisy", "sky scatter in {}", "{:.2g} nanomaggies"),
    "psf": ("blurrier", "sharper", "PSF in {}", "{:.2f}\N{DOUBLE PRIME}"),
    "depth": ("deeper", "shallower", "depth in {}", "{:.2f} mag"),
    "background": ("brighter in the background", "darker in the background", "level in {}", "{:.2f} sky scatters"),
    "gradient": ("steeper in the background", "flatter in the background", "gradient in {}", "{:.2f} sky scatters"),
    "smoothing": ("smoother in their noise", "rougher in their noise", "correlation of the noise", "{:.2f}"),
    "invalid": ("more often without pixels", "less often without pixels", "missing pixels", "{:.1%}"),
    "zero": ("fuller of zeros", "less full of zeros", "pixels that are zero", "{:.1%}"),
    "edge": ("more cut by the edge", "less cut by the edge", "border with the galaxy's light", "{:.0%}"),
    "flat": ("more often with flat peaks", "less often with flat peaks", "pixels of a flat peak", "{:.0f}"),
    "neighbour": ("beside brighter objects", "beside fainter objects", "brightest beside it", "{:.0f} sky scatters"),
    "extent": ("larger in the image", "smaller in the image", "share of the cutout", "{:.0%}"),
    "reach": ("reaching farther in the image", "reaching less far in the image", "half widths", "{:.2f}"),
    "light": ("brighter in the image", "fainter in the image", "light", "{:.3g} nanomaggies"),
}
"""Words for more and less, label and number format of columns of image quality."""

LONGEST: Final = 0.5
"""Share of distinct values above which texts are taken as names rather than classes."""


def sky_columns(ra: ArrayLike, dec: ArrayLike) -> Iterator[ComparedColumn]:
    """A flag column for each part of the sky, from positions (n,) [deg]; NaN where a position is unknown."""
    east, north = np.asarray(ra, np.float64) % 360, np.asarray(dec, np.float64)
    finite = np.isfinite(east) & np.isfinite(north)
    parts = np.full(len(east), -1)
    parts[finite] = sky_parts(east[finite], north[finite])
    for part in range(parts.max(initial=-1) + 1 if parts.max(initial=-1) > 0 else 0):
        inside = np.where(finite, (parts == part).astype(np.float64), np.nan)
        yield flag_column(f"sky {part}", inside, "catalogue", _position_text(east[parts == part], north[parts == part]))


def sky_parts(ra: Floats, dec: Floats) -> NDArray[np.int64]:
    """The part of the sky of each galaxy (n,), by repeated halving at the median of the longer side.

    Parameters
    ----------
    ra, dec : float64 (n,)
        [deg], finite. Right ascensions are counted from the end of their widest gap.
    """
    shifted = _from_widest_gap(ra)
    parts = np.zeros(len(ra), np.int64)
    while (parts.max(initial=0) + 1) * 2 <= min(PARTS, len(ra) // FEWEST):
        halves = np.zeros(len(ra), np.int64)
        for part in range(parts.max() + 1):
            members = np.flatnonzero(parts == part)
            wide = np.ptp(shifted[members]) * np.cos(np.deg2rad(np.median(dec[members])))
            side = shifted if wide >= np.ptp(dec[members]) else dec
            order = np.argsort(side[members], kind="stable")
            halves[members[order[len(order) // 2 :]]] = 1
        parts = 2 * parts + halves
    return parts


def _from_widest_gap(ra: Floats) -> Floats:
    """Right ascensions counted eastwards from the end of their widest gap, in [0, 360)."""
    if not len(ra):
        return ra
    ordered = np.sort(ra)
    gaps = np.diff(ordered, append=ordered[0] + 360)
    widest = int(gaps.argmax())
    start = ordered[(widest + 1) % len(ordered)]
    return np.asarray((ra - start) % 360)


def _position_text(ra: Floats, dec: Floats) -> str:
    shifted = _from_widest_gap(ra)
    first = float(ra[shifted.argmin()])
    last = (first + float(np.ptp(shifted))) % 360
    degree, dash = "\N{DEGREE SIGN}", "\N{EN DASH}"
    north = f"{dec.min():.1f}{degree} to {dec.max():.1f}{degree}".replace("-", "\N{MINUS SIGN}")
    return (
        f"from one part of the sky (right ascension {first:.1f}{degree}{dash}{last:.1f}{degree}, declination {north})"
    )


def is_vote_column(name: str) -> bool:
    """Whether a column holds votes of any kind."""
    return OF_VOTES.fullmatch(name) is not None


def vote_columns(names: Sequence[str], read: ColumnReader) -> Iterator[ComparedColumn]:
    """The fraction of each answer: debiased, else weighted, else plain; NaN where few volunteers reached the question.

    Parameters
    ----------
    names : sequence of str
        Of the catalogue's columns.
    read : callable
        Name -> values.
    """
    columns = set(names)
    reached: dict[str, Floats | None] = {}
    for question in QUESTIONS.values():
        reached[question.name] = _reached(question, columns, read, reached)
        for answer in question.answers:
            name = _fraction(question.name, answer, columns)
            if name:
                values = _masked(read(name), reached[question.name])
                words = f"votes for {ANSWERS[answer]}"
                yield number_column(name, values, "votes", f"with more {words}", f"with fewer {words}", "", "{:.0%}")


def _fraction(question: str, answer: str, columns: set[str]) -> str:
    """The vote column to read; "" where the catalogue has none."""
    names = (vote_column(question, answer, kind) for kind in PREFERRED)
    return next((name for name in names if name in columns), "")


def _reached(
    question: Question, columns: set[str], read: ColumnReader, before: dict[str, Floats | None]
) -> Floats | None:
    """The share of volunteers who reached a question (n,); None where that is unknown or all did."""
    shares: list[Floats] = []
    for leading in question.asked_after:
        earlier = next(other for other in QUESTIONS.values() if leading in other.answers)
        name = _fraction(earlier.name, leading, columns)
        if name:
            share = read(name).to_numpy(np.float64, na_value=np.nan)
            outer = before[earlier.name]
            shares.append(share if outer is None else share * outer)
    return np.nansum(shares, axis=0) if shares else None


def _masked(values: pd.Series[Any], reached: Floats | None) -> Floats:
    numbers = values.to_numpy(np.float64, na_value=np.nan)
    return numbers if reached is None else np.where(reached >= REACHED, numbers, np.nan)


def catalogue_columns(path: Path, rows: Ints, bands: Sequence[str]) -> Iterator[ComparedColumn]:
    """Columns of the catalogue and volunteer votes.

    Parameters
    ----------
    path : Path
        The survey's ``catalog.parquet``; its columns are read one by one.
    rows : int64 (n,)
        The galaxies.
    bands : sequence of str
        Columns of these names are magnitudes.
    """
    schema = parquet_schema(path)

    def read(name: str) -> pd.Series[Any]:
        return read_parquet(path, [name])[name].iloc[rows].reset_index(drop=True)

    yield from vote_columns(schema.names, read)
    yield from _colours(schema.names, bands, read)
    if {RA, DEC} <= set(schema.names):
        yield from sky_columns(read(RA), read(DEC))
    for name in schema.names:
        if is_vote_column(name) or name.lower() in NO_PROPERTY or name in (RA, DEC):
            continue
        yield from _column(name, read(name), schema.field(name).type, bands)


def network_columns(
    predictions: pd.DataFrame | None, labels: pd.Series[Any] | None, rows: Ints
) -> Iterator[ComparedColumn]:
    """Columns of a network's predictions, and the labels.

    Parameters
    ----------
    predictions : DataFrame, optional
        As stored with the model.
    labels : Series, optional
        The catalogue's, for each of the rows; by default those stored with the predictions.
    rows : int64 (n,)
    """
    table = None if predictions is None else predictions.set_index("row").reindex(rows)
    if labels is None and table is not None and LABEL in table:
        labels = table[LABEL].reset_index(drop=True)
    if labels is not None:
        yield from word_columns(LABEL, labels, "catalogue", "labelled {}", name_in_words)
    if table is None:
        return
    prediction = table["prediction"].reset_index(drop=True)
    yield from word_columns("prediction", prediction, "network", "taken for {}", name_in_words)
    yield _percent("confidence", table["confidence"], "network", "surer", "less sure")
    if "uncertainty" in table:
        yield number_column("uncertainty", table["uncertainty"], "network", "more uncertain", "less uncertain")
    if labels is not None:
        both = (labels.notna() & (labels != "") & prediction.notna()).to_numpy(np.bool_)
        wrong = (labels.astype(object).to_numpy() != prediction.astype(object).to_numpy()).astype(np.float64)
        yield flag_column("mistaken", np.where(both, wrong, np.nan), "network", "taken for what they are not")


def quality_columns(table: pd.DataFrame, rows: Ints) -> Iterator[ComparedColumn]:
    """Columns of image quality, from the survey's ``quality.parquet``."""
    table = table.set_index("row").reindex(rows)
    # Colour images made for display have no fluxes, and no depth in magnitudes.
    display = {f"sky_{band}" for band in DISPLAY_BANDS} <= set(table.columns)
    for name in table.columns:
        kind, _, band = str(name).partition("_")
        if kind in OF_QUALITY and name != "psf_from" and not (display and kind == "depth"):
            more, less, label, form = OF_QUALITY[kind]
            form = form.replace("nanomaggies", f"{DISPLAY_UNIT}s") if display else form
            yield number_column(str(name), table[name].to_numpy(), "quality", more, less, label.format(band), form)


def _percent(name: str, values: Any, source: Any, more: str, less: str) -> ComparedColumn:
    return number_column(name, np.asarray(values, np.float64), source, more, less, name, "{:.0%}")


def _colours(names: Sequence[str], bands: Sequence[str], read: ColumnReader) -> Iterator[ComparedColumn]:
    for blue, red in COLOURS:
        if {blue, red} <= set(names) & set(bands):
            values = read(blue).to_numpy(np.float64) - read(red).to_numpy(np.float64)
            name = f"{blue}-{red}"
            yield number_column(name, values, "catalogue", "redder", "bluer", name, "{:.2f}")


def _column(name: str, values: pd.Series[Any], kind: pa.DataType, bands: Sequence[str]) -> Iterator[ComparedColumn]:
    if pa.types.is_boolean(kind):
        yield flag_column(name, values.to_numpy(np.float64, na_value=np.nan), "catalogue", f"with {name}")
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        if name in bands:
            yield number_column(name, numbers, "catalogue", "fainter", "brighter", name, "{:.2f}")
        else:
            yield number_column(name, numbers, "catalogue", *WORDS.get(name.lower(), ("", "", "", "{:.3g}")))
    elif (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and values.nunique() <= LONGEST * len(values):
        yield from word_columns(name, values, "catalogue", f"of {_column_in_words(name)} {{}}")


def _column_in_words(name: str) -> str:
    return re.sub(r"[_\s]+", " ", name).replace("{", "(").replace("}", ")")
