"""Is a feature image more than noise? What it reaches beside galaxies and random images, its light, its repeats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.features.believable import agreement, random_images, share_of_colours, share_of_spectrum
from gz2interp.features.image_prior import Light
from gz2interp.stores.layer_results import FeaturesFolder
from gz2interp.workflows.features.reaching import reached_by
from gz2interp.workflows.features.wanted import Wanted
from gz2interp.workflows.opening import Subject

__all__ = ["RANDOM", "judged"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

RANDOM: Final = 64
"""Images with the survey's light and random phases."""


def judged(
    subject: Subject, layer: str, folder: FeaturesFolder, plan: Sequence[Wanted], light: Light, rows: Ints
) -> pd.DataFrame:
    """A row per feature image.

    Parameters
    ----------
    subject : Subject
    layer : str
    folder : FeaturesFolder
        With all images.
    plan : sequence of Wanted
    light : Light
    rows : int64 (n,)
        The real galaxies that it is compared with.

    Returns
    -------
    DataFrame
        ``kind``, ``number``, ``seed``, ``objective``; ``reached`` as it is and ``transformed`` under the sky's
        transformations; ``best`` of the real galaxies, and ``best_id``; ``above``, the share of them that it exceeds;
        ``random``, what the best of 64 random images of the survey's light reaches; ``spectrum``, the share of its
        frequencies inside the survey's 5 to 95 %; ``colours``, the share of its colours inside; ``agreement`` with the
        image of its objective from another seed (NaN where there is one): the correlation of their spectra;
        ``unlike``, the same with an image of the next objective, beyond which agreement says something; ``silent``.
    """
    random = random_images(light, RANDOM, 0)
    return pd.concat([_of_kind(subject, layer, folder, each, light, rows, random) for each in plan], ignore_index=True)


def _of_kind(
    subject: Subject,
    layer: str,
    folder: FeaturesFolder,
    each: Wanted,
    light: Light,
    rows: Ints,
    random: Floats,
) -> pd.DataFrame:
    probe, survey, kept = subject.probe, subject.survey, folder.read(each.kind)
    real = np.concatenate(
        [reached_by(probe, layer, each, batch.images) for batch in survey.batches(rows=rows)]
    )  # (galaxy, objective)
    best, chance = real.argmax(axis=0), reached_by(probe, layer, each, random).max(axis=0)
    numbers = kept["number"]
    return pd.DataFrame(
        {
            "kind": each.kind,
            "number": numbers,
            "seed": kept["seed"],
            "objective": [each.objectives[number].name for number in numbers],
            "reached": kept["reached"],
            "transformed": kept["transformed"],
            "best": real.max(axis=0)[numbers],
            "best_id": survey.galaxy_ids[rows[best]][numbers],
            "above": [float((real[:, n] < value).mean()) for n, value in zip(numbers, kept["reached"], strict=True)],
            "random": chance[numbers],
            "spectrum": share_of_spectrum(kept["images"], light),
            "colours": share_of_colours(kept["images"], light),
            "agreement": _agreements(kept, light),
            "unlike": _agreements(kept, light, 1),
            "silent": kept["silent"],
        }
    )


def _agreements(kept: dict[str, NDArray[Any]], light: Light, further: int = 0) -> NDArray[np.float64]:
    """Of each image with that of the objective so much further on, from the seed before; NaN where there is none."""
    told = np.full(len(kept["number"]), np.nan)
    numbers, seeds = np.unique(kept["number"]).tolist(), np.unique(kept["seed"]).tolist()
    if len(seeds) < 2 or (further and len(numbers) < 2):
        return told
    images = {key: k for k, key in enumerate(zip(kept["number"].tolist(), kept["seed"].tolist(), strict=True))}
    for (number, seed), one in images.items():
        of = numbers[(numbers.index(number) + further) % len(numbers)]
        other = images.get((of, seeds[seeds.index(seed) - 1]))
        if other is not None:
            told[one] = agreement(kept["images"][[one]], kept["images"][[other]], light)[0]
    return told
