"""Targets of a training, and its training, validation and test samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.schema import DEC, GALAXY_ID, RA
from trainer.config import Config
from trainer.splits import SIDES, class_shares, fold_sides, group_uniforms, sides, sky_groups
from trainer.targets import Targets, targets_by

if TYPE_CHECKING:
    from gz2interp.stores.survey import Survey

__all__ = ["NO_SIDE", "TrainingPlan", "plan_training"]

NO_SIDE = "none"
"""Sample of galaxies that are not used: without a label, excluded, or beyond the training fraction."""


@dataclass(frozen=True, eq=False)
class TrainingPlan:
    """Targets and samples of a survey's galaxies.

    Attributes
    ----------
    targets : Targets
        For the whole catalogue.
    usable : int64 (n,), increasing
        Rows with an image.
    side : str (catalogue,)
        ``"train"``, ``"validation"``, ``"test"`` or `NO_SIDE`.
    excluded : int
        Galaxies with an image that are excluded by the prediction of another network.
    """

    targets: Targets
    usable: NDArray[np.int64]
    side: NDArray[np.str_]
    excluded: int = 0

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the network's outputs."""
        return self.targets.class_names

    def rows(self, side: str) -> NDArray[np.int64]:
        """Rows of a sample, with an image and a label, increasing."""
        return np.asarray(self.usable[self.side[self.usable] == side])

    def shares(self) -> pd.DataFrame:
        """Number of galaxies by class and sample."""
        rows = self.usable[self.side[self.usable] != NO_SIDE]
        counts = class_shares(self.targets.labels[rows].astype(np.str_), self.side[rows])
        return counts.reindex(list(self.class_names), fill_value=0)

    def parts(self) -> pd.DataFrame:
        """Table of row, split and label of the galaxies with an image."""
        labels = pd.array(self.targets.labels[self.usable], dtype="str")
        return pd.DataFrame({"row": self.usable, "split": self.side[self.usable], "label": labels})

    def to_json(self) -> dict[str, Any]:
        """Number of galaxies by sample, and by class and sample."""
        shares = self.shares()
        return {
            "split": shares.sum().to_dict(),
            "class_shares": shares.to_dict(orient="index"),
            "caught": self.excluded,
        }


def plan_training(survey: Survey, config: Config) -> TrainingPlan:
    """Labels by the scheme of the config, and samples split by groups on the sky.

    Raises
    ------
    InputError
        There are no labels, only one class, or a class missing in a sample.
    """
    catalog = survey.catalog
    targets = targets_by(config.scheme, catalog)
    groups = sky_groups(*(np.array(catalog[column]) for column in (GALAXY_ID, RA, DEC)))
    split = np.where(_left_out(groups, config), NO_SIDE, _sides(groups, config))
    excluded = excluded_by(survey, config.without)
    plan = TrainingPlan(
        targets=targets,
        usable=np.flatnonzero(survey.usable).astype(np.int64),
        side=np.where(targets.labelled & ~excluded, split, NO_SIDE),
        excluded=int((excluded & survey.usable).sum()),
    )
    if not targets.complete:
        _check_every_class_everywhere(plan, config)
    return plan


def excluded_by(survey: Survey, without: str) -> NDArray[np.bool_]:
    """Mask of galaxies predicted as a class by another network of the survey, bool (catalogue,).

    Parameters
    ----------
    without : str
        ``"MODEL:CLASS"``, or "" for none.

    Raises
    ------
    InputError
        There is no such model, or it has no such class.
    """
    excluded = np.zeros(len(survey), np.bool_)
    if not without:
        return excluded
    name, _, class_name = without.partition(":")
    model = survey.model(name)
    if class_name not in model.class_names:
        raise InputError(
            f"without = {without!r} was given, and {name} has no class {class_name!r}",
            f"MODEL:CLASS with one of {choices(model.class_names)}",
        )
    predictions = model.predictions
    excluded[predictions.loc[predictions["prediction"] == class_name, "row"]] = True
    return excluded


def _sides(groups: NDArray[np.int64], config: Config) -> NDArray[np.str_]:
    seed = config.seed if config.split_seed < 0 else config.split_seed
    if config.folds:
        return fold_sides(groups, seed, config.folds, config.fold, config.validation_fraction)
    return sides(groups, seed, config.validation_fraction, config.test_fraction)


def _left_out(groups: NDArray[np.int64], config: Config) -> NDArray[np.bool_]:
    """Mask of training galaxies beyond `Config.train_fraction`, the same for all folds."""
    if config.train_fraction >= 1:
        return np.zeros(len(groups), np.bool_)
    seed = config.seed if config.split_seed < 0 else config.split_seed
    within = group_uniforms(groups, seed, "train") < config.train_fraction
    return np.asarray(~within & (_sides(groups, config) == "train"))


def _check_every_class_everywhere(plan: TrainingPlan, config: Config) -> None:
    needed = SIDES if config.test_fraction > 0 or config.folds else SIDES[:2]
    shares = plan.shares()[list(needed)]
    for name, counts in shares.iterrows():
        if counts.min() == 0:
            spread = ", ".join(f"{side} {count}" for side, count in counts.items())
            raise InputError(
                f"The class {name!r} has {counts.sum()} galaxies with an image: {spread}",
                "Some of each class in the training, validation and test samples",
                "More galaxies of it, a label scheme without it, or other fractions or another seed of the split",
            )
