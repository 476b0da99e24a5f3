"""Neighbours as people ask for them: twins on the sky, the least similar, many galaxies at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dashboard_fixtures import FIRST_ID, LAYER, LOST, add_model, catalogue, cutout

from gz2interp.embedding.index import nearest_neighbours
from gz2interp.embedding.spaces import space_of
from gz2interp.errors import CutoutUnavailable, InputError, SurveyError
from gz2interp.results import Embedding, Provenance
from gz2interp.stores.analyses import Analysis, layer_folder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.neighbours import NeighbourLookup, NeighbourSettings, SkyPoints, neighbours_of

GALAXIES = 60
KEPT = 6
TWINS = {10: 11, 20: 21, 30: 31}
"""At the pole, across right ascension 0, and far apart in activations."""


@pytest.fixture(scope="module")
def nearby(tmp_path_factory: pytest.TempPathFactory) -> NeighbourLookup:
    rng = np.random.default_rng(5)
    survey = Survey.create(tmp_path_factory.mktemp("nearby") / "sky", _sky(rng), shape=(32, 32))
    with survey.writer() as writer:
        for row in range(GALAXIES):
            writer.append(CutoutUnavailable("missing", "no field") if row == LOST else cutout(row, rng))
    survey = survey.refreshed()
    add_model(survey, rng)
    activations = rng.normal(size=(GALAXIES, 4)).astype(np.float32)
    for row in (10, 20):
        activations[TWINS[row]] = activations[row] + 0.01
    activations[40:46] = activations[40] + rng.normal(0, 0.001, (6, 4))  # one galaxy imaged six times
    _analyse(survey, activations)
    return NeighbourLookup.open(survey, survey.model("cnn"))


def _sky(rng: np.random.Generator) -> pd.DataFrame:
    table = catalogue(GALAXIES, rng)
    table.loc[[10, 11], ["ra", "dec"]] = [[10.0, 90 - 1 / 3600], [190.0, 90 - 1 / 3600]]
    table.loc[[20, 21], ["ra", "dec"]] = [[359.9999, 1.0], [0.0002, 1.0]]
    table.loc[[30, 31], ["ra", "dec"]] = [[200.0, -30.0], [200.0, -30.0 + 4.9 / 3600]]
    table.loc[40:45, ["ra", "dec"]] = [220.0, 5.0]
    table.loc[50:51, ["ra", "dec"]] = np.nan
    table.loc[52:53, ["ra", "dec"]] = [[230.0, 5.0], [230.0, 5.0 + 5.1 / 3600]]
    return table


def _analyse(survey: Survey, activations: np.ndarray, metric: str = "euclidean") -> Analysis:
    rows = np.flatnonzero(survey.usable)
    values = activations[rows]
    found = nearest_neighbours(values, KEPT, metric)
    made = Provenance(
        survey.digest, survey.model("cnn").digest, LAYER, "umap", {"metric": metric, "pooling": "mean"}, 0
    )
    analysis = Analysis(layer_folder(survey.model("cnn").path, LAYER) / made.digest)
    analysis.write_activations(0, values, len(values))
    space = space_of(values, metric)
    if space.whitening is not None:
        analysis.write_whitening(space.whitening)
    analysis.write_neighbours(replace(found, rows=rows[found.rows]))
    analysis.write_map(rows, survey.galaxy_ids[rows], Embedding(values[:, :2], "umap"))
    analysis.complete(made)
    return analysis


def ids_of(table: pd.DataFrame) -> list[int]:
    return [int(galaxy_id) - FIRST_ID for galaxy_id in table["galaxy_id"]]


@pytest.mark.parametrize(("row", "twin"), TWINS.items())
def test_twins_on_the_sky_are_marked(nearby: NeighbourLookup, row: int, twin: int) -> None:
    table = nearby.of([FIRST_ID + row], NeighbourSettings(GALAXIES))
    marked = table.loc[table["same_galaxy"]]
    assert ids_of(marked) == [twin]
    assert (marked["separation"] <= 5).all()


def test_twins_are_skipped_on_request_and_others_take_their_place(nearby: NeighbourLookup) -> None:
    wish = NeighbourSettings(5, skip_same=True)
    for row in (10, 20, 30, 40):
        whole = nearby.of([FIRST_ID + row], NeighbourSettings(GALAXIES))
        table = nearby.of([FIRST_ID + row], wish)
        expected = [each for each, same in zip(ids_of(whole), whole["same_galaxy"], strict=True) if not same][:5]
        assert ids_of(table) == expected
        assert table["rank"].tolist() == [1, 2, 3, 4, 5]
        assert not table["same_galaxy"].any()
    # Of galaxy 40, five of the six neighbours that were kept are itself.
    assert sum(nearby.of([FIRST_ID + 40], NeighbourSettings(KEPT))["same_galaxy"]) == 5


@pytest.mark.parametrize("row", [50, 51, 52, 53])
def test_unknown_and_distant_positions_are_never_the_same(nearby: NeighbourLookup, row: int) -> None:
    table = nearby.of([FIRST_ID + row], NeighbourSettings(GALAXIES))
    assert not table["same_galaxy"].any()
    assert table["separation"].isna().all() == (row < 52)


@pytest.mark.parametrize("most", [1, KEPT, KEPT + 1, 40, GALAXIES - 2, 200])
def test_more_may_be_asked_for_than_were_kept(nearby: NeighbourLookup, most: int) -> None:
    table = nearby.of([FIRST_ID + 7], NeighbourSettings(most))
    assert len(table) == min(most, GALAXIES - 2)  # without itself and the lost one
    assert table["distance"].is_monotonic_increasing
    assert FIRST_ID + 7 not in set(table["galaxy_id"])
    assert FIRST_ID + LOST not in set(table["galaxy_id"])
    kept = nearby.analysis.neighbours([nearby.analysis.position_of(7)])
    assert ids_of(table)[:KEPT] == kept.rows[0][:most].tolist()
    np.testing.assert_allclose(table["distance"][:KEPT], kept.distances[0][:most], rtol=1e-5)


def test_the_least_similar_are_the_nearest_reversed(nearby: NeighbourLookup) -> None:
    nearest = nearby.of([FIRST_ID + 7], NeighbourSettings(GALAXIES))
    least = nearby.of([FIRST_ID + 7], NeighbourSettings(9, least=True))
    assert ids_of(least) == ids_of(nearest)[::-1][:9]
    np.testing.assert_allclose(least["distance"], nearest["distance"].to_numpy()[::-1][:9], rtol=1e-6)
    everybody = nearby.of([FIRST_ID + 7], NeighbourSettings(GALAXIES, least=True))
    assert ids_of(everybody) == ids_of(nearest)[::-1]


def test_several_galaxies_and_all_of_them_are_one_table(nearby: NeighbourLookup) -> None:
    several = nearby.of([FIRST_ID + 20, str(FIRST_ID)], NeighbourSettings(4))
    assert several["near"].tolist() == [FIRST_ID + 20] * 4 + [FIRST_ID] * 4
    assert several["near"].dtype == several["galaxy_id"].dtype == np.int64
    blocks = list(nearby.of_all(NeighbourSettings(4)))
    table = pd.concat(blocks)
    assert len(table) == 4 * (GALAXIES - 1)
    part = table.loc[table["near"] == FIRST_ID + 20].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, several.iloc[:4].reset_index(drop=True))


def test_one_galaxy_is_asked_for_in_a_line(nearby: NeighbourLookup) -> None:
    table = neighbours_of(nearby.survey, nearby.model, FIRST_ID + 10, most=3, skip_same=True)
    assert list(table) == [
        *("galaxy_id", "distance", "ra", "dec", "prediction", "confidence", "label", "same_galaxy", "separation")
    ]
    assert ids_of(table) == ids_of(nearby.of([FIRST_ID + 10], NeighbourSettings(3, skip_same=True)))


def test_activations_from_elsewhere_find_their_galaxy_and_its_twin(nearby: NeighbourLookup) -> None:
    position = nearby.analysis.position_of(20)
    activations = nearby.analysis.activations([position])
    here = SkyPoints(np.array([0.0]), np.array([1.0]))
    table = nearby.table_of(nearby.of_activations(activations, here, NeighbourSettings(4)))
    assert ids_of(table)[0] == 20
    assert table["distance"][0] == 0
    assert ids_of(table.loc[table["same_galaxy"]]) == [20, 21]
    nowhere = SkyPoints(np.array([np.nan]), np.array([np.nan]))
    skipped = nearby.of_activations(activations, nowhere, NeighbourSettings(4, skip_same=True))
    assert ids_of(nearby.table_of(skipped)) == ids_of(table)
    farthest = nearby.table_of(nearby.of_activations(activations, here, NeighbourSettings(4, least=True)))
    assert ids_of(farthest) == ids_of(nearby.of([FIRST_ID + 20], NeighbourSettings(4, least=True)))


def test_a_frozen_whitening_is_used_again(nearby: NeighbourLookup) -> None:
    activations = nearby.analysis.activations()
    analysis = _analyse(nearby.survey, np.insert(activations, LOST, 0, axis=0), "whitened")
    assert Analysis(analysis.path).whitening is not None
    other = NeighbourLookup(nearby.survey, nearby.model, Analysis(analysis.path))
    found = other.of_activations(activations[:5], SkyPoints(*np.full((2, 5), np.nan)), NeighbourSettings(KEPT + 1))
    assert found.rows[:, 0].tolist() == analysis.rows[:5].tolist()
    np.testing.assert_allclose(found.distances[:, 0], 0, atol=1e-5)
    np.testing.assert_allclose(found.distances[:, 1:], analysis.neighbours(range(5)).distances, rtol=1e-4, atol=1e-5)
    (analysis.path / "provenance.json").unlink()


def test_mistakes_are_told(nearby: NeighbourLookup) -> None:
    with pytest.raises(InputError, match="At least 1"):
        NeighbourSettings(0)
    with pytest.raises(InputError, match="No galaxy 12"):
        nearby.of([12])
    with pytest.raises(SurveyError, match="no neighbours"):
        nearby.of([FIRST_ID + LOST])
    with pytest.raises(SurveyError, match="gz2interp analyse"):
        NeighbourLookup.open(nearby.survey, nearby.model, "stem")


def test_neighbours_are_written_in_portions(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    found = nearest_neighbours(rng.normal(size=(700, 3)).astype(np.float32), 4, "euclidean", index="approximate")
    made = Provenance("", "", "a", "umap", {"metric": "euclidean"})
    analysis = Analysis(tmp_path / made.digest)
    analysis.begin_neighbours(700, 4, found.search)
    for start in (0, 512):
        part = slice(start, start + 512)
        analysis.write_neighbours_from(start, replace(found, rows=found.rows[part], distances=found.distances[part]))
    analysis.complete(made)
    kept = Analysis(tmp_path / made.digest)
    np.testing.assert_array_equal(kept.neighbours().rows, found.rows)
    np.testing.assert_array_equal(kept.neighbours().distances, found.distances)
    assert kept.search == found.search
    assert kept.n_neighbours == 4


def test_skipping_the_same_galaxy_says_where_positions_are_unknown(nearby: NeighbourLookup) -> None:
    from command_line import ran

    def said(row: int) -> str:
        done = ran("neighbours", nearby.survey.path, FIRST_ID + row, "--model", "cnn", "--skip-same")
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "duplicates (the same galaxy imaged twice) are not recognised" in said(50)
    assert "not recognised" not in said(10)
