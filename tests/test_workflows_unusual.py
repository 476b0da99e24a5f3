"""The unusual of a small survey with a real network, and a galaxy from elsewhere among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dashboard_fixtures import make_survey, small_network

from gz2interp.errors import SurveyError
from gz2interp.workflows.opening import open_subject
from gz2interp.workflows.rating import ranking_of, rate
from gz2interp.workflows.unusual.found import latest_unusual
from gz2interp.workflows.unusual.outside import judge_image
from gz2interp.workflows.unusual.scoring import UnusualSettings, unusual

pytestmark = pytest.mark.long


def test_a_survey_is_judged_once_and_a_copy_of_a_galaxy_as_the_galaxy(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "tiny", 60, analysed=False, network=small_network())
    (survey.model("cnn").path / "predictions.json").unlink()  # they were not this network's
    subject = open_subject(survey.path)
    with pytest.raises(SurveyError, match="gz2interp unusual"):
        latest_unusual(survey, survey.model("cnn"))
    found = unusual(subject, UnusualSettings(ground=40))
    table = found.table()
    assert table["rank"].tolist() == list(range(1, 60))
    assert table["score"].is_monotonic_decreasing
    assert table["reason"].str.len().min() > 20
    stamp = (found.folder.path / "provenance.json").stat().st_mtime_ns
    again = unusual(subject, UnusualSettings(ground=40))
    assert (again.folder.path / "provenance.json").stat().st_mtime_ns == stamp
    # Galaxies that are not in the ground are judged as those from elsewhere are: the same, to rounding.
    outside = np.setdiff1d(np.arange(59), found.folder.frozen["ground"])
    judged = judge_image(found, subject.probe, survey.images(found.analysis.rows[outside]))
    for name, values in judged.values.items():
        if name != "votes":
            np.testing.assert_allclose(values, found.scores[name].to_numpy()[outside], rtol=1e-3, err_msg=name)
    assert np.isnan(judged.values["votes"]).all()
    other = unusual(subject, UnusualSettings(ground=40, seed=1))
    assert other.folder.provenance.seed == 1


def test_ratings_move_what_is_alike(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "tiny", 60, analysed=False, network=small_network())
    found = unusual(open_subject(survey.path))
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
