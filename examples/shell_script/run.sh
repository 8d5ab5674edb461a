#!/bin/sh
# SPDX-License-Identifier: MIT
# Tunes train.sh: examples/shell_script/run.sh [more options of `bluefin run`]. shell.db is made in the current folder.
set -eu
example=$(cd "$(dirname "$0")" && pwd)
PATH=${BLUEFIN_BIN:-$example/../../build}:$PATH

bluefin run --storage sqlite:///shell.db --study-name shell --create --n-trials 20 "$@" -- "$example/train.sh"
