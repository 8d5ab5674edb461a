# SPDX-License-Identifier: MIT
"""Every public name of Optuna's is in bluefin, or in the one table of what is not there."""

import ast
import importlib
import inspect
from pathlib import Path
import pkgutil
import subprocess
import sys

import optuna
import pytest

import bluefin
from bluefin import _absent

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "python.md"
def public_names(module):
    """What a module declares as public, or defines under a name without an underscore; of constants only those of the
    modules of the first level."""
    try:
        body = ast.parse(inspect.getsource(module)).body
    except OSError:  # an empty file
        body = []
    names = set(getattr(module, "__all__", ()))
    while body:
        node = body.pop()
        if isinstance(node, (ast.If, ast.Try)):
            body += [*node.body, *node.orelse]
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and module.__name__.count(".") == 1:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def public_modules():
    """Name to public names. A module in a package that offers the same names is only where they are written."""
    modules = {"optuna": public_names(optuna)}
    for found in pkgutil.walk_packages(optuna.__path__, "optuna."):
        name, parent = found.name, found.name.rpartition(".")[0]
        if "._" in name:
            continue
        # Its modules belong to optuna-integration, and without that they cannot be imported.
        if parent == "optuna.integration":
            continue
        module = importlib.import_module(name)
        names = public_names(module)
        above = set().union(*(modules[package] for package in modules if name.startswith(package + ".")))
        if hasattr(module, "__all__") or not names <= above:
            modules[name] = names
    return modules


OPTUNA = public_modules()
IN_TABLE = [(f"bluefin.{module}", name) for module, (names, _) in _absent.TABLE.items() for name in names.split()]


def ours(name):
    return "bluefin" + name[len("optuna") :]


def test_the_walk_finds_optunas_documented_modules():
    documented = (
        "artifacts cli distributions exceptions importance integration logging pruners samplers samplers.nsgaii "
        "search_space storages storages.journal study terminator testing.storages trial visualization "
        "visualization.matplotlib"
    )
    assert {f"optuna.{module}" for module in documented.split()} <= set(OPTUNA)
    assert sum(map(len, OPTUNA.values())) > 200


@pytest.mark.parametrize("module", OPTUNA)
def test_every_name_exists_or_is_in_the_table(module):
    there = importlib.import_module(ours(module))
    missing = [name for name in OPTUNA[module] if not hasattr(there, name)]
    assert missing == []


def test_the_table_names_only_what_optuna_has_and_bluefin_has_not():
    for module, name in IN_TABLE:
        assert name in OPTUNA["optuna" + module[len("bluefin") :]], f"Optuna has no {module}.{name}"
        there = importlib.import_module(module)
        assert name not in vars(there), f"{module}.{name} exists"
        assert name not in dir(there)
    assert len(set(IN_TABLE)) == len(IN_TABLE)
    for names, _ in _absent.TABLE.values():
        assert names.split() == sorted(names.split())


@pytest.mark.parametrize(
    "module",
    # That of integration wants packages of its own for each name.
    [m for m in OPTUNA if m != "optuna.integration" and hasattr(importlib.import_module(m), "__all__")],
)
def test_import_of_all_names_brings_what_optunas_does(module):
    ours_names, optunas_names = {}, {}
    exec(f"from {module} import *", optunas_names)
    exec(f"from {ours(module)} import *", ours_names)
    assert [name for name in optunas_names if name[0] != "_" and name not in ours_names] == []


@pytest.mark.parametrize(("module", "name"), IN_TABLE, ids=".".join)
def test_using_an_absent_name_says_what_there_is_instead(module, name):
    absent = getattr(importlib.import_module(module), name)
    assert (absent.__name__, absent.__module__) == (name, module)
    with pytest.raises(NotImplementedError) as error:
        absent(1, seed=2)
    path = "optuna" + module[len("bluefin") :]
    assert str(error.value).startswith(f"bluefin does not have {path}.{name} yet. ") and str(error.value)[-1] == "."


def test_the_documents_table_is_the_packages():
    rows = [f"| `bluefin.{module}` | `{names}` | {instead} |\n" for module, (names, instead) in _absent.TABLE.items()]
    head = "| module | names | instead |\n| --- | --- | --- |\n"
    assert head + "".join(rows) + "\n" in DOCUMENT.read_text()


def test_a_program_may_import_and_mention_what_is_absent():
    from bluefin.samplers import CmaEsSampler
    from bluefin.visualization import plot_contour

    assert CmaEsSampler is bluefin.samplers.CmaEsSampler and isinstance(CmaEsSampler, type)
    assert plot_contour is bluefin.visualization.plot_contour
    assert not isinstance(bluefin.create_study().sampler, CmaEsSampler)

    class Own(bluefin.samplers.BaseGASampler):
        pass

    with pytest.raises(NotImplementedError, match="BaseGASampler"):
        Own(population_size=8)
    assert bluefin.visualization.is_available() is bluefin.visualization.matplotlib.is_available() is False


@pytest.mark.parametrize("module", ["", *(f".{name}" for name in _absent.TABLE)])
def test_a_name_that_optuna_has_not_either_is_an_attribute_error(module):
    there = importlib.import_module(f"bluefin{module}")
    assert not hasattr(there, "GenomeSampler") and not hasattr(there, "_private")
    with pytest.raises(AttributeError, match="GenomeSampler"):
        there.GenomeSampler
    with pytest.raises(ImportError, match="GenomeSampler"):
        exec(f"from bluefin{module} import GenomeSampler", {})


def test_import_loads_nothing_that_only_some_programs_need():
    script = "import sys, bluefin; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {"bluefin.samplers", "bluefin._native"} <= loaded
    assert not loaded & {"numpy", "pandas", "redis", "tqdm", "optuna", "sqlite3", "multiprocessing", "asyncio"}
    assert not loaded & {f"bluefin.{name}" for name in ("artifacts", "importance", "terminator", "visualization")}


def public_classes():
    """Those of Optuna that bluefin has, as (Optuna's, bluefin's)."""
    for module, names in OPTUNA.items():
        for name in names:
            if module == "optuna.integration" or _absent.is_absent(ours(module), name):
                continue
            theirs = getattr(importlib.import_module(module), name)
            if inspect.isclass(theirs):
                yield theirs, getattr(importlib.import_module(ours(module)), name)


def test_classes_have_every_method_and_argument_of_optunas():
    missing = []
    for theirs, mine in public_classes():
        for name in (name for name in dir(theirs) if not name.startswith("_")):
            if not hasattr(mine, name):
                missing.append(f"{theirs.__qualname__}.{name}")
        for name in ("__init__", *(name for name in dir(theirs) if not name.startswith("_") and hasattr(mine, name))):
            if inspect.isroutine(getattr(theirs, name)) and getattr(theirs, name) is not object.__init__:
                try:
                    wanted = inspect.signature(getattr(theirs, name)).parameters
                    given = inspect.signature(getattr(mine, name)).parameters
                except ValueError:  # of C
                    continue
                if not any(p.kind is p.VAR_KEYWORD for p in given.values()):
                    missing += [f"{theirs.__qualname__}.{name}({p})" for p in wanted if p not in given]
    assert missing == []
