"""What figures for papers hold: journals' widths, print sizes, shared and stated scales, letters, skies, and bytes."""

from __future__ import annotations

import doctest
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.wcs import WCS
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from paper_galaxies import LONG, SKY, a_map, galaxy, texts, words_of

from gz2interp.errors import InputError
from gz2interp.figures.layouts.bands import BandBars, bands_figure
from gz2interp.figures.layouts.by_band import by_band_figure
from gz2interp.figures.layouts.galaxies import galaxies_figure
from gz2interp.figures.layouts.methods import Panel, methods_figure
from gz2interp.figures.layouts.neighbours import neighbours_figure
from gz2interp.figures.layouts.repaint_pair import RepaintPair, repaint_figure
from gz2interp.figures.layouts.right_wrong import right_wrong_figure
from gz2interp.figures.pieces import maps, pictures, sheet
from gz2interp.figures.pieces.cells import Cell
from gz2interp.figures.pieces.maps import MapScale, laid_over, number, rounded_up, scale_of
from gz2interp.figures.pieces.pictures import compass_of
from gz2interp.figures.rgb import rgb, rgb_bands
from gz2interp.figures.shown import CutoutSky
from gz2interp.figures.style import SMALL, TALLEST, FigureSize, FigureStyle, save_figure
from gz2interp.sky import cutout_wcs

SCALE = MapScale(2.0)
TINY = MapScale(5.5e-4)
"""Whose numbers are long."""
TRUST = "Trust: not checked. Run gz2interp check demo --model cnn."
WIDTHS = {
    ("mnras", 1): 84.35,
    ("mnras", 2): 177.13,
    ("apj", 1): 85.15,
    ("apj", 2): 180.34,
    ("aa", 1): 88,
    ("aa", 2): 180,
}
"""[mm]"""


def of_galaxies(
    manner: FigureStyle,
    bands: str = "ugriz",
    n: int = 2,
    sky: CutoutSky = SKY,
    per_band: bool = True,
    scale: MapScale = SCALE,
) -> Figure:
    shown = [galaxy(len(bands), sky=sky, seed=k) for k in range(n)]
    return galaxies_figure(shown, [a_map(each, per_band) for each in shown], bands, scale, manner, TRUST)


def of_faint_galaxies(manner: FigureStyle) -> Figure:
    return of_galaxies(manner, scale=TINY)


def of_bands(
    manner: FigureStyle, bands: str = "ugriz", n: int = 2, sky: CutoutSky = SKY, per_band: bool = True
) -> Figure:
    shown = [galaxy(len(bands), sky=sky) for _ in range(min(n, 2))]
    return by_band_figure(shown, [a_map(each) for each in shown], bands, SCALE, manner, TRUST)


def of_methods(
    manner: FigureStyle, bands: str = "ugriz", n: int = 2, sky: CutoutSky = SKY, per_band: bool = True
) -> Figure:
    shown = galaxy(len(bands), sky=sky)
    panels = [
        Panel(f"Method {k}", a_map(shown, per_band, k), MapScale(float(k + 1), k != 3), "3 of 4") for k in range(5)
    ]
    return methods_figure(shown, panels, bands, manner, TRUST)


def cells(bands: str, n: int, sky: CutoutSky, per_band: bool) -> list[Cell]:
    shown = [galaxy(len(bands), sky=sky, seed=k) for k in range(n)]
    return [Cell(each, a_map(each, per_band)) for each in shown]


def of_right_wrong(
    manner: FigureStyle, bands: str = "ugriz", n: int = 2, sky: CutoutSky = SKY, per_band: bool = True
) -> Figure:
    right, wrong = cells(bands, min(n, 3), sky, per_band), cells(bands, 1, sky, per_band)
    return right_wrong_figure(right, wrong, bands, SCALE, manner, TRUST)


def of_neighbours(
    manner: FigureStyle, bands: str = "ugriz", n: int = 2, sky: CutoutSky = SKY, per_band: bool = True
) -> Figure:
    return neighbours_figure([cells(bands, 4, sky, per_band)], bands, SCALE, manner, TRUST)


