"""Building blocks and feature images of a layer, written as the verbs keep them, for tests of what shows them."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
from dashboard_fixtures import CLASSES

from gz2interp.cells import tiled
from gz2interp.results import Provenance
from gz2interp.stores.analyses import latest_analysis
from gz2interp.stores.layer_results import agreement_folder, blocks_folder, features_folder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.feature_agreement import agreement_provenance

CHANNELS = 6
PLANE = (8, 8)
SILENT, TWIN, OF_SKY = 2, 4, 5
"""Channels that do nothing, are as channel 3, and see the sky."""
GROUPS = 2
CELLS = 3
TOPS = 10


def add_blocks(survey: Survey, name: str = "cnn", plane: bool = True, seed: int = 0) -> None:
    """Of the newest analysis: six channels, of which the first goes with the magnitude."""
    model = survey.model(name)
    analysis = latest_analysis(model.path, survey.digest, model.digest)
    assert analysis is not None
    rng, rows = np.random.default_rng(5), np.flatnonzero(survey.usable)
    channels = pd.DataFrame({"channel": np.arange(CHANNELS), "mean": 1.0, "scatter": 1.0, "lowest": 0.0})
    channels = channels.assign(highest=3.0, active=np.linspace(0.2, 0.9, CHANNELS), loud=2.0)
    channels = channels.assign(silent=channels["channel"] == SILENT, twin=-1, twin_r=np.nan)
    channels.loc[[3, TWIN], ["twin", "twin_r"]] = [[TWIN, 0.99], [3, 0.99]]
    channels = channels.assign(artefact="", artefact_share=np.nan, artefact_expected=np.nan)
    channels.loc[OF_SKY, ["artefact", "artefact_share", "artefact_expected"]] = ["sky_r", 0.8, 0.1]
    tests = pd.DataFrame(
        [(0, "r", 118, -0.8, True), (1, "r", 118, 0.1, False), (1, "petro_radius", 118, 0.5, True)],
        columns=["channel", "column", "known", "rho", "sure"],
    )
    tests = tests.assign(low=tests["rho"] - 0.1, high=tests["rho"] + 0.1, p=0.001, q=0.001)
    tops = {}
    for at, side in enumerate(("top", "bottom", "peak")):
        chosen = np.stack([np.roll(rows, -(at * 20 + k))[:TOPS] for k in range(CHANNELS)])
        tops |= {f"{side}_rows": chosen, f"{side}_values": np.tile(np.linspace(3, 1, TOPS), (CHANNELS, 1))}
        tops |= {f"{side}_{axis}": np.tile(np.arange(TOPS) % PLANE[0], (CHANNELS, 1)) for axis in "yx"}
    m = 60
    places = {"rows": rng.choice(rows, m), "y": rng.integers(0, 8, m), "x": rng.integers(0, 8, m)}
    places |= {"coordinates": rng.normal(size=(m, 2)), "attributed": rng.normal(size=(m, len(CLASSES)))}
    places |= {"cells": np.array(json.dumps(tiled(PLANE, survey.shape).to_json()))} if plane else {}
    atlas = {"side": np.array(2), "column": np.array([0, 1, 1]), "row": np.array([0, 0, 1])}
    atlas |= {"counts": np.array([30, 20, 10]), "directions": rng.uniform(size=(CELLS, CHANNELS))}
    atlas |= {
        "whitened": rng.normal(size=(CELLS, CHANNELS)),
        "attributed": np.array([[0.5, -0.5], [0.1, 0.0], [-1, 1]]),
    }
    atlas |= {"patches": np.arange(CELLS * 4).reshape(CELLS, 4), "held": np.full(CELLS, 0.9)}
    atlas |= {"scores": np.array(CLASSES, np.str_)}
    directions = np.abs(rng.normal(size=(GROUPS, CHANNELS)))
    groups = {"directions": directions / np.linalg.norm(directions, axis=1, keepdims=True)}
    groups |= {"held": np.array(0.8), "negative": np.array(0.0)}
    made = analysis.provenance
    folder = blocks_folder(analysis)
    shutil.rmtree(folder.path, ignore_errors=True)
    for table, rows in {"channels": channels, "correlates": tests, "artefacts": tests}.items():
        folder.write_table(table, rows)
    arrays = {"tops": tops, "groups": groups, "places": places, "atlas-0": atlas, "atlas-2": atlas}
    for file, each in arrays.items():
        folder.write_arrays(file, each)
    folder.complete(Provenance(made.data, made.model, made.layer, "building blocks", {}, seed))


def add_features(survey: Survey, name: str = "cnn", complete: bool = True) -> None:
    """A sheet of the newest analysis: the second channel goes beyond the best real galaxy, the third is not excited."""
    model = survey.model(name)
    analysis = latest_analysis(model.path, survey.digest, model.digest)
    assert analysis is not None
    folder, made, rng = features_folder(analysis), analysis.provenance, np.random.default_rng(6)
    blocks = blocks_folder(analysis).provenance
    facts = {"steps": 8, "blocks": blocks.digest if blocks else ""}
    provenance = Provenance(made.data, made.model, made.layer, "feature images", facts, 0)
    folder.begin(provenance, keep=False)
    tables = []
    for kind, count, seeds in (
        ("channel", CHANNELS, 2),
        ("class", len(CLASSES), 2),
        ("group", GROUPS, 1),
        ("cell", CELLS, 1),
    ):
        number, seed = np.tile(np.arange(count), seeds), np.repeat(np.arange(seeds), count)
        images = rng.uniform(0, 2, (count * seeds, *survey.shape, len(survey.bands))).astype(np.float32)
        silent = (number == SILENT) & (kind == "channel")
        reached = np.where(silent, 0.0, 1.0 + number)
        half = len(number) // 2  # in two files, as a larger sheet is
        for part, at in enumerate((slice(None, half), slice(half, None))):
            folder.write_images(
                kind, part, {"number": number[at], "seed": seed[at], "images": images[at], "silent": silent[at]}
            )
        told = {"kind": kind, "number": number, "seed": seed, "objective": [f"{kind}({k})" for k in number]}
        told |= {
            "reached": reached,
            "transformed": reached / 2,
            "best": np.where(number == 1, 1.0, 4.0),
            "random": 0.5,
        }
        told |= {"best_id": int(survey.galaxy_ids[7]), "above": 0.9, "spectrum": 0.8, "colours": 0.7}
        tables.append(
            pd.DataFrame({**told, "agreement": 0.6 if seeds > 1 else np.nan, "unlike": 0.2, "silent": silent})
        )
    if complete:
        folder.write(provenance, {"judged": pd.concat(tables, ignore_index=True)})


def add_agreement(survey: Survey, name: str = "cnn", other: str = "other") -> None:
    """Another network's word on the sheet: the second channel's image excites it, the silent channel has none."""
    model, second = survey.model(name), survey.model(other)
    one, two = (latest_analysis(each.path, survey.digest, each.digest) for each in (model, second))
    assert one is not None
    assert two is not None
    numbers = np.arange(CHANNELS)
    told = {"number": numbers, "partner": CHANNELS - 1 - numbers, "r": 0.9, "r_shuffled": 0.2, "r_forgotten": 0.4}
    told |= {"answer": 2.5, "best": 3.5, "place": np.where(numbers == 1, 1.0, 0.5), "unlike": 0.25, "ahead": 0.8}
    told |= {"place_own": 0.999, "place_forgotten": 0.6, "galaxies": len(one.rows)}
    table = pd.DataFrame(told)
    table.loc[SILENT, ["answer", "place", "unlike", "ahead", "place_own", "place_forgotten"]] = np.nan
    sheet = features_folder(one)
    assert sheet.provenance is not None
    agreement_folder(sheet, two).write(agreement_provenance(sheet.provenance, one, two), {"channels": table})
