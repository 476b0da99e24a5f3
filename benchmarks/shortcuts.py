"""Does the check find planted shortcuts, and stay silent where there is none?

    python benchmarks/shortcuts.py FOLDER --seed 1000 --planted 10 --clean 10 --level strong
    python benchmarks/shortcuts.py FOLDER --seed 1100 --planted 10 --clean 0 --level middle

Each case paints a survey, with an artefact in one class or without, trains a network on it for a minute, and asks
`find_shortcuts` what the network goes by. The check is told nothing: it does not know which surveys are planted. A case
counts as named if the strongest alarm is of the family that was planted, in the class in which it was. Killed, the
program goes on where it stopped; each case leaves a `result.json`. At the end it prints the table of all cases.

The network also sees planted galaxies painted again without the artefact: if it then says their class as surely as
before, it has not learnt the shortcut. Such a case is marked, and counts all the same.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from gz2interp.network.quiet import keras
from gz2interp.painting import paint, recipe_of
from gz2interp.statistics import proportion
from gz2interp.stores.files import write_json
from gz2interp.stores.survey import Survey
from gz2interp.trust.shortcuts import ShortcutResult, named_shortcut
from gz2interp.workflows.shortcuts import find_shortcuts
from gz2interp.workflows.study import Study
from trainer.config import Config
from trainer.fit import fit
from trainer.paint import paint_survey
from trainer.plant.kinds import SHORTCUTS
from trainer.plant.shortcut import SHARES, plant_shortcut

MODEL = "cnn"
CLEAN = "clean"
LEVELS = ("weak", "middle", "strong")
KINDS = ("hot_pixel", "noise", "background", "star", "seeing")
CLASSES = ("round", "in_between")
"""In which the artefact is, in turn. These two are hard to tell apart, so that the network has something to gain."""

FAMILIES = {
    "hot_pixel": "surroundings",
    "noise": "noise",
    "background": "background",
    "star": "surroundings",
    "seeing": "seeing",
}
"""What the check calls them."""

LEARNT = 0.05
"""A network whose probability of the class falls by less without the artefact has not learnt it."""

SCALINGS = {"hot_pixel": "minmax"}
"""The others are learnt from pixels scaled by asinh. A single pixel is not, in minutes; one that sets the scale is."""

REPAINTED = 64
RECIPIENTS = 160
"""Galaxies that receive what is transplanted."""


@dataclass(frozen=True)
class Case:
    """A survey to be painted, learnt and checked.

    Attributes
    ----------
    kind : str
        Of the shortcut, or `CLEAN`.
    level : str
        One of `LEVELS`; "" for a clean one.
    class_name : str
        "" for a clean one.
    seed : int
    scaling : str
        Of the network's pixels; clean ones have those of the planted ones.
    """

    kind: str
    level: str
    class_name: str
    seed: int
    scaling: str

    @property
    def name(self) -> str:
        """Of its folder."""
        return "-".join(part for part in (self.kind, self.level, str(self.seed)) if part)

    @property
    def strength(self) -> float:
        """In the kind's own unit."""
        return SHORTCUTS[self.kind].levels[LEVELS.index(self.level)]


