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
from gz2interp.trust.verdict import LIMITS, standings, title_of
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

__all__ = ["CheckPart", "CheckParts", "CheckSettings", "check", "findings_table", "summary_table"]

SLOW: Final = ("occlusion_by_band", "rise")

SHORTCUTS, BASELINES = "shortcuts", "plain"
"""Names of the parts that belong to no method."""


@dataclass(frozen=True)
class CheckPart:
    """The findings about one method, about shortcuts, or about the baseline maps.

    Attributes
    ----------
    lacking : str
        The reason for missing findings, if the method does not apply to the network.
    """

    findings: tuple[Finding, ...] = ()
    lacking: str = ""


@dataclass(frozen=True)
class CheckParts:
    """A folder with a file for each part, each written completely or not at all.

    Attributes
    ----------
    folder : Path
        Named by the digest of the provenance.
    """

    folder: Path

    def __contains__(self, name: str) -> bool:
        return self._file(name).is_file()

    def present(self, names: Sequence[str]) -> list[str]:
        """The stored ones among some names, in their order."""
        return [name for name in names if name in self]

    def read(self, name: str) -> CheckPart:
        """Read a stored part."""
        return read_record(self._file(name), lambda record: record_from_json(CheckPart, record))

    def write(self, name: str, part: CheckPart) -> None:
        """Write a part."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self._file(name), asdict(part))

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"


@dataclass(frozen=True)
class CheckSettings:
    """Settings of a check.

    Attributes
    ----------
    methods : tuple of str
        Methods to check; by default all but the two that need a thousand predictions for a map.
    galaxies : int
        Number of galaxies.
    few : int
        Number of galaxies for the tests that need a dozen maps of each: noise, symmetries, randomisation.
    stages : int
        Number of stages of the model randomisation.
    """

    methods: tuple[str, ...] = tuple(name for name in METHODS if name not in SLOW)
    galaxies: int = 96
    few: int = 24
    stages: int = 4
    seed: int = 0


def check(study: Study, settings: CheckSettings | None = None, progress: Progress | None = None) -> Check:
    """Run the tests of every method and store the results beside the model.

    Returns
    -------
    Check
        All stored findings of the same provenance, including those of methods of earlier calls. Methods that do not
        apply to this network are among the `unknown`.

    Raises
    ------
    InputError
        A method does not exist, a setting is out of range, or fewer than two galaxies have an image.
    """
    settings, report_progress = settings or CheckSettings(), progress or _no_progress
    _validate(settings)
    label_randomised = study.model.label_randomised
    provenance = _provenance(study, settings, label_randomised, predict(study, progress=progress))
    parts = CheckParts(study.model.path / "check" / provenance.digest)
    steps = [SHORTCUTS, BASELINES, *dict.fromkeys(settings.methods)]
    with locked(study.model.path / ".check.lock", f"checking the model {study.model.name}"):
        _run_missing_tests(study, settings, parts, steps, label_randomised, report_progress)
        result = _result(study, parts, provenance, label_randomised is not None)
        study.model.write_check(result)
    return result


def _run_missing_tests(
    study: Study,
    settings: CheckSettings,
    parts: CheckParts,
    steps: Sequence[str],
    label_randomised: Path | None,
    report_progress: Progress,
) -> None:
    """Run the tests of the parts that are not stored."""
    inputs = None
    for done, name in enumerate(steps):
        report_progress("check", done, len(steps))
        if name in parts:
            continue
        if name == SHORTCUTS:
            parts.write(name, CheckPart(tuple(shortcut_findings(study, settings.seed, report_progress))))
            continue
        inputs = inputs or _check_inputs(study, settings, label_randomised, report_progress)
        parts.write(name, _run_tests(study, inputs, name))
    report_progress("check", len(steps), len(steps))


def _validate(settings: CheckSettings) -> None:
    for name in settings.methods:
        find_method(name)
    if min(settings.galaxies, settings.few) < 2 or settings.stages < 1:
        raise InputError(f"{settings} was requested", "Two galaxies or more, and one stage or more")


def _run_tests(study: Study, inputs: CheckInputs, name: str) -> CheckPart:
    if name == BASELINES:
        return CheckPart(tuple(baseline_findings(inputs)))
    method = METHODS[name]
    try:
        explainer = Explainer(method, method_options(study, method, AttributionSettings(name)))
        attribution = explainer.explain(inputs.probe, inputs.sample.images, inputs.sample.classes)
    except InputError as error:  # guided backpropagation of a network without a ReLU, a CAM of one without places
        return CheckPart(lacking=f"{method.title} does not apply to this network: {error.problem}")
    maps = importance(attribution.values, method.contributes)
    return CheckPart((*map_findings(inputs, explainer, attribution), *truth_findings(inputs, name, maps)))


def _check_inputs(
    study: Study, settings: CheckSettings, label_randomised: Path | None, report_progress: Progress
) -> CheckInputs:
    sample, names = draw_sample(study, settings.galaxies, settings.seed), study.model.class_names or None
    network = RandomisedNetwork(study.model.model_file, names, settings.seed)
    layers = len(network.layers)
    stages = sorted({max(round(layers * k / settings.stages), 1) for k in range(1, settings.stages + 1)})
    return CheckInputs(
        probe=study.probe,
        sample=sample,
        few=sample.first(settings.few),
        randomised_network=network,
        stages=tuple(stages),
        label_randomised=None if label_randomised is None else Probe.open(label_randomised, names),
        causes=find_causes(study, sample, lambda done, of: report_progress("repaint", done, of)),
        seed=settings.seed,
    )


def _result(study: Study, parts: CheckParts, provenance: Provenance, labels_known: bool) -> Check:
    stored = [parts.read(name) for name in parts.present([SHORTCUTS, BASELINES, *METHODS])]
    return Check(
        survey=study.survey.name,
        model=study.model.name,
        score="logit of the predicted class",
        findings=tuple(finding for part in stored for finding in part.findings),
        unknown=(*(part.lacking for part in stored if part.lacking), *_missing_tests(study, labels_known)),
        provenance=provenance.to_json(),
    )


def _missing_tests(study: Study, labels_known: bool) -> Sequence[str]:
    """The tests that could not be run, and the command that makes them possible."""
    messages = []
    if not labels_known:
        trained = "network" in study.model.run.get("config", {})
        command = f"python -m trainer plant labels {study.survey.path} --model {study.model.name}"
        remedy = command if trained else "only of a network that python -m trainer fit has trained in this survey"
        messages.append(f"Label randomisation test: {remedy}")
    if not Truth.exists(study.survey.path):
        messages.append(
            "Relevance mass, pointing game, removal test: only painted galaxies have a truth, python -m trainer paint"
        )
    return messages


def _provenance(
    study: Study, settings: CheckSettings, label_randomised: Path | None, predictions: pd.DataFrame
) -> Provenance:
    return Provenance(
        data=study.survey.digest,
        model=study.model.digest,
        layer="",
        method="check",
        parameters={
            "class_names": list(study.model.class_names),
            "few": settings.few,
            "galaxies": settings.galaxies,
            "label_randomised": digest_of_file(label_randomised) if label_randomised else "",
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
    """A row for each method, the most trustworthy first: the checks it passes, and the values of those it fails."""
    return pd.DataFrame(
        [
            {
                "method": title_of(standing.method),
                "passed": f"{standing.passed} of {standing.judged}",
                "fails": ", ".join(
                    f"{LIMITS[finding.check].title} {finding.estimate.value:.2f}" for finding in standing.failed
                ),
            }
            for standing in standings(check)
        ],
        columns=["method", "passed", "fails"],
    )


def findings_table(check: Check) -> pd.DataFrame:
    """All findings: check, method, subject, value, low, high, galaxies, limit, passed, words."""
    return pd.DataFrame(
        [
            {
                "check": finding.check,
                "method": finding.method,
                "subject": finding.subject,
                "value": finding.estimate.value,
                "low": finding.estimate.low,
                "high": finding.estimate.high,
                "galaxies": finding.estimate.count,
                "limit": finding.limit,
                "passed": "" if finding.passed is None else "yes" if finding.passed else "no",
                "words": finding.words,
            }
            for finding in check.findings
        ]
    )
