# SPDX-License-Identifier: MIT
"""A trial's program: trial 0 asks PyTorch for memory until there is none, the next ones compute."""

import os

import torch

kept = []
while os.environ["BLUEFIN_TRIAL_NUMBER"] == "0":
    kept.append(torch.ones(1 << 28, device="cuda"))
print(torch.ones(1000, device="cuda").sum().item())
