"""What is said of channels, groups and places holds by arithmetic, on arrays whose answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls
from scipy.stats import false_discovery_control, spearmanr

from gz2interp.concepts.atlas import build_atlas, dominant_places, whitened_directions
from gz2interp.concepts.attribution import completeness_of, gradient_attribution, path_attribution
from gz2interp.concepts.channel_diagnostics import artefact_channels, flag_images, inactive_channels, redundant_channels
from gz2interp.concepts.channel_statistics import RunningMoments, TopGalaxies
from gz2interp.concepts.correlates import correlates, strongest_correlates
from gz2interp.concepts.dictionary import activation_grid, channel_direction, dictionary_at, strongest_places
from gz2interp.concepts.groups import Groups, find_groups, group_activations, group_effects, remove_part
from gz2interp.errors import InputError
from gz2interp.statistics import false_discovery_rates


def rng_of(seed=0):
    return np.random.default_rng(seed)


def floats(*shape, seed=0):
    return rng_of(seed).normal(size=shape).astype(np.float32)


# -- attribution ------------------------------------------------------------------------------------------------------


def cubic(weights):
    """A score that is not linear: the cube of a weighted sum, and its gradient."""

    def gradient_of(values):
        inner = np.tensordot(values, weights, axes=weights.ndim)
        return inner**3, 3 * (inner**2).reshape(-1, *[1] * weights.ndim) * weights

    return gradient_of


def test_a_path_is_complete_where_the_end_is_not():
    values, weights = floats(4, 3, 3, 5), 0.2 * floats(3, 3, 5, seed=1)
    path = path_attribution(values, cubic(weights), "cubic")
    np.testing.assert_allclose(path.channels.sum(axis=1), path.scores, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(path.places.sum(axis=(1, 2)), path.total, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(path.gap, 0, atol=1e-5)
    end = gradient_attribution(values, cubic(weights)(values)[1], "cubic", path.scores)
    np.testing.assert_allclose(end.channels.sum(axis=1), 3 * path.scores, rtol=1e-4)
    assert np.isnan(end.gap).all()


def test_attribution_is_linear_in_the_score():
    values, first, second = floats(2, 3, 3, 4), floats(3, 3, 4, seed=1), floats(3, 3, 4, seed=2)

    def both(given):
        one, two = cubic(first)(given), cubic(second)(given)
        return 2 * one[0] - two[0], 2 * one[1] - two[1]

    one, two = (path_attribution(values, cubic(each), "").values for each in (first, second))
    np.testing.assert_allclose(path_attribution(values, both, "").values, 2 * one - two, rtol=1e-3, atol=1e-3)


def test_attribution_refuses_what_does_not_belong_together():
    with pytest.raises(InputError, match="One shape"):
        gradient_attribution(floats(2, 3), floats(2, 4), "", floats(2))
    with pytest.raises(InputError, match="not spatial"):
        _ = gradient_attribution(floats(2, 3), floats(2, 3), "", floats(2)).places
    with pytest.raises(InputError, match="At least one"):
        path_attribution(floats(2, 3), cubic(floats(3)), "", steps=0)


# -- groups -----------------------------------------------------------------------------------------------------------


def planted_groups(places=400, channels=12, groups=3, seed=0):
    """Groups of channels that do not overlap, each with loads of its own."""
    rng = rng_of(seed)
    directions = np.zeros((groups, channels))
    for group, own in enumerate(np.array_split(np.arange(channels), groups)):
        directions[group, own] = rng.uniform(0.3, 1, len(own))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    loads = rng.gamma(0.5, [3, 2, 1][:groups], (places, groups))
    return (loads @ directions).astype(np.float32), directions, loads


def test_planted_groups_are_found_in_order_with_their_loads():
    said, directions, loads = planted_groups()
    found = find_groups(said, 3, seed=1)
    np.testing.assert_allclose(found.directions @ directions.T, np.eye(3), atol=0.02)
    np.testing.assert_allclose(found.loads(said), loads, atol=0.1)
    assert found.held > 0.999
    assert found.negative == 0


def test_one_seed_gives_one_factorisation():
    said = np.abs(floats(300, 10))
    first, second = (find_groups(said, 4, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first.directions, second.directions)
    assert 0 < first.held < 1


def test_loads_are_non_negative_least_squares_of_the_place_alone():
    groups = find_groups(np.abs(floats(300, 10)), 4)
    said = np.abs(floats(6, 10, seed=3))
    expected = np.stack([nnls(groups.directions.T.astype(float), row.astype(float))[0] for row in said])
    np.testing.assert_allclose(groups.loads(said), expected, atol=1e-5)
    np.testing.assert_allclose(groups.loads(said[2:3])[0], groups.loads(said)[2], atol=1e-6)


def test_what_is_negative_is_told():
    said = floats(500, 6)
    found = find_groups(said, 6)
    assert found.negative == pytest.approx(0.5, abs=0.1)
    assert found.held <= 1 - found.negative + 1e-6


def test_groups_need_something_to_group():
    for said, groups in ((np.zeros((5, 3), np.float32), 2), (-np.ones((5, 3), np.float32), 2), (floats(5, 3), 0)):
        with pytest.raises(InputError):
            find_groups(said, groups)
    with pytest.raises(InputError, match="12"):
        find_groups(planted_groups()[0], 3).loads(floats(2, 5))


def test_what_is_taken_away_never_turns_a_sign():
    said = floats(50, 4)
    left = remove_part(said, np.abs(floats(50, 4, seed=1)))
    assert (left[said >= 0] >= 0).all()
    np.testing.assert_array_equal(left[said < 0], said[said < 0])


def test_removal_equals_attribution_on_a_linear_score():
    said, directions, _ = planted_groups(places=8 * 9)
    said = said.reshape(8, 3, 3, 12)
    weights = floats(12, 2, seed=4)
    groups = Groups(directions.astype(np.float32), 1.0, 0.0)

    def scores_given(values):
        return values.mean(axis=(1, 2)) @ weights

    attributions = [
        gradient_attribution(
            said, np.broadcast_to(weights[:, k] / 9, said.shape), f"score {k}", scores_given(said)[:, k]
        )
        for k in range(2)
    ]
    found = group_effects(groups, attributions, np.zeros((8, 2), np.float32), scores_given)
    known = np.stack(
        [group_activations(groups.loads(said), groups, k).mean(axis=(1, 2)) @ weights for k in range(3)], axis=1
    )
    np.testing.assert_allclose(found.attributed, known, atol=1e-4)
    np.testing.assert_allclose(found.removed, known, atol=1e-4)
    for told in found.accounted:
        np.testing.assert_allclose(told.share, 1, atol=1e-3)
        np.testing.assert_allclose(told.gap, 0, atol=1e-4)


# -- accounted --------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 99))
def test_the_account_always_adds_up(seed):
    shown, others, through, past = (floats(*shape, seed=seed) for shape in ((5, 3), (5, 4), (5,), (5,)))
    told = completeness_of(shown, others, through, past, "s")
    np.testing.assert_allclose(told.shown + told.left + told.past + told.gap, told.evidence, atol=1e-5)
    assert ((told.absolute >= 0) & (told.absolute <= 1)).all()


def test_cancelling_blocks_are_not_hidden():
    told = completeness_of(
        *(np.array(each, np.float32) for each in ([[1.0]], [[5.0, -5.0]], [1.0], [0.0])), "logit(spiral)"
    )
    assert told.share[0] == pytest.approx(1)
    assert told.absolute[0] == pytest.approx(1 / 11)
    assert "+1.00 above an empty sky; the groups shown account for +1.00 (100 % of it)" in told.words(name="groups")


def test_the_account_names_its_score_in_words():
    parts = (np.array(each, np.float32) for each in ([[1.0]], [[0.0]], [1.0], [0.0]))
    assert completeness_of(*parts, "logit(edge_on)").words().startswith("logit of edge-on: evidence +1.00")


def test_no_evidence_has_no_share():
    told = completeness_of(*(np.array(each, np.float32) for each in ([[2.0]], [[-2.0]], [0.0], [0.0])), "s")
    assert np.isnan(told.share[0])
    assert "%" not in told.words()


# -- dictionary and grid ----------------------------------------------------------------------------------------------


def test_the_dictionary_names_the_strongest_channels_and_what_they_do():
    said = np.zeros((2, 2, 3, 4), np.float32)
    said[1, 1, 2] = (1, 8, 4, 0)
    gradient = np.broadcast_to(np.array([1, -1, 2, 5], np.float32), said.shape)
    attribution = gradient_attribution(said, gradient, "logit(spiral)", np.zeros(2, np.float32))
    found = dictionary_at([attribution], (1, 2), most=2, galaxy=1)
    assert [entry.channel for entry in found.entries] == [1, 2]
    assert [entry.effects[0] for entry in found.entries] == [-8, 8]
    assert (found.accounted[0].shown[0], found.accounted[0].left[0]) == (0, 1)
    np.testing.assert_array_equal(found.direction, (1, 8, 4, 0))
    relative = dictionary_at([attribution], (1, 2), 2, np.array([0.5, 8, 8, 1], np.float32), 1)
    assert [(entry.channel, entry.loudness) for entry in relative.entries] == [(0, 2), (1, 1)]
    with pytest.raises(InputError, match="plane"):
        dictionary_at([attribution], (2, 0))


def test_places_are_apart_and_lie_where_the_image_has_them():
    strength = np.zeros((8, 8))
    strength[2, 2], strength[2, 3], strength[6, 6] = 3, 2, 1
    assert strongest_places(strength, 2) == ((2, 2), (6, 6))
    np.testing.assert_array_equal(channel_direction(2, 4), (0, 0, 1, 0))


def test_a_grid_has_unit_directions_and_sizes_up_to_one():
    said = np.abs(floats(8, 6, 5))
    said[0, 0] = 0
    grid = activation_grid(said)
    lengths = np.linalg.norm(grid.directions, axis=-1)
    assert lengths[0, 0] == 0
    np.testing.assert_allclose(np.delete(lengths.ravel(), 0), 1, rtol=1e-5)
    assert grid.strengths.max() == 1
    np.testing.assert_allclose(
        grid.directions * grid.strengths[..., None] * np.linalg.norm(said, axis=-1).max(), said, atol=1e-5
    )
    assert activation_grid(said, 3).directions.shape == (3, 3, 5)
    with pytest.raises(InputError):
        activation_grid(said, 7)


# -- channels over a survey -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["mean", "max"])
def test_tops_and_bottoms_are_those_of_a_sort_in_whatever_portions(by):
    said, rows = floats(40, 4, 5, 6), rng_of(1).permutation(1000)[:40]
    said[7], said[..., 5] = said[3], 0  # two galaxies alike, and a channel that says nothing
    loud = said.mean(axis=(1, 2)) if by == "mean" else said.max(axis=(1, 2))
    for portions in ([40], [3, 7, 30], [39, 1]):
        keeper, start = TopGalaxies(5, by), 0
        for size in portions:
            keeper.add(said[start : start + size], rows[start : start + size])
            start += size
        for found, sign in ((keeper.top, -1), (keeper.bottom, 1)):
            for channel in range(6):
                order = np.lexsort((rows, sign * loud[:, channel]))[:5]
                np.testing.assert_array_equal(found.rows[channel], rows[order])
                np.testing.assert_allclose(found.values[channel], loud[order, channel])
                places = said[order, ..., channel].reshape(5, -1).argmax(axis=1)
                np.testing.assert_array_equal(found.y[channel] * 5 + found.x[channel], places)


def test_tops_of_few_galaxies_and_of_none():
    keeper = TopGalaxies(9)
    with pytest.raises(InputError, match="No galaxy"):
        _ = keeper.top
    keeper.add(floats(2, 4), np.array([5, 3]))
    assert keeper.top.rows.shape == (4, 2)
    with pytest.raises(InputError, match="median"):
        TopGalaxies(3, "median")


def test_a_tally_in_portions_is_that_of_the_whole():
    said = 100 + floats(30, 3, 3, 5)  # far from zero, where naive sums of squares cancel
    tally = RunningMoments()
    for part in np.array_split(said, [4, 11]):
        tally.add(part)
    rows = said.reshape(-1, 5).astype(float)
    np.testing.assert_allclose(tally.mean, rows.mean(axis=0))
    np.testing.assert_allclose(tally.covariance, np.cov(rows, rowvar=False), rtol=1e-9)
    np.testing.assert_allclose(tally.correlation, np.corrcoef(rows, rowvar=False), atol=1e-9)
    assert (tally.galaxies, tally.places) == (30, 270)
    with pytest.raises(InputError):
        _ = RunningMoments().mean


def test_silent_channels_and_twins_are_found_and_no_others():
    said = floats(50, 4, 4, 8)
    said[..., 2] = 3.0
    said[..., 6] = -2 * said[..., 1] + 0.1 * floats(50, 4, 4, seed=2)
    said[..., 7] = said[..., 0] + 0.5 * floats(50, 4, 4, seed=3)  # alike, and no twins: r = 0.89
    tally = RunningMoments()
    tally.add(said)
    np.testing.assert_array_equal(inactive_channels(tally), [2])
    ((first, second, r),) = redundant_channels(tally.correlation)
    assert (first, second) == (1, 6)
    assert r < -0.98


def test_a_layer_that_says_nothing_is_silent_everywhere():
    tally = RunningMoments()
    tally.add(np.zeros((3, 2, 2, 4), np.float32))
    assert len(inactive_channels(tally)) == 4
    assert redundant_channels(tally.correlation) == []


def test_an_artefact_channel_is_found_and_one_of_size_is_not():
    rng, n = rng_of(4), 2000
    extent, noise = rng.normal(size=n), rng.normal(size=n)
    edge = extent + 0.5 * rng.normal(size=n)  # large galaxies reach the edge
    flags = flag_images({"sky_r": noise, "edge": edge, "flat": np.zeros(n)})
    assert set(flags) == {"sky_r", "edge"}
    said = rng.normal(size=(n, 6))
    said[:, 0], said[:, 1] = noise + 0.2 * rng.normal(size=n), extent
    tops = np.argsort(-said, axis=0, kind="stable")[:32].T
    found, tests = artefact_channels(tops, flags, extent[:, None])
    assert [(each.channel, each.column) for each in found] == [(0, "sky_r")]
    assert found[0].share > 0.9
    assert len(tests) == 6 * 2
    by_chance, _ = artefact_channels(tops, flags, rng.normal(size=(n, 1)))
    assert (1, "edge") in [(each.channel, each.column) for each in by_chance]  # what sizes are asked for


def test_chance_makes_no_artefacts():
    found = 0
    for seed in range(20):
        rng = rng_of(seed)
        flags = flag_images({f"c{k}": rng.normal(size=500) for k in range(5)})
        tops = np.stack([rng.choice(500, 20, replace=False) for _ in range(30)])
        found += len(artefact_channels(tops, flags, rng.normal(size=(500, 2)))[0])
    assert found == 0


# -- correlates -------------------------------------------------------------------------------------------------------


def test_correlates_are_those_of_scipy():
    said, column = floats(200, 3), rng_of(2).normal(size=200)
    column[:30] = np.nan
    column[30:60] = 0.5  # ties
    said[:, 1] += 2 * np.nan_to_num(column)
    table = correlates(said, [("redshift", column)])
    for channel in range(3):
        expected = spearmanr(said[30:, channel], column[30:])
        row = table[table["channel"] == channel].iloc[0]
        assert row["rho"] == pytest.approx(expected.statistic, abs=1e-9)
        assert row["p"] == pytest.approx(expected.pvalue, rel=1e-6)
        assert row["low"] < row["rho"] < row["high"]
        assert row["known"] == 170
    assert strongest_correlates(table, 1)["column"].tolist() == ["redshift"]
    assert strongest_correlates(table, 0).empty


def test_the_number_of_tests_is_accounted_for():
    p = rng_of(0).uniform(size=300) ** 2
    np.testing.assert_allclose(false_discovery_rates(p), false_discovery_control(p))
    said = floats(150, 40)
    table = correlates(said, ((f"c{k}", rng_of(100 + k).normal(size=150)) for k in range(50)))
    assert len(table) == 2000
    assert (table["p"] < 0.01).sum() > 5  # what chance gives without an account
    assert not table["sure"].any()


def test_what_cannot_be_tested_is_left_out():
    said = floats(100, 2)
    said[:, 1] = 7
    few = np.full(100, np.nan)
    few[:10] = 1.0
    table = correlates(said, [("few", few), ("flat", np.ones(100)), ("good", np.arange(100.0))])
    assert table[["channel", "column"]].to_numpy().tolist() == [[0, "good"]]
    assert isinstance(correlates(said, [("few", few)]), pd.DataFrame)


# -- atlas ------------------------------------------------------------------------------------------------------------


def test_an_atlas_gathers_places_of_one_kind():
    rng = rng_of(0)
    kinds = np.repeat([0, 1, 2], [60, 30, 2])
    centres = np.array([[0, 0], [9.5, 9.5], [0, 9.5]], np.float32)
    coordinates = (centres[kinds] + rng.uniform(0, 0.5, (92, 2))).astype(np.float32)
    vectors = np.eye(4, dtype=np.float32)[kinds] + 0.01 * floats(92, 4)
    attributed = np.eye(2, dtype=np.float32)[np.minimum(kinds, 1)]
    atlas = build_atlas(vectors, coordinates, attributed, ("a", "b"), side=5, fewest=3)
    assert atlas.counts.tolist() == sorted(atlas.counts, reverse=True)
    assert set(zip(atlas.column.tolist(), atlas.row.tolist(), strict=True)) == {(0, 0), (4, 4)}
    np.testing.assert_allclose(atlas.directions[0], (1, 0, 0, 0), atol=0.02)
    assert (kinds[atlas.patches[0]] == 0).all()
    np.testing.assert_allclose(atlas.attributed, [[1, 0], [0, 1]])
    assert (atlas.held > 0.99).all()
    assert atlas.coverage <= 90
    np.testing.assert_array_equal(dominant_places(attributed, 1), kinds > 0)


def test_whitened_directions_do_not_count_twins_twice():
    rng = rng_of(1)
    common, own = rng.normal(size=(5000, 1)), rng.normal(size=(5000, 1))
    said = np.concatenate([common, common, common, own], axis=1) + 0.1 * rng.normal(size=(5000, 4))
    (white,) = whitened_directions(np.ones((1, 4), np.float32), np.cov(said, rowvar=False))
    assert white[3] > 2 * white[0] > 0
    assert np.linalg.norm(white) == pytest.approx(1, abs=1e-5)


def test_an_atlas_of_thin_cells_is_empty_and_of_nothing_refused():
    atlas = build_atlas(floats(4, 3), floats(4, 2), floats(4, 1), ("a",), side=30)
    assert len(atlas.counts) == len(atlas.directions) == atlas.coverage == 0
    with pytest.raises(InputError):
        build_atlas(floats(0, 3), floats(0, 2), floats(0, 1), ("a",))
