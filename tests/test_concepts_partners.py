"""Channels of two networks: who goes with whom, and where images stand among galaxies."""

from __future__ import annotations

import numpy as np
import pytest

from gz2interp.concepts.channel_statistics import RunningMoments
from gz2interp.concepts.partners import LEVEL, NO_PARTNER, ActivationRanks, find_partners, partner_responses
from gz2interp.errors import InputError

GALAXIES, CHANNELS = 400, 5
ORDER = np.array([3, 0, 4, 1, 2])


def tally_of(first: np.ndarray, second: np.ndarray) -> RunningMoments:
    """Of portions, as they stream by."""
    tally, both = RunningMoments(), np.concatenate([first, second], axis=1).astype(np.float32)
    for start in range(0, len(both), 90):
        tally.add(both[start : start + 90])
    return tally


@pytest.fixture(scope="module")
def said() -> np.ndarray:
    return np.random.default_rng(1).gamma(1.0, size=(GALAXIES, CHANNELS)).astype(np.float32)


def test_a_permuted_copy_gives_each_channel_its_twin(said: np.ndarray) -> None:
    found = find_partners(tally_of(said, 3 * said[:, ORDER] + 2), CHANNELS)
    np.testing.assert_array_equal(ORDER[found.numbers], np.arange(CHANNELS))
    np.testing.assert_allclose(found.r, 1, atol=1e-6)


def test_unlike_networks_go_together_by_chance_alone(said: np.ndarray) -> None:
    other = np.random.default_rng(2).gamma(1.0, size=(GALAXIES, 7))
    found = find_partners(tally_of(said, other), CHANNELS)
    expected = np.corrcoef(said.T, other.T)[:CHANNELS, CHANNELS:]
    np.testing.assert_allclose(found.r, expected.max(axis=1), atol=1e-6)
    assert (found.r > 0).all()
    assert (found.r < 5 / np.sqrt(GALAXIES)).all()


def test_what_does_not_vary_or_only_falls_has_no_partner(said: np.ndarray) -> None:
    still = said.copy()
    still[:, 2] = 1.5
    found = find_partners(tally_of(still, still), CHANNELS)
    assert found.numbers.tolist() == [0, 1, NO_PARTNER, 3, 4]
    assert np.isnan(found.r[2])
    assert not find_partners(tally_of(said[:, :1], -said[:, :1]), 1).has_partner.any()


def test_places_are_the_shares_below(said: np.ndarray) -> None:
    values = np.random.default_rng(3).gamma(1.0, size=(9, CHANNELS)).astype(np.float32)
    values[0], values[1] = said.max(axis=0), said.min(axis=0)
    standing = ActivationRanks(values)
    for start in range(0, GALAXIES, 130):
        standing.add(said[start : start + 130])
    np.testing.assert_allclose(standing.places, (said[None] < values[:, None]).mean(axis=1))
    assert (standing.places[0] == 1 - 1 / GALAXIES).all()  # as great as the best is not beyond it
    assert (standing.places[1] == 0).all()
    np.testing.assert_array_equal(standing.highest, said.max(axis=0))
    with pytest.raises(InputError):
        _ = ActivationRanks(values).places


def test_an_image_is_told_beside_those_of_other_channels(said: np.ndarray) -> None:
    """Image k excites channel k alone, but the last excites all: it is what makes the others' answers less telling."""
    found = find_partners(tally_of(said, said[:, ORDER]), CHANNELS)
    numbers = np.array([0, 1, 2, 4])  # nothing excites channel 3
    ours = np.zeros((4, CHANNELS), np.float32)
    ours[np.arange(4), numbers] = 99
    ours[3] = 50
    values = ours[:, ORDER]
    standing = ActivationRanks(values)
    standing.add(said)
    told = partner_responses(found, numbers, values, standing.places)
    np.testing.assert_array_equal(told.value, [99, 99, 99, np.nan, 50])
    np.testing.assert_array_equal(told.place, [1, 1, 1, np.nan, 1])
    np.testing.assert_allclose(told.unlike[:3], 1 / 3)
    assert told.unlike[4] == 0
    np.testing.assert_array_equal(told.ahead, [1, 1, 1, np.nan, 1])
    alone = partner_responses(found, numbers[:1], values[:1], standing.places[:1])
    assert alone.place[0] >= LEVEL
    assert np.isnan(alone.unlike).all()
