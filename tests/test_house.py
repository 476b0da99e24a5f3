"""The habits of the house: what is imported when, what is promised where, and that the words are all there."""

from __future__ import annotations

import ast
import importlib
import pickle
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import gz2interp
from gz2interp.errors import CutoutUnavailable, InputError, SurveyLocked, choices
from gz2interp.schema import QUESTIONS, vote_column

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("tensorflow", "keras", "umap", "numba", "tf_keras_vis")


LIGHT = (
    "import gz2interp",
    "from gz2interp.cli import app",
    "import trainer.__main__",
    "from gz2interp.stores.survey import Survey; from gz2interp.stores.checking import check_survey",
    "import gz2interp.attribution, gz2interp.embedding.index, gz2interp.embedding.projection",
    "import gz2interp.figures.style, gz2interp.figures.map, gz2interp.figures.panels",
    "import gz2interp.workflows.rating, gz2interp.embedding.unusual.anomaly_model",
    "import gz2interp.concepts.groups, gz2interp.concepts.correlates, gz2interp.workflows.building_blocks",
    "import gz2interp.painting, trainer.paint, trainer.catalog, trainer.ingest",
    "import gz2interp.network, gz2interp.network.scores, gz2interp.network.answers",
    "import gz2interp.features.image_prior",
    "import gz2interp.testing.fakes, gz2interp.testing.contracts",
)


def test_light_rooms_stay_light() -> None:
    """In a process of their own: TensorFlow takes 6 s to import and umap 20 s, and only who needs them should wait.

    All in one, since what none of them loads no single one does; a line each, so that the first that does is seen.
    """
    told = f"print([name for name in {HEAVY} if name in sys.modules])"
    script = "import sys\n" + "".join(f"{code}\n{told}\n" for code in LIGHT)
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert dict(zip(LIGHT, said.stdout.splitlines(), strict=True)) == dict.fromkeys(LIGHT, "[]")
    assert said.stderr == ""


def test_every_word_of_the_vocabulary_is_there() -> None:
    for name in gz2interp.__all__:
        assert getattr(gz2interp, name) is not None
    with pytest.raises(AttributeError, match="magic"):
        _ = gz2interp.magic  # type: ignore[attr-defined]


def test_all_that_is_promised_exists() -> None:
    for file in sorted((ROOT / "gz2interp").rglob("*.py")):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if name.endswith("__main__"):
            continue
        module = importlib.import_module(name)
        for word in getattr(module, "__all__", ()):
            assert hasattr(module, word), f"{name}.{word}"


def test_errors_tell_three_things_and_travel_between_processes() -> None:
    error = InputError("Layer 'x' was given", "One of a, b", "Take b")
    assert str(error) == "Layer 'x' was given. One of a, b. Take b."
    for original in (error, SurveyLocked("held"), CutoutUnavailable("missing", "the archive has none")):
        copy = pickle.loads(pickle.dumps(original))
        assert (type(copy), str(copy), vars(copy)) == (type(original), str(original), vars(original))
    assert choices(range(30), most=3) == "0, 1, 2, ... (30 in all)"
    assert choices([]) == "none"


def test_gz2_has_eleven_questions_and_37_answers() -> None:
    answers = [answer for question in QUESTIONS.values() for answer in question.answers]
    assert (len(QUESTIONS), len(answers)) == (11, 37)
    assert len(set(answers)) == len(answers)
    leading = {answer for question in QUESTIONS.values() for answer in question.asked_after}
    assert leading <= set(answers)
    with pytest.raises(ValueError, match="no GZ2 column"):
        vote_column("t01_smooth_or_features", "a08_spiral")


def test_constraints_cover_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(line for part in project["optional-dependencies"].values() for line in part)]
    names = {re.split(r"[<>=\[ ;]", line)[0].lower() for line in wanted} - {"gz2interp"}
    pinned = {line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert names <= pinned
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in _lines("constraints.txt"))


def test_the_readme_begins_with_the_two_commands() -> None:
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert "streamlit run dashboards/explore.py" in blocks[0]
    assert "pytest" in blocks[1]
    for block in blocks[:2]:
        assert "constraints.txt" in block


def _lines(name: str) -> list[str]:
    return [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]


READERS = (
    *("np.load", "np.fromfile", "np.loadtxt", "np.genfromtxt", "np.memmap", "pd.read_csv", "pd.read_parquet"),
    *("pd.read_json", "pd.read_hdf", "pd.read_excel", "pd.read_sql_query", "pd.read_pickle", "pq.ParquetFile"),
    *("pq.read_table", "pq.read_schema", "pq.read_metadata", "pa_csv.read_csv", "csv.reader", "fits.open"),
    *("fits.getdata", "fits.getheader", "Header.fromfile", "Table.read", "votable.parse", "Image.open", "json.load"),
    *("json.loads", "tomllib.load", "tomllib.loads", "yaml.load", "yaml.safe_load", "sqlite3.connect", "zarr.open"),
    *("zarr.open_array", "zarr.open_group", "h5py.File", "zipfile.ZipFile", "tarfile.open", "gzip.open", "bz2.open"),
    *("lzma.open", "pickle.load", "pickle.loads", "joblib.load", "torch.load", "models.load_model"),
)
"""Of other packages: on a damaged file each of them may raise anything, or take all memory."""
GUARDS = ("reading", "errors_as", "reading_sqlite", "store_errors", "failing", "_reading", "_failing")
MECHANISM = ("gz2interp/stores/reading.py", "gz2interp/stores/decoding.py")
UNGUARDED = {
    "gz2interp/painting/recipe.py: from_json": "raises its own error of whatever the text does",
    "gz2interp/network/loading.py: count": "in a thread of _check_parameters, which drops its failures",
    "gz2interp/stores/latents.py: _fits": "called through SUFFIXES within reading()",
    "gz2interp/stores/latents.py: _parquet": "called through SUFFIXES within reading()",
    "gz2interp/stores/remote.py: _is_json": "catches all that json.loads raises of bytes",
    "trainer/catalog/delimited.py: _fields": "of open_sheet and read, which read_table calls within reading()",
    "trainer/catalog/delimited.py: _read_arrow": "of read, which read_table calls within reading()",
    "trainer/catalog/delimited.py: rows": "of open_sheet and read, which read_table calls within reading()",
    "trainer/sources/judging.py: _header": "of an answer's bytes: validate_image() raises ArchiveError",
    "trainer/sources/judging.py: _pixels": "of an answer's bytes: validate_image() raises ArchiveError",
    "trainer/sources/sdss.py: _check_frame": "of an answer's bytes: raises ArchiveError, whatever they do",
    "trainer/__main__.py: _changes": "of a word of the command line",
    "trainer/devices.py: _task": "of a variable of the environment",
    "trainer/checkpoint.py: check_same": "of what json.dumps has just written",
    "trainer/rehearsal/server.py: _hips": "a server for tests",
    "dashboards/loading/attributions.py: _zip_files": "writes",
    "dashboards/parts/controls.py: offer_layers": "of what json.dumps has just written",
    "dashboards/loading/export.py: _zip_folder": "writes",
}


