# SPDX-License-Identifier: MIT
"""What a test of Optuna's uses: public names, underscore attributes of public objects, or private names."""

import ast
import os
import re

from stand_in import SOURCES

PUBLIC, ATTR, PRIVATE = "public", "attr", "private"
_RANK = {PUBLIC: 0, ATTR: 1, PRIVATE: 2}


class TestFile:
    """The kinds of the test functions of one file, helpers and fixtures of the same file included."""

    def __init__(self, path):
        with open(path) as file:
            tree = ast.parse(file.read())
        self._private = set()  # names that are imported and private
        self._definitions = {}  # name to nodes
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self._private |= {alias.asname for alias in node.names if alias.asname and "._" in alias.name}
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "optuna":
                for alias in node.names:
                    if _is_private(f"{node.module}.{alias.name}"):
                        self._private.add(alias.asname or alias.name)
        for node in tree.body:
            for inner in (node, *(node.body if isinstance(node, ast.ClassDef) else ())):
                for name in _names(inner):
                    self._definitions.setdefault(name, []).append(inner)

    def kind(self, function):
        """Of the test with this name."""
        kind, todo, seen = PUBLIC, [function], set()
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            for node in self._definitions.get(name, ()):
                for part in ast.walk(node):
                    kind = max(kind, self._kind_of(part), key=_RANK.get)
                    if isinstance(part, ast.Name):
                        todo.append(part.id)
                    elif isinstance(part, ast.arg):
                        todo.append(part.arg)  # a fixture
        return kind

    def _kind_of(self, node):
        if isinstance(node, ast.Name) and node.id in self._private:
            return PRIVATE
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return PRIVATE if re.match(r"optuna(\.\w+)*\._[a-z]", node.value) else PUBLIC
        if isinstance(node, ast.Attribute) and re.match("_[^_]", node.attr):
            path = ast.unparse(node)
            if path.startswith("optuna."):
                return PRIVATE
            return PUBLIC if path.startswith(("self.", "cls.")) else ATTR
        return PUBLIC


def _names(node):
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


def _is_private(path):
    """Whether a dotted name can only be had through an underscore: public names by a private path are public."""
    last = path.rpartition(".")[2]
    if last.startswith("_") or "._" not in path:
        return last.startswith("_")
    module = os.path.join(SOURCES, *path.partition("._")[0].split("."))
    for file in (module + ".py", os.path.join(module, "__init__.py")):
        if os.path.exists(file):
            with open(file) as text:
                return re.search(rf"\b{last}\b", text.read()) is None
    return True
