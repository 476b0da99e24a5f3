"""Scores of the small surveys in `dashboard_fixtures`, as the workflow writes them, without a network."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gz2interp.embedding.unusual.anomaly_model import TITLES, normal_scores
from gz2interp.results import Provenance
from gz2interp.stores.analyses import latest_analysis
from gz2interp.stores.layer_results import unusual_folder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.unusual_results import UnusualGalaxies, latest_unusual


def add_unusual(survey: Survey) -> UnusualGalaxies:
    """The last galaxies of the survey are the most unusual; nobody voted."""
    model = survey.model("cnn")
    analysis = latest_analysis(model.path, survey.digest, model.digest)
    assert analysis is not None
    folder, n = unusual_folder(analysis), len(analysis.rows)
    folder.path.mkdir(parents=True, exist_ok=True)
    vectors = folder.create_array("vectors", n, 3)
    vectors[:] = np.random.default_rng(0).normal(size=(n, 3))
    scores = np.arange(n, dtype=np.float32)
    table = pd.DataFrame({"row": analysis.rows, "galaxy_id": survey.galaxy_ids[analysis.rows]})
    table = table.assign(rank=n - np.arange(n), score=normal_scores(scores), reason="Few are near it: <b>so</b>")
    for name in TITLES:
        table[name] = scores if name != "votes" else np.float32("nan")
        table[f"normal_{name}"] = normal_scores(table[name].to_numpy())
    made = Provenance(survey.digest, model.digest, analysis.layer, "unusual", {}, 0)
    folder.write(made, {"scores": table}, {"frozen": {"layers": np.array(["block1", "block3"])}})
    return latest_unusual(survey, model)
