"""The frozen model's work on every row of a study: done once, and kept for every pack that needs no more of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch

from study.config.schema import ModelConfig
from study.core.tensor_cache import PARTS, Recall, with_fallback
from study.engine.batches import Ragged, Tokens, scoring_batches
from study.engine.pooling import reader
from study.engine.shortcuts import equivalence, firsttoken, prefix, products
from study.engine.workbench import Workbench, weights_key
from study.models.encoders import Encoder
from study.models.linear import matrix

ON_DEVICE = 0.25  # the share of a GPU's free memory that kept hidden states may take


@dataclass(frozen=True)
class Frozen:
    """What a frozen model makes of a study's `tokens`, computed when it is first asked for, once a worker.

    To be asked while nothing is attached to the model.
    """

    bench: Workbench
    model: ModelConfig
    tokens: Tokens

    @property
    def encoder(self) -> Encoder:
        """The frozen model."""
        return self.bench.encoder(self.model)

    def shortcut(self) -> firsttoken.Shortcut | None:
        """The way in which the last block computes its first token alone; None without one, or where heads read
        more."""
        if self.model.pooling not in ("cls", "pooler") or self.tokens.units is not None:
            return None
        return self.bench.once(self._key("shortcut"), lambda: firsttoken.find(self.encoder.backbone))

    def takes_mask(self) -> bool:
        """Whether the model takes its mask in the form that attention uses (:func:`equivalence.takes_mask`)."""
        return self.bench.once(self._key("mask"), lambda: equivalence.takes_mask(self.encoder.backbone))

    def cut(self, block: int) -> prefix.Cut | None:
        """The way to leave out the blocks below `block`; None, which is noted, where that would change the model."""

        def find() -> prefix.Cut | None:
            cut = prefix.find_cut(self.encoder.backbone, block)
            if cut is None:
                rule = "blocks cannot be left out, so every block is computed"
                self.bench.notes.append(f"model.name={self.model.name}: {rule}")
            return cut

        return self.bench.once((*self._key("cut"), block), find)

    def pooled_rows(self) -> Ragged:
        """The vectors that heads read of every row: one [hidden] a row, or one for each unit."""
        tokens, pooling, device = self.tokens, self.model.pooling, self.bench.device

        def compute(positions: np.ndarray) -> torch.Tensor:
            ids, mask = tokens.batch(positions, device)
            read = reader(tokens, positions, mask, pooling)
            vectors = read(self.encoder.backbone(input_ids=ids, attention_mask=mask))
            if tokens.units is None:
                return vectors
            counts = tokens.counts[positions]
            return vectors[torch.from_numpy(np.arange(counts.max()) < counts[:, None]).to(device)]

        def read() -> Ragged:
            recall = with_fallback(self.bench.recall(self.model))
            values = self._compute_rows(("pooled", pooling), tokens.counts, compute, recall)
            return Ragged(values.to(device), tokens.counts)

        return self.bench.once((*self._key("pooled"), self.model.max_length, pooling), read)

    def entering_states(self, block: int) -> Ragged | None:
        """Every row's hidden states at the entrance of `block`, [Σ T, hidden].

        None, which is noted, where they fit neither the cache's bound nor the disk.
        """
        tokens, device = self.tokens, self.bench.device

        # What enters a lower block is a shorter way to here, and the same numbers come out of it.
        lower = [b for b in range(1, block) if self.bench.peek(self._entrance(b)) is not None]

        def compute(positions: np.ndarray) -> torch.Tensor:
            backbone = self.encoder.backbone
            ids, mask = tokens.batch(positions, device)
            with ExitStack() as stack:
                if lower and (cut := self.cut(lower[-1])) is not None:
                    hidden = self.bench.peek(self._entrance(lower[-1])).batch(positions, ids.shape[1], 0, device)
                    stack.enter_context(prefix.resume_at(backbone, lower[-1], hidden, cut))
                return prefix.entering_states(backbone, block, ids, mask)[mask.bool()]

        def read() -> Ragged | None:
            try:
                values = self._compute_rows(("entering", block), tokens.lengths, compute, self.bench.recall(self.model))
            except OSError as error:
                self.bench.notes.append(f"hidden states below block {block} are not kept: {error}")
                return None
            return Ragged(self._place(values), tokens.lengths)

        return self.bench.once(self._entrance(block), read)

    def products(self, block: int) -> dict[str, Ragged]:
        """W x + b of every row, [Σ T, out], by name of each linear layer that reads what enters `block`.

        Empty where there is no room. Call it where :meth:`entering_states` has room. Queries that the first-token
        shortcut cuts are left out.
        """

        def read() -> dict[str, Ragged]:
            encoder, shortcut = self.encoder, self.shortcut()
            cut = shortcut.query if shortcut is not None and block == encoder.layers - 1 else None
            names = products.entry_layers(encoder.backbone, block)
            try:
                return {n: self._product(block, n) for n in names if cut is None or not n.endswith(f".{cut}")}
            except OSError:  # products save a little where hidden states save much: no room is no matter
                return {}

        return self.bench.once((*self._key("products"), self.model.max_length, self.model.pooling, block), read)

    def _key(self, what: str) -> tuple[object, ...]:
        """A key of the bench for what is made of this model."""
        return what, *weights_key(self.model)

    def _entrance(self, block: int) -> tuple[object, ...]:
        """The bench's key for what enters that block."""
        return *self._key("entering"), self.model.max_length, block

    @torch.no_grad()
    def _product(self, block: int, name: str) -> Ragged:
        """W x + b of every row, of the linear layer of that name, from what enters the block.

        Raises OSError where there is no room.
        """
        entering, linear = self.entering_states(block), self.encoder.backbone.get_submodule(name)
        assert entering is not None
        rows = entering.values
        bounds = np.linspace(0, len(rows), PARTS + 1).astype(int)

        def fill(values: torch.Tensor, part: int) -> None:
            piece = slice(bounds[part], bounds[part + 1])
            values[piece] = linear(rows[piece].to(self.bench.device)).to(values)

        key, shape = ("product", name, *self._frame()), (len(rows), len(matrix(linear)))
        recall = self.bench.recall(self.model)
        return Ragged(self._place(recall(key, shape, rows.dtype, fill, PARTS)), entering.lengths)

    def _frame(self) -> tuple[object, ...]:
        """What computed values depend on beside the model: the tokens, and what may change rounding."""
        return self.tokens.digest, self.bench.engine.tokens, self.bench.device.type, torch.__version__

    @torch.no_grad()
    def _compute_rows(
        self,
        what: tuple[object, ...],
        rows: np.ndarray,
        compute: Callable[[np.ndarray], torch.Tensor],
        recall: Recall,
    ) -> torch.Tensor:
        """The vectors of all rows, [Σ rows, hidden]: looked up in `recall`, which calls `compute` for what it lacks.

        `rows` [R] says how many vectors each row of tokens has; `compute` makes those of the rows at given positions.
        """
        starts = np.concatenate([[0], np.cumsum(rows)])
        batches = scoring_batches(self.tokens.lengths, self.bench.engine.tokens)

        def fill(values: torch.Tensor, part: int) -> None:
            for batch in batches[part::PARTS]:
                index = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in batch])
                values[torch.from_numpy(index)] = compute(batch).to(values)

        key, shape = (*what, *self._frame()), (int(starts[-1]), self.encoder.hidden)
        return recall(key, shape, next(self.encoder.backbone.parameters()).dtype, fill, PARTS)

    def _place(self, values: torch.Tensor) -> torch.Tensor:
        """The values on the GPU where they fit well, else where they are."""
        if self.bench.device.type != "cuda":
            return values
        free, _ = torch.cuda.mem_get_info(self.bench.device)
        return values.to(self.bench.device) if values.nbytes < ON_DEVICE * free else values
