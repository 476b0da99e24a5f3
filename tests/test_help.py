"""The help of every verb of both command lines: complete, and shown without loading what only work needs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import typer
from command_line import PROGRAMS, ran

from gz2interp.cli import app as explaining
from trainer.__main__ import app as training

HEAVY = (
    "astropy",
    "dask",
    "faiss",
    "keras",
    "matplotlib",
    "pandas",
    "plotly",
    "pyarrow",
    "scipy",
    "sklearn",
    "tensorflow",
    "umap",
    "zarr",
)
_APPS = {"gz2interp.cli": explaining, "trainer.__main__": training}


def _walked(command: Any, words: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    inner = getattr(command, "commands", {})
    return [(words, command), *(each for name in inner for each in _walked(inner[name], (*words, name)))]


COMMANDS = [
    (module, words, command) for module, app in _APPS.items() for words, command in _walked(typer.main.get_command(app))
]
every_command = pytest.mark.parametrize(
    ("module", "words", "command"), COMMANDS, ids=[" ".join((PROGRAMS[m], *words)) for m, words, _ in COMMANDS]
)


def _squeezed(text: str) -> str:
    """Without spaces: help is wrapped, within words too."""
    return "".join(text.split())


def test_there_are_the_verbs_that_a_reader_knows() -> None:
    found = {" ".join(words) for _, words, _ in COMMANDS}
    assert {"figure", "survey import", "ratings undo", "calibrate-source", "plant shortcut"} <= found


@every_command
def test_help_prints_every_word_that_was_written(module: str, words: tuple[str, ...], command: Any) -> None:
    done = ran(*words, "--help", module=module)
    assert done.returncode == 0, done.stderr
    printed = _squeezed(done.stdout)
    assert _squeezed(command.help) in printed
    for parameter in command.params:
        if getattr(parameter, "help", None) and not parameter.hidden:
            assert _squeezed(parameter.help) in printed, parameter.name
    for inner in getattr(command, "commands", {}).values():
        assert _squeezed(inner.help.split("\n\n")[0]) in printed


@every_command
def test_help_prints_every_default(module: str, words: tuple[str, ...], command: Any) -> None:
    printed = _squeezed(ran(*words, "--help", module=module).stdout)
    for parameter in command.params:
        default = None if parameter.name == "help" else parameter.default
        if default is None or default in ("", False, ()):
            continue
        values = default if isinstance(default, tuple | list) else (default,)
        text = ", ".join(str(getattr(value, "value", value)) for value in values)
        after = printed.split(_squeezed(parameter.help or ""), 1)[1]
        assert _squeezed(f"[default: {text}") in after, (parameter.name, default)


@pytest.mark.parametrize("module", PROGRAMS)
def test_units_in_brackets_are_printed(module: str) -> None:
    brackets = {
        _squeezed(part[: part.index("]") + 1])
        for place, _, command in COMMANDS
        for parameter in command.params
        for part in (getattr(parameter, "help", None) or "").split(" [")[1:]
        if place == module
    }
    printed = _squeezed("".join(ran(*words, "--help", module=m).stdout for m, words, _ in COMMANDS if m == module))
    assert all(f"[{unit}" in printed for unit in brackets)
    assert module == "gz2interp.cli" or "deg]" in brackets


def test_no_help_loads_what_only_work_needs() -> None:
    """One interpreter shows them all; what the first loads would be seen at the second too."""
    asked = [(module, list(words)) for module, words, _ in COMMANDS]
    script = f"""
import contextlib, importlib, io, json, sys
import gz2interp
heavy, loaded = {HEAVY!r}, {{}}
for module, words in {asked!r}:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            importlib.import_module(module).app([*words, "--help"], prog_name="it")
        except SystemExit as end:
            assert not end.code
    assert "Usage" in printed.getvalue()
    loaded[" ".join([module, *words])] = sorted(set(heavy) & set(sys.modules))
print(json.dumps(loaded))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    assert len(loaded) == len(COMMANDS)
    assert {verb: modules for verb, modules in loaded.items() if modules} == {}
