"""Laws of a map's quality, beside scikit-learn's trustworthiness."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from gz2interp.embedding import quality
from gz2interp.embedding.index import nearest_neighbours
from gz2interp.embedding.placing import Placer
from gz2interp.embedding.projection import MapSettings
from gz2interp.embedding.quality import map_quality, placing_error, placing_errors
from gz2interp.embedding.sampled import draw_map, layout_sample
from gz2interp.errors import InputError
from gz2interp.map_quality import MapQuality


def spread(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    activations = rng.normal(size=(n, 7)).astype(np.float32)
    return activations, (activations[:, :2] + 0.3 * rng.normal(size=(n, 2))).astype(np.float32)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("k", [3, 15])
def test_trustworthiness_is_that_of_scikit_learn(metric: str, k: int) -> None:
    activations, places = spread()
    found = map_quality(activations, places, metric, neighbours=k)
    assert found.trustworthiness == pytest.approx(
        trustworthiness(activations, places, n_neighbors=k, metric=metric), abs=1e-5
    )
    assert (found.galaxies, found.of) == (400, 400)
    if metric == "euclidean":  # continuity is trustworthiness with the two spaces exchanged
        assert found.continuity == pytest.approx(trustworthiness(places, activations, n_neighbors=k), abs=1e-5)


def test_a_map_that_is_the_layer_is_perfect_and_a_random_one_is_chance() -> None:
    _, places = spread()
    same = map_quality(places, places, "euclidean")
    assert (same.trustworthiness, same.continuity, same.neighbours_kept) == (1, 1, 1)
    lost = map_quality(places, np.random.default_rng(3).permuted(places, axis=0), "euclidean")
    assert lost.neighbours_kept == pytest.approx(lost.kept_by_chance, abs=0.02)
    assert lost.trustworthiness == pytest.approx(0.5, abs=0.03)


def test_what_is_kept_is_what_the_lists_share() -> None:
    activations, places = spread()
    there, here = (nearest_neighbours(values, 10, "euclidean").rows for values in (activations, places))
    shared = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(there, here, strict=True)])
    assert map_quality(activations, places, "euclidean", neighbours=10).neighbours_kept == pytest.approx(shared)


def test_agreement_counts_pairs_that_have_names() -> None:
    rng = np.random.default_rng(1)
    places = np.concatenate([rng.normal(0, 1, (60, 2)), rng.normal(50, 1, (60, 2))]).astype(np.float32)
    words = ["round"] * 60 + ["long"] * 60
    words[::7] = [None, ""] * 9  # type: ignore[list-item]
    found = map_quality(places, places, "euclidean", {"label": words, "nothing": [None] * 120})
    assert set(found.agreement) == {"label"}
    label = found.agreement["label"]
    counts = np.array([words.count("round"), words.count("long")])
    assert (label.on_map, label.in_layer) == (1, 1)
    assert label.by_chance == pytest.approx((counts * (counts - 1)).sum() / (counts.sum() * (counts.sum() - 1)))


def test_a_sample_estimates_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    activations, places = spread(1500)
    whole = map_quality(activations, places)
    monkeypatch.setattr(quality, "MOST_PAIRS", 10)
    part = map_quality(activations, places, seed=2)
    assert (part.galaxies, part.of, part.seed) == (1000, 1500, 2)
    assert part == map_quality(activations, places, seed=2)
    assert part.trustworthiness == pytest.approx(whole.trustworthiness, abs=0.01)
    assert part.neighbours_kept == pytest.approx(whole.neighbours_kept, abs=0.02)


def test_the_record_travels() -> None:
    activations, places = spread(60)
    found = map_quality(activations, places, labels={"label": ["a", "b"] * 30}, neighbours=5)
    assert MapQuality.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert "trustworthiness" in found.sentences()[0]
    with pytest.raises(InputError, match="Fewer than half"):
        map_quality(activations, places, neighbours=30)


def test_errors_of_placing_are_in_widths() -> None:
    activations, places = spread()
    placer = Placer(activations, places, "euclidean", MapSettings())
    errors = placing_errors(placer, activations, places, np.arange(400))
    larger = Placer(activations, 10 * places, "euclidean", MapSettings())
    assert np.median(placing_errors(larger, activations, 10 * places, np.arange(400))) == pytest.approx(
        np.median(errors), rel=0.3
    )
    found = placing_error(placer, activations, places)
    assert (found.median, found.most) == tuple(np.percentile(errors, [50, 95]))


@pytest.mark.long
def test_a_large_survey_is_laid_out_on_a_sample() -> None:
    rng = np.random.default_rng(0)
    activations = (8 * rng.normal(size=(3, 10))[np.arange(300) % 3] + rng.normal(size=(300, 10))).astype(np.float32)
    neighbours, settings = nearest_neighbours(activations, 15), MapSettings(sample=200, seed=5)
    seen: list[tuple[int, int]] = []
    found = draw_map(activations, neighbours, settings, lambda done, of: seen.append((done, of)))
    assert found.laid_out.sum() == 200
    np.testing.assert_array_equal(found.laid_out, layout_sample(300, settings))
    assert seen == [(300, 300)]
    on_map = nearest_neighbours(found.embedding.coordinates, 5, "euclidean").rows
    assert (on_map % 3 == np.arange(300)[:, None] % 3).mean() > 0.98
    np.testing.assert_array_equal(
        draw_map(activations, neighbours, settings).embedding.coordinates, found.embedding.coordinates
    )
    dense = draw_map(activations, neighbours, MapSettings(density=True))
    assert (dense.embedding.method, dense.laid_out.all()) == ("densmap", True)
