"""Train one row for one seed, fold by fold; what is done already is left alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.real_galaxies.data import LETTER_OF, Files, Images, joined, survey_of
from benchmarks.real_galaxies.rows import PLAIN, Row
from gz2interp.network.loading import load_network
from gz2interp.network.quiet import keras
from gz2interp.schema import DEC, GALAXY_ID, RA
from gz2interp.stores.files import atomic_write
from gz2interp.stores.survey import Survey
from trainer.config import read_config
from trainer.fit import fit
from trainer.networks.committee import MANY_VIEWS, ensemble
from trainer.predict import predict, prediction_function
from trainer.splits import fold_sides, sky_groups

FOLDS = 5
SCALES = (0.7, 1.0, 1.4)
COMMON = {"scaling": "display", "scheme": "label", "folds": FOLDS}


@dataclass(frozen=True, eq=False)
class Bench:
    """Where the trials take place.

    Attributes
    ----------
    folder : Path
        Surveys, models and results; a second start goes on here.
    files : Files
    fold_seed : int
        Which galaxies are tested together.
    threads : int
    """

    folder: Path
    files: Files
    fold_seed: int
    threads: int

    @property
    def good(self) -> Survey:
        """The survey of good labels."""
        return survey_of(self.folder / "good", self.files.good)

    @property
    def letters(self) -> Survey:
        """The same galaxies with a letter each and no votes."""
        return survey_of(self.folder / "letters", self.files.good.without_shares())

    @property
    def rough(self) -> Survey:
        """The survey of rough labels."""
        return survey_of(self.folder / "rough", self.files.rough)

    def tested(self, fold: int) -> NDArray[np.bool_]:
        """Which good galaxies a fold tests, as `trainer.plan` deals them."""
        catalog = self.good.catalog
        groups = sky_groups(*(catalog[column].to_numpy() for column in (GALAXY_ID, RA, DEC)))
        return fold_sides(groups, self.fold_seed, FOLDS, fold, 0.0) == "test"


def trial(bench: Bench, name: str, row: Row, seed: int, say: Callable[[str], None]) -> pd.DataFrame:
    """Every galaxy of the good file as networks say that never saw it: galaxy_id, fold, label, p1, p8, p24 of S.

    p1 is what the network says, p8 its mean over eight views, p24 over eight views at three scales.
    """
    parts = []
    for fold in range(FOLDS):
        kept = bench.folder / "results" / f"{name}-{seed}-{fold}.csv"
        if not kept.exists():
            told = _plain(bench, name, row, seed, fold) if row.plain else _two_steps(bench, name, row, seed, fold)
            with atomic_write(kept) as aside:
                told.assign(fold=fold).to_csv(aside, index=False)
            keras.backend.clear_session()
        parts.append(pd.read_csv(kept, dtype={GALAXY_ID: np.int64}))
        right = (parts[-1]["p24"] > 0.5) == (parts[-1]["label"] == "S")
        say(f"{name} seed {seed} fold {fold}: {right.mean():.3f} of {len(right)}")
    return pd.concat(parts, ignore_index=True)


def _two_steps(bench: Bench, name: str, row: Row, seed: int, fold: int) -> pd.DataFrame:
    changes = COMMON | {"seed": seed, "split_seed": bench.fold_seed, "fold": fold, "threads": bench.threads}
    if not row.from_scratch:
        changes["start"] = str(_start(bench, row, seed))
    model = f"{name}-{seed}-{fold}"
    survey = bench.letters if row.letters else bench.good
    trained = fit(survey, model, read_config("few_labels", **changes | dict(row.fine)))
    return _asked(bench.good, trained.model_file, bench.tested(fold))


def _start(bench: Bench, row: Row, seed: int) -> Path:
    """The network that has learnt the rough labels: the same for all folds, and for rows that do not change it."""
    changed = "".join(f"-{key}={value}" for key, value in row.start.items())
    model, survey = f"start-{seed}{changed}", bench.rough
    path = survey.path / "models" / model
    if (path / "checkpoint").exists() or not (path / "model.keras").exists():
        changes = COMMON | {"seed": seed, "folds": 0, "threads": bench.threads}
        fit(survey, model, read_config("rough_labels", **changes | dict(row.start)))
    return path


def _plain(bench: Bench, name: str, row: Row, seed: int, fold: int) -> pd.DataFrame:
    """Both files at once, without the fold that is asked about."""
    good, rough = bench.files.good, bench.files.rough
    letters = Images(rough.ids, rough.pixels, np.array([LETTER_OF.get(kind) for kind in rough.labels], dtype=object))
    tested = bench.tested(fold)
    recipe, changes = PLAIN[row.plain]
    scaling = {} if row.plain == "original" else {"scaling": "display"}
    settings = {"seed": seed, "threads": bench.threads, "test_fraction": 0.0, "validation_fraction": 0.02}
    both = survey_of(bench.folder / f"both-{name}", joined([good.only(~tested), letters]))
    try:
        model = fit(both, f"{name}-{seed}-{fold}", read_config(recipe, **settings | scaling | changes | dict(row.fine)))
        return _asked(bench.good, model.model_file, tested)
    finally:
        shutil.rmtree(both.path)


def _asked(survey: Survey, file: Path, tested: NDArray[np.bool_]) -> pd.DataFrame:
    """What the network says of the tested galaxies, as they are, in eight views, and in eight views at three scales."""
    rows, network = np.flatnonzero(tested), load_network(file)
    asked = {
        "p1": network,
        "p8": ensemble([network], MANY_VIEWS),
        "p24": ensemble([network], MANY_VIEWS, scales=SCALES),
    }
    said = {name: predict(prediction_function(model), survey, rows)[:, 1] for name, model in asked.items()}
    return survey.catalog.loc[tested, [GALAXY_ID, "label"]].assign(**said)
