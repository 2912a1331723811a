"""Tests compute with one thread, as workers do: small products gain nothing from more."""

from __future__ import annotations

import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("suite", deadline=None)  # the first example of a test may import a library
settings.load_profile("suite")
