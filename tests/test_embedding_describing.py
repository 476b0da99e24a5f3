"""What tells a cluster from the rest: the numbers are those of a direct calculation, and chance is no finding."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gz2interp.embedding.cluster_differences import (
    ComparedColumn,
    add_discovery_rates,
    compare_column,
    flag_column,
    matched_effects,
    number_column,
    word_columns,
)
from gz2interp.workflows.cluster_descriptions import ClusterDescriptions, describe

N = 600


@pytest.fixture
def labels() -> np.ndarray:
    """Three clusters of 200, 120 and 80 galaxies, and 200 between them."""
    return np.random.default_rng(0).permutation(np.repeat([0, 1, 2, -1], [200, 120, 80, 200]))


def described(columns: list[ComparedColumn], labels: np.ndarray) -> ClusterDescriptions:
    sizes = pd.DataFrame({"extent": np.linspace(0.1, 0.2, len(labels)), "reach": np.linspace(0.3, 0.4, len(labels))})
    return describe(columns, {"one": labels}, sizes)


def test_numbers_are_those_of_a_direct_calculation(labels: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    values = rng.standard_normal(N).round(1) + (labels == 1)  # rounded: with ties
    values[rng.random(N) < 0.1] = np.nan
    found = compare_column(number_column("x", values, "catalogue"), labels, 3)
    for row in found.itertuples():
        inside = values[(labels == row.cluster) & np.isfinite(values)]
        outside = values[(labels != row.cluster) & np.isfinite(values)]
        direct = stats.mannwhitneyu(inside, outside, method="asymptotic")
        assert row.known == len(inside)
        assert row.inside == np.median(inside)
        assert row.elsewhere == np.median(outside)
        assert row.effect == pytest.approx(2 * direct.statistic / (len(inside) * len(outside)) - 1)
        assert row.p == pytest.approx(direct.pvalue, rel=1e-6)
        assert row.low < row.effect < row.high


def test_shares_are_those_of_a_direct_calculation(labels: np.ndarray) -> None:
    has = (np.random.default_rng(2).random(N) < np.where(labels == 0, 0.7, 0.1)).astype(float)
    for row in compare_column(flag_column("spiral", has, "network", "spiral"), labels, 3).itertuples():
        inside, outside = has[labels == row.cluster], has[labels != row.cluster]
        assert (row.inside, row.elsewhere) == (inside.mean(), outside.mean())
        assert row.effect == pytest.approx(inside.mean() - outside.mean())
        one_sided = [
            stats.fisher_exact(
                [[inside.sum(), len(inside) - inside.sum()], [outside.sum(), len(outside) - outside.sum()]],
                alternative=side,
            ).pvalue
            for side in ("less", "greater")
        ]
        assert row.p == pytest.approx(min(2 * min(one_sided), 1), rel=1e-6)
        assert row.low < row.effect < row.high


def test_intervals_hold_what_they_promise() -> None:
    """Of a known effect: in 150 draws about 95 % of the intervals hold it."""
    rng = np.random.default_rng(3)
    labels = np.repeat([0, -1], [40, 200])
    truth = 2 * stats.norm.cdf(0.8 / np.sqrt(2)) - 1
    rows = [
        compare_column(number_column("x", rng.standard_normal(240) + 0.8 * (labels == 0), "votes"), labels, 1).iloc[0]
        for _ in range(150)
    ]
    held = np.mean([row["low"] <= truth <= row["high"] for row in rows])
    assert 0.88 < held < 0.995


def test_nothing_is_claimed_of_noise() -> None:
    """12 surveys of 25 columns that know nothing of the clusters: not one sentence claims anything."""
    claims = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        labels = rng.permutation(np.repeat([0, 1, 2, -1], [12, 60, 60, 168]))
        columns = [number_column(f"x{i}", rng.standard_normal(300), "catalogue") for i in range(20)]
        columns += [flag_column(f"w{i}", (rng.random(300) < 0.2).astype(float), "network", "so") for i in range(5)]
        said = described(columns, labels)
        assert len(said.table) == 75
        claims += sum("is significant" not in sentence for sentence, _, _ in said.words.values())
    assert claims == 0


def test_the_rate_is_that_of_benjamini_and_hochberg() -> None:
    p = np.array([0.04, 0.001, 0.5, 0.012, 0.9])
    table = pd.DataFrame({"p": p, "effect": 0.5, "odds": np.nan, "inside": 0.0})
    np.testing.assert_allclose(add_discovery_rates(table)["q"], stats.false_discovery_control(p))


def test_a_sure_but_tiny_difference_is_not_told() -> None:
    rng = np.random.default_rng(4)
    labels = np.repeat([0, -1], 20_000)
    found = described([number_column("x", rng.standard_normal(40_000) + 0.1 * (labels == 0), "catalogue")], labels)
    assert found.table["q"].iloc[0] < 1e-10
    assert not found.table["sure"].any()
    assert "none of 1 comparisons" in found.words["one", 0][0]


def test_a_sentence_says_its_numbers_and_each_thing_once(labels: np.ndarray) -> None:
    rng = np.random.default_rng(5)
    red = rng.standard_normal(N) * 0.1 + np.where(labels == 2, 0.92, 0.61)
    edge_on = (rng.random(N) < np.where(labels == 2, 0.93, 0.11)).astype(float)
    columns = [
        number_column("g-r", red, "catalogue", "redder", "bluer", "g-r", "{:.2f}"),
        number_column("u-r", 2 * red + 0.01 * rng.standard_normal(N), "catalogue", "redder", "bluer", "u-r", "{:.2f}"),
        flag_column("prediction = edge_on", edge_on, "network", "taken for edge_on"),
        number_column("noise", rng.standard_normal(N), "catalogue"),
    ]
    said = described(columns, labels)
    sentence, told, flags = said.words["one", 2]
    inside, outside = labels == 2, labels != 2
    assert "prediction = edge_on" in told
    assert len({"g-r", "u-r"} & set(told)) == 1  # they mirror one another
    assert flags == ()
    shares = [100 * edge_on[side].mean() for side in (inside, outside)]
    assert f"80 galaxies: mostly taken for edge_on ({shares[0]:.0f} %, {shares[1]:.0f} % elsewhere)" in sentence
    colour = next(iter({"g-r", "u-r"} & set(told)))
    values = red if colour == "g-r" else columns[1].values
    assert f"redder ({colour} {np.median(values[inside]):.2f}, {np.median(values[outside]):.2f} elsewhere)" in sentence
    sure = said.table[(said.table["cluster"] == 3) & said.table["sure"]]
    assert (
        f"{len(sure)} of 4 comparisons (12 for all clusters) are significant at a false discovery rate of 1 %."
        in sentence
    )


def test_a_column_that_is_hardly_known_in_a_cluster_is_not_compared(labels: np.ndarray) -> None:
    values = np.random.default_rng(6).standard_normal(N)
    values[(labels == 0) & (np.arange(N) % 3 > 0)] = np.nan
    assert compare_column(number_column("x", values, "votes"), labels, 3)["cluster"].tolist() == [1, 2]
    assert compare_column(number_column("x", np.ones(N), "votes"), labels, 3).empty


def test_words_are_compared_one_by_one_the_frequent_ones() -> None:
    words = pd.Series(["Ei"] * 60 + ["Sb"] * 39 + ["Er"] * 2 + [""] * 5 + [None] * 5)
    columns = {column.name: column for column in word_columns("gz2class", words, "catalogue", "of gz2class {}")}
    assert list(columns) == ["gz2class = Ei", "gz2class = Sb"]
    assert np.isnan(columns["gz2class = Ei"].values[-10:]).all()
    assert columns["gz2class = Ei"].values[:101].sum() == 60


def quality(name: str, values: np.ndarray) -> ComparedColumn:
    return number_column(name, values, "quality", "blurrier", "sharper", "PSF in r", "{:.2f}″")


def test_a_cluster_of_bad_seeing_is_flagged_and_the_sentence_says_why(labels: np.ndarray) -> None:
    rng = np.random.default_rng(7)
    seeing = rng.normal(1.2, 0.1, N) + 0.7 * (labels == 1)
    said = described([quality("psf_r", seeing), number_column("x", rng.standard_normal(N), "catalogue")], labels)
    assert [words[2] == () for words in said.words.values()] == [True, False, True]
    inside, outside = np.median(seeing[labels == 1]), np.median(seeing[labels != 1])
    flag = said.words["one", 1][2][0]
    assert flag.cause == "seeing"
    assert flag.words == f"Probably caused by the seeing: PSF in r {inside:.2f}″ against {outside:.2f}″."


def test_what_follows_from_size_is_no_flag() -> None:
    """Large galaxies reach the edge; a cluster of them is none of the edge's making."""
    rng = np.random.default_rng(8)
    size = rng.uniform(size=2000)
    labels = np.where(size > 0.8, 0, -1)
    edge = quality("background_r", size + 0.05 * rng.standard_normal(2000))
    said = describe([edge], {"one": labels}, pd.DataFrame({"extent": size, "reach": size}))
    assert abs(said.table["effect"].iloc[0]) > 0.9
    assert said.words["one", 0][2] == ()


def test_effects_within_strata_are_weighted_by_pairs() -> None:
    rng = np.random.default_rng(9)
    strata, labels = rng.integers(0, 3, 400), rng.integers(-1, 1, 400)
    values = rng.standard_normal(400) + strata + (labels == 0)
    wins = pairs = 0.0
    for stratum in range(3):
        inside, outside = (values[(strata == stratum) & ((labels == 0) == side)] for side in (True, False))
        wins += (inside[:, None] > outside[None]).sum()
        pairs += len(inside) * len(outside)
    assert matched_effects(values, labels, 1, strata)[0] == pytest.approx(2 * wins / pairs - 1)