def of_repaint(
    manner: FigureStyle, bands: str = "ugriz", n: int = 2, sky: CutoutSky = SKY, per_band: bool = True
) -> Figure:
    one, other = galaxy(len(bands), sky=sky), galaxy(len(bands), sky=sky, seed=1)
    pairs = [RepaintPair(one, other, a_map(one, per_band), a_map(other, per_band))] * min(n, 2)
    return repaint_figure(pairs, bands, SCALE, manner, TRUST)


def of_bars(
    manner: FigureStyle, bands: str = "ugriz", n: int = 2, sky: CutoutSky = SKY, per_band: bool = True
) -> Figure:
    values = np.linspace(-1, 2, len(bands)) if len(bands) > 1 else np.array([1.0])
    return bands_figure([BandBars(LONG, values, galaxy=galaxy(len(bands), sky=sky))] * n, bands, "logit", manner, TRUST)


ALL: list[Callable[..., Figure]] = [
    of_galaxies, of_bands, of_methods, of_right_wrong, of_neighbours, of_repaint, of_bars,
]  # fmt: skip
WITH_MAPS = ALL[:-1]


@pytest.mark.parametrize("draw", [*ALL, of_faint_galaxies])
def test_a_figure_is_as_wide_as_the_column_legible_and_fits_the_page(draw: Callable[..., Figure]) -> None:
    for journal, columns in (("mnras", 1), ("aa", 2)):
        figure = draw(FigureStyle(FigureSize(journal, columns)))
        assert figure.get_figwidth() * 25.4 == pytest.approx(WIDTHS[journal, columns], abs=0.01)
        assert figure.get_figheight() <= TALLEST
        drawn = texts(figure)
        assert min(each.get_fontsize() for each in drawn) >= SMALL
        assert TRUST in words_of(figure).replace("\n", " ")
        assert "(a)" in words_of(figure)
        for each in drawn:  # nothing is cut off at the rim
            box = each.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
            assert box.x0 > -0.03, each
            assert box.x1 < figure.get_figwidth() + 0.03, each
            assert box.y0 > -0.03, each
            assert box.y1 < figure.get_figheight() + 0.02, each


def test_the_widths_are_the_journals() -> None:
    for (journal, columns), width in WIDTHS.items():
        assert FigureSize(journal, columns).width * 25.4 == pytest.approx(width, abs=0.01)


@pytest.mark.parametrize(
    ("draw", "style", "on"), [(of_galaxies, "overlay", "rgb"), *((draw, "contours", "g") for draw in WITH_MAPS)]
)
def test_every_style_on_every_ground(draw: Callable[..., Figure], style: str, on: str) -> None:
    plain, drawn = (_pixels(draw(FigureStyle(style=each, on=on), bands="gr")) for each in ("map", style))
    assert any(not np.array_equal(one, other) for one, other in zip(plain, drawn, strict=True))
    with pytest.raises(InputError, match="One of rgb, g, r"):
        FigureStyle(style=style, on="y").ground("gr")


def _pixels(figure: Figure) -> list[Any]:
    return [np.asarray(image.get_array()) for axis in figure.axes for image in axis.images]


@pytest.mark.parametrize(("draw", "bands"), [*((draw, "r") for draw in ALL), (of_galaxies, "grz")])
def test_any_bands_and_an_unknown_sky(draw: Callable[..., Figure], bands: str) -> None:
    figure = draw(FigureStyle(), bands=bands, sky=CutoutSky())
    said = words_of(figure)
    assert "pix" in said
    assert "\N{DOUBLE PRIME}" not in said
    assert not {"N", "E"} & set(said.split("\n"))
    if draw is of_galaxies:
        known = words_of(draw(FigureStyle(), bands=bands)).split("\n")
        assert {"N", "E"} <= set(known)
        assert any(each.endswith("\N{DOUBLE PRIME}") for each in known)


@pytest.mark.parametrize("draw", WITH_MAPS)
def test_coordinates_are_those_of_the_wcs_and_are_refused_where_none_are_known(draw: Callable[..., Figure]) -> None:
    figure = draw(FigureStyle(axes="wcs"))
    skies: list[Any] = [axis for axis in figure.axes if hasattr(axis, "coords")]
    for axis in skies:
        assert axis.wcs.wcs.crval.tolist() == [150.1, 2.2]
    assert any(axis.coords[0].get_ticklabel_position() == ["b"] for axis in skies)
    with pytest.raises(InputError, match="--axes scale"):
        draw(FigureStyle(axes="wcs"), sky=CutoutSky(0.4, 0.0))


