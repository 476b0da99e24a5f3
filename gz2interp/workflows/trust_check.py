"""``gz2interp check``: reliability of each attribution method for a network on a survey, stored test by test."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from gz2interp.attribution import METHODS
from gz2interp.checks import VERSION, Check, Finding
from gz2interp.errors import InputError
from gz2interp.network.probe import Probe
from gz2interp.network.randomised import RandomisedNetwork
from gz2interp.records import record_from_json
from gz2interp.results import Provenance, versions_of
from gz2interp.stores.files import digest_of_file, locked, read_record, write_json
from gz2interp.stores.truth import Truth
from gz2interp.trust.map_tests import Explainer, importance
from gz2interp.trust.verdict import LIMITS, judged_checks, standings, title_of
from gz2interp.workflows.explain import AttributionSettings, find_method, method_options
from gz2interp.workflows.predict import predict
from gz2interp.workflows.shortcuts import shortcut_findings
from gz2interp.workflows.study import Progress, Study
from gz2interp.workflows.trust_questions import (
    CheckInputs,
    baseline_findings,
    draw_sample,
    find_causes,
    map_findings,
    truth_findings,
)

__all__ = [
    "CheckPart",
    "CheckParts",
    "CheckSettings",
    "cell_of",
    "check",
    "findings_table",
    "standings_table",
    "summary_table",
]

SLOW: Final = ("occlusion_by_band", "rise")

SHORTCUTS, BASELINES = "shortcuts", "plain"
"""Parts that belong to no method."""


@dataclass(frozen=True)
class CheckPart:
    """The findings about one method, about shortcuts, or about maps that know nothing of the network.

    Attributes
    ----------
    lacking : str
        Why there are none, if the network cannot be asked so.
    """

    findings: tuple[Finding, ...] = ()
    lacking: str = ""


@dataclass(frozen=True)
class CheckParts:
    """A folder with a file for each part; one part is there whole or not at all.

    Attributes
    ----------
    folder : Path
        Named by the digest of what was asked.
    """

    folder: Path

    def __contains__(self, name: str) -> bool:
        return self._file(name).is_file()

    def known(self, names: Sequence[str]) -> list[str]:
        """Those of some names that are there, in their order."""
        return [name for name in names if name in self]

    def read(self, name: str) -> CheckPart:
        """One part."""
        return read_record(self._file(name), lambda record: record_from_json(CheckPart, record))

    def write(self, name: str, part: CheckPart) -> None:
        """Keep one part."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self._file(name), asdict(part))

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"


@dataclass(frozen=True)
class CheckSettings:
    """How a check is made.

    Attributes
    ----------
    methods : tuple of str
        Those to be checked; by default all but the two that ask the network a thousand times for a map.
    galaxies : int
        How many they are tried on.
    few : int
        On how many of them, where a method is asked a dozen times: noise, symmetries, randomisation.
    stages : int
        In how many steps the network forgets.
    """

    methods: tuple[str, ...] = tuple(name for name in METHODS if name not in SLOW)
    galaxies: int = 96
    few: int = 24
    stages: int = 4
    seed: int = 0


def check(study: Study, settings: CheckSettings | None = None, progress: Progress | None = None) -> Check:
    """Ask every method what it can be asked, and keep the answers beside the model.

    Returns
    -------
    Check
        With all that is known of this question: also of methods that were asked about in an earlier call. A method that
        this network cannot be asked about is among the `unknown`.

    Raises
    ------
    InputError
        A method is not known, a number makes no sense, or hardly a galaxy has an image.
    """
    settings, tell = settings or CheckSettings(), progress or _no_progress
    _validate(settings)
    shuffled = study.model.label_randomised
    made = _provenance(study, settings, shuffled, predict(study, progress=progress))
    parts = CheckParts(study.model.path / "check" / made.digest)
    steps = [SHORTCUTS, BASELINES, *dict.fromkeys(settings.methods)]
    with locked(study.model.path / ".check.lock", f"checking the model {study.model.name}"):
        _run_missing_tests(study, settings, parts, steps, shuffled, tell)
        result = _result(study, parts, made, shuffled is not None)
        study.model.write_check(result)
    return result


def _run_missing_tests(
    study: Study,
    settings: CheckSettings,
    parts: CheckParts,
    steps: Sequence[str],
    shuffled: Path | None,
    tell: Progress,
) -> None:
    """Find out what is not among the parts yet."""
    inputs = None
    for done, name in enumerate(steps):
        tell("check", done, len(steps))
        if name in parts:
            continue
        if name == SHORTCUTS:
            parts.write(name, CheckPart(tuple(shortcut_findings(study, settings.seed, tell))))
            continue
        inputs = inputs or _check_inputs(study, settings, shuffled, tell)
        parts.write(name, _run_tests(study, inputs, name))
    tell("check", len(steps), len(steps))


def _validate(settings: CheckSettings) -> None:
    for name in settings.methods:
        find_method(name)
    if min(settings.galaxies, settings.few) < 2 or settings.stages < 1:
        raise InputError(f"{settings} was asked for", "Two galaxies or more, and one stage or more")


