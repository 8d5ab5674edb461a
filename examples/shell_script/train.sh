#!/bin/sh
# SPDX-License-Identifier: MIT
# An objective in the shell: `bluefin run ... -- ./train.sh` starts it once for each trial.
set -eu
lr=$(bluefin trial suggest lr float 1e-5 0.1 --log)
optimizer=$(bluefin trial suggest optimizer categorical adam sgd)
if [ "$optimizer" = sgd ]; then
  momentum=$(bluefin trial suggest momentum float 0 0.99)
else
  momentum=0.9
fi

loss=2
for epoch in 0 1 2 3 4; do
  # Stands in for a program that trains for an epoch, goes on from a checkpoint and prints its loss.
  loss=$(awk -v loss=$loss -v lr="$lr" -v momentum="$momentum" 'BEGIN {
    floor = (log(lr) / log(10) + 2 + momentum) ^ 2
    print floor + (loss - floor) / 2
  }')
  bluefin trial report $epoch "$loss"
  if bluefin trial should-prune; then
    bluefin trial tell --state pruned
    exit
  fi
done
bluefin trial set-attr host "$(uname -n)"
bluefin trial tell "$loss"
