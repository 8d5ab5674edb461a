# SPDX-License-Identifier: MIT
"""The type stub of the native module says what the module is, and the package uses it so."""

import ast
from pathlib import Path
import re
import subprocess
import sys

import pytest

from bluefin import _native

ROOT = Path(__file__).resolve().parents[2]
STUB = ast.parse((ROOT / "python" / "bluefin" / "_native.pyi").read_text())
ALIASES = {
    node.target.id: ast.unparse(node.value)
    for node in STUB.body
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
}


def stub_functions():
    """Path to its definition: `version`, `Trial.report`."""
    for node in STUB.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner


def module_functions():
    """Path to its signature, which pybind11 writes as the first line of the documentation."""
    for name, thing in vars(_native).items():
        if isinstance(thing, type):
            for inner, function in vars(thing).items():
                # Without a constructor of its own a class has one that always fails.
                if callable(function) and (function.__doc__ or "").startswith(f"{inner}(self: "):
                    yield f"{name}.{inner}", function.__doc__
        elif callable(thing):
            yield name, thing.__doc__


def from_stub(annotation):
    text = ast.unparse(annotation)
    for name, value in reversed(ALIASES.items()):  # a later one may use an earlier one
        text = re.sub(rf"\b{name}\b", value, text)
    return text


def from_module(text):
    text = re.sub(r"\b(?:collections\.abc|bluefin\._native|typing)\.", "", text)
    # A class that is bound after the function that takes it.
    text = text.replace("bluefin::python::StudyHandle", "Study")
    return text.replace("SupportsInt | SupportsIndex", "int").replace("SupportsFloat | SupportsIndex", "float")


def agree(stub, module):
    """The module knows no more of a dict or a list than that, nothing of an object, and not always where None may be."""
    if module == "object":
        return True
    stub = re.sub(r"dict\[\w+, [\w ]+\]|list\[Any\]", lambda found: found[0].partition("[")[0], stub)
    return module in (stub, stub.removesuffix(" | None"))


STUB_FUNCTIONS = dict(stub_functions())
MODULE_FUNCTIONS = dict(module_functions())


def test_both_have_the_same_names():
    classes = {node.name for node in STUB.body if isinstance(node, ast.ClassDef)}
    assert classes == {name for name, thing in vars(_native).items() if isinstance(thing, type)}
    assert sorted(STUB_FUNCTIONS) == sorted(MODULE_FUNCTIONS)
    assert len(STUB_FUNCTIONS) > 70


@pytest.mark.parametrize("path", STUB_FUNCTIONS)
def test_both_have_the_same_signature(path):
    stub = STUB_FUNCTIONS[path].args
    is_method = "." in path
    assert not stub.args[is_method:] and not stub.kwonlyargs, "arguments are positional only"
    signature = ast.parse(f"def {from_module(MODULE_FUNCTIONS[path].splitlines()[0])}: ...").body[0]
    ours = [from_stub(a.annotation) for a in [*stub.posonlyargs, *stub.args][is_method:]]
    theirs = [ast.unparse(a.annotation) for a in signature.args.args[is_method:]]
    assert len(ours) == len(theirs)
    for a, b in zip([*ours, from_stub(STUB_FUNCTIONS[path].returns)], [*theirs, ast.unparse(signature.returns)]):
        assert agree(a, b), f"{path}: {a} in the stub, {b} in the module"


def mypy(*arguments, **options):
    command = [sys.executable, "-m", "mypy", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, **options)


def test_the_package_passes_mypy():
    done = mypy()
    assert done.returncode == 0, done.stdout


PROGRAM = """
import bluefin as optuna
from bluefin.samplers import CmaEsSampler, TPESampler

def objective(trial: optuna.Trial) -> float:
    return trial.suggest_float("x", 0, 1)

study = optuna.create_study(sampler=TPESampler(seed=1))
study.optimize(objective, n_trials=3)
reveal_type(study.best_value)
reveal_type(study.trials[0].params)
study.optimize(objective, n_trials="3")
optuna.samplers.GenomeSampler()
"""


def test_a_users_program_is_checked(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = mypy(program)
    expected = [
        'error: Module "bluefin.samplers" has no attribute "CmaEsSampler"',
        'note: Revealed type is "float"',
        'note: Revealed type is "dict[str, Any]"',
        'error: Argument "n_trials" to "optimize" of "Study" has incompatible type "str"; expected "int | None"',
        'error: Module has no attribute "GenomeSampler"',
    ]
    # By its name, since mypy's cache may repeat what it found in the same file of an earlier run.
    found = [line for line in done.stdout.splitlines() if "/program.py:" in line]
    assert len(found) == len(expected), done.stdout + done.stderr
    assert [line for line, message in zip(found, expected) if message not in line] == []
