"""Ratings by a person, the ranking that learns from them, and the picture of the galaxy to rate."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gz2interp.embedding.unusual.preference import PreferenceModel, next_to_rate
from gz2interp.errors import InputError, shorten
from gz2interp.figures.rgb import Stretch, rgb, stretch_of
from gz2interp.schema import GALAXY_ID, parse_galaxy_id
from gz2interp.stores.files import atomic_write
from gz2interp.stores.ratings import HIGHEST, Rating, Ratings
from gz2interp.stores.reading import errors_as
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import read_csv, read_parquet, write_table
from gz2interp.workflows.unusual_results import UnusualGalaxies, artefacts_of

__all__ = [
    "Ranking",
    "export_ratings",
    "import_ratings",
    "ranking_of",
    "rate",
    "ratings_of",
    "survey_stretch",
    "write_rating_picture",
]


_NEEDED = (GALAXY_ID, "rating")
_OPTIONAL: Final = ("tag", "note", "time")

NOTABLE_CHANGE: Final = 0.5
"""Change of a score by ratings from which on the reason mentions it."""

ZOOM: Final = 6
"""Size of a pixel of the galaxy in pixels of the picture."""

SAMPLE: Final = 64


@dataclass(frozen=True, eq=False)
class Ranking:
    """The galaxies of a survey, ranked by scores that have learnt from ratings.

    Attributes
    ----------
    scores : float64 (n,)
        Learnt scores of all analysed galaxies; those of `galaxies` where there are no ratings.
    positions : int64 (rating,)
        Positions of the rated galaxies among the analysed ones, in the order of the ratings.
    ratings : int64 (rating,)
    left_out : series of str (n,), optional
        Why a galaxy is left out, see `artefacts_of`; "" for those that are ranked.
    """

    galaxies: UnusualGalaxies
    scores: NDArray[np.float64]
    positions: NDArray[np.int64]
    ratings: NDArray[np.int64]
    left_out: pd.Series[str] | None = None

    @property
    def order(self) -> NDArray[np.int64]:
        """Positions of the ranked galaxies, the most unusual first."""
        order = np.argsort(-np.nan_to_num(self.scores, nan=-np.inf), kind="stable")
        return order if self.left_out is None else order[self.left_out.to_numpy()[order] == ""]

    def with_current_ratings(self) -> Ranking:
        """The same order with all current ratings: not refitted, but no rated galaxy is proposed again."""
        positions, ratings = _rated(self.galaxies, ratings_of(self.galaxies.survey).table())
        return replace(self, positions=positions, ratings=ratings)

    def next(self) -> int | None:
        """The position of the galaxy to be rated next, see `next_to_rate`; None where all are rated."""
        order = np.sort(self.order)
        rated = np.searchsorted(order, self.positions[np.isin(self.positions, order)])
        place = next_to_rate(self.scores[order], self.galaxies.preference_vectors[order], rated) if len(order) else None
        return None if place is None else int(order[place])

    def reasons(self, positions: NDArray[np.int64]) -> list[str]:
        """Reasons for the ranks of some galaxies: the change by ratings, then the reason of the scores."""
        plain = np.nan_to_num(self.galaxies.scores["score"].to_numpy(np.float64))[positions]
        reasons = []
        for change, reason in zip(
            self.scores[positions] - plain, self.galaxies.scores["reason"].to_numpy()[positions], strict=True
        ):
            word = "" if abs(change) < NOTABLE_CHANGE else "Raised" if change > 0 else "Lowered"
            reasons.append(f"{word} by ratings: score {change:+.1f}. {reason}" if word else str(reason))
        return reasons

    def table(self, most: int | None = None) -> pd.DataFrame:
        """As `UnusualGalaxies.table`, in the learnt order, with ``learnt`` and ``rating`` (missing where not rated)."""
        order = self.order[:most]
        unlearnt = self.galaxies.table().set_index(GALAXY_ID, drop=False)
        ids = self.galaxies.scores[GALAXY_ID].to_numpy()[order]
        ratings = pd.Series(
            self.ratings, index=self.galaxies.scores[GALAXY_ID].to_numpy()[self.positions], dtype="Int64"
        )
        table = unlearnt.loc[ids].reset_index(drop=True)
        table.insert(2, "learnt", self.scores[order].astype(np.float32))
        table.insert(2, "rating", ratings.reindex(ids).array)
        return table.assign(rank=np.arange(1, len(table) + 1), reason=pd.Series(self.reasons(order), dtype="str"))


def ratings_of(survey: Survey) -> Ratings:
    """The ratings of a survey, whether or not there are any."""
    return Ratings(survey.path / "ratings.sqlite")


def rate(survey: Survey, galaxy_id: int | str, rating: int, tag: str = "", note: str = "", by: str = "") -> None:
    """Store the rating of a galaxy, 0 (ordinary) to 5; it is on the disk when this returns.

    Raises
    ------
    InputError
        The survey has no such galaxy, or the rating is not a whole number from 0 to 5.
    """
    row = survey.row_of(galaxy_id)
    ratings_of(survey).rate(Rating(int(survey.galaxy_ids[row]), rating, tag, note), by)


def ranking_of(
    galaxies: UnusualGalaxies, ratings: pd.DataFrame | None = None, without_artefacts: bool = False
) -> Ranking:
    """Rank galaxies by scores that learn from ratings, by default from all of the survey.

    Parameters
    ----------
    ratings : DataFrame, optional
        galaxy_id and rating, in the order in which they were given; galaxies that were not analysed are ignored.
    without_artefacts : bool, optional
        Leave out stars and artefacts, see `gz2interp.workflows.unusual_results.artefacts_of`.
    """
    left_out = artefacts_of(galaxies.survey, galaxies.model, galaxies.analysis.rows) if without_artefacts else None
    positions, values = _rated(galaxies, ratings_of(galaxies.survey).table() if ratings is None else ratings)
    plain = np.nan_to_num(galaxies.scores["score"].to_numpy(np.float64))
    preference = PreferenceModel.fit(galaxies.preference_vectors[positions], plain[positions], values / HIGHEST)
    scores = preference.score_samples(galaxies.preference_vectors, plain)
    return Ranking(galaxies, scores, positions, values, left_out)


def _rated(galaxies: UnusualGalaxies, table: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the rated galaxies that were analysed, and their ratings."""
    ids = pd.Index(galaxies.scores[GALAXY_ID].to_numpy(np.int64))
    places = ids.get_indexer(pd.Index(table[GALAXY_ID].to_numpy(np.int64)))
    analysed = places >= 0
    return places[analysed].astype(np.int64), table["rating"].to_numpy(np.int64)[analysed]


