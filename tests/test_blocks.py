"""Building blocks of a small survey with a network put together by hand: what is planted in its channels is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest
from command_line import ran
from dashboard_fixtures import CLASSES, FIRST_ID, add_model, catalogue, cutout
from matplotlib.figure import Figure
from paper_galaxies import texts

import gz2interp as gz
from gz2interp.embedding.index import nearest_neighbours
from gz2interp.errors import InputError, SurveyError
from gz2interp.figures.layouts.atlas import AtlasCell, atlas_figure
from gz2interp.figures.layouts.groups import active_groups
from gz2interp.figures.shown import CutoutSky
from gz2interp.figures.style import SMALL, TALLEST, FigureSize, FigureStyle
from gz2interp.network.answers import Gradients
from gz2interp.network.quiet import keras
from gz2interp.results import Embedding, Provenance
from gz2interp.stores.analyses import Analysis, layer_folder
from gz2interp.stores.layer_results import BlocksFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows import building_blocks
from gz2interp.workflows.building_block_figures import channel_in_words
from gz2interp.workflows.building_blocks import _sample_places
from gz2interp.workflows.study import Study, open_study

GALAXIES = 240
LAYER = "channels"
SETTINGS = gz.BlockSettings(groups=2, tops=8, places=720, side=4)
LIGHT, TWIN, SILENT, NOISE, RED = range(5)
NOISY = tuple(range(20, 34))
"""Rows whose sky in u is noisier than that of others."""


def network():
    """Light in r, its twin, nothing, the scatter from pixel to pixel, and z above g; then two classes."""
    image = keras.Input((32, 32, 5), name="image")
    said = keras.layers.Conv2D(5, 3, strides=2, padding="same", activation="relu", name=LAYER)(image)
    logits = keras.layers.Dense(2, name="logits")(keras.layers.GlobalAveragePooling2D(name="mean")(said))
    model = keras.Model(image, keras.layers.Softmax()(logits))
    kernel = np.zeros((3, 3, 5, 5), np.float32)
    kernel[..., 2, LIGHT], kernel[..., 2, TWIN] = 1 / 9, 2 / 9
    kernel[1, 1, 0, NOISE], kernel[1, 2, 0, NOISE] = 1, -1
    kernel[1, 1, 4, RED], kernel[1, 1, 1, RED] = 1, -1
    model.get_layer(LAYER).set_weights([kernel, np.zeros(5, np.float32)])
    weights = np.array([[2, -1], [0, 1], [1, 1], [0, 0], [-1, 3]], np.float32)
    model.get_layer("logits").set_weights([weights, np.array([0.5, 0], np.float32)])
    return model


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder, rng = tmp_path_factory.mktemp("blocks"), np.random.default_rng(5)
    network().save(folder / "network.keras")
    survey = Survey.create(folder / "sky", catalogue(GALAXIES, rng), shape=(32, 32), source="painted")
    with survey.writer() as writer:
        for row in range(GALAXIES):
            made = cutout(row, rng)
            if row in NOISY:
                made.image[..., 0] += rng.normal(0, 0.2, (32, 32)).astype(np.float32)
            writer.append(made)
    survey = survey.refreshed()
    add_model(survey, rng, (folder / "network.keras").read_bytes())
    opened = open_study(survey.path, "cnn")
    analysed(opened)
    return opened


def analysed(study: Study) -> None:
    survey, model = study.survey, study.model
    rows = np.flatnonzero(survey.usable)
    values = study.probe.activations(survey.images(rows), LAYER, pooled=True)
    made = Provenance(survey.digest, model.digest, LAYER, "umap", {"metric": "euclidean", "pooling": "mean"}, 0)
    analysis = Analysis(layer_folder(model.path, LAYER) / made.digest)
    analysis.write_activations(0, values, len(values))
    analysis.write_neighbours(replace(nearest_neighbours(values, 6, "euclidean"), metric="euclidean"))
    analysis.write_map(rows, survey.galaxy_ids[rows], Embedding(values[:, :2], "umap"))
    analysis.complete(made)


@pytest.fixture(scope="module")
def folder(study: Study) -> BlocksFolder:
    with pytest.MonkeyPatch.context() as patch:
        # UMAP takes half a minute to load; the long test lays places out by it.
        patch.setattr(building_blocks, "project_places", lambda places, settings: places.vectors[:, [LIGHT, RED]])
        return gz.blocks(study, LAYER, SETTINGS)


def test_what_is_planted_in_channels_is_found(folder: BlocksFolder) -> None:
    table = folder.channels
    assert table["channel"].tolist() == list(range(5))
    assert np.flatnonzero(table["silent"]).tolist() == [SILENT]
    assert table["twin"].tolist() == [TWIN, LIGHT, -1, -1, -1]
    assert table["twin_r"][LIGHT] == pytest.approx(1)
    named = table["artefact"].to_numpy()
    assert named.tolist() == ["", "", "", "sky_u", ""]
    assert table["artefact_share"][NOISE] > 0.9


def test_tops_are_the_survey_sorted(folder: BlocksFolder, study: Study) -> None:
    kept = folder.arrays("tops")
    said = study.probe.activations(study.survey.images(np.arange(GALAXIES)), LAYER)
    loud = said.mean(axis=(1, 2))
    for channel in (LIGHT, NOISE, RED):
        order = np.argsort(-loud[:, channel], kind="stable")
        np.testing.assert_array_equal(kept["top_rows"][channel], order[:8])
        np.testing.assert_array_equal(kept["bottom_rows"][channel], order[::-1][:8])
    assert set(kept["top_rows"][NOISE].tolist()) <= set(NOISY)
    peak = said[kept["peak_rows"][RED, 0], ..., RED]
    assert np.unravel_index(peak.argmax(), peak.shape) == (kept["peak_y"][RED, 0], kept["peak_x"][RED, 0])


def test_channels_go_with_columns_and_every_test_is_kept(folder: BlocksFolder) -> None:
    table = folder.correlates
    assert set(table["channel"]) == {LIGHT, TWIN, NOISE, RED}  # the silent one cannot be tested
    sure = table[table["sure"]].set_index(["channel", "column"])
    assert sure.loc[(LIGHT, "label = round"), "rho"] > 0.6
    assert sure.loc[(LIGHT, "light"), "rho"] > 0.6
    assert (NOISE, "sky_r") not in sure.index
    assert "r" not in sure.index.get_level_values("column")  # magnitudes were drawn without the images
    assert len(folder.artefacts) % 5 == 0


def test_places_and_atlases_are_of_the_survey(folder: BlocksFolder, study: Study) -> None:
    places = folder.arrays("places")
    assert len(places["rows"]) == GALAXIES * 3
    np.testing.assert_allclose(places["attributed"].sum(axis=1), 0, atol=1e-5)
    whole, of_class = gz.load_atlas(folder), gz.load_atlas(folder, "long")
    assert 0 < of_class.coverage < whole.coverage <= len(places["rows"])
    said = study.probe.activations(study.survey.images(places["rows"][whole.patches[0]]), LAYER)
    here = said[np.arange(4), places["y"][whole.patches[0]], places["x"][whole.patches[0]]]
    cosines = here @ whole.directions[0] / np.linalg.norm(here, axis=1) / np.linalg.norm(whole.directions[0])
    assert cosines.min() > 0.9
    with pytest.raises(InputError, match="all, round, long"):
        gz.load_atlas(folder, "spiral")


def test_a_place_where_nothing_is_said_is_in_no_sample() -> None:
    """It has no direction: a cell of such places could have no feature image."""

    class Quiet:
        """Says something in a single place of each galaxy."""

        class_names = CLASSES

        def gradients(self, images: np.ndarray, score: gz.Score, at: str = "") -> Gradients:
            said = np.zeros((len(images), 4, 4, 3), np.float32)
            said[:, 1, 2] = 1
            return Gradients(np.zeros(len(images), np.float32), said, np.ones_like(said), at)

    images = np.zeros((5, 32, 32, 5), np.float32)
    places = _sample_places(Quiet(), images, np.arange(5), LAYER, 9, np.random.default_rng(0))  # type: ignore[arg-type]
    assert places.vectors.any(axis=1).all()
    assert (places.rows.tolist(), set(places.y.tolist()), set(places.x.tolist())) == ([0, 1, 2, 3, 4], {1}, {2})


def test_blocks_are_made_once_and_again_for_another_question(folder: BlocksFolder, study: Study) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building_blocks, "run_survey_pass", lambda *_: pytest.fail("asked again"))
        again = gz.blocks(study, LAYER, SETTINGS)
        assert again.provenance.digest == folder.provenance.digest
        assert gz.blocks(study, LAYER).provenance.digest == folder.provenance.digest  # with what they were found with
        assert folder.provenance.parameters["logit_rule"] == study.probe.logit_rule
        with pytest.raises(pytest.fail.Exception, match="asked again"):
            gz.blocks(study, LAYER, replace(SETTINGS, seed=1))
    kept = gz.load_blocks(study.survey, study.model, LAYER)
    assert kept is not None
    assert len(gz.load_groups(kept)) == 2


def test_a_galaxy_is_taken_apart_and_the_account_is_exact(folder: BlocksFolder, study: Study) -> None:
    """The network is linear behind the layer: all is known from its weights."""
    galaxy = FIRST_ID + 4
    found = gz.blocks_of_galaxy(study, galaxy, LAYER)
    weights, _ = study.probe.model.get_layer("logits").get_weights()
    pooled = found.activations.mean(axis=(0, 1))
    for k, name in enumerate(CLASSES):
        assert found.scores[k] == f"logit({name})"
        np.testing.assert_allclose(found.attributions[k].channels[0], pooled * weights[:, k], atol=1e-5)
        told = found.effects.accounted[k]
        np.testing.assert_allclose(told.evidence, (pooled * weights[:, k]).sum(), atol=1e-5)
        assert (told.past[0], told.gap[0]) == pytest.approx((0, 0), abs=1e-5)
        shown, channels = found.strongest_channels(k, 2)
        assert len(shown) == 2
        np.testing.assert_allclose(channels.shown + channels.left, told.evidence, atol=1e-5)
    entries = found.entries(found.places(1)[0], 3).entries
    assert all(entry.channel != SILENT for entry in entries[:2])
    assert found.grid.strengths.max() == 1
    own = gz.blocks_of_image(study, study.survey.images([4])[0], LAYER, groups=3)
    assert len(own.groups) == 3
    assert own.galaxy_id == -1


def test_attribution_between_layers_sums_to_the_later_channel(study: Study) -> None:
    ids = [FIRST_ID + row for row in (0, 5)]
    table = gz.attribution_between(study, LAYER, "mean", ids)
    said = study.probe.activations(study.survey.images([0, 5]), LAYER, pooled=True).mean(axis=0)
    np.testing.assert_allclose(table, np.diag(said), atol=1e-6)
    assert gz.attribution_between(study, LAYER, "mean", ids, channels=[RED]).shape == (5, 1)


def test_what_is_not_there_is_told(study: Study, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No galaxy 7"):
        gz.blocks_of_galaxy(study, 7, LAYER)
    with pytest.raises(InputError, match="Channel 5 of layer 'mean' was requested"):
        gz.attribution_between(study, LAYER, "mean", [FIRST_ID], channels=[5])
    with pytest.raises(InputError, match="No galaxy was given"):
        gz.attribution_between(study, LAYER, "mean", [])
    flat = gz.blocks_of_galaxy(study, FIRST_ID, "mean", steps=2)
    assert flat.effects.attributed.shape == (1, len(flat.groups), 2)
    for ask in (flat.places, lambda: gz.groups_drawing(study, flat)):
        with pytest.raises(InputError, match="'mean'"):
            ask()
    with pytest.raises(SurveyError, match="gz2interp analyse"):
        gz.blocks(study, "mean")
    with pytest.raises(SurveyError, match="have not been computed"):
        gz.tops_drawing(study, "mean", [0])


@pytest.mark.parametrize("name", ["dictionary", "groups", "tops", "atlas"])
def test_every_figure_fits_its_page_with_and_without_feature_images(
    folder: BlocksFolder, study: Study, name: str
) -> None:
    image, atlas = study.survey.images([0])[0], gz.load_atlas(folder)
    found = gz.blocks_of_galaxy(study, FIRST_ID + 4, LAYER, steps=2)
    draw = {
        "dictionary": lambda style, **more: gz.dictionary_drawing(study, found, style, found.places(2), 3, **more),
        "groups": lambda style, **more: gz.groups_drawing(study, found, style, **more),
        "tops": lambda style, **more: gz.tops_drawing(study, LAYER, [NOISE, RED], style, 3, 1, **more),
        "atlas": lambda style, **more: gz.atlas_drawing(study, LAYER, style=style, **more),
    }[name]
    keys = {
        "dictionary": range(5),
        "groups": range(2),
        "tops": [NOISE],
        "atlas": list(zip(atlas.column.tolist(), atlas.row.tolist(), strict=True)),
    }[name]
    image = np.flipud(image) * np.float32([0, 0, 0, 1, 0])  # like no galaxy
    plain = draw(FigureStyle(FigureSize(columns=2)))
    rich = draw(FigureStyle(FigureSize(columns=1)), features=dict.fromkeys(keys, image))
    assert (greenless(plain.figure), greenless(rich.figure) > 0) == (0, True)
    for drawing, columns in ((plain, 2), (rich, 1)):
        figure = drawing.figure
        assert figure.get_figwidth() == pytest.approx(FigureSize(columns=columns).width)
        assert figure.get_figheight() <= TALLEST
        for each in texts(figure):  # legible, and nothing is cut off at the rim
            assert each.get_fontsize() >= SMALL
            box = each.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
            assert box.x0 > -0.03, each
            assert box.x1 < figure.get_figwidth() + 0.03, each
            assert box.y0 > -0.03, each
            assert box.y1 < figure.get_figheight() + 0.02, each
        boxes = [each.get_window_extent() for each in figure.texts if each.get_text()]
        assert not any(one.overlaps(other) for k, one in enumerate(boxes) for other in boxes[:k])
        pictures = [axis.get_window_extent() for axis in figure.axes]
        assert not any(box.shrunk(0.9, 0.9).overlaps(picture) for box in boxes for picture in pictures)
        assert len(drawing.numbers)
        assert "Network cnn" in drawing.caption
    assert name != "groups" or "account for" in plain.caption


@pytest.mark.parametrize("side", [3, 14, 20])
@pytest.mark.parametrize("features", [False, True])
def test_every_picture_of_an_atlas_is_large_enough_to_be_seen(side: int, features: bool) -> None:
    rng = np.random.default_rng(side)
    patch = rng.normal(1, 0.1, (24, 24, 5)).astype(np.float32)
    cells = [
        AtlasCell(column, row, int(rng.integers(1, 500)), (column + row) % 3, patch, patch if features else None)
        for column in range(side)
        for row in range(side)
    ]
    figure = atlas_figure(
        cells, ["round", "edge on", "spiral"], "ugriz", FigureStyle(), "A foot.", CutoutSky(0.396, 0.0)
    )
    assert figure.get_figheight() <= TALLEST
    figure.canvas.draw()
    sides = [
        image.get_window_extent().width / figure.dpi for axis in figure.axes for image in axis.images if image.axes
    ]
    assert len(sides) in (side**2, 2 * side**2)
    assert min(sides) * 25.4 > 4
    assert max(sides) == pytest.approx(min(sides))
    written = {text.get_text() for axis in figure.axes for text in axis.texts}
    assert {"N", "E", "2\N{DOUBLE PRIME}"} <= written
    if features and len(sides) == side**2:
        assert any("Feature images are left out" in text.get_text().replace("\n", " ") for text in figure.texts)


def test_an_atlas_in_which_nothing_would_be_seen_is_refused() -> None:
    cells = [AtlasCell(column, 0, 1, 0, np.ones((16, 16, 5), np.float32)) for column in range(40)]
    with pytest.raises(InputError, match="mm on a page"):
        atlas_figure(cells, ["round"], "ugriz", FigureStyle(FigureSize(columns=1)))


def test_a_group_that_is_not_active_in_a_galaxy_is_left_out_and_named(folder: BlocksFolder, study: Study) -> None:
    found = gz.blocks_of_galaxy(study, FIRST_ID + 4, LAYER, steps=2)
    loads = found.effects.loads.copy()
    loads[..., 1] = 0
    drawing = gz.groups_drawing(study, replace(found, effects=replace(found.effects, loads=loads)))
    assert "strongest in this galaxy: group 2." in drawing.caption
    names = [text.get_text() for text in drawing.figure.texts]
    assert "group 1" in names
    assert "group 2" not in names
    assert active_groups(np.zeros((2, 2, 3))) == [0, 1, 2]


def test_a_channel_that_is_not_there_has_no_tops(folder: BlocksFolder, study: Study) -> None:
    with pytest.raises(InputError, match="0 to 4"):
        gz.tops_drawing(study, LAYER, [9])


def test_a_channel_goes_with_columns_by_their_names() -> None:
    channels = pd.DataFrame([{"silent": False, "twin": -1, "twin_r": np.nan, "artefact": ""}])
    correlates = pd.DataFrame({"channel": [0, 0], "column": ["edge_on", "bar"], "rho": [0.7, -0.5], "sure": True})
    words = channel_in_words(cast("BlocksFolder", SimpleNamespace(channels=channels, correlates=correlates)), 0)
    assert words == "edge-on: rho +0.70\nbar: rho \N{MINUS SIGN}0.50"


def greenless(figure: Figure) -> int:
    """Pictures without any green: feature images of light in i or z alone."""
    pictures = [np.asarray(image.get_array()) for axis in figure.axes for image in axis.images]
    return sum(bool(each.any()) and not each[..., 1].any() for each in pictures)


def test_the_command_line_names_the_odd_channels_and_takes_a_galaxy_apart(
    folder: BlocksFolder, study: Study, tmp_path: Path
) -> None:
    odd = ran("channels", study.survey.path)
    drawn = ran("groups", study.survey.path, FIRST_ID + 4, "--out", tmp_path / "groups.png")
    assert odd.returncode == drawn.returncode == 0, odd.stderr + drawn.stderr
    for told in ("channel 2: never active", "redundant with 0 (r +1.00)", "channel 3: artefact: sky u"):
        assert told in odd.stdout
    assert "the groups shown account for" in drawn.stdout
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".csv", ".png", ".txt"]


@pytest.mark.long
def test_places_are_laid_out_by_kind_and_one_seed_gives_one_layout() -> None:
    from gz2interp.workflows.building_blocks import SampledPlaces, project_places

    rng = np.random.default_rng(3)
    kinds = np.repeat(np.arange(3), 80)
    vectors = (np.eye(6)[kinds] + 0.1 * np.abs(rng.normal(size=(240, 6)))).astype(np.float32)
    nothing = np.zeros(240, np.int64)
    places = SampledPlaces(vectors, np.zeros((240, 2), np.float32), nothing, nothing, nothing)
    first, second = (project_places(places, SETTINGS) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    middles = np.stack([first[kinds == kind].mean(axis=0) for kind in range(3)])
    nearest = np.linalg.norm(first[:, None] - middles, axis=2).argmin(axis=1)
    assert (nearest == kinds).mean() > 0.95
