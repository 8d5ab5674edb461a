# SPDX-License-Identifier: MIT
"""Trials in worker processes: ``Study.optimize(..., n_workers=4)``.

The study stays in the process that called optimize(). For each worker a thread there asks for a trial, hands its number
to the worker and answers what the objective asks of its trial meanwhile; so samplers and pruners see every running
trial, and any storage will do. A worker is a fresh interpreter (nothing is forked) that runs one trial after another.

- `_objective`: how the objective gets to a worker
- `_pool`, `_process`: the parent's side
- `_keeper`: what stands between both and ends what a worker leaves behind
- `_child`, `_trial`: the worker's side
- `_messages`: what both say to each other
"""

from bluefin._workers._pool import WorkerPool

__all__ = ["WorkerPool"]
