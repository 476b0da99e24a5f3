"""From cells to pixels."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import zoom

from gz2interp import cells as cells_module
from gz2interp.attribution.cams import ALIGNMENTS, resize_cells
from gz2interp.cells import CellGeometry, tiled

SIZES = st.integers(1, 24)


def maps_of(y, x, n=2):
    return np.random.default_rng(y * 100 + x).normal(size=(n, y, x)).astype(np.float32)


@settings(deadline=None, max_examples=60)
@given(SIZES, SIZES, st.integers(1, 64), st.sampled_from(ALIGNMENTS))
def test_every_pixel_takes_its_value_from_its_neighbour_cells(y, x, pixels, alignment):
    along, _ = tiled((y, x), (pixels, pixels)).weights()
    np.testing.assert_allclose(along.sum(axis=1), 1, atol=1e-6)
    assert ((along > 0).sum(axis=1) <= 2).all()
    maps = maps_of(y, x)
    drawn = resize_cells(maps, (pixels, pixels), alignment)
    assert drawn.shape == (2, pixels, pixels)
    assert drawn.dtype == np.float32
    assert maps.min() - 1e-5 <= drawn.min() <= drawn.max() <= maps.max() + 1e-5


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 6), st.integers(1, 6))
def test_corners_are_those_of_scipy(y, x, by_y, by_x):
    maps = maps_of(y, x)
    expected = zoom(maps, (1, by_y, by_x), order=1)
    np.testing.assert_allclose(resize_cells(maps, (y * by_y, x * by_x), "corners"), expected, atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 12), st.integers(1, 6))
def test_centres_are_those_of_scipy_in_grid_mode(y, by):
    maps = maps_of(y, y)
    expected = zoom(maps, (1, by, by), order=1, grid_mode=True, mode="nearest")
    np.testing.assert_allclose(resize_cells(maps, (y * by, y * by), "centres"), expected, atol=1e-5)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_a_map_of_the_image_s_own_size_stays_as_it_is(alignment):
    maps = maps_of(7, 5)
    np.testing.assert_allclose(resize_cells(maps, (7, 5), alignment), maps, atol=1e-6)


def test_centres_keep_the_total_of_light_in_the_middle():
    cells = np.zeros((1, 8, 8), np.float32)
    cells[0, 3, 4] = 1
    drawn = resize_cells(cells, (64, 64))[0]
    assert drawn.sum() == pytest.approx(64)
    assert np.average(np.arange(64), weights=drawn.sum(axis=1)) == pytest.approx(3 * 8 + 3.5)


def test_a_cell_is_drawn_where_its_geometry_says():
    cells = np.zeros((1, 4, 3), np.float32)
    cells[0, 1, 2] = 1
    geometry = CellGeometry((7.0, 23.0, 39.0, 55.0), (3.0, 10.0, 26.0), (31.0, 9.0), (64, 32))
    drawn = resize_cells(cells, (64, 32), cells=geometry)[0]
    assert np.unravel_index(drawn.argmax(), drawn.shape) == (23, 26)
    assert drawn[23, 26] == drawn[23, 31] == 1  # beyond the last centre it stays
    assert drawn[15, 26] == pytest.approx(0.5)
    assert drawn[23, 18] == pytest.approx(0.5)


def test_a_geometry_survives_json_and_knows_its_nearest_cells():
    geometry = CellGeometry((7.0, 23.0), (3.0, 10.5), (31.0, float("nan")), (64, 32), "gradients")
    again = CellGeometry.from_json(geometry.to_json())
    assert (again.y, again.x, again.image, again.origin) == (geometry.y, geometry.x, geometry.image, geometry.origin)
    assert again.field[0] == 31
    assert np.isnan(again.field[1])
    assert geometry.nearest(14.9, 7) == (0, 1)
    rows, columns = geometry.nearest_cells()
    assert (rows == (np.arange(64) > 15)).all()
    assert (columns == (np.arange(32) > 6)).all()


def test_the_examples_hold():
    assert doctest.testmod(cells_module).failed == 0
