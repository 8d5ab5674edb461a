# SPDX-License-Identifier: MIT
"""scripts/setup --bundle: CMake finds every library of the build in the folder, wherever that stands."""

from __future__ import annotations

from pathlib import Path
import shutil
import subprocess

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = """
cmake_minimum_required(VERSION 3.22)
project(user CXX)
find_package(SQLite3 REQUIRED)
find_package(Eigen3 3.3 REQUIRED NO_MODULE)
find_package(nlohmann_json 3.10 REQUIRED)
find_package(fmt 8 REQUIRED)
find_package(Boost REQUIRED COMPONENTS program_options)
find_package(Catch2 REQUIRED)
include(${Catch2_DIR}/Catch.cmake)
foreach(target IN ITEMS SQLite::SQLite3 Eigen3::Eigen nlohmann_json::nlohmann_json fmt::fmt-header-only
                        Boost::program_options Catch2::Catch2)
  get_target_property(headers ${target} INTERFACE_INCLUDE_DIRECTORIES)
  message(STATUS "${target}: ${headers}")
endforeach()
message(STATUS "Catch.cmake: ${Catch2_DIR}")
"""


def bundle(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "scripts" / "bundle", folder], capture_output=True, text=True, timeout=120)


def test_every_library_is_found_in_it(tmp_path: Path) -> None:
    made = bundle(tmp_path / "made")
    if "is missing: run scripts/setup first" in made.stderr:
        pytest.skip(made.stderr.strip())
    assert made.returncode == 0, made.stderr
    # It may be carried to another place.
    folder = tmp_path / "some where" / "else"
    folder.parent.mkdir()
    shutil.move(tmp_path / "made", folder)
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 40 << 20

    project = tmp_path / "project"
    project.mkdir()
    (project / "CMakeLists.txt").write_text(PROJECT)
    done = subprocess.run(
        ["cmake", "-S", project, "-B", project / "build", f"-DCMAKE_PREFIX_PATH={folder}"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = dict(line[3:].split(": ", 1) for line in done.stdout.splitlines() if "::" in line or "Catch.cmake" in line)
    assert len(found) == 7
    assert {name: place for name, place in found.items() if not place.startswith(str(folder))} == {}


def test_nobodys_files_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    done = bundle(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"bundle: {tmp_path} is there and no bundle")
    assert (tmp_path / "mine").read_text() == "kept"
