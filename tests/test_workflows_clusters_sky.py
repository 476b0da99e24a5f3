"""A cluster in one spot of the sky is told from one that is all over it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gz2interp.workflows.cluster_columns import FEWEST, PARTS, sky_columns, sky_parts


def sky(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))


@given(st.integers(2 * FEWEST, 3000), st.integers(0, 99))
def test_parts_have_equal_numbers(n: int, seed: int) -> None:
    counts = np.bincount(sky_parts(*sky(n, seed)))
    assert np.ptp(counts) <= 1 + int(np.log2(PARTS))
    assert counts.min() >= FEWEST - int(np.log2(PARTS))
    assert 2 <= len(counts) <= PARTS


def test_a_spot_across_zero_is_in_few_parts() -> None:
    ra, dec = sky(4000, 1)
    spot = slice(0, 200)
    rng = np.random.default_rng(2)
    ra[spot], dec[spot] = rng.normal(0, 1, 200) % 360, rng.normal(0, 1, 200)
    shares = np.array([column.values[spot].mean() for column in sky_columns(ra, dec)])
    assert len(shares) == PARTS
    assert np.sort(shares)[-4:].sum() == 1
    assert shares.max() > 5 / PARTS
    elsewhere = np.array([column.values[200:].mean() for column in sky_columns(ra, dec)])
    assert elsewhere.max() < 1.2 / PARTS


def test_a_survey_does_not_depend_on_where_right_ascension_begins() -> None:
    rng = np.random.default_rng(3)
    ra, dec = rng.uniform(0, 90, 900), rng.uniform(-1.2, 1.2, 900)
    np.testing.assert_array_equal(sky_parts(ra, dec), sky_parts((ra + 300) % 360, dec))


@pytest.mark.parametrize("known", [0, 2 * FEWEST - 1])
def test_few_places_say_nothing(known: int) -> None:
    ra, dec = sky(100, 4)
    ra[known:] = np.nan
    assert not list(sky_columns(ra, dec))


def test_who_has_no_place_is_in_no_part() -> None:
    ra, dec = sky(500, 5)
    dec[7] = np.nan
    columns = list(sky_columns(ra, dec))
    assert all(np.isnan(column.values[7]) for column in columns)
    assert np.nansum([column.values for column in columns]) == 499
    assert columns[0].more.startswith("from one part of the sky (right ascension ")