def export_ratings(survey: Survey, path: Path) -> int:
    """Write the current ratings: galaxy_id, rating, tag, note, time. Returns how many there are."""
    table = ratings_of(survey).table()
    write_table(path, table)
    return len(table)


def import_ratings(survey: Survey, path: Path) -> tuple[int, int, int]:
    """Import ratings from a .csv or .parquet file; of two ratings of one galaxy the later one counts.

    Returns
    -------
    (int, int, int)
        How many were new or later than the stored ones, how many were not, how many galaxies are not in the survey.

    Raises
    ------
    InputError
        It is no such file, lacks galaxy_id or rating, or has an invalid value. Then nothing is imported.
    """
    table = _read(path)
    lacking = [column for column in _NEEDED if column not in table]
    if lacking:
        raise InputError(
            f"{path.name} has no column {' or '.join(lacking)}", "galaxy_id, rating and, at will, tag, note, time"
        )
    columns = [column for column in (*_NEEDED, *_OPTIONAL) if column in table]  # a file may have any number of others
    with errors_as(InputError, path.name, "Ratings as .csv or .parquet", "Mend the row"):
        ratings = [_rating(row) for row in table[columns].to_dict("records")]
    ids = set(survey.galaxy_ids.tolist())
    in_survey = [rating for rating in ratings if rating.galaxy_id in ids]
    imported = ratings_of(survey).merge(in_survey, f"import of {path.name}")
    return imported, len(in_survey) - imported, len(ratings) - len(in_survey)


