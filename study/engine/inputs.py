"""What a pack reads of a row: its tokens, or whatever of the frozen model's work has been kept."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Literal

import numpy as np
import torch

from study.engine.batches import Ragged, on_device
from study.engine.frozen import Frozen
from study.engine.pack import Pack
from study.engine.pooling import reader
from study.engine.shortcuts import equivalence, firsttoken, prefix, products

# kept: from what has been kept of the frozen prefix; whole: every block, as training needs that keeps nothing;
# deployed: every block and every token, as the model runs elsewhere.
Reading = Literal["kept", "whole", "deployed"]


class Inputs:
    """The features that a pack's heads read, at the least work that changes nothing."""

    def __init__(self, frozen: Frozen, lowest: int, cached: bool = True) -> None:
        self.device, self.lowest, self.pooling = frozen.bench.device, lowest, frozen.model.pooling
        self.tokens, layers = frozen.tokens, frozen.encoder.layers
        self.shortcut, self.takes_mask = frozen.shortcut(), frozen.takes_mask()
        self.products: dict[str, Ragged] = {}
        self.pooled: Ragged | None = None
        self.entering: Ragged | None = None
        self.cut: prefix.Cut | None = None
        if cached and lowest == layers:
            self.pooled = frozen.pooled_rows()
        elif cached and lowest > 0 and (cut := frozen.cut(lowest)) is not None:
            self.cut, self.entering = cut, frozen.entering_states(lowest)
            self.products = frozen.products(lowest) if self.entering is not None else {}

    def features(self, pack: Pack, positions: np.ndarray, reading: Reading = "kept") -> torch.Tensor:
        """The vectors that heads read of the rows at `positions` [P·n], member after member.

        They are [P·n, hidden] or, where rows have units such as sentences, [P·n, U, hidden].
        """
        if self.pooled is not None and reading == "kept":
            if self.tokens.units is None:
                return self.pooled.values[on_device(positions, self.device)]
            return self.pooled.batch(positions, int(self.tokens.counts[positions].max()), 0, self.device)
        ids, mask = self.tokens.batch(positions, self.device)
        with ExitStack() as stack:
            if self.entering is not None and self.cut is not None and reading == "kept":
                hidden = self.entering.batch(positions, ids.shape[1], 0, self.device)
                stack.enter_context(prefix.resume_at(pack.backbone, self.lowest, hidden, self.cut))
                known = {n: p.batch(positions, ids.shape[1], 0, self.device) for n, p in self.products.items()}
                stack.enter_context(products.hand_in(pack.backbone, known))
            if self.shortcut is not None and reading != "deployed":
                stack.enter_context(firsttoken.first_token_alone(pack.backbone, self.shortcut))
            attended = equivalence.attention_mask(mask) if self.takes_mask else mask
            return pack.features(ids, attended, reader(self.tokens, positions, mask, self.pooling))
