"""All checks of all methods, one method after the other; what is done is kept, and a second call goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from gz2interp.attribution import METHODS
from gz2interp.checks import VERSION, Check
from gz2interp.errors import InputError
from gz2interp.network.probe import Probe
from gz2interp.network.randomised import Forgetful
from gz2interp.results import Provenance, versions_of
from gz2interp.stores.files import digest_of_file, locked
from gz2interp.stores.truth import Truth
from gz2interp.trust.map_tests import Explainer, importance
from gz2interp.workflows.attribute import Question, method_named, options_of
from gz2interp.workflows.check.against_truth import plain_findings, truth_findings
from gz2interp.workflows.check.asking import Bench, findings_of
from gz2interp.workflows.check.causes import causes_of
from gz2interp.workflows.check.parts import Part, Parts
from gz2interp.workflows.check.sample import draw_sample
from gz2interp.workflows.opening import Progress, Subject
from gz2interp.workflows.predict import predict
from gz2interp.workflows.shortcuts import shortcut_findings

__all__ = ["CheckSettings", "check"]

SLOW: Final = ("occlusion_by_band", "rise")
SHORTCUTS, PLAIN = "shortcuts", "plain"
"""Parts that belong to no method."""


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
    seed : int
    """

    methods: tuple[str, ...] = tuple(name for name in METHODS if name not in SLOW)
    galaxies: int = 96
    few: int = 24
    stages: int = 4
    seed: int = 0


def check(subject: Subject, settings: CheckSettings | None = None, progress: Progress | None = None) -> Check:
    """Ask every method what it can be asked, and keep the answers beside the model.

    Parameters
    ----------
    subject : Subject
    settings : CheckSettings, optional
    progress : callable, optional

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
    settings, tell = settings or CheckSettings(), progress or _silent
    _refuse(settings)
    shuffled = subject.model.label_randomised
    made = _provenance(subject, settings, shuffled, predict(subject, progress=progress))
    parts = Parts(subject.model.path / "check" / made.digest)
    steps = [SHORTCUTS, PLAIN, *dict.fromkeys(settings.methods)]
    with locked(subject.model.path / ".check.lock", f"checking the model {subject.model.name}"):
        _ask_all(subject, settings, parts, steps, shuffled, tell)
        result = _result(subject, parts, made, shuffled is not None)
        subject.model.write_check(result)
    return result


def _ask_all(
    subject: Subject, settings: CheckSettings, parts: Parts, steps: Sequence[str], shuffled: Path | None, tell: Progress
) -> None:
    """Find out what is not among the parts yet."""
    bench = None
    for done, name in enumerate(steps):
        tell("check", done, len(steps))
        if name in parts:
            continue
        if name == SHORTCUTS:
            parts.write(name, Part(tuple(shortcut_findings(subject, settings.seed, tell))))
            continue
        bench = bench or _bench(subject, settings, shuffled, tell)
        parts.write(name, _ask(subject, bench, name))
    tell("check", len(steps), len(steps))


def _refuse(settings: CheckSettings) -> None:
    for name in settings.methods:
        method_named(name)
    if min(settings.galaxies, settings.few) < 2 or settings.stages < 1:
        raise InputError(f"{settings} was asked for", "Two galaxies or more, and one stage or more")


def _ask(subject: Subject, bench: Bench, name: str) -> Part:
    if name == PLAIN:
        return Part(tuple(plain_findings(bench)))
    method = METHODS[name]
    try:
        explainer = Explainer(method, options_of(subject, method, Question(name)))
        found = explainer.explain(bench.probe, bench.sample.images, bench.sample.classes)
    except InputError as error:  # guided backpropagation of a network without a ReLU, a CAM of one without places
        return Part(lacking=f"{method.title} cannot be asked of this network: {error.given}")
    maps = importance(found.values, method.contributes)
    return Part((*findings_of(bench, explainer, found), *truth_findings(bench, name, maps)))


def _bench(subject: Subject, settings: CheckSettings, shuffled: Path | None, tell: Progress) -> Bench:
    sample, names = draw_sample(subject, settings.galaxies, settings.seed), subject.model.class_names or None
    forgetful = Forgetful(subject.model.model_file, names, settings.seed)
    layers = len(forgetful.layers)
    stages = sorted({max(round(layers * k / settings.stages), 1) for k in range(1, settings.stages + 1)})
    return Bench(
        probe=subject.probe,
        sample=sample,
        few=sample.first(settings.few),
        forgetful=forgetful,
        stages=tuple(stages),
        label_randomised=None if shuffled is None else Probe.open(shuffled, names),
        causes=causes_of(subject, sample, lambda done, of: tell("repaint", done, of)),
        seed=settings.seed,
    )


def _result(subject: Subject, parts: Parts, made: Provenance, labels_known: bool) -> Check:
    known = [parts.read(name) for name in parts.known([SHORTCUTS, PLAIN, *METHODS])]
    return Check(
        survey=subject.survey.name,
        model=subject.model.name,
        score="logit of the predicted class",
        findings=tuple(finding for part in known for finding in part.findings),
        unknown=(*(part.lacking for part in known if part.lacking), *_unknown(subject, labels_known)),
        provenance=made.to_json(),
    )


def _unknown(subject: Subject, labels_known: bool) -> Sequence[str]:
    """What could not be asked, and what would make it possible."""
    words = []
    if not labels_known:
        trained = "network" in subject.model.run.get("config", {})
        command = f"python -m trainer plant labels {subject.survey.path} --model {subject.model.name}"
        remedy = command if trained else "only of a network that python -m trainer fit has trained in this survey"
        words.append(f"Whether maps forget the labels: {remedy}")
    if not Truth.exists(subject.survey.path):
        words.append("Whether maps lie on the cause: only painted galaxies have a truth, python -m trainer paint")
    return words


def _provenance(
    subject: Subject, settings: CheckSettings, shuffled: Path | None, predictions: pd.DataFrame
) -> Provenance:
    return Provenance(
        data=subject.survey.digest,
        model=subject.model.digest,
        layer="",
        method="check",
        parameters={
            "class_names": list(subject.model.class_names),
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


def _silent(what: str, done: int, of: int) -> None:
    pass
