# SPDX-License-Identifier: MIT
"""bluefin.fit_batch: the search itself is tested in C++ (tests/core/fit_batch_test.cpp)."""

from __future__ import annotations

import gc
import math
import weakref

import bluefin
import pytest


def limited(room: int, error: BaseException):
    def step(batch: int) -> None:
        if batch > room:
            raise error

    return step


def test_memory_ends_the_search() -> None:
    fit = bluefin.fit_batch(limited(50, MemoryError()), 8, 1024, learning_rate=1e-3, min_gain=0, seconds=0)
    assert fit.limit in ("memory", "throughput")  # steps of nothing differ in time by chance alone
    assert fit.batch <= 32
    assert fit.micro_batch == fit.batch
    assert fit.learning_rate == pytest.approx(1e-3 * math.sqrt(fit.batch / 8))
    assert [one.batch for one in fit.tried] == [8 * 2**i for i in range(len(fit.tried))]


def test_a_batch_that_does_not_fit_is_made_of_several_passes() -> None:
    fit = bluefin.fit_batch(limited(30, MemoryError()), 100, 100, seconds=0)
    assert (fit.batch, fit.micro_batch, fit.accumulation_steps) == (100, 25, 4)
    assert (fit.learning_rate, fit.limit) == (1.0, "memory")
    assert [(one.batch, one.fits) for one in fit.tried] == [(100, False), (50, False), (25, True)]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        type("OutOfMemoryError", (Exception,), {})("as CuPy says it"),
        type("XlaRuntimeError", (RuntimeError,), {})("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes."),
    ],
)
def test_what_libraries_raise_is_known(error: Exception) -> None:
    assert bluefin.fit_batch(limited(4, error), 8, 8, seconds=0).micro_batch == 4


def test_other_errors_come_out_as_they_are() -> None:
    with pytest.raises(ZeroDivisionError, match="as it is"):
        bluefin.fit_batch(limited(4, ZeroDivisionError("as it is")), 8, 8)
    with pytest.raises(KeyboardInterrupt):
        bluefin.fit_batch(limited(4, KeyboardInterrupt()), 8, 8)


def test_a_caller_may_know_better() -> None:
    fit = bluefin.fit_batch(
        limited(4, LookupError("full")), 8, 8, seconds=0, is_out_of_memory=lambda error: isinstance(error, LookupError)
    )
    assert fit.micro_batch == 4


def test_a_single_sample_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(MemoryError, match="not even one"):
        bluefin.fit_batch(limited(0, MemoryError("not even one")), 2, 2)


def test_what_did_not_fit_is_given_back_before_the_next_try() -> None:
    class Tensor:
        pass

    held: list[weakref.ref] = []

    def step(batch: int) -> None:
        tensor = Tensor()  # noqa: F841 the traceback of the error holds it
        held.append(weakref.ref(tensor))
        if batch > 2:
            raise MemoryError
        if batch == 2 and len(held) == 3:
            assert [one() for one in held[:2]] == [None, None]

    gc.disable()
    try:
        assert bluefin.fit_batch(step, 8, 8, seconds=0).micro_batch == 2
    finally:
        gc.enable()
    assert len(held) > 3


def test_numbers_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match=r"fit_batch: start = 0, must be >= 1"):
        bluefin.fit_batch(print, 0, 8)
    with pytest.raises(ValueError, match=r"fit_batch: cap = 4, must be >= start = 8"):
        bluefin.fit_batch(print, 8, 4)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "sentence"),
    [
        ((1.5, 4), {}, TypeError, "`start` must be an int, but got 1.5."),
        ((1, "8"), {}, TypeError, "`cap` must be an int, but got '8'."),
        ((1, 2**70), {}, ValueError, f"`cap` must be below {2**63}, but got {2**70}."),
        ((-(2**70), 1), {}, ValueError, f"`start` must be below {2**63}, but got {-(2**70)}."),
        ((1, 2), {"learning_rate": "fast"}, TypeError, "`learning_rate` must be a number, but got 'fast'."),
        ((1, 2), {"min_gain": None}, TypeError, "`min_gain` must be a number, but got None."),
        ((1, 2), {"seconds": [1]}, TypeError, "`seconds` must be a number, but got [1]."),
    ],
)
def test_what_is_no_number_is_named_before_the_first_step(arguments, options, error, sentence) -> None:
    def step(batch: int) -> None:
        raise AssertionError(batch)

    with pytest.raises(error) as raised:
        bluefin.fit_batch(step, *arguments, **options)
    assert str(raised.value) == sentence
