"""A layer's channels as rows that can be sorted and filtered, and pictures of places of its plane."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dashboard_fixtures import make_survey
from layer_fixtures import CHANNELS, GROUPS, OF_SKY, SILENT, TWIN, add_blocks, add_features

from gz2interp.cells import tiled
from gz2interp.errors import InputError
from gz2interp.figures.places import class_colours, framed_places, on_cells, over_places, pieces_around
from gz2interp.stores.analyses import latest_analysis
from gz2interp.stores.layer_results import BlocksFolder, FeaturesFolder, blocks_folder, features_folder
from gz2interp.workflows.layer_table import FILTERS, ORDERS, atlas_names, column_in_words, layer_table, sort_and_filter

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "dashboards" / "explore.py"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[BlocksFolder, FeaturesFolder]:
    survey = make_survey(tmp_path_factory.mktemp("surveys") / "tiny", 20)
    add_blocks(survey)
    add_features(survey)
    model = survey.model("cnn")
    analysis = latest_analysis(model.path, survey.digest, model.digest)
    assert analysis is not None
    return blocks_folder(analysis), features_folder(analysis)


def test_a_row_for_each_channel_with_and_without_a_sheet(kept: tuple[BlocksFolder, FeaturesFolder]) -> None:
    blocks, features = kept
    table = layer_table(blocks, features)
    assert table["number"].tolist() == list(range(CHANNELS))
    assert table.loc[0, ["goes_with", "rho"]].tolist() == ["r", -0.8]
    assert table["goes_with"].tolist()[2:] == [""] * 4
    assert table["beyond"].tolist() == [-0.75, 1.0, -1.0, 0.0, 0.25, 0.5]
    assert table.index[table["unexcited"]].tolist() == [SILENT]
    alone = layer_table(blocks, None)
    assert alone["beyond"].isna().all()
    assert not alone["unexcited"].any()
    assert layer_table(None, features, "group")["number"].tolist() == list(range(GROUPS))
    assert not len(layer_table(blocks, None, "class"))


def test_every_order_and_filter(kept: tuple[BlocksFolder, FeaturesFolder]) -> None:
    blocks, features = kept
    table = layer_table(blocks, features)

    def shown(order: str, which: str = "all") -> list[int]:
        return sort_and_filter(table, order, which, blocks.correlates)["number"].tolist()

    assert shown("number") == list(range(CHANNELS))
    assert shown("strongest correlation")[:2] == [1, 0]  # petro_radius before r, without a correlation last
    assert shown("activity") == list(reversed(range(CHANNELS)))
    assert shown("beyond real galaxies") == [1, 5, 4, 3, 0, 2]
    assert shown("number", "never active") == [SILENT]
    assert shown("number", "redundant channels") == [3, TWIN]
    assert shown("number", "observational artefacts") == [OF_SKY]
    assert shown("number", "beyond real galaxies") == [1, 4, 5]
    assert shown("number", "correlates with r") == [0]
    assert all(set(shown(order, which)) <= set(range(CHANNELS)) for order in ORDERS for which in FILTERS)
    for order, which in (("colour", "all"), ("number", "loud")):
        with pytest.raises(InputError, match="requested"):
            shown(order, which)


def test_the_atlases_there_are(kept: tuple[BlocksFolder, FeaturesFolder]) -> None:
    assert atlas_names(kept[0]) == ["all", "long"]


def test_columns_as_one_reads_them() -> None:
    assert column_in_words("t07_rounded_a16_completely_round_debiased") == "votes completely round"
    assert column_in_words("t02_edgeon_a04_yes_weighted_fraction") == "votes edgeon yes"
    assert column_in_words("label = edge_on") == "label = edge-on"


def test_a_frame_lies_on_the_edge_of_its_cell() -> None:
    framed = framed_places(np.full((1, 8, 8, 3), 100, np.uint8), tiled((2, 2), (8, 8)), np.array([1]), np.array([0]))
    assert framed.shape == (1, 24, 24, 3)
    inside, touched = framed[0, 16:20, 4:8], framed[0, 12:, :12]
    assert (inside == 100).all()
    assert set(np.unique(touched)) == {0, 100, 255}
    assert (framed[0, :12] == 100).all()
    assert (framed[0, :, 12:] == 100).all()
    assert (
        framed_places(framed, tiled((1, 1), (24, 24)), np.array([0]), np.array([0])) == framed.repeat(3, 1).repeat(3, 2)
    ).all()


def test_a_piece_is_three_cells_wide_and_inside_the_image() -> None:
    y, x = np.mgrid[:32, :32]
    images = np.stack([y, x], axis=-1)[None].repeat(2, axis=0).astype(np.float32)
    middle, corner = pieces_around(images, tiled((4, 4), (32, 32)), np.array([1, 0]), np.array([2, 3]))
    assert middle.shape == (24, 24, 2)
    assert middle[0, 0].tolist() == [0, 8]
    assert corner[0, 0].tolist() == [0, 8]
    assert pieces_around(images, tiled((32, 32), (32, 32)), np.array([16, 0]), np.array([16, 0])).shape == (
        2,
        16,
        16,
        2,
    )


def test_a_map_of_the_plane_lies_over_the_galaxy() -> None:
    map_ = np.array([[1.0, 0.0], [0.0, -2.0]])
    assert on_cells(map_, tiled((2, 2), (4, 6))).tolist()[0] == [1, 1, 1, 0, 0, 0]
    drawn, limit = over_places(np.full((4, 4, 3), 90, np.uint8), map_, tiled((2, 2), (4, 4)))
    assert limit == pytest.approx(2, rel=0.02)
    assert drawn[0, 0, 0] > drawn[0, 0, 2]  # red for
    assert drawn[3, 3, 2] > drawn[3, 3, 0]  # blue against
    assert (drawn[0, 3] == 90).all()


def test_colours_for_more_classes_than_can_be_told_apart() -> None:
    assert len(class_colours(12)) == 12
    assert class_colours(12)[-1] == class_colours(9)[-1] != class_colours(7)[-1]


def test_the_page_shows_a_layer_without_tensorflow(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "tiny", 20)
    add_blocks(survey)
    add_features(survey)
    program = f"""
import os, sys
os.environ["GZ2INTERP_SURVEYS"] = {str(tmp_path)!r}
from streamlit.testing.v1 import AppTest
page = AppTest.from_file({str(SCRIPT)!r}, default_timeout=120)
page.switch_page("screens/features.py").run()
assert not page.exception
assert any("Most activating galaxies" in each.proto.body for each in page.get("html"))
print([name for name in ("tensorflow", "keras", "umap") if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout.strip() == "[]"
