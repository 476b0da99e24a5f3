"""From what volunteers said to the classes a network learns: named schemes with stated thresholds."""

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
"""The kinds of vote fraction, the best first: debiased ones know that far galaxies look smoother."""

_FIRST: Final = "t01_smooth_or_features"

_FIVE: Final = ("round", "in_between", "cigar", "edge_on", "spiral")

_NO_CLASS: Final = "no gz2class"
_UNKNOWN_CLASS: Final = "gz2class outside the grammar"


@dataclass(frozen=True, eq=False)
class SchemeLabels:
    """The answer of a scheme.

    Attributes
    ----------
    labels : Series of str
        One per galaxy, missing (NaN) where it has none.
    classes : tuple of str
        In the order in which a network should have them.
    why_not : mapping
        Galaxies without a label, by reason in words.
    fits : mapping
        Galaxies that meet each class's thresholds, whether or not they meet another's; only where two can be met.
    targets : DataFrame or None
        Soft labels: ``target_<class>`` float32, a distribution over the classes; NaN where there is no label.
    complete : bool
        Whether classes stay that are no galaxy's label, because targets need them.
    """

    labels: pd.Series[str]
    classes: tuple[str, ...]
    why_not: Mapping[str, int]
    fits: Mapping[str, int] = field(default_factory=dict)
    targets: pd.DataFrame | None = None
    complete: bool = False

    def report(self, scheme: str) -> LabelReport:
        """What to tell of it."""
        counts = self.labels.value_counts()
        return LabelReport(scheme, {name: int(counts.get(name, 0)) for name in self.classes}, self.fits, self.why_not)


def e_vs_s(catalog: pd.DataFrame) -> SchemeLabels:
    """Smooth (``E``) against featured (``S``) by the first letter of gz2class; stars and artefacts (A) are left out."""
    return _first_letter(catalog, ("E", "S"))


def e_s_a(catalog: pd.DataFrame) -> SchemeLabels:
    """The first letter of gz2class: ``E`` smooth, ``S`` features or a disc, ``A`` a star or an artefact."""
    return _first_letter(catalog, ("E", "S", "A"))


def galaxy_vs_artifact(catalog: pd.DataFrame) -> SchemeLabels:
    """A galaxy, or a star or an artefact: the latter where at least half of the volunteers' votes say so.

    By debiased fractions of the first question, else weighted, else plain ones; where the table has none, by the letter
    ``A`` of gz2class.
    """
    try:
        column = _fraction_columns(catalog, _FIRST)[2]
    except InputError:
        letters = _first_letter(catalog, ("E", "S", "A")).labels
        labels = letters.map({"E": "galaxy", "S": "galaxy", "A": "artifact"}).astype("str")
        return SchemeLabels(labels, ("galaxy", "artifact"), {_NO_CLASS: int(labels.isna().sum())})
    share = catalog[column]
    labels = pd.Series(np.where(share >= 0.5, "artifact", "galaxy"), catalog.index, dtype="str").where(share.notna())
    return SchemeLabels(labels, ("galaxy", "artifact"), {f"nobody answered {_FIRST}": int(share.isna().sum())})


