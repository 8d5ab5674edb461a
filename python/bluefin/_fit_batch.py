# SPDX-License-Identifier: MIT
"""The batch that pays: as large as memory allows, no larger than makes training faster."""

from collections.abc import Callable
import gc
import sys
from typing import NamedTuple

from bluefin import _checks
from bluefin import _native
from bluefin._out_of_memory import out_of_memory_class


class TriedBatch(NamedTuple):
    """One size that :func:`fit_batch` has tried."""

    batch: int
    fits: bool
    samples_per_second: float  # 0: does not fit


class BatchFit(NamedTuple):
    """What :func:`fit_batch` has found."""

    batch: int  # for the optimizer
    micro_batch: int  # for one forward and backward pass; the last one of a batch may be smaller
    accumulation_steps: int  # passes whose gradients make one step of the optimizer
    learning_rate: float
    samples_per_second: float  # with micro_batch
    limit: str  # why the batch is no larger: "memory", "throughput" or "cap"
    tried: list[TriedBatch]


def fit_batch(
    step: Callable[[int], object],
    start: int,
    cap: int,
    *,
    learning_rate: float = 1.0,
    min_gain: float = 0.1,
    seconds: float = 0.1,
    is_out_of_memory: Callable[[BaseException], bool] | None = None,
) -> BatchFit:
    """Find the batch that pays, and the learning rate that goes with it.

    ``step(batch)`` is called with ``start``, ``2 * start``, ... up to ``cap``, until memory ends or twice the batch gives
    less than ``min_gain`` more samples a second. If ``start`` itself does not fit, passes are halved instead and the batch
    is made of several: ``fit_batch(step, n, n)`` is how to train with a batch of ``n`` whatever memory there is.

    Args:
        step: Does one whole training step of that many samples, with a model of its own, since it changes the model. If
            PyTorch is used on a GPU, the end of the step is waited for here; with another library wait in ``step``.
        start: The smallest batch.
        cap: The largest batch: an eighth of the data, say, for eight steps an epoch.
        learning_rate: What is right for ``start``. The result's is this times ``sqrt(batch / start)``, the rule for Adam
            and its kin (Malladi et al. 2022); with the default it is that factor.
        min_gain: See above.
        seconds: Of measuring each batch; at least two steps after the first, which does not count.
        is_out_of_memory: Tells which exceptions of ``step`` mean that it does not fit. By default ``MemoryError`` and
            what PyTorch, JAX, TensorFlow and CuPy raise.

    Raises:
        TypeError: For what is no number.
        ValueError: For numbers out of range.
        BaseException: What ``step`` raises and is not out of memory; and out of memory for a single sample.
    """

    def step_to_its_end(batch: int) -> None:
        step(batch)
        torch = _torch_on_a_gpu()
        if torch is not None:
            torch.cuda.synchronize()

    is_error = is_out_of_memory or (lambda error: out_of_memory_class(error) != "")
    batch, micro_batch, steps, rate, speed, limit, tried = _native.fit_batch(
        step_to_its_end,
        _checks.integer("`start`", start, 2**63),
        _checks.integer("`cap`", cap, 2**63),
        _checks.number("`learning_rate`", learning_rate),
        _checks.number("`min_gain`", min_gain),
        _checks.number("`seconds`", seconds),
        is_error,
        _release,
    )
    return BatchFit(batch, micro_batch, steps, rate, speed, limit, [TriedBatch(*one) for one in tried])


def _release() -> None:
    gc.collect()
    torch = _torch_on_a_gpu()
    if torch is not None:
        torch.cuda.empty_cache()


def _torch_on_a_gpu():  # type: ignore[no-untyped-def]
    torch = sys.modules.get("torch")
    return torch if torch is not None and torch.cuda.is_initialized() else None
