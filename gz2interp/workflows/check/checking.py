"""All checks of all methods, one method after the other; what is done is kept, and a second call goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from gz2interp.attribution import METHODS
from gz2interp.checks import Check, Finding
from gz2interp.errors import InputError
from gz2interp.network.probe import Probe
from gz2interp.network.randomised import Forgetful
from gz2interp.results import Provenance, versions_of
from gz2interp.stores.files import digest_of_file, read_json, write_json
from gz2interp.stores.truth import Truth
from gz2interp.trust.explainer import Explainer, importance
from gz2interp.workflows.attribute import Question, method_named, options_of
from gz2interp.workflows.check.against_truth import plain_findings, truth_findings
from gz2interp.workflows.check.asking import Bench, findings_of
from gz2interp.workflows.check.causes import causes_of
from gz2interp.workflows.check.sample import draw_sample
from gz2interp.workflows.opening import Progress, Subject
from gz2interp.workflows.shortcuts import shortcut_findings

__all__ = ["CheckSettings", "check"]


SLOW: Final = ("occlusion_by_band", "rise")


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

    Raises
    ------
    InputError
        A method is not known, a number makes no sense, or hardly a galaxy has an image.
    """
    settings = settings or CheckSettings()
    for name in settings.methods:
        method_named(name)
    if min(settings.galaxies, settings.few) < 2 or settings.stages < 1:
        raise InputError(f"{settings} was asked for", "Two galaxies or more, and one stage or more")
    made = _provenance(subject, settings)
    parts = Parts(subject.model.path / "check" / made.digest)
    tell, bench = progress or _silent, None
    steps = ["shortcuts", "truth", *settings.methods]
    for done, name in enumerate(steps):
        tell("check", done, len(steps))
        if name in parts:
            continue
        if name == "shortcuts":
            parts.write(name, shortcut_findings(subject, settings.seed, tell))
            continue
        bench = bench or _bench(subject, settings, tell)
        parts.write(name, _ask(subject, bench, name))
    tell("check", len(steps), len(steps))
    result = Check(
        survey=subject.survey.name,
        model=subject.model.name,
        score="logit of the predicted class",
        findings=tuple(found for name in steps for found in parts.read(name)),
        unknown=_unknown(subject),
        provenance=made.to_json(),
    )
    subject.model.write_check(result)
    return result


@dataclass(frozen=True)
class Parts:
    """What was found so far, a file for each method."""

    folder: Path

    def __contains__(self, name: str) -> bool:
        return self._file(name).is_file()

    def read(self, name: str) -> list[Finding]:
        """The findings of one part."""
        return [Finding.from_json(record) for record in read_json(self._file(name))["findings"]]

    def write(self, name: str, findings: Iterable[Finding]) -> None:
        """Keep the findings of one part."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self._file(name), {"findings": [asdict(found) for found in findings]})

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def _ask(subject: Subject, bench: Bench, name: str) -> list[Finding]:
    if name == "truth":
        return list(plain_findings(bench))
    method = METHODS[name]
    explainer = Explainer(method, options_of(subject, method, Question(name)))
    found = explainer.explain(bench.probe, bench.sample.images, bench.sample.classes)
    maps = importance(found.values, method.contributes)
    return [*findings_of(bench, explainer, found), *truth_findings(bench, name, maps)]


def _bench(subject: Subject, settings: CheckSettings, tell: Progress) -> Bench:
    sample = draw_sample(subject, settings.galaxies, settings.seed, tell)
    forgetful = Forgetful(subject.model.model_file, subject.model.class_names or None, settings.seed)
    layers = len(forgetful.layers)
    stages = sorted({max(round(layers * k / settings.stages), 1) for k in range(1, settings.stages + 1)})
    return Bench(
        probe=subject.probe,
        sample=sample,
        few=sample.first(settings.few),
        forgetful=forgetful,
        stages=tuple(stages),
        label_randomised=_label_randomised(subject),
        causes=causes_of(subject, sample, lambda done, of: tell("repaint", done, of)),
        seed=settings.seed,
    )


def _label_randomised(subject: Subject) -> Probe | None:
    file = subject.model.label_randomised
    return None if file is None else Probe.open(file, subject.model.class_names or None)


def _unknown(subject: Subject) -> tuple[str, ...]:
    """What could not be asked, and what would make it possible."""
    where = f"{subject.survey.path} --model {subject.model.name}"
    words = []
    if subject.model.label_randomised is None:
        words.append(f"Whether maps forget the labels: python -m trainer plant labels {where}")
    if not Truth.exists(subject.survey.path):
        words.append("Whether maps lie on the cause: only painted galaxies have a truth, python -m trainer paint")
    return tuple(words)


def _provenance(subject: Subject, settings: CheckSettings) -> Provenance:
    shuffled = subject.model.label_randomised
    return Provenance(
        data=subject.survey.digest,
        model=subject.model.digest,
        layer="",
        method="check",
        parameters={
            "galaxies": settings.galaxies,
            "few": settings.few,
            "stages": settings.stages,
            "label_randomised": digest_of_file(shuffled) if shuffled else "",
        },
        seed=settings.seed,
        versions=versions_of("gz2interp", "tensorflow", "keras", "numpy"),
    )


def _silent(what: str, done: int, of: int) -> None:
    pass
