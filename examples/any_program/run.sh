#!/bin/sh
# SPDX-License-Identifier: MIT
# Tunes a program that knows nothing of bluefin: examples/any_program/run.sh [more options of `bluefin run`].
# any_program.db is made in the current folder; run it again and the study goes on.
set -eu
example=$(cd "$(dirname "$0")" && pwd)
PATH=${BLUEFIN_BIN:-$example/../../build}:$PATH

# README: begin
bluefin run --storage sqlite:///any_program.db --study-name awk --create --direction minimize \
  --space "$example/space.json" --n-trials 40 "$@" -- \
  awk -v lr='{lr}' -v momentum='{momentum}' -v batch='{batch}' -f "$example/train.awk"

bluefin best-trial --storage sqlite:///any_program.db --study-name awk -f table
# README: end
