# SPDX-License-Identifier: MIT
"""bluefin in the part of Optuna, for Optuna's own tests: `import optuna.x` gives `bluefin.x`.

Loaded by sitecustomize.py in each test process. `optuna.testing`, which the tests bring with them, is Optuna's own. A name
that bluefin lacks becomes a placeholder, for test code only: importing it works, using it fails the test that does.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import types

SOURCES = os.environ.get("OPTUNA_SUITE_SOURCES", "")  # the folder with Optuna's package and tests


class Lacking(Exception):
    """A test has used a name that bluefin does not have."""


class Placeholder(type):
    """A class that can be imported, named in decorators and parametrisations, and not be used in a test."""

    collecting = True

    def __new__(cls, path):
        return super().__new__(cls, path.rpartition(".")[2], (), {"path": path, "__module__": __name__})

    def __init__(cls, path):
        super().__init__(path, (), {})

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Placeholder(f"{cls.path}.{name}")

    def __call__(cls, *args, **kwargs):
        if Placeholder.collecting:
            return cls
        raise Lacking(cls.path)

    def __iter__(cls):
        if Placeholder.collecting:
            return iter(())
        raise Lacking(cls.path)

    __enter__ = __exit__ = __add__ = __call__


def is_test_code(name):
    return name.startswith(("tests.", "test_", "conftest", "optuna.testing"))


def is_absent(module, name):
    """Whether bluefin gives this name only to say that it does not have it."""
    from bluefin import _absent

    return _absent.is_absent("bluefin" + module[len("optuna") :], name)


def asked_by_tests():
    """Whether the import in progress stands in test code."""
    frame = sys._getframe(1)
    while frame is not None and ("importlib" in frame.f_code.co_filename or frame.f_globals["__name__"] == __name__):
        frame = frame.f_back
    return frame is not None and is_test_code(frame.f_globals.get("__name__", ""))


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name == "optuna.testing":
            folder = os.path.join(SOURCES, "optuna", "testing")
            return importlib.util.spec_from_file_location(
                name, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
            )
        if name != "optuna" and not name.startswith("optuna.") or name.startswith("optuna.testing."):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        ours = "bluefin" + spec.name[len("optuna") :]
        try:
            module = importlib.import_module(ours)
        except ModuleNotFoundError as error:
            if error.name is None or not (ours == error.name or ours.startswith(error.name + ".")):
                raise
            if not asked_by_tests():
                raise ModuleNotFoundError(f"No module named {spec.name!r}", name=spec.name) from None
            module = types.ModuleType(spec.name)  # lacking as a whole: every name in it is a placeholder
        spec.loader_state = getattr(module, "__spec__", None)
        return module

    def exec_module(self, module):
        name = module.__spec__.name
        module.__spec__ = module.__spec__.loader_state or module.__spec__
        own = vars(module).get("__getattr__")
        public = sys.modules.get(name.partition("._")[0])

        def lookup(attribute):
            if attribute.startswith("__"):
                raise AttributeError(attribute)
            # optuna.study._study_direction.StudyDirection: a public name by a private path.
            if public is not None and public is not module and attribute in vars(public):
                return vars(public)[attribute]
            if own is not None and not is_absent(name, attribute):
                try:
                    return own(attribute)
                except AttributeError:
                    pass
            caller = sys._getframe(1).f_globals.get("__name__", "")
            if Placeholder.collecting and (is_test_code(caller) or caller.startswith("importlib")):
                return Placeholder(f"{name}.{attribute}")
            raise AttributeError(f"module {name!r} has no attribute {attribute!r}")

        module.__getattr__ = lookup


def install():
    sys.meta_path.insert(0, Finder())
