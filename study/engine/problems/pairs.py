"""Generation: a language model writes a target text for a source text, with its own output layer.

A row's loss is the mean cross entropy of its target's tokens, each given those before it (teacher forcing).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from study.config.schema import ModelConfig
from study.core.answers import Scored
from study.core.errors import AssetError
from study.data.examples import Pairs
from study.engine import lookups
from study.engine.batches import on_device
from study.engine.pack import Pack
from study.engine.pairs import PairNeed, Written, read_pairs
from study.engine.problems.base import Problem, align, in_turns
from study.engine.workbench import Workbench
from study.models import generators
from study.models.geometry import Tables
from study.scoring.losses import score_texts
from study.text import rouge

IGNORED = -100  # what torch's cross entropy leaves out


class Generate(Problem):
    """A row is a pair of texts. Scores are ROUGE of what the model itself writes, with its own generation settings
    but for sampling, which is off.
    """

    def __init__(self, bench: Workbench, model: ModelConfig, lowest: int, cached: bool = True) -> None:
        assert isinstance(bench.data.examples, Pairs)
        self.bench, self.pairs, self.device = bench, bench.data.examples, bench.device
        encoder = bench.encoder(model)
        self.tokenizer: Any = encoder.tokenizer
        self.two_stacks: bool = encoder.backbone.config.is_encoder_decoder  # type: ignore[union-attr,assignment]
        self.written = bench.once(("written", model.name, model.max_length), lambda: self._read(model))
        self.lengths = self.written.source.lengths + self.written.target.lengths
        self.truncated = self.written.source.truncated

    @classmethod
    def require(cls, model: ModelConfig, examples: Pairs, tables: tuple[Tables, ...]) -> None:
        tokenizer = lookups.tokenizer_of(model)
        start = generators.start(model)
        if tokenizer.eos_token_id is None:
            rule = "has a tokenizer without a token that ends a text, which it would write"
            remedy = "give it one (tokenizer.eos_token) that the model knows, and save it"
            raise AssetError(f"model.name={model.name}", rule, remedy)
        lookups.require(PairNeed(model, tokenizer, examples, start), tables)

    def _read(self, model: ModelConfig) -> Written:
        """The token ids of every pair; how many sources were longer than the model may read is noted."""
        read = read_pairs(self.pairs, self.tokenizer, model.max_length, self.two_stacks)
        self.bench.note_cut(model, read.source, "source")
        return read

    def loss(self, pack: Pack, rows: np.ndarray, weights: torch.Tensor) -> torch.Tensor:
        return (self._losses(pack, rows.reshape(-1)).view_as(weights) * weights).sum(1)

    def _losses(self, pack: Pack, rows: np.ndarray) -> torch.Tensor:
        """The mean cross entropy of each row's target, [rows]."""
        ids, logits = (self._two if self.two_stacks else self._one)(pack, rows)
        each = F.cross_entropy(logits.flatten(0, 1).float(), ids.flatten(), ignore_index=IGNORED, reduction="none")
        lengths = on_device(self.written.target.lengths[rows], self.device)
        return each.view_as(ids).sum(1) / lengths

    def _two(self, pack: Pack, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Targets [rows, T] and their logits [rows, T, words] of an encoder–decoder model."""
        source, mask = self.written.source.batch(rows, self.device)
        target, real = self.written.target.batch(rows, self.device)
        given = torch.cat([torch.full_like(target[:, :1], generators.first_token(pack.backbone)), target[:, :-1]], 1)
        out = pack.backbone(input_ids=source, attention_mask=mask, decoder_input_ids=given, use_cache=False)
        return target.masked_fill(real == 0, IGNORED), out.logits

    def _one(self, pack: Pack, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Targets [rows, T] and their logits [rows, T, words] of a decoder-only model.

        It reads source and target in one go.
        """
        source, target = self.written.source, self.written.target
        long, short = int(self.lengths[rows].max()), int(target.lengths[rows].max())
        ids = source.ids.batch(rows, long, source.pad_id, self.device)
        columns = np.arange(short) + source.lengths[rows][:, None]
        inside = np.arange(short) < target.lengths[rows][:, None]
        places, real = on_device(np.where(inside, columns, long - 1), self.device), on_device(inside, self.device)
        wanted = target.ids.batch(rows, short, source.pad_id, self.device)
        ids = ids.scatter_add(1, places, torch.where(real, wanted - source.pad_id, 0))
        mask = on_device((np.arange(long) < self.lengths[rows][:, None]).astype(np.int64), self.device)
        # Only the positions before a target's token say anything about it: the output layer is left out elsewhere.
        before = (places - 1).clamp(min=0)
        writer: Any = pack.backbone
        hidden = writer.base_model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        said = hidden.gather(1, before[..., None].expand(-1, -1, hidden.shape[-1]))
        return wanted.masked_fill(~real, IGNORED), writer.get_output_embeddings()(said)

    @torch.no_grad()
    def scores(self, pack: Pack, positions: list[np.ndarray]) -> list[Scored]:
        losses: list[dict[int, float]] = [{} for _ in positions]
        texts: list[dict[int, str]] = [{} for _ in positions]
        for batches in in_turns(self.lengths, positions, self.bench.engine.tokens):
            rows = align(batches)[0]
            row_losses = self._losses(pack, rows.reshape(-1)).view(rows.shape).tolist()
            wrote = np.array(self.write(pack, rows.reshape(-1)), dtype=object).reshape(rows.shape)
            for p, batch in enumerate(batches):
                losses[p].update(zip(batch.tolist(), row_losses[p], strict=False))
                texts[p].update(zip(batch.tolist(), wrote[p], strict=False))
        return [self._score(a, b, p) for a, b, p in zip(losses, texts, positions, strict=True)]

    def _score(self, losses: dict[int, float], texts: dict[int, str], positions: np.ndarray) -> Scored:
        """ROUGE of what one member wrote, against the targets, and the mean loss."""
        rows = positions.tolist()
        overlaps = rouge.f1([texts[i] for i in rows], [self.pairs.targets[i] for i in rows], self.pairs.words)
        return score_texts(overlaps, [losses[i] for i in rows], self.pairs.metric)

    def write(self, pack: Pack, rows: np.ndarray) -> list[str]:
        """What the members write for `rows` [P·n], member after member."""
        source, mask = self.written.source.batch(rows, self.device)
        new = generators.write(pack.backbone, source, mask, self.pairs.longest, self.written.source.pad_id)
        return list(self.tokenizer.batch_decode(new, skip_special_tokens=True))

    @torch.no_grad()
    def answer(self, pack: Pack, row: int) -> torch.Tensor:
        self.write(pack, np.array([row]))
        return torch.empty(0)


PROBLEM = Generate
