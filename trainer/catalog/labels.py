"""Label schemes: classes from volunteer votes or ``gz2class``, with published thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.painting.catalogue import PAINTED_KIND
from gz2interp.schema import GZ2CLASS, QUESTIONS, vote_column
from trainer.catalog.gz2class import Gz2Class, parse_gz2class
from trainer.catalog.report import LabelReport
from trainer.catalog.tree import LEAVES, leaf_shares

__all__ = [
    "SCHEMES",
    "SchemeLabels",
    "barred",
    "classes_of",
    "e_s_a",
    "e_vs_s",
    "five_class",
    "galaxy_vs_artifact",
    "labels_by",
    "painted",
    "tree",
    "votes",
]

_FRACTIONS: Final = ("debiased", "weighted_fraction", "fraction")
"""Kinds of vote fractions in order of preference: debiased ones correct for the smoother look of distant galaxies."""

_FIRST: Final = "t01_smooth_or_features"

_FIVE: Final = ("round", "in_between", "cigar", "edge_on", "spiral")

_NO_CLASS: Final = "no gz2class"
_UNKNOWN_CLASS: Final = "gz2class outside the grammar"


@dataclass(frozen=True, eq=False)
class SchemeLabels:
    """Labels of a catalogue by one scheme.

    Attributes
    ----------
    labels : Series of str
        Missing (NaN) for galaxies without a label.
    classes : tuple of str
        In the order of the network's outputs.
    why_not : mapping
        Galaxies without a label, by reason.
    fits : mapping
        Galaxies that meet the thresholds of each class, including those that meet several; only for schemes in which
        this can happen.
    targets : DataFrame or None
        Soft labels: ``target_<class>`` float32, a distribution over the classes; NaN without a label.
    complete : bool
        Whether classes without any galaxy are kept, because the targets need them.
    """

    labels: pd.Series[str]
    classes: tuple[str, ...]
    why_not: Mapping[str, int]
    fits: Mapping[str, int] = field(default_factory=dict)
    targets: pd.DataFrame | None = None
    complete: bool = False

    def report(self, scheme: str) -> LabelReport:
        """Counts for the report."""
        counts = self.labels.value_counts()
        return LabelReport(scheme, {name: int(counts.get(name, 0)) for name in self.classes}, self.fits, self.why_not)


def e_vs_s(catalog: pd.DataFrame) -> SchemeLabels:
    """Smooth (``E``) or featured (``S``), from the first letter of gz2class; stars and artefacts (A) are excluded."""
    return _first_letter(catalog, ("E", "S"))


def e_s_a(catalog: pd.DataFrame) -> SchemeLabels:
    """The first letter of gz2class: ``E`` smooth, ``S`` features or a disc, ``A`` a star or an artefact."""
    return _first_letter(catalog, ("E", "S", "A"))


def galaxy_vs_artifact(catalog: pd.DataFrame) -> SchemeLabels:
    """``galaxy``, or ``artifact`` (a star or an artefact) where this has at least half of the votes.

    Uses debiased fractions of the first question, else weighted, else plain ones; without them, the letter ``A`` of
    gz2class.
    """
    try:
        column = _fraction_columns(catalog, _FIRST)[2]
    except InputError:
        letters = _first_letter(catalog, ("E", "S", "A")).labels
        labels = letters.map({"E": "galaxy", "S": "galaxy", "A": "artifact"}).astype("str")
        return SchemeLabels(labels, ("galaxy", "artifact"), {_NO_CLASS: int(labels.isna().sum())})
    share = catalog[column]
    labels = pd.Series(np.where(share >= 0.5, "artifact", "galaxy"), catalog.index, dtype="str").where(share.notna())
    return SchemeLabels(labels, ("galaxy", "artifact"), {f"no votes for {_FIRST}": int(share.isna().sum())})


def five_class(catalog: pd.DataFrame) -> SchemeLabels:
    """Five clean classes by thresholds on debiased fractions (Willett et al. 2013, table 3).

    ``round``, ``in_between``, ``cigar``: smooth >= 0.469 and that answer of the question of roundness >= 0.5.
    ``edge_on``: features >= 0.430 and edge-on >= 0.602. ``spiral``: features >= 0.430, not edge-on >= 0.715 and
    spiral >= 0.619. Galaxies that fit two classes or none get no label.
    """
    share = _debiased(catalog)
    smooth = share["t01_smooth_or_features", "a01_smooth"] >= 0.469
    features = share["t01_smooth_or_features", "a02_features_or_disk"] >= 0.430
    fits = pd.DataFrame(
        {
            "round": smooth & (share["t07_rounded", "a16_completely_round"] >= 0.5),
            "in_between": smooth & (share["t07_rounded", "a17_in_between"] >= 0.5),
            "cigar": smooth & (share["t07_rounded", "a18_cigar_shaped"] >= 0.5),
            "edge_on": features & (share["t02_edgeon", "a04_yes"] >= 0.602),
            "spiral": features
            & (share["t02_edgeon", "a05_no"] >= 0.715)
            & (share["t04_spiral", "a08_spiral"] >= 0.619),
        },
        index=catalog.index,
    )
    met = fits.sum(axis=1)
    labels = fits.idxmax(axis=1).astype("str").where(met == 1)
    why_not = {"fits two classes": int((met > 1).sum()), "fits no class": int((met == 0).sum())}
    counts = {str(name): int(number) for name, number in fits.sum().items()}
    return SchemeLabels(labels, tuple(fits.columns), why_not, counts)


def barred(catalog: pd.DataFrame) -> SchemeLabels:
    """Face-on discs with a ``bar`` or ``no_bar``, by vote fractions.

    Face-on discs have features >= 0.430 and not edge-on >= 0.715 (Willett et al. 2013, table 3). ``bar``: fraction
    >= 0.5 (Masters et al. 2011); ``no_bar``: <= 0.2. Weak bars in between (Masters et al. 2012) get no label.
    Uses debiased fractions if the table has them, else weighted, else plain ones.
    """
    features = catalog[_fraction_columns(catalog, _FIRST)[1]]
    face_on = catalog[_fraction_columns(catalog, "t02_edgeon")[1]]
    share = catalog[_fraction_columns(catalog, "t03_bar")[0]]
    discs = (features >= 0.430) & (face_on >= 0.715) & share.notna()
    labels = pd.Series(np.where(share >= 0.5, "bar", "no_bar"), catalog.index, dtype="str")
    labels = labels.where(discs & ((share >= 0.5) | (share <= 0.2)))
    weak = discs & (share < 0.5) & (share > 0.2)
    return SchemeLabels(labels, ("bar", "no_bar"), {"no face-on disc": int((~discs).sum()), "weak": int(weak.sum())})


def painted(catalog: pd.DataFrame) -> SchemeLabels:
    """The kind of painted galaxies, as the five classes of `five_class`.

    Galaxies of other kinds (rings, mergers, discs without arms, ...) get no label.
    """
    if PAINTED_KIND not in catalog:
        raise InputError(
            "The galaxies of this table were not painted",
            f"A column {PAINTED_KIND}, as python -m trainer paint writes",
            "With vote fractions choose five_class.",
        )
    labels = catalog[PAINTED_KIND].astype("str").where(catalog[PAINTED_KIND].isin(_FIVE))
    return SchemeLabels(labels, _FIVE, {"a kind outside the five classes": int(labels.isna().sum())})


def votes(catalog: pd.DataFrame, question: str = _FIRST) -> SchemeLabels:
    """Vote fractions of one question as targets, and the answer with the largest fraction as the label.

    Fractions are debiased if the table has them, else weighted, else plain, and normalised; galaxies without votes for
    the question get no label.
    """
    answers = QUESTIONS[question].answers
    columns = _fraction_columns(catalog, question)
    shares = catalog[columns].to_numpy(dtype=np.float64)
    total = shares.sum(axis=1, keepdims=True)
    voted = np.isfinite(total[:, 0]) & (total[:, 0] > 0)
    shares = np.divide(shares, total, out=np.full_like(shares, np.nan), where=voted[:, None])
    classes = tuple(answer.split("_", 1)[1] for answer in answers)
    strongest = pd.Series(np.array(classes)[shares.argmax(axis=1)], index=catalog.index, dtype="str").where(voted)
    targets = pd.DataFrame(shares.astype(np.float32), catalog.index, [f"target_{name}" for name in classes])
    return SchemeLabels(strongest, classes, {f"no votes for {question}": int((~voted).sum())}, targets=targets)


def tree(catalog: pd.DataFrame) -> SchemeLabels:
    """The seven classes of the first questions of the decision tree, with vote shares as targets.

    See `trainer.catalog.tree`. The label is the class with the largest share.
    """
    shares = leaf_shares(catalog)
    voted: NDArray[np.bool_] = np.asarray(np.isfinite(shares).all(axis=1))
    strongest = np.array(LEAVES)[np.nan_to_num(shares).argmax(axis=1)]
    labels = pd.Series(strongest, index=catalog.index, dtype="str").where(voted)
    targets = pd.DataFrame(shares.astype(np.float32), catalog.index, [f"target_{name}" for name in LEAVES])
    return SchemeLabels(labels, LEAVES, {"no votes": int((~voted).sum())}, targets=targets, complete=True)


SCHEMES: Final[dict[str, Callable[[pd.DataFrame], SchemeLabels]]] = {
    "e_vs_s": e_vs_s,
    "e_s_a": e_s_a,
    "galaxy_vs_artifact": galaxy_vs_artifact,
    "five_class": five_class,
    "barred": barred,
    "painted": painted,
    "votes": votes,
    "tree": tree,
}
"""Label schemes by name."""


def labels_by(scheme: str, catalog: pd.DataFrame) -> SchemeLabels:
    """Label a catalogue by a scheme of `SCHEMES`, or ``"votes:QUESTION"`` for the votes of another question.

    Raises
    ------
    InputError
        There is no such scheme, or the catalogue lacks the columns it needs.
    """
    name, _, question = scheme.partition(":")
    if name not in SCHEMES or (question and name != "votes"):
        raise InputError(f"There is no label scheme {scheme!r}", f"one of {choices(SCHEMES)}")
    if not question:
        return SCHEMES[name](catalog)
    if question not in QUESTIONS:
        raise InputError(f"Galaxy Zoo 2 has no question {question!r}", f"one of {choices(QUESTIONS)}")
    return votes(catalog, question)


def classes_of(column: pd.Series[Any]) -> dict[str, Gz2Class | None]:
    """The distinct gz2class strings of a column, parsed; None for invalid ones."""
    return {text: parse_gz2class(text) for text in column.dropna().unique()}


def _first_letter(catalog: pd.DataFrame, classes: tuple[str, ...]) -> SchemeLabels:
    if GZ2CLASS not in catalog:
        raise InputError(
            "The table has no gz2class column",
            "A column gz2class or gz2_class, as in Galaxy Zoo 2's main table",
            "Choose five_class or votes, which need only vote fractions, or join a table that has it.",
        )
    letter_of = {text: parsed.letter if parsed else None for text, parsed in classes_of(catalog[GZ2CLASS]).items()}
    letters = catalog[GZ2CLASS].map(letter_of).astype("str")
    labels = letters.where(letters.isin(classes))
    missing = catalog[GZ2CLASS].isna()
    why_not = {
        _NO_CLASS: int(missing.sum()),
        _UNKNOWN_CLASS: int((letters.isna() & ~missing).sum()),
        "a star or an artefact (A)": int((letters.notna() & labels.isna()).sum()),
    }
    return SchemeLabels(labels, classes, why_not)


def _debiased(catalog: pd.DataFrame) -> dict[tuple[str, str], NDArray[Any]]:
    questions = ("t01_smooth_or_features", "t02_edgeon", "t04_spiral", "t07_rounded")
    columns = {(name, answer): vote_column(name, answer) for name in questions for answer in QUESTIONS[name].answers}
    missing = [column for column in columns.values() if column not in catalog]
    if missing:
        raise InputError(
            f"The table has no {choices(missing, most=4)}",
            "debiased vote fractions",
            "With a gz2class column choose e_vs_s; with other vote fractions choose votes.",
        )
    return {key: catalog[column].to_numpy() for key, column in columns.items()}


def _fraction_columns(catalog: pd.DataFrame, question: str) -> list[str]:
    for kind in _FRACTIONS:
        columns = [vote_column(question, answer, kind) for answer in QUESTIONS[question].answers]
        if all(column in catalog for column in columns):
            return columns
    raise InputError(
        f"The table has no vote fractions of {question}",
        f"columns such as {vote_column(question, QUESTIONS[question].answers[0])}",
        "With a gz2class column choose e_vs_s.",
    )