def test_many_bands_leave_room_for_what_matters() -> None:
    names = "abcdefghij"
    figure = of_galaxies(FigureStyle(), bands=names, n=1)
    said = words_of(figure).split("\n")
    assert {"colour", "all bands", "in a", "in j"} <= set(said)
    assert "a" not in said


def test_north_and_east_are_where_the_wcs_says() -> None:
    for angle in (0.0, 30.0, 200.0):
        wcs: WCS = cutout_wcs(150.0, 2.0, 1.0, angle, (65, 65))
        for (x, y), (ra, dec) in zip(compass_of(angle), ((0, 1), (1, 0)), strict=True):
            sky = wcs.pixel_to_world(32 + 10 * x, 32 + 10 * y)
            east = (sky.ra.deg - 150.0) * np.cos(np.deg2rad(2.0)) * 3600
            assert (east, (sky.dec.deg - 2.0) * 3600) == pytest.approx((10 * ra, 10 * dec), abs=0.01)


@pytest.mark.parametrize("draw", [of_galaxies, of_bands, of_right_wrong, of_neighbours])
def test_signed_maps_share_the_scale_that_the_bar_states(draw: Callable[..., Figure]) -> None:
    figure = draw(FigureStyle())
    maps = [image for axis in figure.axes for image in axis.images if image.cmap.name == "against_for"]
    assert len(maps) > 2
    assert {image.get_clim() for image in maps} == {(-2.0, 2.0)}
    assert {"\N{MINUS SIGN}2", "0", "+2"} <= {each.get_text() for each in texts(figure)}


def test_each_method_states_its_own_scale_and_variances_have_no_sign() -> None:
    figure = of_methods(FigureStyle())
    clims = [axis.images[0].get_clim() for axis in figure.axes if axis.images and axis.images[0].cmap.name != "viridis"]
    said = {each.get_text() for each in texts(figure)}
    for k in range(5):
        limit = float(k + 1)
        assert ((0.0 if k == 3 else -limit), limit) in clims
        assert (number(limit) if k == 3 else f"+{number(limit)}") in said


def test_a_limit_is_rounded_up_to_what_is_written() -> None:
    rng = np.random.default_rng(0)
    for power in range(-8, 8):
        values = rng.normal(size=(3, 20, 20)) * 10.0**power
        limit = scale_of(values).limit
        quantile = np.quantile(np.abs(values), 0.995)
        assert quantile <= limit * (1 + 1e-9)
        assert limit <= 1.1 * quantile
        assert "e0" not in number(limit)
        assert float(number(limit).replace("\N{MINUS SIGN}", "-")) == pytest.approx(limit, rel=1e-6)
    assert rounded_up(0.5) == 0.5
    assert scale_of([np.zeros((4, 4))]).limit == 1.0


def test_images_and_maps_stand_the_right_way_up() -> None:
    shown = galaxy()
    shown.image[:] = 0
    shown.image[2, 12] = 1
    figure = galaxies_figure([shown], [shown.image], "ugriz", SCALE, FigureStyle())
    band, map_ = figure.axes[0].images[0], figure.axes[6].images[0]
    for picture, place in ((band, np.argmin), (map_, np.argmax)):
        pixels = np.asarray(picture.get_array())
        assert picture.origin == "lower"
        assert np.unravel_index(place(pixels[..., 0] if pixels.ndim == 3 else pixels), (24, 24)) == (2, 12)


def test_an_overlay_is_clear_at_zero_and_nearly_opaque_at_the_limit() -> None:
    ground = np.full((1, 3, 3), 120, np.uint8)
    over = laid_over(ground, np.array([[0.0, 2.0, -9.0]]), SCALE)
    assert over[0, 0].tolist() == [120, 120, 120]
    assert over[0, 1, 0] > over[0, 1, 2]
    assert over[0, 2, 2] > over[0, 2, 0]


def test_what_is_not_valid_is_hatched() -> None:
    figure = of_galaxies(FigureStyle(), n=1)
    hatched = [
        each for axis in figure.axes for each in axis.patches if isinstance(each, PathPatch) and each.get_hatch()
    ]
    assert len(hatched) == 12
    box = hatched[0].get_path().get_extents()
    assert (box.x0, box.x1, box.y0, box.y1) == (4.5, 23.5, -0.5, 2.5)


