"""The two files of composite images as surveys: good labels for few galaxies, rough ones for many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.results import Cutout
from gz2interp.stores.survey import Survey

BANDS = ("g", "r", "i")
PIXEL_SCALE = 0.396
DECIDED = 0.8
ROUGH = {
    "elliptical": "elliptical",
    "edge_on": "edge_on",
    "clockwise_spiral": "spiral",
    "anticlockwise_spiral": "spiral",
    "merger": "merger",
}
"""Which way a spiral winds is no part of the question."""

LETTER_OF = {"elliptical": "E", "edge_on": "S", "spiral": "S"}


@dataclass(frozen=True, eq=False)
class Images:
    """Galaxies with one label each, or None.

    Attributes
    ----------
    ids : int64 (n,)
    pixels : uint8 (n, y, x, 3)
        Red first.
    labels : object (n,)
    shares : float (n, 2) or None
        Of smooth and of features among the volunteers who saw a galaxy.
    """

    ids: NDArray[np.int64]
    pixels: NDArray[np.uint8]
    labels: NDArray[np.object_]
    shares: NDArray[np.float64] | None = None

    def only(self, keep: NDArray[Any]) -> Images:
        """Some of them."""
        shares = None if self.shares is None else self.shares[keep]
        return Images(self.ids[keep], self.pixels[keep], self.labels[keep], shares)

    def without_shares(self) -> Images:
        """The letters alone."""
        return replace(self, shares=None)


@dataclass(frozen=True, eq=False)
class Files:
    """What both files hold.

    Attributes
    ----------
    good : Images
        With the first letter of gz2_class, E or S, all others left out.
    rough : Images
        With classes of Galaxy Zoo 1; without the galaxies that `good` has too.
    decided, merger : bool (n,)
        Of `good`: where volunteers agreed, and what they call a merger.
    """

    good: Images
    rough: Images
    decided: NDArray[np.bool_]
    merger: NDArray[np.bool_]


def read_files(folder: Path) -> Files:
    """``gz1_rgb64.npz`` and ``gz2_rgb64.npz``."""
    first, second = (np.load(folder / f"{name}_rgb64.npz") for name in ("gz1", "gz2"))
    letters = np.array([str(text)[:1].upper() for text in second["gz2_class"]], dtype=object)
    known = np.isin(letters, ["E", "S"])
    good = Images(second["dr7objid"].astype(np.int64), second["images"], letters, _shares(second, letters))
    kinds = np.array([ROUGH.get(str(name)) for name in first["gz1_class"]], dtype=object)
    rough = Images(first["dr7objid"].astype(np.int64), first["images"], kinds)
    return Files(
        good=good.only(known),
        rough=rough.only(~np.isin(rough.ids, good.ids)),
        decided=(np.maximum(second["smooth"], second["features"]) > DECIDED)[known],
        merger=(second["kind"] == "merger")[known],
    )


def _shares(table: Any, letters: NDArray[np.object_]) -> NDArray[np.float64]:
    """Of smooth and of features among those who saw a galaxy, (n, 2); the letter alone where nobody is known to."""
    votes = np.stack([table["smooth"], table["features"]], axis=1).astype(np.float64)
    total = votes.sum(axis=1, keepdims=True)
    alone = (letters[:, None] == np.array(["E", "S"], dtype=object)).astype(np.float64)
    return np.divide(votes, total, out=alone, where=total > 0)


def survey_of(path: Path, images: Images) -> Survey:
    """A three-band survey, unless it is there; red is the last band, as SDSS' composites are made of i, r, g."""
    if (path / "survey.json").exists() and Survey.open(path).usable.all():
        return Survey.open(path)
    ids = images.ids
    rng = np.random.default_rng(0)  # the files have no positions; these only keep galaxies apart in the split
    catalog = pd.DataFrame(
        {
            "galaxy_id": ids,
            "ra": rng.uniform(0, 360, len(ids)),
            "dec": rng.uniform(-60, 60, len(ids)),
            "label": pd.array(list(images.labels), dtype="str"),
        }
    )
    if images.shares is not None:
        catalog[["target_E", "target_S"]] = images.shares
    survey = Survey.create(path, catalog, bands=BANDS, source="composite RGB")
    valid = np.ones(images.pixels.shape[1:3], np.bool_)
    with survey.writer() as writer:
        for image in images.pixels:
            writer.append(Cutout(image[..., ::-1].astype(np.float32) / 255, valid, "composite RGB", PIXEL_SCALE))
    return survey.refreshed()


def joined(parts: Sequence[Images]) -> Images:
    """One after the other, the letters alone."""
    return Images(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("ids", "pixels", "labels")))
