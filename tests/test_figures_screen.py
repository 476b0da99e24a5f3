"""Colours, density, maps and panels: what they hold, not how they look."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from astropy.visualization import make_lupton_rgb
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Outline
from PIL import Image

from gz2interp.errors import InputError
from gz2interp.figures.colours import OKABE_ITO, categories, scale
from gz2interp.figures.density import PIXELS, MapWindow, density_rgba, inside_polygon, sample, window_of
from gz2interp.figures.map import MapPoints, MapView, map_figure
from gz2interp.figures.overlay import diverging_rgb, over, summed_over_bands, symmetric_limit
from gz2interp.figures.panels import attribution_panels, bands_panel, probability_bars, rgb_panel, vote_bars
from gz2interp.figures.rgb import WEIGHTS, Stretch, data_uri, rgb, rgb_bands, stretch_of, thumbnails

GIANT = 588015507658768484


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


# -- colour images ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bands", "places"),
    [("ugriz", (3, 2, 1)), ("grizy", (2, 1, 0)), ("grz", (2, 1, 0)), ("ug", (1, 0, 0)), ("r", (0, 0, 0))],
)
def test_red_green_and_blue_are_i_r_g_or_the_nearest_there_is(bands: str, places: tuple[int, int, int]) -> None:
    assert rgb_bands(bands) == places


def test_rgb_is_that_of_lupton_et_al(rng: np.random.Generator) -> None:
    image = rng.exponential(0.3, (20, 24, 5)).astype(np.float32)
    ours = rgb(image, stretch=Stretch(0.5, 8)).astype(int)
    weighted = [image[..., "ugriz".index(band)] * WEIGHTS[band] for band in "irg"]
    theirs = make_lupton_rgb(*weighted, stretch=0.5, Q=8).astype(int)
    assert np.abs(ours - theirs).max() <= 1  # a rounding apart


def test_a_batch_is_its_images_one_by_one(rng: np.random.Generator) -> None:
    images = rng.exponential(0.3, (4, 8, 9, 5)).astype(np.float32)
    np.testing.assert_array_equal(rgb(images), np.stack([rgb(image) for image in images]))


@settings(max_examples=30, deadline=None)
@given(st.floats(-1e3, 1e6), st.integers(1, 6))
def test_rgb_is_in_range_whatever_the_flux(flux: float, bands: int) -> None:
    image = np.full((3, 4, bands), flux, np.float32)
    image[0, 0] = np.nan
    shown = rgb(image, "abcdef"[:bands])
    assert shown.shape == (3, 4, 3)
    assert shown.dtype == np.uint8
    assert not shown[0, 0].any()


def test_a_galaxy_keeps_its_colour_when_it_is_brighter() -> None:
    faint, bright = (
        rgb(np.full((1, 1, 5), flux) * np.array([1, 1, 2, 3, 1]), stretch=Stretch(1, 8))[0, 0] for flux in (0.05, 0.3)
    )
    np.testing.assert_allclose(faint / faint.max(), bright / bright.max(), atol=0.05)


def test_rgb_says_when_bands_and_names_differ() -> None:
    with pytest.raises(InputError, match="3 bands and 5 names"):
        rgb(np.zeros((4, 4, 3)))


def test_the_stretch_follows_the_flux_and_survives_nothing(rng: np.random.Generator) -> None:
    images = rng.exponential(1, (6, 16, 16, 5))
    assert stretch_of(images * 10).scale == pytest.approx(10 * stretch_of(images).scale)
    assert stretch_of(np.zeros((0, 16, 16, 5))) == stretch_of(np.zeros((2, 16, 16, 5))) == Stretch()


# -- signed maps ------------------------------------------------------------------------------------------------------


def test_the_signed_scale_is_symmetric_and_robust(rng: np.random.Generator) -> None:
    values = rng.normal(size=(40, 40, 5))
    assert symmetric_limit(values) == symmetric_limit(-values)
    values[0, 0, 0] = 1e6
    assert symmetric_limit(values) < 5
    assert symmetric_limit(np.zeros(4)) == 1.0


def test_signs_are_opposite_colours_and_nothing_is_nearly_white() -> None:
    against, nothing, speaks_for = diverging_rgb(np.array([-1.0, 0.0, 1.0]), 1.0).astype(int)
    assert against[2] > against[0] + 100
    assert speaks_for[0] > speaks_for[2] + 100
    assert nothing.min() > 240


def test_an_overlay_without_attribution_is_the_grey_image(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 255, (8, 8, 3)).astype(np.uint8)
    shown = over(picture, np.zeros((8, 8)), 1.0)
    assert (shown == shown[..., :1]).all()


# -- colours of a column ----------------------------------------------------------------------------------------------


def test_words_are_coloured_by_frequency_and_the_missing_are_named() -> None:
    found = categories("label", ["b", "a", "a", None, "a", "b"])
    assert found.names == ("a", "b", "none")
    assert [found.names[code] for code in found.codes] == ["b", "a", "a", "none", "a", "b"]
    assert found.colours[:2] == OKABE_ITO[:2]
    assert found.rgb().shape == (6, 3)


def test_more_words_than_colours_are_gathered() -> None:
    found = categories("kind", [f"k{place}" for place in range(20) for _ in range(20 - place)])
    assert len(found.names) == len(OKABE_ITO) + 1
    assert found.names[-1] == "other"


def test_numbers_have_robust_limits() -> None:
    found = scale("r", [*np.linspace(14, 18, 1000), 99.0, np.nan])
    assert (found.low, found.high) == pytest.approx((14, 18), abs=0.1)
    assert np.isfinite(found.rgb()).all()


# -- the map ----------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 30), st.integers(0, 2**31))
def test_the_polygon_holds_whom_matplotlib_holds(vertices: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # A star-shaped polygon crosses nowhere, so that even-odd and winding rules agree.
    angles, radii = np.sort(rng.uniform(0, 2 * np.pi, vertices)), rng.uniform(0.2, 1, vertices)
    polygon = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
    if np.diff(angles, append=angles[0] + 2 * np.pi).max() >= np.pi:
        return
    points = rng.uniform(-1, 1, (500, 2))
    np.testing.assert_array_equal(inside_polygon(points, polygon), Outline(polygon).contains_points(points))


def test_a_polygon_that_crosses_itself_is_even_odd() -> None:
    bow_tie = np.array([[0, 0], [2, 2], [2, 0], [0, 2]], float)
    points = np.array([[1.8, 1], [0.2, 1], [1, 1.8], [1, 0.2]])
    assert inside_polygon(points, bow_tie).tolist() == [True, True, False, False]
    assert not inside_polygon(points, bow_tie[:2]).any()


def test_the_density_counts_everybody_and_puts_the_top_first(rng: np.random.Generator) -> None:
    points = np.array([[0.01, 0.99], [0.99, 0.01]])
    image = density_rgba(points, np.array([[255, 0, 0], [0, 0, 255.0]]), MapWindow(0, 1, 0, 1))
    assert image.shape == (PIXELS, PIXELS, 4)
    assert image[5, 5].tolist()[:3] == [255, 0, 0]
    assert image[-6, -6].tolist()[:3] == [0, 0, 255]
    assert (image[..., 3] > 0).sum() == 2


def test_members_stay_bright(rng: np.random.Generator) -> None:
    points, colours = np.array([[0.2, 0.2], [0.8, 0.8]]), np.full((2, 3), 128.0)
    image = density_rgba(points, colours, MapWindow(0, 1, 0, 1), np.array([True, False]))
    low, high = np.sort(image[..., 3][image[..., 3] > 0])
    assert high > 3 * low


def test_zooming_in_keeps_the_points_on_the_screen(rng: np.random.Generator) -> None:
    points, order = rng.uniform(size=(5000, 2)), rng.permutation(5000)
    wide = sample(points, MapWindow(0, 1, 0, 1), order, 500)
    near = sample(points, MapWindow(0.25, 0.75, 0.25, 0.75), order, 500)
    assert len(wide) == len(near) == 500
    assert set(wide[MapWindow(0.25, 0.75, 0.25, 0.75).holds(points[wide])]) <= set(near)


def _points(n: int, rng: np.random.Generator) -> MapPoints:
    coordinates = rng.normal(size=(n, 2)).astype(np.float32)
    return MapPoints(
        coordinates, [str(GIANT + row) for row in range(n)], ["a", "b"] * (n // 2), ["b"] * n, rng.permutation(n)
    )


def test_the_map_holds_a_sample_the_lasso_and_a_ring(rng: np.random.Generator) -> None:
    points = _points(6000, rng)
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
    view = MapView(None, 7, inside_polygon(points.coordinates, square), square)
    figure = map_figure(points, categories("label", points.labels), view, most=1000)
    drawn = [trace for trace in figure.data if trace.customdata is not None]
    assert sum(len(trace.x) for trace in drawn) == 1000
    assert len(figure.layout.images) == 1
    ring = next(trace for trace in figure.data if trace.meta == "selected")
    assert (ring.x[0], ring.y[0]) == tuple(points.coordinates[7])
    assert any(trace.meta == "lasso" for trace in figure.data)


def test_ids_reach_the_browser_as_strings(rng: np.random.Generator) -> None:
    figure = map_figure(_points(10, rng), scale("r", np.arange(10)))
    assert f'"{GIANT}"' in figure.to_json()


def test_a_window_has_air_and_survives_no_points() -> None:
    assert window_of(np.array([[0, 0], [1, 2.0]])) == MapWindow(-0.04, 1.04, -0.08, 2.08)
    assert window_of(np.zeros((0, 2))) == MapWindow(-1, 1, -1, 1)
    assert window_of(np.ones((3, 2))).x1 > 1


# -- panels -----------------------------------------------------------------------------------------------------------


def _pixels(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))


def test_pictures_travel_unchanged_and_stand_upright(rng: np.random.Generator) -> None:
    images = rng.integers(0, 255, (2, 5, 6, 3)).astype(np.uint8)
    np.testing.assert_array_equal(_pixels(data_uri(images[0])), images[0])
    np.testing.assert_array_equal(_pixels(thumbnails(images)[1]), images[1][::-1])


def test_the_bands_read_fluxes_and_leave_gaps(rng: np.random.Generator) -> None:
    image, valid = rng.normal(size=(6, 7, 5)).astype(np.float32), np.ones((6, 7), bool)
    valid[0] = False
    figure = bands_panel(image, "ugriz", valid)
    assert [note.text for note in figure.layout.annotations] == list("ugriz")
    np.testing.assert_allclose(figure.data[2].customdata[1:], image[1:, :, 2], rtol=1e-6)
    assert np.isnan(figure.data[2].z[0]).all()


def test_attribution_panels_share_one_scale(rng: np.random.Generator) -> None:
    picture, values = rng.integers(0, 255, (8, 8, 3)).astype(np.uint8), rng.normal(size=(8, 8, 5)).astype(np.float32)
    panels = attribution_panels(picture, values, "ugriz")
    assert panels.by_band is not None
    maps = [trace for figure in (panels.over, panels.by_band) for trace in figure.data if trace.type == "heatmap"]
    assert len(maps) == 6
    assert {(each.zmin, each.zmax) for each in maps} == {(-panels.limit, panels.limit)}
    np.testing.assert_allclose(maps[0].z, summed_over_bands(values), rtol=1e-6)
    assert attribution_panels(picture, values[..., 0]).by_band is None
    assert len(rgb_panel(picture).layout.images) == 1


def test_probabilities_keep_the_order_and_mark_the_label() -> None:
    bars = probability_bars({"smooth": 0.2, "spiral": 0.7, "edge-on": 0.1}, "smooth").data[0]
    assert list(bars.x) == [0.2, 0.7, 0.1]
    assert bars.y[0].startswith("smooth ")
    assert bars.marker.color[1] != bars.marker.color[0] == bars.marker.color[2]


def test_votes_show_the_questions_that_were_asked() -> None:
    smooth = {
        "t01_smooth_or_features_a01_smooth_debiased": 0.9,
        "t01_smooth_or_features_a02_features_or_disk_debiased": 0.1,
    }
    roundness = {"t07_rounded_a16_completely_round_fraction": 0.8, "t04_spiral_a08_spiral_debiased": 0.5}
    assert list(vote_bars(smooth | roundness).data[0].y) == ["smooth", "features or disc", "round"]
    assert len(vote_bars({}).data[0].x) == 0
