"""The unusual of a small survey with a real network, and a galaxy from elsewhere among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dashboard_fixtures import make_survey, small_network

from gz2interp.embedding.unusual.anomaly_model import TITLES
from gz2interp.errors import SurveyError
from gz2interp.results import Provenance
from gz2interp.schema import vote_column
from gz2interp.stores.files import write_json
from gz2interp.workflows.rating import ranking_of, rate
from gz2interp.workflows.study import open_study
from gz2interp.workflows.unusual import UnusualSettings, score_images, unusual
from gz2interp.workflows.unusual_results import artefacts_in_words, artefacts_of, latest_unusual

pytestmark = pytest.mark.long


def test_a_survey_is_judged_once_and_a_copy_of_a_galaxy_as_the_galaxy(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "tiny", 60, analysed=False, network=small_network())
    (survey.model("cnn").path / "predictions.json").unlink()  # they were not this network's
    study = open_study(survey.path)
    with pytest.raises(SurveyError, match="gz2interp unusual"):
        latest_unusual(survey, survey.model("cnn"))
    found = unusual(study, UnusualSettings(sample=40))
    table = found.table()
    assert table["rank"].tolist() == list(range(1, 60))
    assert table["score"].is_monotonic_decreasing
    assert table["reason"].str.len().min() > 20
    assert "59 galaxies are too few to know which of them are unusual" in found.caveat
    assert not table["reason"].iloc[:2].str.startswith("Nothing").any()
    for reason, scores in zip(table["reason"], found.scores.sort_values("rank").to_dict("records"), strict=True):
        first = next((name for name in TITLES if reason.lower().startswith(TITLES[name].lower())), None)
        assert (first is None) == reason.startswith("Not unusual")
        assert first is None or scores[f"normal_{first}"] >= scores["score"] - 1e-5
    file = found.folder.path / "provenance.json"
    assert "earlier version" not in found.caveat
    made = file.read_text()
    file.write_text(made.replace('"reasons"', '"other"'))
    assert "may contradict the ranks. Run gz2interp unusual" in latest_unusual(survey, found.model).caveat
    file.write_text(made)
    stamp = (found.folder.path / "provenance.json").stat().st_mtime_ns
    again = unusual(study, UnusualSettings(sample=40))
    assert (again.folder.path / "provenance.json").stat().st_mtime_ns == stamp
    # Galaxies that are not in the ground are judged as those from elsewhere are: the same, to rounding.
    outside = np.setdiff1d(np.arange(59), found.folder.frozen["ground"])
    judged = score_images(found, study.probe, survey.images(found.analysis.rows[outside]))
    for name, values in judged.values.items():
        if name != "votes":
            np.testing.assert_allclose(values, found.scores[name].to_numpy()[outside], rtol=1e-3, err_msg=name)
    assert np.isnan(judged.values["votes"]).all()
    other = unusual(study, UnusualSettings(sample=40, seed=1))
    assert other.folder.provenance.seed == 1


def test_ratings_move_what_is_alike(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "tiny", 60, analysed=False, network=small_network())
    found = unusual(open_study(survey.path))
    plain = ranking_of(found)
    np.testing.assert_allclose(plain.scores, found.scores["score"])
    first = int(found.scores["galaxy_id"].to_numpy()[plain.order[0]])
    rate(survey, first, 0)
    rate(survey, int(found.scores["galaxy_id"].to_numpy()[plain.order[-1]]), 5)
    learnt = ranking_of(found)
    assert learnt.order[0] == plain.order[-1]
    assert learnt.scores[plain.order[0]] < plain.scores[plain.order[0]]
    assert learnt.table(3)["rating"].tolist()[0] == 5
    assert learnt.next() not in (plain.order[0], plain.order[-1])
    assert learnt.table(1)["reason"].iloc[0].startswith("Raised by ratings: score +")


def test_stars_and_artefacts_are_left_out_by_whatever_tells_them(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "tiny", 60, analysed=False, network=small_network())
    found = unusual(open_study(survey.path))
    rows = found.analysis.rows
    catalog = survey.catalog.assign(label="galaxy", gz2class="Ei").astype({"label": "str"})
    share = vote_column("t01_smooth_or_features", "a03_star_or_artifact", "weighted_fraction")
    catalog[share] = np.where(catalog.index == rows[3], 0.61, 0.2)
    catalog.loc[rows[1], "label"] = "star"
    catalog.loc[rows[2], "gz2class"] = "A"
    catalog.to_parquet(survey.path / "catalog.parquet", index=False)
    quality = pd.DataFrame({"row": rows, "flat": 0.0, "invalid": 0.0, "zero": 0.0})
    quality.loc[4, "flat"], quality.loc[5, "invalid"] = 12, 0.4
    quality.to_parquet(survey.path / "quality.parquet")
    write_json(survey.path / "quality.json", Provenance(survey.digest, "", "", "image quality").to_json())
    told = artefacts_of(survey, found.model, rows)
    assert told[told != ""].to_dict() == {
        rows[1]: "catalogue: star",
        rows[2]: "catalogue: A",
        rows[3]: "votes: 61 % star or artefact",
        rows[4]: "image quality: a peak of 12 pixels that was cut off",
        rows[5]: "image quality: 40 % of the pixels were not imaged",
    }
    assert (
        artefacts_in_words(told) == "5 stars or artefacts are left out: 2 by catalogue, 1 by votes, 2 by image quality"
    )
    ranking = ranking_of(found, without_artefacts=True)
    assert set(range(59)) - set(ranking.order.tolist()) == {1, 2, 3, 4, 5}
    assert ranking.table()["rank"].tolist() == list(range(1, 55))
    for _ in range(54):
        place = ranking.next()
        assert place in ranking.order
        rate(survey, int(survey.galaxy_ids[rows[place]]), 1)
        ranking = ranking.with_current_ratings()
    assert ranking.next() is None