def test_readers_of_other_packages_stand_within_reading() -> None:
    """Or in a private function that is called only from there."""
    found = {}
    for file in (file for room in ("gz2interp", "trainer", "dashboards") for file in (ROOT / room).rglob("*.py")):
        name, text = file.relative_to(ROOT).as_posix(), file.read_text()
        if name not in MECHANISM and any(reader in text for reader in READERS):
            calls = _calls(ast.parse(text))
            found |= {f"{name}: {inside}": called for called, inside in _unguarded(calls)}
    assert found == {place: found.get(place) for place in UNGUARDED}


def _calls(node: ast.AST, inside: str = "", guarded: bool = False) -> list[tuple[str, str, bool]]:
    """What is called, in which function, and whether within a block of `GUARDS`."""
    calls, below = [], list(ast.iter_child_nodes(node))
    if isinstance(node, ast.FunctionDef):
        inside, guarded = node.name, False
    if isinstance(node, ast.With):
        for item in node.items:
            calls += _calls(item, inside, guarded)
            guarded |= isinstance(item.context_expr, ast.Call) and ast.unparse(item.context_expr.func).endswith(GUARDS)
        below = list(node.body)
    if isinstance(node, ast.Call):
        calls.append((ast.unparse(node.func), inside, guarded))
    return calls + [call for each in below for call in _calls(each, inside, guarded)]


def _unguarded(calls: list[tuple[str, str, bool]]) -> list[tuple[str, str]]:
    """Calls of readers outside of a guard: neither there, nor in a private function that is called only from guards."""
    safe: set[str] = set()
    while True:
        callers: dict[str, list[bool]] = {}
        for called, inside, guarded in calls:
            callers.setdefault(called.rsplit(".", 1)[-1], []).append(guarded or inside in safe)
        more = {name for name, each in callers.items() if name.startswith("_") and all(each)}
        if more == safe:
            break
        safe = more
    return [
        (called, inside)
        for called, inside, guarded in calls
        if called.endswith(READERS) and not guarded and inside not in safe
    ]


PRODUCT = ("gz2interp", "trainer", "dashboards")
BARE_PARTICIPLES = {
    "asked", "chosen", "each", "found", "given", "kept", "known", "made", "own", "said", "seen", "shown",
    "there", "told", "wanted",
}  # fmt: skip
STORED_FIELDS = {
    "gz2interp/concepts/attribution.py": ("shown",),
    "trainer/uncertainty.py": ("chosen",),
}
"""Fields whose names are those of stored tables and records."""
OLD_VOICE = re.compile(
    r"\b(where (it|the network) looked|the network says|people said|speaks? (for|against)|loudest|quietest"
    r"|take it along|made by the sky|bare sky|nobody|whoever|whom|it dies with|forgets? the)\b",
    re.IGNORECASE,
)
"""Phrases that `docs/glossary.md` has a term for."""


def _product() -> list[tuple[Path, ast.Module]]:
    files = [file for package in PRODUCT for file in sorted((ROOT / package).rglob("*.py"))]
    return [(file.relative_to(ROOT), ast.parse(file.read_text())) for file in files]


def test_every_class_has_a_name_of_its_own() -> None:
    homes: dict[str, list[str]] = {}
    for file, module in _product():
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(f"{file}:{node.lineno}")
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}


def _bound_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return [node.id]
    return []


def test_no_name_is_a_bare_participle() -> None:
    bare = [
        f"{file}:{node.lineno}: {name}"  # type: ignore[attr-defined]
        for file, module in _product()
        for node in ast.walk(module)
        for name in _bound_names(node)
        if name.strip("_") in BARE_PARTICIPLES and name not in STORED_FIELDS.get(str(file), ())
    ]
    assert bare == []


def _texts(module: ast.Module) -> list[ast.Constant]:
    """String constants that are no docstrings: messages, captions and page texts among them."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(module)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    constants = [node for node in ast.walk(module) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [node for node in constants if id(node) not in docstrings]


def test_texts_use_the_terms_of_the_glossary() -> None:
    old = [
        f"{file}:{text.lineno}: {phrase[0]}"
        for file, module in _product()
        for text in _texts(module)
        if (phrase := OLD_VOICE.search(str(text.value)))
    ]
    assert old == []
