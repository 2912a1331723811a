"""What a worker holds between members: the study's data, its encoders, their token ids and spectra."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from study import models
from study.adapters.spectrum import Spectrum
from study.config import ModelConfig
from study.engine.batches import pad
from study.models import Encoder
from study.records import Fold


@dataclass(frozen=True)
class StudyData:
    """The examples of a study, its folds and the name of its score; picklable, and the same everywhere."""

    texts: tuple[str, ...]
    labels: np.ndarray
    classes: int
    folds: tuple[Fold, ...]
    metric: str


@dataclass(frozen=True)
class Tokens:
    """Token ids of every example of the study, ragged, in the study's order."""

    rows: tuple[np.ndarray, ...]
    lengths: np.ndarray
    pad_id: int

    def batch(self, positions: np.ndarray, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids and mask [n, T] of the examples at `positions`."""
        ids, mask = pad([self.rows[i] for i in positions], self.pad_id)
        return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)


@dataclass
class Workbench:
    """Loads an encoder once and tokenizes once; everything else of a worker is rebuilt for each pack."""

    data: StudyData
    device: torch.device
    _encoders: dict[tuple[str, bool], Encoder] = field(default_factory=dict)
    _tokens: dict[tuple[str, int], Tokens] = field(default_factory=dict)
    _spectra: dict[tuple[str, bool], Spectrum] = field(default_factory=dict)

    def encoder(self, model: ModelConfig) -> Encoder:
        """The frozen encoder on this worker's device."""
        key = (model.name, model.random_weights)
        if key not in self._encoders:
            encoder = models.load(model)
            encoder.backbone.to(self.device)
            self._encoders[key] = encoder
        return self._encoders[key]

    def spectrum(self, model: ModelConfig) -> Spectrum:
        """The decompositions of that encoder's weights."""
        return self._spectra.setdefault((model.name, model.random_weights), Spectrum())

    def tokens(self, model: ModelConfig) -> Tokens:
        """Every example's token ids, cut at `model.max_length`."""
        key = (model.name, model.max_length)
        if key not in self._tokens:
            tokenizer = self.encoder(model).tokenizer
            ids = tokenizer(list(self.data.texts), truncation=True, max_length=model.max_length)["input_ids"]
            rows = tuple(np.asarray(row, dtype=np.int64) for row in ids)
            self._tokens[key] = Tokens(rows, np.array([len(r) for r in rows]), tokenizer.pad_token_id or 0)
        return self._tokens[key]


def default_device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
