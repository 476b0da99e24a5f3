"""A survey's models: listed, imported with the names of their classes, replaced, renamed, removed; and their layers."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import ran
from dashboard_fixtures import make_survey
from filelock import FileLock

from gz2interp.errors import InputError, LayerNotFound, SurveyError, SurveyLocked, choices, close_matches
from gz2interp.network.probe import Probe
from gz2interp.network.quiet import keras
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.analyse import analyse
from gz2interp.workflows.analysis_steps import AnalyseSettings
from gz2interp.workflows.import_results import import_model
from gz2interp.workflows.models import layers_table, models_table, remove_model, rename_model
from gz2interp.workflows.study import Study

NAMES = ("round", "long")


def saved_network(file: Path, seed: int = 3) -> Path:
    keras.utils.set_random_seed(seed)
    images = keras.Input((32, 32, 5))
    x = keras.layers.Conv2D(6, 3, strides=4, activation="relu", name="conv")(images)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", name="last")(x)
    logits = keras.layers.Dense(2, name="logits")(keras.layers.GlobalAveragePooling2D()(x))
    keras.Model(images, keras.layers.Softmax()(logits)).save(file)
    return file


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_network(tmp_path_factory.mktemp("network") / "net.keras")


@pytest.fixture
def survey(tmp_path: Path) -> Survey:
    return make_survey(tmp_path / "survey", 24, model=False, analysed=False)


def _with_names(network: Path, file: Path, names: object) -> Path:
    """The same network, with names somewhere in its file."""
    with zipfile.ZipFile(network) as before, zipfile.ZipFile(file, "w") as after:
        for info in before.infolist():
            content = before.read(info)
            if info.filename == "metadata.json":
                content = json.dumps(json.loads(content) | {"made_by": {"class_names": names}}).encode()
            after.writestr(info, content)
    return file


def _in_a_shell_without_a_terminal(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gz2interp.cli", *map(str, words)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("names", [list(NAMES), {"0": "round", "1": "long"}])
def test_class_names_are_read_from_the_file(network: Path, survey: Survey, tmp_path: Path, names: object) -> None:
    named = _with_names(network, tmp_path / "named.keras", names)
    assert import_model(survey, named).class_names == NAMES
    of_others = _with_names(network, tmp_path / "others.keras", ["a", "b", "c"])
    assert import_model(survey, of_others).class_names == ()
    assert import_model(survey, named, "mine", ("x", "y")).class_names == ("x", "y")


def test_a_network_whose_training_diverged_is_not_imported(network: Path, survey: Survey, tmp_path: Path) -> None:
    model = keras.models.load_model(network)
    kernel, bias = model.get_layer("conv").get_weights()
    kernel[0, 0, 0, 0] = np.nan
    model.get_layer("conv").set_weights([kernel, bias])
    model.save(tmp_path / "diverged.keras")
    with pytest.raises(InputError, match=r"not finite, first in .*conv/kernel.*training diverged"):
        import_model(survey, tmp_path / "diverged.keras", class_names=NAMES)
    assert survey.models() == []


def test_names_are_asked_for_where_nothing_tells_them(network: Path, survey: Survey) -> None:
    asked: list[int] = []

    def ask(classes: int) -> tuple[str, ...]:
        asked.append(classes)
        return NAMES

    assert import_model(survey, network, "asked", ask_names=ask).class_names == NAMES
    assert asked == [2]
    with pytest.raises(InputError, match="has 2 classes"):
        import_model(survey, network, "wrong", ask_names=lambda classes: ["one"])
    assert survey.models() == ["asked"]


def test_an_import_that_nobody_can_answer_is_refused_with_the_number(network: Path, survey: Survey) -> None:
    done = _in_a_shell_without_a_terminal("survey", "import", survey.path, "--model", network)
    assert done.returncode == 2
    assert "2 names in the order of the outputs" in done.stderr
    assert "--classes" in done.stderr
    assert "Traceback" not in done.stderr
    assert survey.models() == []
    done = _in_a_shell_without_a_terminal("model", "import", survey.path, network, "--classes", ",".join(NAMES))
    assert done.returncode == 0, done.stderr
    assert survey.model("net").class_names == NAMES


def test_a_renamed_model_keeps_its_results(network: Path, survey: Survey) -> None:
    model = import_model(survey, network, "before", NAMES)
    analyse(Study(survey, model), AnalyseSettings(neighbours=4))
    predictions = model.predictions
    renamed = rename_model(survey, "before", "after")
    assert survey.models() == ["after"]
    pd.testing.assert_frame_equal(renamed.predictions, predictions)
    layers = layers_table(survey, renamed)
    assert layers["layer"][layers["analysed"] == "cosine"].tolist() == ["last"]
    done = ran("neighbours", survey.path, survey.galaxy_ids[0], "-n", 2, "--json")
    assert len(json.loads(done.stdout)) == 2
    listed = json.loads(ran("model", "list", survey.path, "--json").stdout)
    assert [(row["model"], row["classes"], row["analysed"]) for row in listed] == [("after", "round, long", "last")]
    for name, wrong in (("after", "a/b"), ("after", ".x"), ("nobody", "x")):
        with pytest.raises(InputError):
            rename_model(survey, name, wrong)
    import_model(survey, network, "other", NAMES)
    with pytest.raises(SurveyError, match="has a model other already"):
        rename_model(survey, "after", "other")
    assert ran("model", "rename", survey.path, "after", "again").returncode == 0
    assert models_table(survey)["model"].tolist() == ["again", "other"]


def test_a_removed_model_is_gone_and_others_stay(network: Path, survey: Survey) -> None:
    for name in ("a", "b"):
        import_model(survey, network, name, NAMES)
    done = _in_a_shell_without_a_terminal("model", "remove", survey.path, "a")
    assert (done.returncode, survey.models()) == (2, ["a", "b"])
    assert "--yes" in done.stderr
    assert ran("model", "remove", survey.path, "a", "--yes").returncode == 0
    assert survey.models() == ["b"]
    assert not list((survey.path / "models").glob(".*"))
    with pytest.raises(InputError, match="has no model"):
        remove_model(survey, "a")


def test_a_replaced_model_leaves_no_results_of_the_former(network: Path, survey: Survey, tmp_path: Path) -> None:
    model = import_model(survey, network, "net", NAMES)
    analyse(Study(survey, model), AnalyseSettings(neighbours=4))
    former, new = model.digest, saved_network(tmp_path / "new.keras", 7)
    with pytest.raises(SurveyError, match="--replace"):
        import_model(survey, new, "net", NAMES)
    with pytest.raises(InputError):  # what does not fit replaces nothing
        import_model(survey, new, "net", ("one",), replace=True)
    assert survey.model("net").digest == former
    replaced = import_model(survey, new, "net", NAMES, replace=True)
    assert replaced.digest != former
    assert layers_table(survey, replaced)["analysed"].eq("").all()
    assert {path.name for path in replaced.path.iterdir()} <= {"model.keras", "run.json", "layers.json"}


@pytest.mark.parametrize("lock", [".net.lock", "net/.predictions.lock", "net/conv/abc/.lock"])
def test_a_model_in_use_is_left_alone(network: Path, survey: Survey, lock: str) -> None:
    import_model(survey, network, "net", NAMES)
    file = survey.path / "models" / lock
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file):
        with pytest.raises(SurveyLocked, match="Another process is writing results of the model net"):
            rename_model(survey, "net", "new")
        with pytest.raises(SurveyLocked):
            remove_model(survey, "net")
        with pytest.raises(SurveyLocked):
            import_model(survey, network, "net", NAMES, replace=True)
        assert survey.models() == ["net"]
    remove_model(survey, "net")
    assert survey.models() == []


def test_layers_are_those_of_the_probe_and_listed_again_without_the_network(network: Path, survey: Survey) -> None:
    model = import_model(survey, network, "net", NAMES)
    table, probe = layers_table(survey, model), Probe.open(network)
    assert table["layer"].tolist() == [layer.name for layer in probe.layers]
    assert table.loc[table["default"], "layer"].tolist() == [probe.default_layer]
    shapes = [tuple(int(side) for side in row if not pd.isna(side)) for row in table[["y", "x", "channels"]].to_numpy()]
    assert shapes == [layer.shape for layer in probe.layers]
    cells = probe.cells("last")
    row = table.set_index("layer").loc["last"]
    assert row[["stride_y", "stride_x", "field_y", "field_x"]].tolist() == [8, 8, *cells.field]
    assert table.loc[table["layer"] == "logits", "stride_y"].isna().all()
    script = f"""
