"""A new survey folder: its catalogue, and room for the cutouts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.results import digest_of
from gz2interp.schema import DEC, GALAXY_ID, RA, pixel_unit
from gz2interp.stores.arrays import create_array, is_readable_chunk
from gz2interp.stores.files import digest_of_file, whole_folder
from gz2interp.stores.header import Header
from gz2interp.stores.journal import Journal
from gz2interp.stores.tables import write_blocks, write_parquet

__all__ = ["make_survey_folder"]


def make_survey_folder(
    folder: Path,
    catalog: pd.DataFrame | Iterable[pd.DataFrame],
    bands: tuple[str, ...],
    shape: tuple[int, int],
    source: str,
    central: float = 1.0,
) -> None:
    """Make the folder of a survey without cutouts; it appears whole or not at all.

    Parameters and errors are those of `gz2interp.stores.survey.Survey.create`.
    """
    _refuse_unfit(bands, shape)
    with whole_folder(folder, f"the survey {folder}") as being_made:
        n, pixels = _write_catalog(being_made / "catalog.parquet", catalog), (*shape, len(bands))
        create_array(being_made / "cutouts.zarr" / "images", (n, *pixels), np.float32)
        create_array(being_made / "cutouts.zarr" / "valid", (n, *shape), np.bool_)
        Journal(being_made / "status.sqlite", bands).create()
        digest = digest_of_file(being_made / "catalog.parquet")
        Header(bands, shape, source, n, digest, digest_of([]), unit=pixel_unit(bands), central=central).write(
            being_made
        )


def _refuse_unfit(bands: tuple[str, ...], shape: tuple[int, int]) -> None:
    """Refuse, before anything is written, what no survey can hold."""
    if not bands or len({band.lower() for band in bands}) < len(bands):
        raise InputError(
            f"The bands {' '.join(bands)} were given" if bands else "No band was given",
            "One or more, each once in whatever case",
            "Name them without commas, such as ugriz, or with commas, such as F606W,F814W",
        )
    if not is_readable_chunk((*shape, len(bands)), np.float32):
        raise InputError(
            f"Cutouts of {shape[0]} x {shape[1]} pixels in {len(bands)} bands were requested",
            "Cutouts of a galaxy: 64 to some hundred pixels along a side",
            "Choose a smaller --size",
        )


def _write_catalog(path: Path, catalog: pd.DataFrame | Iterable[pd.DataFrame]) -> int:
    """Write the catalogue and count its galaxies. Of a catalogue in blocks only the ids stay in memory."""
    if isinstance(catalog, pd.DataFrame):
        columns = _checked(catalog)
        write_parquet(path, columns)
        ids = [columns[GALAXY_ID].to_numpy()]
    else:
        ids = []
        write_blocks(path, (_noted(_checked(block), ids) for block in catalog))
    all_ids = pd.Series(np.concatenate(ids))
    if all_ids.duplicated().any():
        raise InputError(f"galaxy_id {all_ids[all_ids.duplicated()].iloc[0]} stands twice", "Each galaxy once")
    return len(all_ids)


def _noted(block: pd.DataFrame, ids: list[NDArray[np.int64]]) -> pd.DataFrame:
    ids.append(block[GALAXY_ID].to_numpy())
    return block


def _checked(catalog: pd.DataFrame) -> pd.DataFrame:
    lacking = [column for column in (GALAXY_ID, RA, DEC) if column not in catalog]
    if lacking:
        raise InputError(f"The catalogue has no column {choices(lacking)}", "galaxy_id, ra and dec are needed")
    ids = catalog[GALAXY_ID]
    if not pd.api.types.is_integer_dtype(ids):
        raise InputError(
            f"galaxy_id is of type {ids.dtype}", "64-bit whole numbers: ids above 2**53 change in any other type"
        )
    return catalog.astype({GALAXY_ID: np.int64, RA: float, DEC: float}).reset_index(drop=True)
