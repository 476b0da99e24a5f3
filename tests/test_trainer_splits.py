"""Whole groups on the sky go to one side, and stay there."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.splits import class_shares, sides, sky_groups

ARCSEC = 1 / 3600
FIRST_ID = 588015507658768484


def test_friends_of_friends_are_one_group_named_by_its_smallest_id():
    ra = np.array([10.0, 10.0, 10.0, 20.0, np.nan, np.nan])
    dec = np.array([0.0, 4 * ARCSEC, 8 * ARCSEC, 0.0, np.nan, 1.0])
    ids = FIRST_ID + np.array([3, 2, 1, 4, 5, 6])
    np.testing.assert_array_equal(sky_groups(ids, ra, dec) - FIRST_ID, [1, 1, 1, 4, 5, 6])


def test_groups_know_that_the_sky_is_round():
    ra, dec = np.array([0.5 * ARCSEC, 360 - 0.5 * ARCSEC, 0.0, 90.0]), np.array([0.0, 0.0, 89.9999, 89.9999])
    groups = sky_groups(FIRST_ID + np.arange(4), ra, dec)
    assert groups[0] == groups[1]
    assert groups[2] == groups[3]


def test_equal_ids_are_one_group_wherever_they_stand():
    groups = sky_groups(np.array([7, 8, 7]), np.array([1.0, 2.0, 3.0]), np.zeros(3))
    assert groups[0] == groups[2] != groups[1]


def test_nobody_stands_on_two_sides_and_the_shares_are_met():
    groups = np.repeat(np.arange(20_000), 2)
    side = sides(groups, 1, 0.1, 0.2).reshape(-1, 2)
    assert (side[:, 0] == side[:, 1]).all()
    assert (side == "test").mean() == pytest.approx(0.2, abs=0.01)
    assert (side == "validation").mean() == pytest.approx(0.1, abs=0.01)


def test_a_growing_catalogue_moves_nobody_and_another_seed_does():
    before, after = sides(np.arange(500), 1, 0.1, 0.2), sides(np.arange(-300, 700), 1, 0.1, 0.2)
    np.testing.assert_array_equal(after[300:800], before)
    assert (sides(np.arange(500), 2, 0.1, 0.2) != before).any()


def test_a_new_neighbour_moves_its_own_group_at_most_and_as_a_whole():
    count = 400
    ids, ra, dec = 1000 + np.arange(count), np.arange(count) * 0.5, np.where(np.arange(count) % 2, 10.0, -10.0)
    before = sides(sky_groups(ids, ra, dec), 1, 0.1, 0.2)
    grown = np.append(ra, ra), np.append(dec, dec + 3 * ARCSEC)
    larger = sides(sky_groups(np.append(ids, ids + count), *grown), 1, 0.1, 0.2)
    np.testing.assert_array_equal(larger, np.append(before, before))
    smaller = sides(sky_groups(np.append(ids, ids - count), *grown), 1, 0.1, 0.2)
    np.testing.assert_array_equal(smaller[:count], smaller[count:])
    assert (smaller[:count] != before).any()


def test_shares_name_every_side():
    shares = class_shares(["round", "spiral", "round"], np.array(["train", "train", "test"]))
    assert shares.loc["round"].to_dict() == {"train": 1, "validation": 0, "test": 1}
