#!/bin/sh
# SPDX-License-Identifier: MIT
# Tunes a function in Python: examples/python_function/run.sh [more options of `bluefin run`]. python.db is made in the
# current folder.
set -eu
example=$(cd "$(dirname "$0")" && pwd)
PATH=${BLUEFIN_BIN:-$example/../../build}:$PATH

bluefin run --storage sqlite:///python.db --study-name python --create --n-trials 20 "$@" \
  --python "$example/train.py:objective"
