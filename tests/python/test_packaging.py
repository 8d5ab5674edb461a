# SPDX-License-Identifier: MIT
"""`pip install .` and the source package: what is missing is named with its packages, and the archive is whole."""

import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import tarfile

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What pyproject.toml sets.
WHEEL = [
    "-DBLUEFIN_BUILD_PYTHON=ON",
    "-DBLUEFIN_BUILD_CLI=ON",
    "-DBLUEFIN_BUILD_TESTS=OFF",
    "-DBLUEFIN_BUILD_EXAMPLES=OFF",
]


def configure(source, build, *options, **environment):
    cmake, ninja = shutil.which("cmake"), shutil.which("ninja")
    if cmake is None or ninja is None:
        pytest.skip("CMake or Ninja is not on the path")
    command = [cmake, "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}", *options]
    outside = {name: value for name, value in os.environ.items() if name != "CXX"}
    return subprocess.run(command, env={**outside, **environment}, capture_output=True, text=True, timeout=120)


def without(*packages):
    return [f"-DCMAKE_DISABLE_FIND_PACKAGE_{package}=ON" for package in packages]


def sentence(done):
    """CMake breaks lines where it likes."""
    return re.sub(r"\s+", " ", done.stderr)


@pytest.mark.parametrize(
    ("missing", "debian_packages"),
    [
        (["Eigen3"], "libeigen3-dev"),
        (["SQLite3", "Boost"], "libsqlite3-dev libboost-program-options-dev"),
        (["nlohmann_json", "fmt", "Python"], "nlohmann-json3-dev libfmt-dev python3-dev"),
    ],
)
def test_what_is_missing_is_named_with_its_packages(missing, debian_packages, tmp_path):
    done = configure(ROOT, tmp_path / "build", *WHEEL, *without(*missing))
    assert done.returncode != 0
    assert f"bluefin is built with {', '.join(missing)}, not found or too old here." in sentence(done)
    assert f" apt-get install {debian_packages} " in sentence(done)


def test_the_library_alone_needs_neither_boost_nor_python(tmp_path):
    alone = ["-DBLUEFIN_BUILD_CLI=OFF", "-DBLUEFIN_BUILD_TESTS=OFF", "-DBLUEFIN_BUILD_EXAMPLES=OFF"]
    done = configure(ROOT, tmp_path / "build", *alone, *without("Boost", "Python", "Torch", "Catch2"))
    assert done.returncode == 0, done.stderr


def test_a_missing_compiler_is_named(tmp_path):
    done = configure(ROOT, tmp_path / "build", *WHEEL, PATH=str(tmp_path))
    assert done.returncode != 0
    assert "bluefin is built with a C++20 compiler, and there is none here." in sentence(done)
    assert " apt-get install g++ " in sentence(done)


def test_the_source_package_has_every_file_and_can_be_configured(tmp_path):
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode != 0:
        pytest.skip("not a git repository")
    build = "import sys; from scikit_build_core.build import build_sdist; build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, tmp_path], cwd=ROOT, check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
        file.extractall(tmp_path, filter="data")
    there = {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}
    assert names == {*there, "PKG-INFO"}
    source = tmp_path / archive.name.removesuffix(".tar.gz")
    done = configure(source, tmp_path / "build", *WHEEL, f"-DPython_EXECUTABLE={sys.executable}")
    assert done.returncode == 0, done.stderr
