from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gz2interp.errors import InputError
from gz2interp.schema import QUESTIONS, vote_column
from trainer.catalog import SCHEMES, labels_by, read_catalog


def galaxies(*shares: dict[str, float]) -> pd.DataFrame:
    """One row per galaxy: answers not named were given by nobody."""
    columns = {
        vote_column(question.name, answer): [row.get(answer, 0.0) for row in shares]
        for question in QUESTIONS.values()
        for answer in question.answers
    }
    return pd.DataFrame(columns, dtype=np.float32)


FIVE = galaxies(
    {"a01_smooth": 0.469, "a16_completely_round": 0.5},
    {"a01_smooth": 0.9, "a17_in_between": 0.8},
    {"a01_smooth": 0.9, "a18_cigar_shaped": 0.8},
    {"a02_features_or_disk": 0.43, "a04_yes": 0.602},
    {"a02_features_or_disk": 0.9, "a05_no": 0.715, "a08_spiral": 0.619},
    {"a01_smooth": 0.5, "a02_features_or_disk": 0.5, "a04_yes": 0.7, "a18_cigar_shaped": 0.7},
    {"a01_smooth": 0.468, "a16_completely_round": 1.0},
    {"a02_features_or_disk": np.nan, "a01_smooth": np.nan},
)


def test_five_classes_at_their_thresholds():
    answer = labels_by("five_class", FIVE)
    assert answer.labels.iloc[:5].tolist() == list(answer.classes)
    assert answer.labels.iloc[5:].isna().all()
    assert answer.why_not == {"fits two classes": 1, "fits no class": 2}
    assert answer.fits == {"round": 1, "in_between": 1, "cigar": 2, "edge_on": 2, "spiral": 1}


def test_the_first_letter():
    catalog = pd.DataFrame({"gz2class": pd.array(["Er", "sb2t", "A", "Ex", None, "Ser(o)"], dtype="str")})
    two, three = labels_by("e_vs_s", catalog), labels_by("e_s_a", catalog)
    assert two.labels.dropna().to_dict() == {0: "E", 1: "S", 5: "S"}
    assert three.labels.dropna().to_dict() == {0: "E", 1: "S", 2: "A", 5: "S"}
    assert two.why_not == {"no gz2class": 1, "gz2class outside the grammar": 1, "a star or an artefact (A)": 1}
    assert three.why_not["a star or an artefact (A)"] == 0


def test_an_artifact_is_what_half_of_the_volunteers_take_for_one():
    catalog = galaxies({"a03_star_or_artifact": 0.5}, {"a03_star_or_artifact": 0.49}, {"a01_smooth": 1.0})
    answer = labels_by("galaxy_vs_artifact", catalog)
    assert answer.labels.tolist() == ["artifact", "galaxy", "galaxy"]
    letters = pd.DataFrame({"gz2class": pd.array(["A", "Er", "Sb", None], dtype="str")})
    answer = labels_by("galaxy_vs_artifact", letters)
    assert answer.labels.dropna().to_dict() == {0: "artifact", 1: "galaxy", 2: "galaxy"}
    assert answer.why_not == {"no gz2class": 1}


def test_bars_at_their_thresholds():
    disc = {"a02_features_or_disk": 0.43, "a05_no": 0.715}
    catalog = galaxies(
        disc | {"a06_bar": 0.5},
        disc | {"a06_bar": 0.2},
        disc | {"a06_bar": 0.35},
        disc | {"a06_bar": 0.9, "a05_no": 0.7},
        disc | {"a06_bar": 0.9, "a02_features_or_disk": 0.4},
        disc | {"a06_bar": np.nan},
    )
    answer = labels_by("barred", catalog)
    assert answer.classes == ("bar", "no_bar")
    assert answer.labels.dropna().to_dict() == {0: "bar", 1: "no_bar"}
    assert answer.why_not == {"no face-on disc": 3, "weak": 1}
    plain = catalog.rename(columns=lambda name: name.replace("debiased", "fraction"))
    assert labels_by("barred", plain).labels.equals(answer.labels)


def test_votes_are_a_distribution():
    catalog = galaxies({"a01_smooth": 0.6, "a02_features_or_disk": 0.2}, {}, {"a03_star_or_artifact": 0.3})
    answer = labels_by("votes", catalog)
    assert list(answer.targets) == ["target_smooth", "target_features_or_disk", "target_star_or_artifact"]
    np.testing.assert_allclose(answer.targets.iloc[0], [0.75, 0.25, 0.0], rtol=0, atol=1e-6)
    assert answer.targets.iloc[1].isna().all()
    assert answer.labels.tolist()[::2] == ["smooth", "star_or_artifact"]
    assert answer.why_not == {"no votes for t01_smooth_or_features": 1}


def test_votes_of_another_question():
    answer = labels_by("votes:t11_arms_number", galaxies({"a36_more_than_4": 0.4}))
    assert answer.labels.tolist() == ["more_than_4"]


def test_every_galaxy_is_labelled_or_counted():
    letters = pd.array(["Er", "Ei", None, "A", "Sa", "Sc", "x", "Ec"], dtype="str")
    kinds = pd.array(["round", "cigar", "ring", "disc", "spiral", "edge_on", "star", "merger"], dtype="str")
    catalog = FIVE.assign(gz2class=letters, painted_kind=kinds)
    for scheme in SCHEMES:
        report = labels_by(scheme, catalog).report(scheme)
        assert sum(report.counts.values()) + sum(report.why_not.values()) == len(catalog)


@pytest.mark.parametrize(
    ("scheme", "message"),
    [
        ("e_vs_s", "no gz2class column.*five_class or votes"),
        ("five_class", "debiased vote fractions.*e_vs_s"),
        ("votes", "no vote fractions of t01"),
        ("votes:t99", "no question 't99'"),
        ("zoobot", "no label scheme 'zoobot'.*e_vs_s, e_s_a, galaxy_vs_artifact, five_class"),
    ],
)
def test_what_is_lacking_is_said(scheme, message):
    with pytest.raises(InputError, match=message):
        labels_by(scheme, pd.DataFrame({"ra": [1.0]}))


@pytest.mark.realdata
def test_published_counts_of_stripe_82(real_data):
    """As published: every row of the table, and a galaxy that fits two classes counted in both."""
    from pathlib import Path

    from trainer.catalog.columns import layout_of
    from trainer.catalog.tables import read_table

    path = Path(real_data) / "gz2_stripe82.csv.gz"
    rows = read_table(path, lambda columns: layout_of(columns).types).frame
    answer = labels_by("five_class", rows)
    assert answer.fits == {"round": 3990, "in_between": 4774, "cigar": 898, "edge_on": 992, "spiral": 3042}
    assert answer.why_not == {"fits two classes": 456, "fits no class": 3102}

    catalog, report = read_catalog(path, scheme="five_class")
    labels = report.labels
    assert labels.fits == answer.fits | {"round": 3988}  # two of the four duplicates
    assert labels.counts == {"round": 3809, "in_between": 4499, "cigar": 736, "edge_on": 857, "spiral": 2874}
    assert labels.why_not == {"fits two classes": 456, "fits no class": 3100}
    assert catalog["label"].notna().sum() == 12_775
