"""Starting from another network, testing by folds, and several networks that speak as one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from trainer_surveys import ring_survey, tiny_network

import gz2interp as gz
from gz2interp.errors import InputError, SurveyError
from gz2interp.network.loading import load_network
from gz2interp.network.probe import Probe
from gz2interp.network.quiet import keras
from trainer.committee import build_ensemble
from trainer.config import Config
from trainer.fit import fit
from trainer.networks import build_network
from trainer.networks.committee import ensemble
from trainer.networks.layers import rescale
from trainer.plan import NO_SIDE, excluded_by, plan_training
from trainer.splits import fold_sides
from trainer.start import transfer_weights

# Keras itself reads its variables in a way that NumPy 2 finds old-fashioned.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

CONFIG = Config(
    network="tiny", epochs=2, batch_size=32, learning_rate=5e-3, warm_up=0.5, split_seed=3, mixup=0.2, dropout=0.1
)


@pytest.fixture(scope="module", autouse=True)
def _tiny():
    with tiny_network():
        yield


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return ring_survey(tmp_path_factory.mktemp("surveys") / "rings", count=240)


@pytest.fixture(scope="module")
def members(survey):
    one = fit(survey, "one", CONFIG)
    two = fit(survey, "two", replace(CONFIG, seed=2, start="one", keep="last"))
    return one, two


def _networks(*names, scaling="asinh"):
    keras.utils.set_random_seed(1)
    settings = {"shape": (24, 24), "class_count": 2, "scaling": scaling, "softening": (0.1, 0.2, 0.3)}
    return [build_network(name, **settings) for name in names]


def _images(count=3, size=24):
    return np.random.default_rng(5).normal(size=(count, size, size, 3)).astype(np.float32)


@pytest.mark.parametrize("scaling", ["asinh", "minmax", "display"])
def test_a_committee_says_the_mean_of_its_members_and_opens_anywhere(scaling, tmp_path):
    members = _networks("tiny", "tiny", scaling=scaling)
    ensemble(members, views=1).save(tmp_path / "both.keras")
    opened = load_network(tmp_path / "both.keras")
    said = np.mean([member(_images()).numpy() for member in members], axis=0)
    np.testing.assert_allclose(opened(_images()).numpy(), said, atol=1e-5)


def test_eight_views_are_the_mean_over_turned_and_mirrored_images():
    (member,) = _networks("tiny")
    views = [np.rot90(turned, k, axes=(1, 2)) for turned in (_images(), _images()[:, ::-1]) for k in range(4)]
    said = np.mean([member(np.ascontiguousarray(view)).numpy() for view in views], axis=0)
    np.testing.assert_allclose(ensemble([member], 8)(_images()).numpy(), said, atol=1e-5)


@pytest.mark.parametrize("scale", [0.7, 1.4, 2.0])
def test_at_another_scale_a_galaxy_is_as_much_larger_and_as_bright(scale):
    y, x = np.mgrid[:64, :64] - 31.5
    galaxy = np.exp(-(x**2 / 5**2 + y**2 / 3**2) / 2)[None, ..., None].astype(np.float32)
    seen = keras.ops.convert_to_numpy(rescale(galaxy, scale))
    assert seen.shape == galaxy.shape
    assert seen.max() == pytest.approx(galaxy.max(), rel=0.06)
    for axis, grid, width in (("x", x, 5), ("y", y, 3)):
        found = np.sqrt(np.average(grid**2, weights=seen[0, ..., 0]))
        assert found == pytest.approx(scale * width, rel=0.06), axis


def test_several_scales_are_the_mean_over_them_and_open_anywhere(tmp_path):
    (member,) = _networks("tiny")
    ensemble([member], 1, scales=(0.7, 1.0, 1.4)).save(tmp_path / "scales.keras")
    opened = load_network(tmp_path / "scales.keras")
    scaled = Probe(member).values_at(_images())
    parts = [keras.ops.convert_to_numpy(rescale(scaled, scale)) for scale in (0.7, 1.0, 1.4)]
    body = keras.Model(member.get_layer("scaled").output, member.output)
    said = np.mean([body(part).numpy() for part in parts], axis=0)
    np.testing.assert_allclose(opened(_images()).numpy(), said, atol=1e-5)
    whole = ensemble([member], 8, scales=(0.7, 1.4))
    turned = np.ascontiguousarray(np.rot90(_images(), axes=(1, 2)))
    np.testing.assert_allclose(whole(turned).numpy(), whole(_images()).numpy(), atol=1e-5)


@pytest.mark.parametrize("scales", [(), (1.0, 1.0), (0.1,), (3.0, 1.0)])
def test_scales_that_cannot_be_are_refused(survey, scales):
    with pytest.raises(InputError, match="each once"):
        build_ensemble(survey, "scales", ["one"], scales=scales)


def test_however_a_galaxy_lies_the_committee_says_the_same():
    whole = ensemble(_networks("tiny", "original"), 8)
    said = whole(_images()).numpy()
    turned = whole(np.ascontiguousarray(np.rot90(_images(), 1, axes=(1, 2)))).numpy()
    np.testing.assert_allclose(turned, said, atol=1e-6)


def test_a_committee_is_explained_like_any_network():
    whole = ensemble(_networks("tiny", "tiny"), 8, temperature=2.0)
    probe = Probe(whole, ("E", "S"))
    assert probe.logit_rule == "layer named logits"
    result = gz.gradient(probe, _images(), gz.logit("S"))
    assert result.domain == "scaled"
    step = 1e-2 * result.values / np.abs(result.values).max()
    bodies = keras.Model(whole.get_layer("scaled").output, whole.get_layer("logits").output)
    scaled = keras.Model(whole.input, whole.get_layer("scaled").output)(_images()).numpy()
    rise = (bodies(scaled + step).numpy() - bodies(scaled - step).numpy())[:, 1] / 2
    np.testing.assert_allclose(rise, (result.values * step).sum(axis=(1, 2, 3)), rtol=0.05)


def test_a_training_begins_with_the_weights_of_another(survey, members):
    one, two = members
    assert two.run["start"]["digest"] == one.digest
    assert two.run["start"]["fresh_layers"] == []


def test_only_the_head_is_fresh_where_the_classes_are_others(tmp_path):
    (trained,) = _networks("tiny")
    trained.save(tmp_path / "two.keras")
    keras.utils.set_random_seed(9)
    more = build_network("tiny", shape=(24, 24), class_count=4, scaling="asinh", softening=(0.1, 0.2, 0.3))
    assert transfer_weights(more, tmp_path / "two.keras") == ("logits",)
    for name in ("block_conv", "block_norm"):
        for mine, learnt in zip(more.get_layer(name).get_weights(), trained.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(mine, learnt)


def test_a_start_of_another_make_is_refused(tmp_path):
    original, cnn = _networks("original", "tiny")
    original.save(tmp_path / "original.keras")
    with pytest.raises(InputError, match="made of other layers"):
        transfer_weights(cnn, tmp_path / "original.keras")


def test_a_start_that_is_not_there_is_told_with_those_that_are(survey, members):
    with pytest.raises(InputError, match=r"no such network(.|\n)*one"):
        fit(survey, "three", replace(CONFIG, start="nothing"))


def test_what_another_network_sorts_out_has_no_part(survey, members, monkeypatch):
    said = members[0].predictions
    rings = set(said.loc[said["prediction"] == "ring", "row"])
    assert set(np.flatnonzero(excluded_by(survey, "one:ring"))) == rings
    few = list(rings)[:10]
    monkeypatch.setattr("trainer.plan.excluded_by", lambda *_: np.isin(np.arange(len(survey)), few))
    plan = plan_training(survey, replace(CONFIG, without="one:ring"))
    assert plan.to_json()["caught"] == 10
    assert (plan.side[few] == NO_SIDE).all()
    with pytest.raises(InputError, match="no class 'square'"):
        excluded_by(survey, "one:square")


def test_folds_test_each_galaxy_once():
    groups = np.arange(5000)
    tested = np.stack([fold_sides(groups, 1, 5, fold, 0.1) == "test" for fold in range(5)])
    assert (tested.sum(axis=0) == 1).all()
    assert tested.mean() == pytest.approx(0.2)
    steering = fold_sides(groups, 1, 5, 0, 0.1) == "validation"
    assert steering.mean() == pytest.approx(0.08, abs=0.015)


def test_the_committee_of_a_survey_is_judged_where_nobody_learnt(survey):
    plain = replace(CONFIG, scaling="display", epochs=1)
    members = [fit(survey, "plain", plain), fit(survey, "other", replace(plain, seed=3, folds=2, fold=0))]
    whole = build_ensemble(survey, "all", ["plain", "other"])
    tested = set(whole.predictions.query("split == 'test'")["galaxy_id"])
    each = [set(member.predictions.query("split == 'test'")["galaxy_id"]) for member in members]
    assert tested == each[0] & each[1]
    assert tested
    assert [member["name"] for member in whole.run["members"]] == ["plain", "other"]
    known = gz.card(survey, "all")
    assert known.training.settings == {"members": "plain, other", "views": 8, "scales": [1.0]}
    assert known.labels.counts["ring"]["test"] > 0


def test_members_that_cannot_sit_together_are_told(survey, members):
    fit(survey, "elsewhere", replace(CONFIG, split_seed=4, epochs=1))
    with pytest.raises(InputError, match="scaling"):
        build_ensemble(survey, "odd", ["one", "elsewhere"])
    with pytest.raises(InputError, match="views"):
        build_ensemble(survey, "odd", ["one"], views=3)
    with pytest.raises(SurveyError, match="already has"):
        build_ensemble(survey, "one", ["two"])


def test_patience_ends_a_training_that_no_longer_gains(survey, monkeypatch):
    losses = iter([0.5, 0.4, 0.45, 0.42, 0.3, 0.2])
    monkeypatch.setattr("trainer.training._validation", lambda *_: (next(losses), 0.5))
    model = fit(survey, "patient", replace(CONFIG, epochs=6, patience=2))
    assert len(model.history) == 4