def cases_of(seed: int, planted: int, clean: int, level: str, kinds: Sequence[str] = KINDS) -> list[Case]:
    """Planted and clean in turn: seeds `seed`, `seed` + 1, ... for the planted, then for the clean."""
    scalings = [SCALINGS.get(kind, "asinh") for kind in kinds]
    cases = []
    for i in range(max(planted, clean)):
        kind, scaling = kinds[i % len(kinds)], scalings[i % len(kinds)]
        if i < planted:
            cases.append(Case(kind, level, CLASSES[(i // len(kinds) + i) % 2], seed + i, scaling))
        if i < clean:
            cases.append(Case(CLEAN, "", "", seed + planted + i, scaling))
    return cases


def run(case: Case, folder: Path, galaxies: int, epochs: int) -> dict[str, Any]:
    """Its result, from its file if it is there."""
    path = folder / case.name
    if (path / "result.json").is_file():
        return dict(json.loads((path / "result.json").read_text(encoding="utf-8")))
    start = time.perf_counter()
    survey = _painted(case, path, galaxies)
    _train(survey, case, epochs)
    study = Study(survey, survey.model(MODEL))
    found = find_shortcuts(study, seed=case.seed, most=RECIPIENTS)
    said = study.model.predictions
    test = said[said["split"] == "test"]
    result = asdict(case) | {
        "accuracy": proportion((test["prediction"] == test["label"]).to_numpy()).value,
        "lost": None if case.kind == CLEAN else _lost(study, case),
        **_verdict(case, found),
        "found": [asdict(each) for each in found],
        "minutes": (time.perf_counter() - start) / 60,
    }
    write_json(path / "result.json", result)
    keras.backend.clear_session()
    return result


def _painted(case: Case, path: Path, galaxies: int) -> Survey:
    if case.kind == CLEAN:
        return paint_survey(path, galaxies, case.seed, shares=SHARES)
    return plant_shortcut(path, case.kind, case.class_name, case.strength, case.seed, galaxies)


def _train(survey: Survey, case: Case, epochs: int) -> None:
    path = survey.path / "models" / MODEL
    if (path / "model.keras").exists() and not (path / "checkpoint").exists():
        return
    # Mirroring is all the augmentation: it leaves noise, widths and corners what they are.
    config = Config(
        network="cnn",
        scheme="painted",
        scaling=case.scaling,
        augmentation="flips",
        epochs=epochs,
        batch_size=16,
        learning_rate=4e-3,
        seed=case.seed,
        threads=1,
    )
    # One thread is settled for a whole process: in one of its own, nobody has computed before.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        process.submit(_fit, survey.path, config).result()


def _fit(path: Path, config: Config) -> None:
    fit(Survey.open(path), MODEL, config)


def _lost(study: Study, case: Case) -> float:
    """By how much the probability of the class falls when its test galaxies are painted without the artefact."""
    said = study.model.predictions
    rows = said.loc[(said["split"] != "train") & (said["label"] == case.class_name), "row"].to_numpy()[:REPAINTED]
    without = np.stack([paint(recipe_of(case.seed, int(row), SHARES)).cutout.image for row in rows])
    place = study.probe.class_names.index(case.class_name)
    before, after = (study.probe.probabilities(images)[:, place] for images in (study.survey.images(rows), without))
    return float((before - after).mean())


def _verdict(case: Case, found: Sequence[ShortcutResult]) -> dict[str, Any]:
    strongest = named_shortcut(found)
    alarms = [each.family for each in found if each.alarm]
    if strongest is None or case.kind == CLEAN:
        return {"named": False, "alarms": alarms, "words": strongest.words if strongest else ""}
    right = strongest.family == FAMILIES[case.kind] and strongest.class_name == case.class_name
    return {"named": right, "alarms": alarms, "words": strongest.words}


def table(results: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Lines that tell how many were named, with Wilson intervals, and each case."""
    planted = [each for each in results if each["kind"] != CLEAN]
    clean = [each for each in results if each["kind"] == CLEAN]
    for level in LEVELS:
        some = [each for each in planted if each["level"] == level]
        if not some:
            continue
        learnt = [each for each in some if each["lost"] >= LEARNT]
        named, known = (_share([each["named"] for each in part]) for part in (some, learnt))
        yield f"{level}: {named} named; of those that the network had learnt {known}"
        for kind in dict.fromkeys(each["kind"] for each in some):
            of_kind = [each for each in some if each["kind"] == kind]
            lost = ", ".join(f"{100 * each['lost']:.0f}" for each in of_kind)
            yield f"  {kind:<11} {_share([each['named'] for each in of_kind])} named; points lost without it: {lost}"
    if clean:
        yield f"clean: {_share([bool(each['alarms']) for each in clean])} with an alarm"
    for each in results:
        accuracy, lost = f"{100 * each['accuracy']:.0f} %", "" if each["lost"] is None else f"{100 * each['lost']:.0f}"
        told = each["words"] or "no alarm"
        case = " | ".join(str(each[name]) for name in ("kind", "level", "class_name", "seed"))
        yield f"| {case} | {accuracy} | {lost} | {told} |"


def _share(right: Sequence[bool]) -> str:
    return f"{sum(right)} of {len(right)} ({proportion(np.array(right, np.bool_))})"


def main() -> None:
    """Run the cases that are lacking, and print the table of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="Of the first case; reported seeds begin at 1000.")
    parser.add_argument("--planted", type=int, default=10)
    parser.add_argument("--clean", type=int, default=10)
    parser.add_argument("--level", choices=LEVELS, default="strong")
    parser.add_argument("--kinds", nargs="+", choices=tuple(SHORTCUTS), default=list(KINDS))
    parser.add_argument("--galaxies", type=int, default=600)
    parser.add_argument("--epochs", type=int, default=6)
    given = parser.parse_args()
    for case in cases_of(given.seed, given.planted, given.clean, given.level, given.kinds):
        result = run(case, given.folder, given.galaxies, given.epochs)
        print(f"{case.name}: {result['minutes']:.1f} min, {result['words'] or 'no alarm'}", flush=True)
    results = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(given.folder.glob("*/result.json"))]
    print("\n".join(table(results)))


if __name__ == "__main__":
    sys.exit(main())