def _read(path: Path) -> pd.DataFrame:
    """Read every value of a CSV file as text: an id loses its last digits as a float."""
    if not path.is_file():
        raise InputError(f"There is no file {path}", "Ratings as .csv or .parquet")
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return read_csv(path, InputError, dtype="str", keep_default_na=False)
    if suffix == ".parquet":
        return read_parquet(path, error=InputError)
    raise InputError(f"The file {path.name} was given", "Ratings are imported from .csv and .parquet")


def _rating(row: Mapping[Hashable, Any]) -> Rating:
    try:
        galaxy_id, rating = parse_galaxy_id(row[GALAXY_ID]), parse_galaxy_id(row["rating"])
    except ValueError as error:
        galaxy, rated = (shorten(str(row[name])) for name in (GALAXY_ID, "rating"))
        raise InputError(
            f"Galaxy {galaxy!r} with the rating {rated!r} is in the file: {error}", "Whole numbers"
        ) from None
    texts = {name: "" if pd.isna(row.get(name, "")) else str(row.get(name, "")) for name in _OPTIONAL}
    return Rating(galaxy_id, rating, **texts)


def survey_stretch(survey: Survey) -> Stretch:
    """One stretch for all pictures, from up to 64 galaxies, so that faint galaxies look faint."""
    usable = np.flatnonzero(survey.usable)
    return stretch_of(survey.images(usable[:: max(len(usable) // SAMPLE, 1)][:SAMPLE]), survey.bands)


def write_rating_picture(path: Path, survey: Survey, row: int, stretch: Stretch) -> None:
    """Write a PNG of a galaxy atomically; a viewer that reloads its file shows the next one."""
    image = survey.images([row])
    colour = _enlarge(rgb(image, survey.bands, stretch)[0][::-1], ZOOM)
    bands = [_enlarge(_greyscale(image[0, ::-1, :, band]), ZOOM // 2) for band in range(image.shape[-1])]
    height = colour.shape[0]
    columns = [np.concatenate(bands[start : start + 2])[:height] for start in range(0, len(bands), 2)]
    filled = [np.pad(column, ((0, height - len(column)), (0, 0), (0, 0))) for column in columns]
    picture = Image.fromarray(np.concatenate([colour, *filled], axis=1))
    _name_panels(picture, survey, row, colour.shape[1], bands[0].shape[:2])
    with atomic_write(path) as aside:
        picture.save(aside, format="PNG")


def _name_panels(picture: Image.Image, survey: Survey, row: int, start: int, side: tuple[int, int]) -> None:
    """The width of the colour image on the sky, and the name of each band, in the panels' upper left corners."""
    draw, (height, width) = ImageDraw.Draw(picture), side
    field = float(survey.status["pixel_scale"].loc[row]) * survey.shape[1]
    names = {(0, 0): f"{field:.3g} arcsec wide" if np.isfinite(field) else ""}
    names |= {(start + at // 2 * width, at % 2 * height): band for at, band in enumerate(survey.bands)}
    for (x, y), name in names.items():
        draw.text((x + 5, y + 3), name, fill="white", stroke_width=1, stroke_fill="black")


def _greyscale(plane: NDArray[np.float32]) -> NDArray[np.uint8]:
    """One band between its sky and its brightest half percent, uint8 (y, x, 3)."""
    low, high = np.percentile(plane, [25, 99.5])
    level = np.arcsinh(5 * np.clip((plane - low) / max(high - low, 1e-9), 0, 1)) / np.arcsinh(5)
    return np.repeat((255 * level).astype(np.uint8)[..., None], 3, axis=-1)


def _enlarge(pixels: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    return pixels.repeat(times, axis=0).repeat(times, axis=1)
