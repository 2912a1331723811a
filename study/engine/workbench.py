"""What a worker holds between members: the study's data, its encoders, their token ids and spectra."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from study import models
from study.adapters.spectrum import Spectrum
from study.config import ModelConfig
from study.engine import prefix
from study.engine.batches import pad, scoring_batches
from study.engine.pack import pool
from study.engine.prefix import Ragged
from study.models import Encoder
from study.records import Fold

PREFIX_BYTES = 2 * 2**30  # hidden states that a worker keeps at most


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
    _pooled: dict[tuple[str, bool, int, str], torch.Tensor] = field(default_factory=dict)
    _prefixes: dict[tuple[str, bool, int, int], Ragged] = field(default_factory=dict)

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

    @torch.no_grad()
    def pooled(self, model: ModelConfig) -> torch.Tensor:
        """Every example's pooled features [N, hidden] of the frozen encoder."""
        key = (model.name, model.random_weights, model.max_length, model.pooling)
        if key not in self._pooled:
            backbone, tokens = self.encoder(model).backbone, self.tokens(model)
            parts = []
            for batch in scoring_batches(tokens.lengths):
                ids, mask = tokens.batch(batch, self.device)
                parts.append(pool(backbone(input_ids=ids, attention_mask=mask).last_hidden_state, mask, model.pooling))
            order = torch.from_numpy(np.argsort(np.concatenate(scoring_batches(tokens.lengths))))
            self._pooled[key] = torch.cat(parts)[order.to(self.device)]
        return self._pooled[key]

    def entering(self, model: ModelConfig, block: int) -> Ragged:
        """Every example's hidden states at the entrance of a block of the frozen encoder.

        Call it before anything is attached to the backbone. What it keeps is bounded, oldest out.
        """
        key = (model.name, model.random_weights, model.max_length, block)
        if key not in self._prefixes:
            self._prefixes[key] = self._enter(model, block)
            while len(self._prefixes) > 1 and sum(p.nbytes for p in self._prefixes.values()) > PREFIX_BYTES:
                del self._prefixes[next(iter(self._prefixes))]
        return self._prefixes[key]

    def _enter(self, model: ModelConfig, block: int) -> Ragged:
        backbone, tokens = self.encoder(model).backbone, self.tokens(model)
        starts = np.concatenate([[0], np.cumsum(tokens.lengths)])
        like = next(backbone.parameters())
        values = torch.empty(int(starts[-1]), self.encoder(model).hidden, dtype=like.dtype, device=self.device)
        for batch in scoring_batches(tokens.lengths):
            hidden = prefix.entering(backbone, block, *tokens.batch(batch, self.device))
            for row, i in enumerate(batch):
                values[starts[i] : starts[i + 1]] = hidden[row, : tokens.lengths[i]]
        return Ragged(values, starts[:-1], tokens.lengths)


def name_of(device: torch.device) -> str:
    """What a person calls the device: the GPU's own name, or cpu."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def default_device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
