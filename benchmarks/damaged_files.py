"""Valid files of each kind that this package reads, and the public functions that read them."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, is_dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

__all__ = ["Subject", "make_files", "subjects"]

FIRST_ID: Final = 588015507658768484
IMAGE_BANDS: Final = ("u", "g", "r", "i", "z")
COMPRESSED: Final = {
    "rice.fits": "RICE_1",
    "gzip.fits": "GZIP_1",
    "hcompress.fits": "HCOMPRESS_1",
    "plio.fits": "PLIO_1",
}
Rng = np.random.Generator


@dataclass(frozen=True)
class Subject:
    """A kind of file, and the reader that reads it.

    Attributes
    ----------
    name : str
        ``group/kind``.
    file : str
        The file in the fixture's folder that is damaged.
    read : callable
        From the fixture's folder to what the reader gives.
    kind : str
        How it can be damaged beside its bytes: a name of `benchmarks.damage`, or "".
    checked : bool
        Whether a checksum covers everything that decides on the values.
    """

    name: str
    file: str
    read: Callable[[Path], Any]
    kind: str = ""
    checked: bool = False

    def path(self, at: Path) -> Path:
        """The file in a folder of valid files."""
        return at / self.file if "HASH" not in self.file else _analysis(at).path / self.file.split("HASH/")[1]


def subjects(heavy: bool = False) -> list[Subject]:
    """All kinds of files; those that need TensorFlow only with `heavy`."""
    if heavy:
        return [Subject("network/.keras", "net.keras", _network, "zip", checked=True)]
    return [*_survey_subjects(), *_analysis_subjects(), *_download_subjects(), *_user_subjects(), *_image_subjects()]


def _survey_subjects() -> list[Subject]:
    model = "survey/models/cnn"
    return [
        Subject("survey/survey.json", "survey/survey.json", _survey_header, "json"),
        Subject("survey/status.sqlite", "survey/status.sqlite", _status, "sqlite"),
        Subject("survey/catalog.parquet", "survey/catalog.parquet", _catalog, "parquet"),
        Subject("survey/images shard", "survey/cutouts.zarr/images/c/0/0/0/0", _images),
        Subject("survey/valid shard", "survey/cutouts.zarr/valid/c/0/0/0", _images),
        Subject("survey/images zarr.json", "survey/cutouts.zarr/images/zarr.json", _images, "json"),
        Subject("survey/truth.parquet", "survey/truth.parquet", _truth, "parquet"),
        Subject("survey/truth zarr.json", "survey/truth.zarr/light/zarr.json", _truth, "json"),
        Subject("survey/quality.parquet", "survey/quality.parquet", _quality, "parquet"),
        Subject("survey/quality of images.json", "survey/quality.json", _quality, "json"),
        Subject("survey/replacement.npz", "survey/replacement.npz", _replacement, "zip"),
        Subject("ratings/ratings.sqlite", "survey/ratings.sqlite", _ratings, "sqlite"),
        Subject("ratings/csv", "ratings.csv", partial(_import_ratings, name="ratings.csv"), "text"),
        Subject("ratings/parquet", "ratings.parquet", partial(_import_ratings, name="ratings.parquet"), "parquet"),
        Subject("model/run.json", f"{model}/run.json", lambda at: (_model(at).run, _model(at).class_names), "json"),
        Subject("model/history.csv", f"{model}/history.csv", lambda at: _model(at).history, "text"),
        Subject("model/predictions.json", f"{model}/predictions.json", _predictions, "json"),
        Subject("model/predictions.parquet", f"{model}/predictions.parquet", _predictions, "parquet"),
        Subject("model/evaluation.json", f"{model}/evaluation.json", lambda at: _model(at).evaluation, "json"),
        Subject("model/check.json", f"{model}/check/check.json", _check, "json"),
        Subject("model/sweep.csv", "survey/models/cnn-sweep.csv", _sweeps, "text"),
        Subject("model/latents.json", "survey/models/own/latents.json", _latents, "json"),
        Subject("page/building.json", ".survey.building.json", _building, "json"),
        Subject("page/building.log", ".survey.building.log", _building, "text"),
        Subject("page/building.err", ".survey.building.err", _building, "text"),
        Subject("page/link", "link.json", _link, "json"),
    ]


def _analysis_subjects() -> list[Subject]:
    at_analysis = {
        "provenance.json": (_provenance, "json"),
        "search.json": (lambda at: _analysis(at).search, "json"),
        "quality.json": (lambda at: _analysis(at).quality, "json"),
        "embedding.parquet": (lambda at: _analysis(at).table, "parquet"),
        "activations.zarr/zarr.json": (lambda at: _analysis(at).activations(), "json"),
        "neighbours.zarr/rows/zarr.json": (_neighbours, "json"),
        "neighbours.zarr/rows/c/0/0": (_neighbours, ""),
        "neighbours.zarr/distances/zarr.json": (_neighbours, "json"),
        "clusters/clusters.json": (lambda at: _clusters(at).clusters, "json"),
        "clusters/members.parquet": (_members, "parquet"),
        "unusual/scores.parquet": (lambda at: _unusual(at).table, "parquet"),
        "unusual/vectors.npy": (lambda at: np.array(_unusual(at).vectors), "npy"),
        "unusual/frozen.npz": (lambda at: _unusual(at).frozen, "zip"),
        "whitening.npz": (lambda at: _analysis(at).whitening, "zip"),
        "blocks/groups.npz": (_blocks, "zip"),
        "blocks/places.npz": (_blocks, "zip"),
        "blocks/tops.npz": (_blocks, "zip"),
        "blocks/atlas-0.npz": (_blocks, "zip"),
        "blocks/channels.parquet": (_blocks, "parquet"),
        "features/channel-000.npz": (_features, "zip"),
        "features/light.npz": (_features, "zip"),
        "features/judged.parquet": (_features, "parquet"),
        "features/question.json": (_features, "json"),
    }
    checked = ("provenance.json", "unusual/frozen.npz", "whitening.npz", "features/light.npz")
    return [
        Subject(f"analysis/{file}", f"{_ANALYSIS}/{file}", read, kind, file in checked)
        for file, (read, kind) in at_analysis.items()
    ]


def _download_subjects() -> list[Subject]:
    return [
        Subject("download/report.json", "survey/download/report.json", _report, "json"),
        Subject("download/settings.json", "survey/download/settings.json", _settings, "json"),
        Subject("download/staged.sqlite", "survey/download/staged.sqlite", _staged, "sqlite"),
        Subject("download/staged.sqlite of a page", "survey/download/staged.sqlite", _without_image, "sqlite"),
        Subject("download/planes.sqlite", "survey/download/planes.sqlite", _planes, "sqlite"),
        Subject("download/unit.json", "surveys/.calibrations/skyview-host.json", _unit, "json"),
        Subject("answer/fits", "answer.fits", _answer, "fits"),
        Subject("http/survey.json", "served/survey.json", _served, "json"),
        Subject("http/status.sqlite", "served/status.sqlite", _served, "sqlite"),
        Subject("http/catalog.parquet", "served/catalog.parquet", _served, "parquet"),
        Subject("http/images zarr.json", "served/cutouts.zarr/images/zarr.json", _served, "json"),
        Subject("http/images shard", "served/cutouts.zarr/images/c/0/0/0/0", _served),
        Subject("training/checkpoint.npz", "training.npz", _checkpoint, "zip", checked=True),
        Subject("training/config.toml", "mine.toml", _config, "text"),
    ]


def _user_subjects() -> list[Subject]:
    latents = {"npy": "npy", "npz": "zip", "parquet": "parquet", "fits": "fits"}
    lists = {"csv": "text", "txt": "text", "parquet": "parquet", "fits": "fits", "vot": "xml"}
    tables = {"csv": "text", "csv.gz": "gz", "csv.bz2": "bz2", "fits": "fits", "sums.fits": "", "vot": "xml"}
    tables |= {"ecsv": "ecsv", "parquet": "parquet", "csv.zip": "zip", "csv.xz": ""}
    tables |= dict.fromkeys(("ipac.tbl", "ruled.txt", "bars.txt", "sextractor.cat"), "text")
    checked = ("npz", "csv.gz", "csv.bz2", "sums.fits", "csv.zip", "csv.xz")

    def of(group: str, name: str, read: Callable[..., Any], kinds: dict[str, str]) -> list[Subject]:
        return [
            Subject(
                f"{group}/{suffix}", f"{name}.{suffix}", partial(read, name=f"{name}.{suffix}"), kind, suffix in checked
            )
            for suffix, kind in kinds.items()
        ]

    return [
        *of("latents", "latents", _read_latents, latents),
        Subject("latents/ids.csv", "ids.csv", partial(_read_latents, name="latents.npy"), "text"),
        *of("list of galaxies", "list", _named, lists),
        *of("catalogue", "table", _table, tables),
        Subject("direction/npy", "direction.npy", _direction, "npy"),
    ]


def _image_subjects() -> list[Subject]:
    kinds = {"fits": "fits", "sums.fits": "", "fits.gz": "gz", "fits.bz2": "bz2", **dict.fromkeys(COMPRESSED, "fits")}
    kinds |= {"npy": "npy", "npz": "zip", "jpg": "picture", "png": "picture"}
    checked = ("sums.fits", "fits.gz", "fits.bz2", "npz", "png")
    return [
        *(
            Subject(
                f"cutout/{suffix}",
                f"cutout.{suffix}",
                partial(_pixels, name=f"cutout.{suffix}"),
                kind,
                suffix in checked,
            )
            for suffix, kind in kinds.items()
        ),
        Subject("folder/one of three", "folder/galaxy_1.fits", _folder, "fits"),
        Subject("frame/fits.bz2", "frame-r-001035-6-0017.fits.bz2", _frame, "bz2"),
        Subject("Galaxy10/h5", "galaxy10.h5", _galaxy10, "hdf5"),
    ]


# -- readers ----------------------------------------------------------------------------------------------------------

_ANALYSIS: Final = "survey/models/cnn/block/HASH"


def _analysis(at: Path) -> Any:
    from gz2interp.stores.analyses import Analysis

    return Analysis(next(iter((at / "survey/models/cnn/block").iterdir())))


def _provenance(at: Path) -> Any:
    """Without the versions of packages, which are for the reader and not part of the digest."""
    return {**vars(_analysis(at).provenance), "versions": ""}


def _model(at: Path) -> Any:
    from gz2interp.stores.models import ModelFolder

    return ModelFolder(at / "survey/models/cnn")


def _clusters(at: Path) -> Any:
    from gz2interp.stores.layer_results import ClusterFolder

    return ClusterFolder(_analysis(at).path / "clusters")


def _members(at: Path) -> Any:
    return _clusters(at).members, _clusters(at).is_member("coarse-1")


def _unusual(at: Path) -> Any:
    from gz2interp.stores.layer_results import UnusualFolder

    return UnusualFolder(_analysis(at).path / "unusual")


def _survey(at: Path) -> Any:
    from gz2interp.stores.survey import Survey

    return Survey.open(at / "survey")


def _survey_header(at: Path) -> Any:
    survey = _survey(at)
    return asdict(survey.header), survey.status, survey.images([0, 1])


def _status(at: Path) -> Any:
    survey = _survey(at)
    return survey.status, survey.usable, survey.journal.counts(9), list(survey.journal.without_image(9))


def _catalog(at: Path) -> Any:
    survey = _survey(at)
    return survey.catalog, survey.galaxy_ids, list(survey.galaxies())


def _images(at: Path) -> Any:
    survey = _survey(at)
    return survey.images(np.arange(9)), survey.valid(np.arange(9)), survey.cutout(2).image


def _check(at: Path) -> Any:
    from gz2interp.checks import Check
    from gz2interp.stores.files import read_record

    return _model(at).check("x"), read_record(at / "survey/models/cnn/check/check.json", Check.from_json)


def _latents(at: Path) -> Any:
    from gz2interp.stores.models import ModelFolder

    latents = ModelFolder(at / "survey/models/own").latents
    return None if latents is None else (latents.record, latents.rows, latents.values([0, 3]))


def _truth(at: Path) -> Any:
    from gz2interp.painting.recipe import Recipe
    from gz2interp.stores.truth import Truth

    truth = Truth.open(at / "survey")
    recipes = [Recipe.from_json(text) for text in truth.recipes([0, 5])]
    return truth.components, truth.settings, truth.galaxy_ids, recipes, truth.seeds([1]), truth.light([0, 3])


def _report(at: Path) -> Any:
    from trainer.download.report import read_report

    return read_report(at / "survey")


def _ratings(at: Path) -> Any:
    from gz2interp.stores.ratings import Ratings

    ratings = Ratings(at / "survey/ratings.sqlite")
    return ratings.table(), ratings.count()


def _import_ratings(at: Path, name: str) -> Any:
    from gz2interp.workflows.rating import import_ratings, ratings_of

    survey = _survey(at)
    for file in (at / "survey").glob("ratings.sqlite*"):
        file.unlink()
    try:
        done = import_ratings(survey, at / name)
        return done, ratings_of(survey).table().drop(columns="time")
    finally:
        for file in (at / "survey").glob("ratings.sqlite*"):
            file.unlink()
        shutil.copyfile(at / "ratings.sqlite", at / "survey/ratings.sqlite")


def _read_latents(at: Path, name: str) -> Any:
    from gz2interp.stores.latents import read_latents

    return list(read_latents(at / name, at / "ids.csv" if name.endswith("npy") else None))


def _named(at: Path, name: str) -> Any:
    from gz2interp.stores.tables import read_named_galaxies

    return read_named_galaxies(at / name)


def _table(at: Path, name: str) -> Any:
    from trainer.catalog import read_catalog

    return read_catalog(at / name)[0]


def _pixels(at: Path, name: str) -> Any:
    from gz2interp.stores.image_files import DISPLAY_BANDS, image_centre, read_pixels

    kind = name.removeprefix("cutout.")
    bands = DISPLAY_BANDS if kind in ("jpg", "png") else tuple("gri") if kind in COMPRESSED else IMAGE_BANDS
    return read_pixels([at / name], bands), image_centre([at / name], bands)


def _folder(at: Path) -> Any:
    """One damaged file among three: the other two are there all the same."""
    from gz2interp.errors import CutoutUnavailable
    from gz2interp.stores.image_files import read_pixels
    from trainer.sources.folder_index import catalog_of_folder, find_images

    images = find_images(at / "folder", IMAGE_BANDS)
    assert len(images) == 3, "a damaged file ended the listing"
    catalog = catalog_of_folder(at / "folder", None, IMAGE_BANDS)
    assert len(catalog) == 3, "a damaged file ended the catalogue"
    good, told = 0, []
    for image in images:
        try:
            told.append(read_pixels(image.paths, IMAGE_BANDS).image)
            good += 1
        except CutoutUnavailable as error:
            told.append(error.status)
    assert good >= 2, "a damaged file took others with it"
    return told


def _frame(at: Path) -> Any:
    from trainer.sources.frame_sets import find_frame_sets, read_frame

    find_frame_sets(at / "frames", ("r",))
    frame = read_frame(at / "frame-r-001035-6-0017.fits.bz2")
    return vars(frame) if not is_dataclass(frame) else frame


def _galaxy10(at: Path) -> Any:
    from trainer.sources.galaxy10 import Galaxy10Source, catalog_of_galaxy10

    catalog = catalog_of_galaxy10(at / "galaxy10.h5")
    source = Galaxy10Source(at / "galaxy10.h5", shape=(32, 32), pixel_scale=0.4)
    return catalog, [source.fetch(_galaxy(row)) for row in (0, len(catalog) - 1)]


def _checkpoint(at: Path) -> Any:
    from trainer.checkpoint import load_checkpoint

    return load_checkpoint(at / "training.npz")


def _config(at: Path) -> Any:
    from trainer.config import read_config

    return read_config(at / "mine.toml")


def _answer(at: Path) -> Any:
    from gz2interp.errors import CutoutUnavailable
    from trainer.archives.limits import ArchiveError
    from trainer.sources.judging import ImageRequest, validate_image

    try:
        return validate_image((at / "answer.fits").read_bytes(), ImageRequest(150.0, 2.0, "r", 0.396, (24, 24)))
    except ArchiveError as error:
        raise CutoutUnavailable("failed", str(error)) from error


def _predictions(at: Path) -> Any:
    return _model(at).predictions, _model(at).predictions_provenance


def _quality(at: Path) -> Any:
    from gz2interp.stores.quality import QualityFile

    return QualityFile(_survey(at)).read()


def _sweeps(at: Path) -> Any:
    from dashboards.loading.reports import sweeps_of

    return sweeps_of(_survey(at))


def _neighbours(at: Path) -> Any:
    return _analysis(at).neighbours(), _analysis(at).neighbours([0, 5])


def _blocks(at: Path) -> Any:
    from gz2interp.stores.layer_results import blocks_folder
    from gz2interp.workflows.building_blocks import load_atlas, load_groups

    folder = blocks_folder(_analysis(at))
    return load_groups(folder), load_atlas(folder), folder.arrays("places"), folder.arrays("tops"), folder.channels


def _features(at: Path) -> Any:
    from gz2interp.stores.layer_results import features_folder

    folder = features_folder(_analysis(at))
    return folder.images("channel"), folder.read_arrays("light", ("mean", "covariance")), folder.judged, folder.question


def _galaxy(row: int) -> Any:
    from gz2interp.results import Galaxy

    return Galaxy(row, row, 10.0, 1.0, 5.0)


def _replacement(at: Path) -> Any:
    """What an interrupted writer had begun, brought to an end on a copy of the survey."""
    from gz2interp.stores.survey import Survey

    copy = _scratch(at, "copy")
    shutil.copytree(
        at / "survey", copy, ignore=shutil.ignore_patterns("models", "truth*", "download", "replacement.npz")
    )
    (copy / "replacement.npz").symlink_to(at / "survey/replacement.npz")
    survey = Survey.open(copy)
    with survey.writer():
        pass
    return survey.refreshed().images(np.arange(9))


def _scratch(at: Path, name: str) -> Path:
    shutil.rmtree(at / name, ignore_errors=True)
    return at / name


def _settings(at: Path) -> Any:
    from dashboards.loading.downloads import options_of

    return options_of(_survey(at), None)


def _staged(at: Path) -> Any:
    """What a stopped download left, as the next one takes it in."""
    from trainer.download.staging import Staging

    with suppress(FileNotFoundError), Staging(at / "survey/download/staged.sqlite") as staging:
        rows = staging.rows()
        waiting = [staging.counts(), [staging.status_of(row) for row in rows], list(staging.without_image())]
        outcomes = list(staging.take(rows))
        for outcome in outcomes[:1]:
            staging.drop([outcome.row])
            staging.put(outcome)
        return waiting, [(o.row, o.status, o.source, o.tries, getattr(o.result, "image", o.result)) for o in outcomes]


def _without_image(at: Path) -> Any:
    from dashboards.loading.surveys import without_image_csv

    return without_image_csv(str(at / "survey"))


def _planes(at: Path) -> Any:
    from trainer.download.duplicates import ImageFingerprints
    from trainer.download.staging import Outcome

    survey = _survey(at)
    with ImageFingerprints(survey) as fingerprints:
        outcomes = [Outcome(row, survey.cutout(row - 1), "painted", 1) for row in (1, 4)]
        others = [fingerprints.find(outcome) for outcome in outcomes]
        fingerprints.add(outcomes[0])
        fingerprints.remove([7])
        return others


def _unit(at: Path) -> Any:
    from trainer.archives.units import read_unit

    return read_unit("skyview", "host")


def _served(at: Path) -> Any:
    """A survey behind an HTTP server on this machine, opened for the first time."""
    from gz2interp.stores.locations import find_survey
    from gz2interp.stores.survey import Survey

    address = _server(at)
    for companion in (at / "surveys").glob("served-*"):
        shutil.rmtree(companion)
    survey = Survey.open(find_survey(address))
    return survey.images([0, 3]), survey.galaxy_ids, survey.status, survey.catalog


@cache
def _server(at: Path) -> str:
    from serving import served  # of the tests

    return f"{_stack.enter_context(served(at)).url}/served"


_stack = ExitStack()
"""Of the server, which ends with the process."""


def _direction(at: Path) -> Any:
    from gz2interp.workflows.score_text import direction_vector

    return direction_vector(str(at / "direction.npy"))


def _building(at: Path) -> Any:
    from dashboards.building import read_state

    found = read_state(at / "survey")
    return None if found is None else (found.state, found.stages, found.words, found.started, found.command)


def _link(at: Path) -> Any:
    """A link to a page, whose parts are texts."""
    from dashboards.selection import read_params
    from gz2interp.stores.files import read_record

    return read_params(read_record(at / "link.json", lambda value: {str(name): str(value[name]) for name in value}))


def _network(at: Path) -> Any:
    from gz2interp.network.loading import load_network

    return [weights.copy() for weights in load_network(at / "net.keras").get_weights()]


# -- valid files ------------------------------------------------------------------------------------------------------


def make_files(at: Path, heavy: bool = False) -> None:
    """A valid file of each kind."""
    at.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    if heavy:
        from gz2interp.testing.networks import plain_network

        plain_network().save(at / "net.keras")
        return
    survey = _make_survey(at, rng)
    _make_ratings(at, survey)
    _make_model(survey, rng)
    _make_analysis(survey, rng)
    _make_blocks(survey, rng)
    _make_download(at, survey)
    _make_page(at)
    _make_tables(at, rng)
    _make_latents(at, rng)
    _make_images(at, rng)
    _make_pictures(at, rng)
    _make_training(at, rng)


def _make_survey(at: Path, rng: Rng) -> Any:
    from gz2interp.results import Provenance
    from gz2interp.stores.files import write_json
    from gz2interp.stores.journal import status_entry
    from gz2interp.stores.latents import Latents
    from gz2interp.stores.survey import Survey
    from gz2interp.stores.tables import write_parquet
    from gz2interp.stores.writer import Replacement
    from trainer.paint import paint_survey

    paint_survey(at / "survey", 9, seed=1)
    shutil.copytree(at / "survey", at / "served")
    survey = Survey.open(at / "survey")
    rows = np.arange(9)
    Latents(at / "survey/models/own").write(rows, rng.normal(size=(9, 5)).astype(np.float32), {"file": "x.npy"})
    made = Provenance(survey.digest, "", "", "image quality", {}, None, {"numpy": "2"})
    write_parquet(
        survey.path / "quality.parquet",
        pd.DataFrame({"row": rows, "galaxy_id": survey.galaxy_ids, "seeing_r": rng.random(9)}),
    )
    write_json(survey.path / "quality.json", made.to_json())
    entry = status_entry(2, int(survey.galaxy_ids[2]), survey.cutout(3))
    Replacement(0, survey.images(rows[[0, 1, 3, *range(3, 9)]]), survey.valid(rows), [entry]).write(survey.path)
    return survey


def _make_ratings(at: Path, survey: Any) -> None:
    from gz2interp.stores.ratings import Rating, Ratings

    ratings = Ratings(at / "survey/ratings.sqlite")
    for row in range(6):
        time = f"2026-01-0{row + 1}T00:00:00+00:00"
        ratings.rate(Rating(int(survey.galaxy_ids[row]), row % 6, "merger", "a note", time))
    _settle(at / "survey/ratings.sqlite")
    shutil.copyfile(at / "survey/ratings.sqlite", at / "ratings.sqlite")
    ratings.table().to_csv(at / "ratings.csv", index=False)
    ratings.table().to_parquet(at / "ratings.parquet", index=False)


def _make_model(survey: Any, rng: Rng) -> None:
    from gz2interp.cards import ClassScore, Evaluation, UnlabelledGalaxies
    from gz2interp.checks import Check, Finding
    from gz2interp.results import Provenance
    from gz2interp.statistics import Estimate, ReliabilityBin
    from gz2interp.stores.models import ModelFolder

    model = ModelFolder(survey.path / "models/cnn")
    model.path.mkdir(parents=True)
    (model.path / "model.keras").write_bytes(b"not read here")
    (model.path / "run.json").write_text(json.dumps({"class_names": ["a", "b"], "seed": 3, "config": {"epochs": 2}}))
    (model.path / "history.csv").write_text("epoch,loss,val_loss\n1,0.5,0.6\n2,0.4,0.5\n")
    (model.path.parent / "cnn-sweep.csv").write_text("name,epochs,accuracy\na,3,0.5\nb,4,0.6\n")
    made = Provenance(survey.digest, model.digest, "", "predict", {"class_names": ["a", "b"]}, None, {"numpy": "2"})
    predictions = pd.DataFrame({"galaxy_id": survey.galaxy_ids, "row": np.arange(9), "split": "test", "label": "a"})
    predictions = predictions.assign(prediction="b", confidence=0.9, p_a=rng.random(9), p_b=rng.random(9))
    model.write_predictions(predictions, made)
    estimate = Estimate(0.5, 0.4, 0.6, 9)
    score, part = ClassScore("a", estimate, estimate), ReliabilityBin(0.5, 0.6, estimate)
    matrix, three = ((1, 2), (3, 4)), (estimate, estimate, estimate)
    rest = UnlabelledGalaxies(3, 0.5, estimate, None, {"a": 2})
    model.write_evaluation(Evaluation("cnn", "test", "five", 9, 9, estimate, (score,), matrix, *three, (part,), rest))
    findings = (
        Finding("deletion", "gradient", "", estimate, 0.5, True, "words"),
        Finding("x", "", "a", estimate, None, None, "w"),
    )
    model.write_check(Check("survey", "cnn", "logit", findings, ("y",), made.to_json()))


def _make_analysis(survey: Any, rng: Rng) -> None:
    from gz2interp.map_quality import LabelAgreement, MapQuality, PlacingError
    from gz2interp.results import Embedding, Neighbours, Provenance, Search, Whitening
    from gz2interp.stores.analyses import Analysis

    n, rows, model = 9, np.arange(9), survey.model("cnn")
    parameters = {"metric": "cosine", "pooling": "mean"}
    question = Provenance(survey.digest, model.digest, "block", "umap", parameters, 1, {"umap": "1"})
    analysis = Analysis(model.path / "block" / question.digest)
    analysis.path.mkdir(parents=True)
    analysis.write_activations(0, rng.normal(size=(n, 6)).astype(np.float32), n)
    analysis.write_whitening(Whitening(np.zeros(6, np.float32), np.eye(6, dtype=np.float32)))
    search = Search("approximate", "ivf", {"cells": 3}, 0.9, 0.8, 1.0, 5, 3)
    analysis.write_neighbours(Neighbours(np.tile(rows[:3], (n, 1)), np.ones((n, 3), np.float32), "cosine", search))
    analysis.write_map(rows, survey.galaxy_ids, Embedding(rng.normal(size=(n, 2)).astype(np.float32), "umap"))
    shares = {"class": LabelAgreement(0.5, 0.6, 0.1)}
    analysis.write_quality(MapQuality(3, 9, 9, 1, 0.9, 0.8, 0.7, 0.1, shares, PlacingError(0.1, 0.2, 3)), question)
    table = pd.DataFrame({"row": rows, "galaxy_id": survey.galaxy_ids, "coarse": (rows < 5).astype(np.int32)})
    _make_clusters(analysis.path / "clusters", table, question)
    _make_unusual(analysis.path / "unusual", table, question, rng)
    analysis.complete(question)


def _make_clusters(path: Path, table: pd.DataFrame, question: Any) -> None:
    from gz2interp.grouping import Cluster, Clusters, Flag
    from gz2interp.stores.layer_results import ClusterFolder

    cluster = Cluster("coarse", 1, 5, "s", ("ra",), (Flag("seeing", "w"),), (1, 2), 3)
    clusters = Clusters(9, ("coarse",), (cluster,), {"coarse": 4}, {"coarse": (0.5,)})
    ClusterFolder(path).write_clusters(clusters, table, table, np.zeros((0, 4, 4, 5), np.float32), question)


def _make_unusual(path: Path, table: pd.DataFrame, question: Any, rng: Rng) -> None:
    from gz2interp.stores.layer_results import UnusualFolder

    unusual = UnusualFolder(path)
    unusual.path.mkdir(parents=True)
    n = len(table)
    unusual.create_array("vectors", n, 4)[:] = rng.normal(size=(n, 4))
    scores = table[["row", "galaxy_id"]].assign(
        rank=np.arange(n) + 1, score=rng.random(n), reason="far", normal_far=0.1
    )
    fitted = {"centre": rng.normal(size=4), "names": np.array(["a", "b"])}
    unusual.write(question, {"scores": scores}, {"frozen": fitted})


def _make_blocks(survey: Any, rng: Rng) -> None:
    """Building blocks and feature images of four channels."""
    from gz2interp.stores.layer_results import blocks_folder, features_folder

    analysis = _analysis(survey.path.parent)
    made, blocks, features = analysis.provenance, blocks_folder(analysis), features_folder(analysis)

    def floats(*shape: int) -> Any:
        return rng.random(shape).astype(np.float32)

    def ints(*shape: int) -> Any:
        return rng.integers(0, 3, shape)

    sides = ("top", "bottom", "peak")
    tops = {f"{side}_{name}": ints(4, 5) for side in sides for name in ("rows", "y", "x")}
    tops |= {f"{side}_values": floats(4, 5) for side in sides}
    places = {"rows": ints(8), "y": ints(8), "x": ints(8), "attributed": floats(8, 2), "coordinates": floats(8, 2)}
    atlas = {"side": np.array(2), "column": ints(3), "row": ints(3), "counts": ints(3), "patches": ints(3, 2)}
    atlas |= {"directions": floats(3, 4), "whitened": floats(3, 4), "attributed": floats(3, 2), "held": floats(3)}
    blocks.write_arrays("groups", {"directions": floats(2, 4), "held": np.array(0.8), "negative": np.array(0.0)})
    blocks.write_arrays("tops", tops)
    blocks.write_arrays("places", places)
    blocks.write_arrays("atlas-0", {**atlas, "scores": np.array(["a", "b"])})
    blocks.write_table("channels", pd.DataFrame({"channel": np.arange(4), "mean": 1.0, "silent": False}))
    blocks.complete(made)
    features.begin(made, keep=False)
    images = {
        "number": np.arange(4),
        "seed": np.zeros(4, int),
        "images": floats(4, 6, 6, 5),
        "silent": np.zeros(4, bool),
    }
    features.write_images("channel", 0, images)
    features.write_arrays("light", {"mean": floats(5), "covariance": floats(5, 5)})
    features.write(made, {"judged": pd.DataFrame({"kind": "channel", "number": np.arange(4), "reached": 1.0})})


def _make_download(at: Path, survey: Any) -> None:
    """What a stopped download leaves, its report, and the unit of a service."""
    from gz2interp.errors import CutoutUnavailable
    from trainer.archives.units import UNVERIFIED, unit_file, write_unit
    from trainer.download.duplicates import ImageFingerprints
    from trainer.download.report import Failure, Report, ServiceState
    from trainer.download.staging import Outcome, Staging

    service = ServiceState("skyview", "host", "up", "fine", 3, 4096, {"blank": 1})
    failure = Failure("failed", "no answer", 2, (str(FIRST_ID),), "Ask again")
    now = "2026-01-01T00:00:00+00:00"
    counts, sources = {"ok": 8}, ("skyview",)
    Report("ended", "", now, now, sources, 4, 1.0, 0.4, 9, 9, 9, 9, counts, 1.0, None, (service,), (failure,), 7).write(
        at / "survey"
    )
    with Staging(at / "survey/download/staged.sqlite") as staging, ImageFingerprints(survey) as fingerprints:
        for row in (0, 3, 5):
            staging.put(Outcome(row, survey.cutout(row), "painted", 1))
            fingerprints.add(Outcome(row, survey.cutout(row), "painted", 1))
        staging.put(Outcome(7, CutoutUnavailable("missing", "the archive has none"), "skyview", 2))
    for name in ("staged", "planes"):
        _settle(at / f"survey/download/{name}.sqlite")
    settings = {"arcsec": 30.0, "radii": 0.0, "bands": ["g", "r"], "size": 48}
    (at / "survey/download/settings.json").write_text(json.dumps(settings))
    (at / "surveys").mkdir()
    unit_file("skyview", "host").parent.mkdir(parents=True)
    write_unit("skyview", "host", UNVERIFIED)


def _make_page(at: Path) -> None:
    """What the dashboard reads of a demo that is being built, and a link to it."""
    record = {"command": ["python", "-m", "trainer"], "started": 1.7e9, "ended": 1.8e9, "state": "failed", "keeper": 7}
    (at / ".survey.building.json").write_text(json.dumps(record))
    lines = [json.dumps({"stage": stage, "done": 1, "total": 3, "message": "m"}) for stage in ("paint", "fit")]
    (at / ".survey.building.log").write_text("\n".join(lines) + "\nwords of a library\n")
    (at / ".survey.building.err").write_text("\n".join(f"line {number}" for number in range(20)))
    link = {"survey": "demo", "model": "cnn", "galaxy_id": str(FIRST_ID), "lasso": "0,0;1,0;1,1", "colour": "label"}
    (at / "link.json").write_text(json.dumps(link))


def _settle(path: Path) -> None:
    """All of a SQLite file in one file."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()


