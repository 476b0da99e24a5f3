"""The dashboard's neighbours: twins are marked, the least similar are a switch away, a file finds its galaxy."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dashboard_fixtures import FIRST_ID, make_survey, small_network, use_surveys
from streamlit.testing.v1 import AppTest

from dashboards.loading.neighbours import neighbours_of_file
from dashboards.parts.neighbours import notes_of
from gz2interp.embedding.index import nearest_neighbours
from gz2interp.errors import InputError
from gz2interp.results import Embedding, Provenance
from gz2interp.stores.analyses import Analysis, layer_folder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.neighbours import NeighbourSettings, SkyNeighbours
from gz2interp.workflows.study import Study

EXPLORE = str(Path(__file__).resolve().parent.parent / "dashboards" / "explore.py")


def test_twins_are_marked() -> None:
    rows, distances = np.array([[7, 3, -1]]), np.array([[0.01, 0.25, np.nan]], np.float32)
    assert notes_of(SkyNeighbours(rows, distances, np.array([[1.23, np.nan, np.nan]]))) == ['same galaxy, 1.2"', "0.25"]


def test_the_least_similar_are_a_switch_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GZ2INTERP_SURVEYS", str(tmp_path))
    use_surveys(tmp_path)
    make_survey(tmp_path / "tiny", 40)
    page = AppTest.from_file(EXPLORE, default_timeout=120).run()
    assert "Nearest neighbours" in headings(page)
    page.toggle(key="least_similar").set_value(True).run()
    assert not page.exception
    assert "Least similar galaxies" in headings(page)
    assert "Nearest neighbours" not in headings(page)


def headings(page: AppTest) -> str:
    return "\n".join(str(element.proto.body) for element in page.get("html"))


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Survey, Analysis]:
    survey = make_survey(tmp_path_factory.mktemp("nearby") / "tiny", 30, network=small_network(), analysed=False)
    subject, rows = Study(survey, survey.model("cnn")), np.flatnonzero(survey.usable)
    activations = subject.probe.activations(survey.images(rows), "seen", pooled=True)
    found = nearest_neighbours(activations, 5)
    made = Provenance(survey.digest, subject.model.digest, "seen", "umap", {"metric": "cosine", "pooling": "mean"})
    analysis = Analysis(layer_folder(subject.model.path, "seen") / made.digest)
    analysis.write_activations(0, activations, len(rows))
    analysis.write_neighbours(replace(found, rows=rows[found.rows]))
    analysis.write_map(rows, survey.galaxy_ids[rows], Embedding(activations[:, :2], "umap"))
    analysis.complete(made)
    return survey, analysis


def test_a_file_finds_its_galaxy(analysed: tuple[Survey, Analysis]) -> None:
    survey, analysis = analysed
    written = io.BytesIO()
    np.save(written, survey.images([9])[0])
    picture, found = neighbours_of_file(
        survey, survey.model("cnn"), analysis, "nine.npy", written.getvalue(), NeighbourSettings(4)
    )
    assert picture.startswith("data:image/png")
    assert found.rows[0, 0] == survey.row_of(FIRST_ID + 9)
    assert found.distances[0, 0] == pytest.approx(0, abs=1e-5)
    assert found.rows[0, 1:].tolist() == analysis.neighbours([analysis.position_of(9)]).rows[0, :3].tolist()
    with pytest.raises(InputError, match="cannot be read"):
        neighbours_of_file(survey, survey.model("cnn"), analysis, "bad.npy", b"nothing", NeighbourSettings(4))