def five_class(catalog: pd.DataFrame) -> SchemeLabels:
    """Five clean classes by thresholds on debiased fractions (Willett et al. 2013, table 3).

    ``round``, ``in_between``, ``cigar``: smooth >= 0.469 and that answer of the question of roundness >= 0.5.
    ``edge_on``: features >= 0.430 and edge-on >= 0.602. ``spiral``: features >= 0.430, not edge-on >= 0.715 and
    spiral >= 0.619. A galaxy that fits two classes gets no label, nor does one that fits none.
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
    """Discs seen from above with a ``bar``, or with ``no_bar``, by fractions of votes.

    Asked are galaxies with features >= 0.430 and not edge-on >= 0.715 (Willett et al. 2013, table 3). ``bar``: at least
    half say so (Masters et al. 2011); ``no_bar``: at most 0.2 do. Between lie weak bars (Masters et al. 2012), which
    get no label. Debiased fractions if the table has them, else weighted, else plain ones.
    """
    features = catalog[_fraction_columns(catalog, _FIRST)[1]]
    from_above = catalog[_fraction_columns(catalog, "t02_edgeon")[1]]
    share = catalog[_fraction_columns(catalog, "t03_bar")[0]]
    discs = (features >= 0.430) & (from_above >= 0.715) & share.notna()
    labels = pd.Series(np.where(share >= 0.5, "bar", "no_bar"), catalog.index, dtype="str")
    labels = labels.where(discs & ((share >= 0.5) | (share <= 0.2)))
    weak = discs & (share < 0.5) & (share > 0.2)
    return SchemeLabels(
        labels, ("bar", "no_bar"), {"no disc seen from above": int((~discs).sum()), "weak": int(weak.sum())}
    )


def painted(catalog: pd.DataFrame) -> SchemeLabels:
    """What painted galaxies are, whatever volunteers would see: the five classes of `five_class` by their kind.

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
    """The volunteers' fractions themselves: targets are the shares of one question's answers, the label the largest.

    The fractions are debiased if the table has them, else weighted, else plain, divided by their sum so that they are
    a distribution; a galaxy of which nobody was asked the question gets no label.
    """
    answers = QUESTIONS[question].answers
    columns = _fraction_columns(catalog, question)
    shares = catalog[columns].to_numpy(dtype=np.float64)
    total = shares.sum(axis=1, keepdims=True)
    asked = np.isfinite(total[:, 0]) & (total[:, 0] > 0)
    shares = np.divide(shares, total, out=np.full_like(shares, np.nan), where=asked[:, None])
    classes = tuple(answer.split("_", 1)[1] for answer in answers)
    strongest = pd.Series(np.array(classes)[shares.argmax(axis=1)], index=catalog.index, dtype="str").where(asked)
    targets = pd.DataFrame(shares.astype(np.float32), catalog.index, [f"target_{name}" for name in classes])
    return SchemeLabels(strongest, classes, {f"nobody answered {question}": int((~asked).sum())}, targets=targets)


def tree(catalog: pd.DataFrame) -> SchemeLabels:
    """Seven classes at the ends of the decision tree's first questions: targets are shares of votes, none left out.

    See `trainer.catalog.tree`. The label is the class with the largest share.
    """
    shares = leaf_shares(catalog)
    asked: NDArray[np.bool_] = np.asarray(np.isfinite(shares).all(axis=1))
    strongest = np.array(LEAVES)[np.nan_to_num(shares).argmax(axis=1)]
    labels = pd.Series(strongest, index=catalog.index, dtype="str").where(asked)
    targets = pd.DataFrame(shares.astype(np.float32), catalog.index, [f"target_{name}" for name in LEAVES])
    return SchemeLabels(labels, LEAVES, {"nobody was asked": int((~asked).sum())}, targets=targets, complete=True)


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
"""Label schemes by name; add yours."""


def labels_by(scheme: str, catalog: pd.DataFrame) -> SchemeLabels:
    """The labels of a catalogue by a scheme of `SCHEMES`, or ``"votes:QUESTION"`` for another question's votes.

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
    """Every distinct gz2class of a column, read; None for those outside the grammar."""
    return {text: parse_gz2class(text) for text in column.dropna().unique()}


def _first_letter(catalog: pd.DataFrame, classes: tuple[str, ...]) -> SchemeLabels:
    if GZ2CLASS not in catalog:
        raise InputError(
            "The table has no gz2class column",
            "A column gz2class or gz2_class, as in Galaxy Zoo 2's main table",
            "Choose five_class or votes, which need the vote fractions only, or join a table that has it.",
        )
    letter_of = {text: read.letter if read else None for text, read in classes_of(catalog[GZ2CLASS]).items()}
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
    asked = ("t01_smooth_or_features", "t02_edgeon", "t04_spiral", "t07_rounded")
    columns = {(name, answer): vote_column(name, answer) for name in asked for answer in QUESTIONS[name].answers}
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