import sys
from gz2interp.stores.survey import Survey
from gz2interp.workflows.models import layers_table
survey = Survey.open({str(survey.path)!r})
print(len(layers_table(survey, survey.model("net"))), "tensorflow" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(table)), "False"]
    (model.path / "layers.json").write_text("{")  # damaged: made again
    pd.testing.assert_frame_equal(layers_table(survey, ModelFolder(model.path)), table)
    records = json.loads(ran("layers", survey.path, "--json").stdout)
    assert [record["layer"] for record in records] == table["layer"].tolist()


def test_a_wrong_layer_is_told_with_all_likely_ones() -> None:
    images = keras.Input((16, 16, 2))
    x = images
    for block in range(20):
        y = keras.layers.Conv2D(2, 3, padding="same", name=f"stem_{block}_conv")(x)
        y = keras.layers.BatchNormalization(name=f"stem_{block}_norm")(y)
        x = keras.layers.ReLU(name=f"block{block}")(keras.layers.Add(name=f"sum_{block}")([x, y]))
    answer = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x))
    probe = Probe(keras.Model(images, answer))
    with pytest.raises(LayerNotFound) as told:
        probe.layer("blok19")
    words = str(told.value)
    assert words.index("block19") < words.index("stem_0_conv")
    for block in range(20):
        assert all(name in words for name in (f"stem_{block}_conv", f"sum_{block}", f"block{block}"))
    assert "gz2interp layers" in words


def test_names_that_resemble_what_was_given_come_first() -> None:
    names = [f"layer_{k}" for k in range(200)] + ["backbone/Conv_final", "spiral"]
    for given, meant in (("spirl", "spiral"), ("conv_final", "backbone/Conv_final"), ("LAYER_150", "layer_150")):
        assert close_matches(given, names)[0] == meant
        assert choices(names, like=given).startswith(meant)
    generator = np.random.default_rng(0)
    words = ["".join(generator.choice(list("abcdefghij"), 9)) for _ in range(300)]
    for _ in range(50):
        word, at = words[generator.integers(300)], int(generator.integers(1, 9))
        assert choices(words, like=word[:at] + word[at + 1 :]).split(", ")[0] == word
    assert choices(["a", "b"], like="zzz") == "a, b"