def _run_tests(study: Study, inputs: CheckInputs, name: str) -> CheckPart:
    if name == BASELINES:
        return CheckPart(tuple(baseline_findings(inputs)))
    method = METHODS[name]
    try:
        explainer = Explainer(method, method_options(study, method, AttributionSettings(name)))
        found = explainer.explain(inputs.probe, inputs.sample.images, inputs.sample.classes)
    except InputError as error:  # guided backpropagation of a network without a ReLU, a CAM of one without places
        return CheckPart(lacking=f"{method.title} cannot be asked of this network: {error.problem}")
    maps = importance(found.values, method.contributes)
    return CheckPart((*map_findings(inputs, explainer, found), *truth_findings(inputs, name, maps)))


def _check_inputs(study: Study, settings: CheckSettings, shuffled: Path | None, tell: Progress) -> CheckInputs:
    sample, names = draw_sample(study, settings.galaxies, settings.seed), study.model.class_names or None
    randomised_network = RandomisedNetwork(study.model.model_file, names, settings.seed)
    layers = len(randomised_network.layers)
    stages = sorted({max(round(layers * k / settings.stages), 1) for k in range(1, settings.stages + 1)})
    return CheckInputs(
        probe=study.probe,
        sample=sample,
        few=sample.first(settings.few),
        randomised_network=randomised_network,
        stages=tuple(stages),
        label_randomised=None if shuffled is None else Probe.open(shuffled, names),
        causes=find_causes(study, sample, lambda done, of: tell("repaint", done, of)),
        seed=settings.seed,
    )


def _result(study: Study, parts: CheckParts, made: Provenance, labels_known: bool) -> Check:
    known = [parts.read(name) for name in parts.known([SHORTCUTS, BASELINES, *METHODS])]
    return Check(
        survey=study.survey.name,
        model=study.model.name,
        score="logit of the predicted class",
        findings=tuple(finding for part in known for finding in part.findings),
        unknown=(*(part.lacking for part in known if part.lacking), *_missing_tests(study, labels_known)),
        provenance=made.to_json(),
    )


def _missing_tests(study: Study, labels_known: bool) -> Sequence[str]:
    """What could not be asked, and what would make it possible."""
    words = []
    if not labels_known:
        trained = "network" in study.model.run.get("config", {})
        command = f"python -m trainer plant labels {study.survey.path} --model {study.model.name}"
        remedy = command if trained else "only of a network that python -m trainer fit has trained in this survey"
        words.append(f"Whether maps forget the labels: {remedy}")
    if not Truth.exists(study.survey.path):
        words.append("Whether maps lie on the cause: only painted galaxies have a truth, python -m trainer paint")
    return words


def _provenance(study: Study, settings: CheckSettings, shuffled: Path | None, predictions: pd.DataFrame) -> Provenance:
    return Provenance(
        data=study.survey.digest,
        model=study.model.digest,
        layer="",
        method="check",
        parameters={
            "class_names": list(study.model.class_names),
            "few": settings.few,
            "galaxies": settings.galaxies,
            "label_randomised": digest_of_file(shuffled) if shuffled else "",
            "predictions": _digest_of(predictions[["row", "split", "label", "prediction"]]),
            "stages": settings.stages,
            "version": VERSION,
        },
        seed=settings.seed,
        versions=versions_of("gz2interp", "tensorflow", "keras", "numpy"),
    )


def _digest_of(table: pd.DataFrame) -> str:
    return hashlib.sha256(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes()).hexdigest()[:16]


def _no_progress(what: str, done: int, of: int) -> None:
    pass


def summary_table(check: Check) -> pd.DataFrame:
    """A row for each method, the most trustworthy first: how many checks it passed, and by what numbers it failed."""
    return pd.DataFrame(
        [
            {
                "method": title_of(each.method),
                "passed": f"{each.passed} of {each.judged}",
                "fails": ", ".join(f"{LIMITS[one.check].title} {one.estimate.value:.2f}" for one in each.failed),
            }
            for each in standings(check)
        ],
        columns=["method", "passed", "fails"],
    )


def standings_table(check: Check) -> pd.DataFrame:
    """The same with every number, marked where it failed."""
    asked = judged_checks(check)
    return pd.DataFrame(
        [
            {"method": title_of(each.method), "passed": f"{each.passed} of {each.judged}"}
            | {LIMITS[name].title: cell_of(check.of(each.method, name)) for name in asked}
            for each in standings(check)
        ],
        columns=["method", "passed", *(LIMITS[name].title for name in asked)],
    )


def cell_of(findings: tuple[Finding, ...]) -> str:
    """The number of the one finding that was judged, marked where it failed; "" if there is none."""
    judged = next((each for each in findings if each.passed is not None), None)
    if judged is None or judged.estimate.value is None:
        return ""
    return f"{judged.estimate.value:.2f}{'' if judged.passed else ' ✗'}"


def findings_table(check: Check) -> pd.DataFrame:
    """Every number: check, method, subject, value, low, high, galaxies, limit, passed, words."""
    return pd.DataFrame(
        [
            {
                "check": each.check,
                "method": each.method,
                "subject": each.subject,
                "value": each.estimate.value,
                "low": each.estimate.low,
                "high": each.estimate.high,
                "galaxies": each.estimate.count,
                "limit": each.limit,
                "passed": "" if each.passed is None else "yes" if each.passed else "no",
                "words": each.words,
            }
            for each in check.findings
        ]
    )