def _make_tables(at: Path, rng: Rng) -> None:
    from astropy.io import fits
    from astropy.table import Table

    n = 40
    ids = FIRST_ID + np.arange(n)
    frame = pd.DataFrame(
        {"dr7objid": ids, "ra": rng.uniform(10, 20, n), "dec": rng.uniform(0, 5, n), "petroR90_r": rng.uniform(3, 9, n)}
    )
    frame = frame.assign(name=[f"galaxy {i}" for i in range(n)])
    frame.to_csv(at / "table.csv", index=False)
    (at / "table.csv.gz").write_bytes(gzip.compress((at / "table.csv").read_bytes()))
    (at / "table.csv.bz2").write_bytes(bz2.compress((at / "table.csv").read_bytes()))
    frame.to_parquet(at / "table.parquet", index=False)
    table = Table.from_pandas(frame)
    table.write(at / "table.fits", overwrite=True)
    fits.HDUList([fits.PrimaryHDU(), fits.table_to_hdu(table)]).writeto(
        at / "table.sums.fits", checksum=True, overwrite=True
    )
    table.write(at / "table.vot", format="votable", overwrite=True)
    table.write(at / "table.ecsv", format="ascii.ecsv", overwrite=True)
    (at / "table.csv.xz").write_bytes(lzma.compress((at / "table.csv").read_bytes()))
    table.write(at / "table.ipac.tbl", format="ascii.ipac", overwrite=True)
    table.write(at / "table.ruled.txt", format="ascii.fixed_width_two_line", overwrite=True)
    table.write(at / "table.bars.txt", format="ascii.fixed_width", overwrite=True)
    names = ("NUMBER", "ALPHA_J2000", "DELTA_J2000", "FLUX_RADIUS")
    heading = "".join(f"#   {number + 1} {name:12} words\n" for number, name in enumerate(names))
    rows = frame[["dr7objid", "ra", "dec", "petroR90_r"]].to_csv(sep=" ", index=False, header=False)
    (at / "table.sextractor.cat").write_text(heading + rows)
    with zipfile.ZipFile(at / "table.csv.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(at / "table.csv", "table.csv")
    named = frame[["dr7objid", "ra"]].rename(columns={"dr7objid": "galaxy_id"})
    named.to_csv(at / "list.csv", index=False)
    named.to_parquet(at / "list.parquet", index=False)
    Table.from_pandas(named).write(at / "list.fits", overwrite=True)
    Table.from_pandas(named).write(at / "list.vot", format="votable", overwrite=True)
    (at / "list.txt").write_text("\n".join(map(str, ids)) + "\n")


def _make_latents(at: Path, rng: Rng) -> None:
    from astropy.table import Table

    ids = FIRST_ID + np.arange(40)
    values = rng.normal(size=(40, 6)).astype(np.float32)
    np.save(at / "direction.npy", values[0])
    np.save(at / "latents.npy", values)
    (at / "ids.csv").write_text("galaxy_id\n" + "\n".join(map(str, ids)) + "\n")
    np.savez(at / "latents.npz", galaxy_id=ids, latents=values)
    numbers = pd.DataFrame({"galaxy_id": ids, **{f"z{i}": values[:, i] for i in range(6)}})
    numbers.to_parquet(at / "latents.parquet", index=False)
    Table({"galaxy_id": ids, "latent": values}).write(at / "latents.fits", overwrite=True)


def _header(ra: float, dec: float, band: str = "", size: int = 24) -> Any:
    from astropy.io import fits

    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = ra, dec
    header["CRPIX1"] = header["CRPIX2"] = (size + 1) / 2
    header["CDELT1"], header["CDELT2"] = -0.396 / 3600, 0.396 / 3600
    header["CUNIT1"] = header["CUNIT2"] = "deg"
    header["BUNIT"] = "nanomaggy"
    if band:
        header["FILTER"] = band
    return header


def _make_images(at: Path, rng: Rng) -> None:
    from astropy.io import fits

    planes = rng.normal(size=(5, 24, 24)).astype(np.float32)
    (at / "folder").mkdir(exist_ok=True)

    def hdus(ra: float, dec: float) -> Any:
        parts = [fits.ImageHDU(planes[i], _header(ra, dec, band), name=band) for i, band in enumerate(IMAGE_BANDS)]
        return fits.HDUList([fits.PrimaryHDU(), *parts])

    hdus(10, 1).writeto(at / "cutout.fits", overwrite=True)
    hdus(10, 1).writeto(at / "cutout.sums.fits", overwrite=True, checksum=True)
    content = (at / "cutout.fits").read_bytes()
    (at / "cutout.fits.gz").write_bytes(gzip.compress(content))
    (at / "cutout.fits.bz2").write_bytes(bz2.compress(content))
    for number in range(3):
        hdus(number + 10.25, 2).writeto(at / "folder" / f"galaxy_{number}.fits", overwrite=True)
    for name, kind in COMPRESSED.items():
        parts = []
        for i, band in enumerate("gri"):
            image = planes[i] if kind != "PLIO_1" else np.abs(planes[i] * 40).astype(np.int16)
            parts.append(fits.CompImageHDU(image, _header(10, 1, band), name=band, compression_type=kind))
        fits.HDUList([fits.PrimaryHDU(), *parts]).writeto(at / f"cutout.{name}", overwrite=True)
    np.save(at / "cutout.npy", planes)
    np.savez_compressed(at / "cutout.npz", **dict(zip(IMAGE_BANDS, planes, strict=True)))
    header = _header(150.0, 2.0)
    header["CRPIX1"] = header["CRPIX2"] = 12.5
    fits.PrimaryHDU(planes[0], header).writeto(at / "answer.fits", overwrite=True)


def _make_pictures(at: Path, rng: Rng) -> None:
    """Colour images made for the eye, and a frame of a survey's camera."""
    import h5py
    from astropy.io import fits
    from PIL import Image

    picture = Image.fromarray(rng.integers(0, 255, (48, 48, 3)).astype(np.uint8))
    picture.save(at / "cutout.jpg")
    picture.save(at / "cutout.png")
    frame = fits.HDUList([fits.PrimaryHDU(rng.normal(size=(60, 80)).astype(np.float32), _header(10, 1, "r", 60))])
    frame[0].header["FILTER"] = "r"
    out = io.BytesIO()
    frame.writeto(out)
    (at / "frames").mkdir(exist_ok=True)
    (at / "frame-r-001035-6-0017.fits.bz2").write_bytes(bz2.compress(out.getvalue()))
    (at / "frames/frame-r-001035-6-0017.fits.bz2").write_bytes(bz2.compress(out.getvalue()))
    with h5py.File(at / "galaxy10.h5", "w") as file:
        file["images"] = rng.integers(0, 255, (12, 69, 69, 3)).astype(np.uint8)
        file["ans"] = np.arange(12) % 10
        file["ra"], file["dec"] = np.linspace(1, 2, 12), np.linspace(1, 2, 12)


def _make_training(at: Path, rng: Rng) -> None:
    from trainer.checkpoint import Checkpoint, save_checkpoint

    arrays = (rng.normal(size=(5, 3)).astype(np.float32), np.arange(4))
    losses = ({"loss": 0.5},)
    save_checkpoint(at / "training.npz", Checkpoint(2, {"config": {"epochs": 3}}, losses, arrays, arrays, arrays))
    (at / "mine.toml").write_text('epochs = 3\nbatch_size = 32\nnetwork = "compact"\n')