@pytest.mark.parametrize("style", ["map", "contours"])
def test_blank_images_and_blank_maps_are_drawn(style: str) -> None:
    shown = galaxy()
    shown.image[:] = 0
    figure = galaxies_figure([shown], [np.zeros((24, 24), np.float32)], "ugriz", SCALE, FigureStyle(style=style))
    assert len(figure.axes) == 8


def test_one_galaxy_and_twelve_in_five_bands_fit_and_forty_are_told(tmp_path: Path) -> None:
    assert of_galaxies(FigureStyle(), n=1).get_figheight() < 2
    twelve = of_galaxies(FigureStyle(), n=12, per_band=False)
    assert twelve.get_figheight() <= TALLEST
    assert "(l)" in words_of(twelve)
    with pytest.raises(InputError, match=r"40 rows of galaxies do not fit a page of MNRAS, two columns.*--each"):
        of_galaxies(FigureStyle(), n=40)
    with pytest.raises(InputError, match="no galaxy"):
        galaxies_figure([], [], "ugriz", SCALE, FigureStyle())
    large = [galaxy(side=128), galaxy(side=16)]
    assert galaxies_figure(
        large, [a_map(each) for each in large], "ugriz", SCALE, FigureStyle(FigureSize("aa", 1))
    ).axes


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: FigureSize("nature"), "One of mnras, apj, aa"),
        (lambda: FigureSize("aa", 3), "1 or 2"),
        (lambda: FigureStyle(style="sketch"), "One of map, overlay, contours"),
        (lambda: FigureStyle(axes="ecliptic"), "One of scale, wcs"),
    ],
)
def test_wrong_wishes_are_told(wrong: Callable[[], object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        wrong()


@pytest.mark.parametrize("suffix", [".pdf", ".svg", ".png"])
def test_same_input_same_bytes_and_the_caption_inside_and_beside(tmp_path: Path, suffix: str) -> None:
    words = "Where the network looked \N{PLUS-MINUS SIGN}2. " * 20
    for name in ("a", "b"):
        save_figure(of_galaxies(FigureStyle(axes="wcs"), n=1), tmp_path / f"{name}{suffix}", words)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert (tmp_path / "a.txt").read_text() == words + "\n"
    with pytest.raises(InputError, match=r"\.pdf, \.svg, \.png"):
        save_figure(Figure(), tmp_path / "a.gif", "")


def test_fonts_are_in_the_file(tmp_path: Path) -> None:
    save_figure(of_galaxies(FigureStyle()), tmp_path / "a.pdf", "words")
    written = (tmp_path / "a.pdf").read_bytes()
    inside = written + b"".join(_streams(written))
    assert b"/FontFile2" in inside  # TrueType, embedded
    assert b"/Type3" not in inside
    assert (
        set(re.findall(rb"/BaseFont /([^ /\n]+)", inside)) >= {b"DejaVuSans", b"DejaVuSans-Bold"}
        or b"DejaVuSans" in inside
    )
    save_figure(of_galaxies(FigureStyle()), tmp_path / "a.svg", "words")
    drawing = (tmp_path / "a.svg").read_text()
    assert "<text" not in drawing  # letters as outlines: no program need have the font
    assert "DejaVuSans-" in drawing


def _streams(pdf: bytes) -> list[bytes]:
    found = []
    for part in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            found.append(zlib.decompress(part))
        except zlib.error:
            continue
    return found


@pytest.mark.parametrize("module", [maps, pictures, sheet])
def test_the_examples_hold(module: Any) -> None:
    assert doctest.testmod(module) == (0, doctest.testmod(module).attempted)
    assert doctest.testmod(module).attempted


def test_a_composite_keeps_its_colours() -> None:
    assert rgb_bands("rgb") == (0, 1, 2)
    assert rgb_bands("ugriz") == (3, 2, 1)
    red = np.zeros((4, 4, 3), np.float32)
    red[..., 0] = 1
    assert (rgb(red, "rgb")[0, 0].argmax(), rgb(red[..., ::-1], "rgb")[0, 0].argmax()) == (0, 2)
    grey = rgb(np.ones((4, 4, 3), np.float32), "rgb")[0, 0]
    assert len(set(grey.tolist())) == 1
