"""The rare galaxies of the benchmark have the strength that is said, and its numbers are what they are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.unusual import asking
from benchmarks.unusual.__main__ import main
from benchmarks.unusual.measuring import interval, places_of, top_hits
from benchmarks.unusual.planted import KINDS, MEASURES, Planting, image_of, ordinary, rare
from gz2interp.embedding.unusual.preference import preference_vectors
from gz2interp.painting import paint_without_noise


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("row", [0, 3])
def test_a_rare_galaxy_is_an_ordinary_one_with_a_feature_of_that_strength(kind: str, row: int) -> None:
    for name, measure in MEASURES.items():
        planting = Planting(5, strength=20.0, measure=name)
        host, galaxy = ordinary(5, row), rare(planting, row, kind)
        feature = galaxy.parts[len(host.parts) :]
        assert galaxy.parts[: len(host.parts)] == host.parts
        assert measure(host, feature) == pytest.approx(20, rel=0.01)
        assert rare(planting, row, kind) == galaxy
        # Both measures see other pixels and other noise: neither follows from the other.
        assert min(other(host, feature) for key, other in MEASURES.items() if key != name) > 0


def test_a_peak_is_the_brightest_pixel_of_what_is_put_in() -> None:
    planting = Planting(5, 1000, 20.0, "peak")
    row = int(np.flatnonzero(planting.kinds == "trail")[0])
    host, galaxy = ordinary(5, row), rare(planting, row, "trail")
    added = paint_without_noise(galaxy) - paint_without_noise(host)
    assert (added / np.array(host.noise.sky_sigma)).max() == pytest.approx(20, rel=0.01)
    assert planting.name == "20-peak"
    assert Planting(5, 1000, 20.0).name == "20"
    assert Planting(5, 1000, 0.0, "peak").name == "0"
    assert np.isfinite(image_of(planting, row)).all()


def test_a_survey_has_its_rare_kinds_and_no_other_rings() -> None:
    kinds = Planting(1, 1000).kinds
    assert {kind: int((kinds == kind).sum()) for kind in KINDS} == dict.fromkeys(KINDS, 7)
    parts = {part.name for row in range(40) for part in ordinary(1, row).parts}
    assert not parts & {"inner_ring", "outer_ring"}


def test_the_mean_of_places_is_the_auroc_and_what_was_rated_is_no_hit() -> None:
    scores = np.array([3.0, 1.0, 2.0, 2.0, 0.0])
    rare_ones = np.array([True, False, True, False, False])
    assert places_of(scores, rare_ones, ~rare_ones).mean() == pytest.approx((3 + 2.5) / 6)
    assert top_hits(scores, rare_ones, np.empty(0, np.int64)).tolist() == [1.0]
    assert top_hits(scores, rare_ones, np.array([0, 2])).tolist() == [0.0]


def test_an_interval_holds_its_value_and_is_wider_for_fewer() -> None:
    rng = np.random.default_rng(0)
    many, few = [rng.random(900)] * 3, [rng.random(20)] * 3
    value, low, high = interval(many)
    assert low < value < high
    assert high - low < np.subtract(*interval(few)[:0:-1])


def test_ways_of_asking_differ_in_the_kinds_they_meet() -> None:
    rng = np.random.default_rng(0)
    kinds = np.repeat(["", "a", "b", "c"], [940, 20, 20, 20])
    looks = rng.normal(size=(1000, 10))
    for index, kind in enumerate("abc"):
        looks[kinds == kind, index] += 6
    normal = rng.normal(size=(1000, 4)) + 3 * (kinds != "")[:, None]
    scores = normal.mean(axis=1) + 3 * (kinds == "a")
    lines = list(asking.rows(scores, preference_vectors(looks.astype(np.float32), normal), kinds))
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert [row[:2] for row in cells[:4]] == [
        ["unrated", "0"],
        *(["tells most", count] for count in ("10", "30", "100")),
    ]
    found = {(way, int(count)): said for way, count, said, *_ in cells[1:]}
    assert len(found) == 3 * len(asking.WAYS)
    assert found["tells most", 10].endswith("of 3 kinds")
    assert found["most unusual", 10] == "10 of 1 kinds"
    unrated, learnt = (float(cells[row][3]) for row in (0, 2))
    assert learnt >= unrated
    assert cells[3][2:] == ["60 of 3 kinds", "-", "0.000"]  # all are found


def test_only_development_seeds_are_for_choosing(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        asking.main([str(tmp_path), "--seed", "1000"])


@pytest.mark.long
def test_the_small_benchmark_runs_to_its_end_and_finds_nothing_where_nothing_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(tmp_path), "--small", "--clean", "--seed", "7", "--measures", "peak"])
    printed = capsys.readouterr().out
    assert all(words in printed for words in ("40 sigma at the peak", "as the painter draws them", "nothing put in"))
    found = {}
    for name in ("40-peak", "0", "clean"):
        with np.load(tmp_path / "seed-7" / f"result-{name}.npz") as result:
            kinds, scores = result["kinds"], result["0/gz2interp"]
        assert int((kinds != "").sum()) == 20
        found[name] = places_of(scores, kinds != "", kinds == "").mean()
    # Twenty of 600 scatter by 0.065 about a half.
    assert abs(found["clean"] - 0.5) < 0.2
    assert found["0"] > found["clean"]
    assert found["40-peak"] > 0.7
    asking.main([str(tmp_path), "--small", "--seed", "7"])
    assert capsys.readouterr().out.count("| tells most | 30 |") == 2
