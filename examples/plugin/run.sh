#!/bin/sh
# SPDX-License-Identifier: MIT
# Tunes the objective of a C++ plugin: examples/plugin/run.sh [more options of `bluefin run`]. plugin.db is made in the
# current folder.
set -eu
example=$(cd "$(dirname "$0")" && pwd)
build=${BLUEFIN_BIN:-$example/../../build}

# CMake has built it: `bluefin_add_plugin(plugin objective.cpp)`. By hand, with an installed bluefin:
#   g++ -std=c++20 -O2 -shared -fPIC objective.cpp -o plugin.so -lbluefin
"$build/bluefin" run --storage sqlite:///plugin.db --study-name plugin --create --n-trials 20 "$@" \
  --plugin "$build/examples/plugin.so"
