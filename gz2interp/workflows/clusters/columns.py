"""The columns by which the clusters of a survey are compared, one at a time, each with its words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from gz2interp.embedding.cluster_differences import Column, flag_column, number_column, word_columns
from gz2interp.schema import DEC, DISPLAY_BANDS, DISPLAY_UNIT, GALAXY_ID, LABEL, PETRO_RADIUS, RA, name_in_words
from gz2interp.stores.tables import parquet_schema, read_parquet
from gz2interp.workflows.clusters.sky import sky_columns
from gz2interp.workflows.clusters.votes import is_of_votes, vote_columns

__all__ = ["catalogue_columns", "network_columns", "quality_columns_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Reader = Any

NO_PROPERTY: Final = {
    GALAXY_ID, LABEL, "objid", "dr7objid", "dr8objid", "specobjid", "row", "run", "rerun", "camcol", "field", "rowc",
    "colc", "rastring", "decstring", "total_classifications", "total_votes", "asset_id", "name", "iauname",
}  # fmt: skip
"""Columns that number galaxies or say how they were asked about."""

COLOURS: Final = (("u", "g"), ("g", "r"), ("r", "i"), ("i", "z"))

WORDS: Final = {
    PETRO_RADIUS: ("larger", "smaller", "Petrosian radius", "{:.1f}\N{DOUBLE PRIME}"),
    "petrorad_r": ("larger", "smaller", "Petrosian radius", "{:.1f}\N{DOUBLE PRIME}"),
    "redshift": ("farther away", "nearer", "redshift", "{:.3f}"),
    "axis_ratio": ("rounder", "more elongated", "axis ratio", "{:.2f}"),
    "ebv": ("more reddened by dust", "less reddened by dust", "E(B-V)", "{:.3f}"),
}
"""More, less, label and form of well-known columns."""

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
"""More, less, label and form of columns of image quality."""

LONGEST: Final = 0.5
"""Share of different values from which on words are names and no classes."""


def catalogue_columns(path: Path, rows: Ints, bands: Sequence[str]) -> Iterator[Column]:
    """What the catalogue says of galaxies, and what volunteers said.

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
        if is_of_votes(name) or name.lower() in NO_PROPERTY or name in (RA, DEC):
            continue
        yield from _column(name, read(name), schema.field(name).type, bands)


def network_columns(predictions: pd.DataFrame | None, labels: pd.Series[Any] | None, rows: Ints) -> Iterator[Column]:
    """What a network says of galaxies, and what they are labelled.

    Parameters
    ----------
    predictions : DataFrame, optional
        As a model keeps them.
    labels : Series, optional
        The catalogue's, of each of the rows; else those of the predictions.
    rows : int64 (n,)
    """
    said = None if predictions is None else predictions.set_index("row").reindex(rows)
    if labels is None and said is not None and LABEL in said:
        labels = said[LABEL].reset_index(drop=True)
    if labels is not None:
        yield from word_columns(LABEL, labels, "catalogue", "labelled {}", name_in_words)
    if said is None:
        return
    prediction = said["prediction"].reset_index(drop=True)
    yield from word_columns("prediction", prediction, "network", "taken for {}", name_in_words)
    yield _percent("confidence", said["confidence"], "network", "surer", "less sure")
    if "uncertainty" in said:
        yield number_column("uncertainty", said["uncertainty"], "network", "more uncertain", "less uncertain")
    if labels is not None:
        both = (labels.notna() & (labels != "") & prediction.notna()).to_numpy(np.bool_)
        wrong = (labels.astype(object).to_numpy() != prediction.astype(object).to_numpy()).astype(np.float64)
        yield flag_column("mistaken", np.where(both, wrong, np.nan), "network", "taken for what they are not")


def quality_columns_of(table: pd.DataFrame, rows: Ints) -> Iterator[Column]:
    """What image quality says, from the survey's ``quality.parquet``."""
    known = table.set_index("row").reindex(rows)
    # Colour images made for the eye have no fluxes, and no depth in magnitudes.
    display = {f"sky_{band}" for band in DISPLAY_BANDS} <= set(known.columns)
    for name in known.columns:
        kind, _, band = str(name).partition("_")
        if kind in OF_QUALITY and name != "psf_from" and not (display and kind == "depth"):
            more, less, label, form = OF_QUALITY[kind]
            form = form.replace("nanomaggies", f"{DISPLAY_UNIT}s") if display else form
            yield number_column(str(name), known[name].to_numpy(), "quality", more, less, label.format(band), form)


def _percent(name: str, values: Any, source: Any, more: str, less: str) -> Column:
    return number_column(name, np.asarray(values, np.float64), source, more, less, name, "{:.0%}")


def _colours(names: Sequence[str], bands: Sequence[str], read: Reader) -> Iterator[Column]:
    for blue, red in COLOURS:
        if {blue, red} <= set(names) & set(bands):
            values = read(blue).to_numpy(np.float64) - read(red).to_numpy(np.float64)
            name = f"{blue}-{red}"
            yield number_column(name, values, "catalogue", "redder", "bluer", name, "{:.2f}")


def _column(name: str, values: pd.Series[Any], kind: pa.DataType, bands: Sequence[str]) -> Iterator[Column]:
    if pa.types.is_boolean(kind):
        yield flag_column(name, values.to_numpy(np.float64, na_value=np.nan), "catalogue", f"with {name}")
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        if name in bands:
            yield number_column(name, numbers, "catalogue", "fainter", "brighter", name, "{:.2f}")
        else:
            yield number_column(name, numbers, "catalogue", *WORDS.get(name.lower(), ("", "", "", "{:.3g}")))
    elif (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and values.nunique() <= LONGEST * len(values):
        yield from word_columns(name, values, "catalogue", f"of {_worded(name)} {{}}")


def _worded(name: str) -> str:
    return re.sub(r"[_\s]+", " ", name).replace("{", "(").replace("}", ")")
