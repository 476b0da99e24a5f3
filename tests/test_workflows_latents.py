"""Latents from elsewhere: matched by id, exactly; refused with words; then treated as a layer is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table
from dashboard_fixtures import FIRST_ID, make_survey

from gz2interp.errors import InputError, LayerNotFound, SurveyError
from gz2interp.stores.latents import exact_ids
from gz2interp.stores.survey import Survey
from gz2interp.workflows.analysis_steps import layer_of
from gz2interp.workflows.import_results import import_latents
from gz2interp.workflows.study import Study

N = 300
ORDER = np.random.default_rng(3).permutation(N)
IDS = FIRST_ID + ORDER
VALUES = np.random.default_rng(4).normal(size=(N, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return make_survey(tmp_path_factory.mktemp("latents") / "survey", N, analysed=False)


@pytest.fixture
def survey(plain: Survey, tmp_path: Path) -> Survey:
    import shutil

    shutil.copytree(plain.path, tmp_path / "survey")
    return Survey.open(tmp_path / "survey")


def write(kind: str, folder: Path, ids: object = IDS, values: np.ndarray = VALUES) -> tuple[Path, Path | None]:
    """A file of latents, and one of ids where it needs that. A column of vectors may have a catalogue's name."""
    path = folder / f"latents.{kind.split('-')[0]}"
    columns = {f"z{channel}": values[:, channel] for channel in range(values.shape[1])}
    if kind == "parquet":
        pd.DataFrame({"galaxy_id": ids, "ra": 1.5, "name": "x"} | columns).to_parquet(path)
    elif kind == "parquet-vectors":
        texts = [str(each) for each in ids]  # type: ignore[attr-defined]
        pq.write_table(pa.table({"objid": texts, "ra": list(values)}), path)
    elif kind == "fits":
        Table({"ID": ids, "dec": values}).write(path)
    elif kind == "fits-columns":
        Table({"ID": [str(each) for each in ids]} | columns).write(path)  # type: ignore[attr-defined]
    elif kind == "npz":
        np.savez(path, ids=ids, latents=values)  # type: ignore[arg-type]
    else:
        np.save(path, values)
        beside = folder / f"ids.{kind.split('-')[1]}"
        if beside.suffix == ".npy":
            np.save(beside, ids)  # type: ignore[arg-type]
        else:
            beside.write_text("galaxy_id\n" + "".join(f"{each}\n" for each in ids))  # type: ignore[attr-defined]
        return path, beside
    return path, None


KINDS = ("parquet", "parquet-vectors", "fits", "fits-columns", "npz", "npy-npy", "npy-csv")


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_gives_each_galaxy_its_own(survey: Survey, tmp_path: Path, kind: str) -> None:
    laid = import_latents(survey, *_named(write(kind, tmp_path)))
    latents = survey.model("mine").latents
    assert latents is not None
    np.testing.assert_array_equal(latents.rows, np.arange(N))
    np.testing.assert_array_equal(latents.values(np.arange(N))[ORDER], VALUES)
    assert (laid.galaxies, laid.channels, laid.missing_count, laid.unknown_count) == (N, 6, 0, 0)
    assert survey.models() == ["cnn", "mine"]


def _named(files: tuple[Path, Path | None]) -> tuple[Path, str, Path | None]:
    return files[0], "mine", files[1]


def test_the_digest_is_of_the_numbers_and_not_of_the_file(survey: Survey, tmp_path: Path) -> None:
    first = import_latents(survey, write("parquet", tmp_path)[0], "a").model
    second = import_latents(survey, write("fits", tmp_path)[0], "b").model
    other = import_latents(survey, write("npz", tmp_path, values=VALUES * 2)[0], "c").model
    assert first.digest == second.digest != other.digest


def test_who_is_missing_and_who_is_unknown_is_told(survey: Survey, tmp_path: Path) -> None:
    ids = IDS.copy()
    lost, ids[7] = str(ids[7]), 99
    laid = import_latents(survey, write("parquet", tmp_path, ids)[0], "mine")
    assert (laid.missing, laid.unknown) == ((lost,), ("99",))
    assert any(lost in sentence for sentence in laid.sentences)
    latents = laid.model.latents
    assert latents is not None
    assert len(latents.rows) == N - 1
    assert ORDER[7] not in latents.rows


def test_ids_are_never_floating_point(survey: Survey, tmp_path: Path) -> None:
    for kind in ("parquet", "fits", "npz", "npy-npy"):
        file, ids = write(kind, tmp_path, IDS.astype(np.float64))
        with pytest.raises(InputError, match="floating-point"):
            import_latents(survey, file, "mine", ids)
        file.unlink()
    assert survey.models() == ["cnn"]
    assert not list((survey.path / "models").glob(".*"))
    assert exact_ids(np.array([str(FIRST_ID), f" {FIRST_ID + 1} "], object), "x").tolist() == [FIRST_ID, FIRST_ID + 1]
    for wrong in ("5.88e17", "-3", "", str(2**63)):
        with pytest.raises(InputError, match="Whole numbers"):
            exact_ids(np.array([wrong], object), "x")


def test_numbers_that_are_none_are_refused_by_id(survey: Survey, tmp_path: Path) -> None:
    values = VALUES.copy()
    values[[5, 9], 2] = np.nan, np.inf
    with pytest.raises(InputError, match=f"2 galaxies.*{IDS[5]}, {IDS[9]}"):
        import_latents(survey, write("fits", tmp_path, values=values)[0], "mine")


def test_twice_and_strangers_and_bad_files_are_told(survey: Survey, tmp_path: Path) -> None:
    twice = IDS.copy()
    twice[3] = twice[8]
    with pytest.raises(InputError, match=f"more than once: {twice[8]}"):
        import_latents(survey, write("parquet", tmp_path, twice)[0], "mine")
    with pytest.raises(InputError, match="None of the 300 ids"):
        import_latents(survey, write("npz", tmp_path, np.arange(N))[0], "mine")
    with pytest.raises(InputError, match="--ids"):
        import_latents(survey, write("npy-npy", tmp_path)[0], "mine")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(InputError, match="cannot be read"):
        import_latents(survey, tmp_path / "broken.parquet", "mine")
    np.save(tmp_path / "pickle.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read"):
        import_latents(survey, tmp_path / "pickle.npy", "mine", tmp_path / "pickle.npy")
    import_latents(survey, write("parquet", tmp_path)[0], "mine")
    with pytest.raises(SurveyError, match="a model mine already"):
        import_latents(survey, write("parquet", tmp_path)[0], "mine")


def test_latents_have_no_network(survey: Survey, tmp_path: Path) -> None:
    study = Study(survey, import_latents(survey, write("parquet", tmp_path)[0], "mine").model)
    with pytest.raises(InputError, match="latents without a network"):
        _ = study.probe
    with pytest.raises(SurveyError, match="are latents"):
        _ = study.model.predictions
    assert layer_of(study) == "latents"
    with pytest.raises(LayerNotFound, match="no layer 'conv'"):
        layer_of(study, "conv")
