# SPDX-License-Identifier: MIT
"""A trial that computes on its GPU, in a program that is loaded once and forked for each.
$GPU_TEST_LOADS is what it loads:

    library   the driver's library, by which each trial computes, with nothing between it and the driver
    cuda      the same, and opens the GPU at once: of this no copy may be made
    torch     PyTorch, by which each trial computes
"""

import ctypes
import json
import os
import time

LOADS = os.environ["GPU_TEST_LOADS"]
LOADED_BY = os.getpid()
N = 1 << 20

if LOADS == "torch":
    import torch
else:
    driver = ctypes.CDLL(os.environ.get("GPU_TEST_CUDA_LIBRARY", "libcuda.so.1"))


def call(name, *arguments):
    code = getattr(driver, name)(*arguments)
    if code != 0:
        raise RuntimeError(f"{name} failed with code {code}")


if LOADS == "cuda":
    call("cuInit", 0)


def by_driver():
    """The sum of 2^20 numbers that the GPU has written, and its UUID."""
    call("cuInit", 0)
    device, context, memory = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
    uuid, numbers = (ctypes.c_ubyte * 16)(), (ctypes.c_uint32 * N)()
    call("cuDeviceGet", ctypes.byref(device), 0)
    call("cuDeviceGetUuid", uuid, device)
    call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
    call("cuCtxSetCurrent", context)
    call("cuMemAlloc_v2", ctypes.byref(memory), ctypes.c_size_t(4 * N))
    call("cuMemsetD32_v2", memory, ctypes.c_uint(7), ctypes.c_size_t(N))
    call("cuMemcpyDtoH_v2", numbers, memory, ctypes.c_size_t(4 * N))
    hexadecimal = bytes(uuid).hex()
    parts = (hexadecimal[:8], hexadecimal[8:12], hexadecimal[12:16], hexadecimal[16:20], hexadecimal[20:])
    return sum(numbers), "GPU-" + "-".join(parts)


def by_torch():
    return int((torch.ones(N, device="cuda", dtype=torch.int64) * 7).sum().item()), ""


def objective(trial):
    begin = time.time()
    total, uuid = by_torch() if LOADS == "torch" else by_driver()
    result = {"loaded by": LOADED_BY, "pid": os.getpid(), "sum": total, "uuid": uuid, "seconds": time.time() - begin}
    number = os.environ["BLUEFIN_TRIAL_NUMBER"]
    path = os.path.join(os.environ["GPU_TEST_OUT"], number + ".json")
    with open(path + ".new", "w") as file:
        json.dump(result, file)
    os.rename(path + ".new", path)
    return total
