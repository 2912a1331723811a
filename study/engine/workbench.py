"""What a worker holds between packs: the study's data, its encoders, and what is known of them frozen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch

from study.config.schema import EngineConfig, ModelConfig
from study.core.formatting import plural
from study.core.records import Fold
from study.core.tensor_cache import PARTS, Recall, TensorCache, forget, forgiving, under
from study.data.examples import Documents, Examples, Texts
from study.engine.batches import Ragged, Tokens, scoring_batches
from study.engine.pooling import reader
from study.engine.shortcuts import exact, firsttoken, prefix, products
from study.engine.texts import tokenized
from study.engine.windows import Windows, windows
from study.methods.layers.spectrum import Spectrum
from study.models import backbones
from study.models.encoders import Encoder
from study.models.linear import matrix

T = TypeVar("T")
ON_DEVICE = 0.25  # the share of a GPU's free memory that kept hidden states may take


@dataclass(frozen=True)
class StudyData:
    """The examples of a study and its folds; picklable, and the same everywhere."""

    examples: Examples
    folds: tuple[Fold, ...]


@dataclass
class Workbench:
    """Loads an encoder once and tokenizes once; everything else of a worker is rebuilt for each pack.

    What is asked of a frozen encoder is to be asked while nothing is attached to it. `notes` are facts
    that a person should hear once, such as an architecture that must be trained whole.
    """

    data: StudyData
    device: torch.device
    engine: EngineConfig = field(default_factory=EngineConfig)
    notes: list[str] = field(default_factory=list)
    _known: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def once(self, key: tuple[Any, ...], make: Callable[[], T]) -> T:
        """What `make` returned the first time that it was asked for under this key."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]  # type: ignore[no-any-return]

    def adopt(self, model: ModelConfig, encoder: Encoder, tokens: Tokens) -> None:
        """Take an encoder at hand, with the study's tokens, for the one that `model` names."""
        self._known["encoder", *_weights(model)] = encoder
        self._known["tokens", model.name, model.max_length] = tokens

    def encoder(self, model: ModelConfig) -> Encoder:
        """The frozen encoder on this worker's device."""

        def load() -> Encoder:
            encoder = backbones.load(model, self.data.examples)
            encoder.backbone.to(self.device)
            return encoder

        return self.once(("encoder", *_weights(model)), load)

    def spectrum(self, model: ModelConfig) -> Spectrum:
        """The decompositions of that encoder's weights."""
        return self.once(("spectrum", *_weights(model)), lambda: Spectrum(forgiving(self._kept(model))))

    def tokens(self, model: ModelConfig) -> Tokens:
        """Every row's token ids, at most `model.max_length`; how many texts were longer is noted."""

        def read() -> Tokens:
            examples = self.data.examples
            if isinstance(examples, Documents):
                tokens, what = self.windows(model).tokens, "sentence"
            else:
                assert isinstance(examples, Texts)
                tokens, what = tokenized(examples.texts, self.encoder(model).tokenizer, model.max_length), "text"
            self.note_cut(model, tokens, what)
            return tokens

        return self.once(("tokens", model.name, model.max_length), read)

    def note_cut(self, model: ModelConfig, tokens: Tokens, what: str) -> None:
        """Note how many texts are longer than the model may read, if any is."""
        if tokens.cut:
            limit = f"model.max_length={model.max_length} tokens"
            are, end = ("is", "ends") if tokens.cut == 1 else ("are", "end")
            self.notes.append(f"{tokens.cut} of {plural(tokens.texts, what)} {are} longer than {limit} and {end} there")

    def windows(self, model: ModelConfig) -> Windows:
        """The rows of documents."""

        def read() -> Windows:
            documents = self.data.examples
            assert isinstance(documents, Documents)
            return windows(documents.queries, documents.sentences, self.encoder(model).tokenizer, model.max_length)

        return self.once(("windows", model.name, model.max_length), read)

    def shortcut(self, model: ModelConfig) -> firsttoken.Shortcut | None:
        """How the last block leaves out what a head that reads the first token does not need, if it can."""
        if model.pooling not in ("cls", "pooler") or not isinstance(self.data.examples, Texts):
            return None
        return self.once(("shortcut", *_weights(model)), lambda: firsttoken.find(self.encoder(model).backbone))

    def takes_mask(self, model: ModelConfig) -> bool:
        """Whether the encoder takes its mask as attention does, so that nothing has to look into it first."""
        return self.once(("mask", *_weights(model)), lambda: exact.takes_mask(self.encoder(model).backbone))

    def cut(self, model: ModelConfig, block: int) -> prefix.Cut | None:
        """How the blocks below that one can be left out, or None (noted) where that would change the model."""

        def find() -> prefix.Cut | None:
            cut = prefix.find_cut(self.encoder(model).backbone, block)
            if cut is None:
                self.notes.append(f"model.name={model.name}: blocks cannot be left out, so every block is computed")
            return cut

        return self.once(("cut", *_weights(model), block), find)

    def pooled(self, model: ModelConfig) -> Ragged:
        """What heads read of every row of the frozen encoder: a vector [hidden], or one for each unit."""
        tokens = self.tokens(model)

        def compute(positions: np.ndarray) -> torch.Tensor:
            ids, mask = tokens.batch(positions, self.device)
            read = reader(tokens, positions, mask, model.pooling)
            vectors = read(self.encoder(model).backbone(input_ids=ids, attention_mask=mask))
            if tokens.units is None:
                return vectors
            own = tokens.counts[positions]
            return vectors[torch.from_numpy(np.arange(own.max()) < own[:, None]).to(self.device)]

        def read() -> Ragged:
            values = self._computed(
                model, ("pooled", model.pooling), tokens.counts, compute, forgiving(self._kept(model))
            )
            return Ragged(values.to(self.device), tokens.counts)

        return self.once(("pooled", *_weights(model), model.max_length, model.pooling), read)

    def entering(self, model: ModelConfig, block: int) -> Ragged | None:
        """Every example's hidden states at the entrance of a block of the frozen encoder, or None.

        None, which is noted, where they fit neither the cache's bound nor the disk.
        """
        tokens = self.tokens(model)

        # What enters a lower block is a shorter way to here, and the same numbers come out of it.
        lower = [b for b in range(1, block) if self._known.get(self._at(model, b)) is not None]

        def compute(positions: np.ndarray) -> torch.Tensor:
            backbone = self.encoder(model).backbone
            ids, mask = tokens.batch(positions, self.device)
            with ExitStack() as stack:
                if lower and (cut := self.cut(model, lower[-1])) is not None:
                    hidden = self._known[self._at(model, lower[-1])].batch(positions, ids.shape[1], 0, self.device)
                    stack.enter_context(prefix.resumed(backbone, lower[-1], hidden, cut))
                return prefix.entering(backbone, block, ids, mask)[mask.bool()]

        def read() -> Ragged | None:
            try:
                values = self._computed(model, ("entering", block), tokens.lengths, compute, self._kept(model))
            except OSError as error:
                self.notes.append(f"hidden states below block {block} are not kept: {error}")
                return None
            return Ragged(self._placed(values), tokens.lengths)

        return self.once(self._at(model, block), read)

    def _at(self, model: ModelConfig, block: int) -> tuple[object, ...]:
        return "entering", *_weights(model), model.max_length, block

    def products(self, model: ModelConfig, block: int) -> dict[str, Ragged]:
        """W x + b of every example, for each linear layer that reads what enters that block; none where no room is.

        Call it where :meth:`entering` has room. Queries that the first-token shortcut cuts are left out.
        """

        def read() -> dict[str, Ragged]:
            encoder, shortcut = self.encoder(model), self.shortcut(model)
            cut = shortcut.query if shortcut is not None and block == encoder.layers - 1 else None
            names = [n for n in products.fed(encoder.backbone, block) if cut is None or not n.endswith(f".{cut}")]
            try:
                return {name: self._multiplied(model, block, name) for name in names}
            except OSError:  # products save a little where hidden states save much: no room is no matter
                return {}

        return self.once(("products", *_weights(model), model.max_length, model.pooling, block), read)

    @torch.no_grad()
    def _multiplied(self, model: ModelConfig, block: int, name: str) -> Ragged:
        entering, linear = self.entering(model, block), self.encoder(model).backbone.get_submodule(name)
        assert entering is not None
        rows = entering.values
        bounds = np.linspace(0, len(rows), PARTS + 1).astype(int)

        def fill(values: torch.Tensor, part: int) -> None:
            own = slice(bounds[part], bounds[part + 1])
            values[own] = linear(rows[own].to(self.device)).to(values)

        key, shape = ("product", name, *self._frame(self.tokens(model))), (len(rows), len(matrix(linear)))
        return Ragged(self._placed(self._kept(model)(key, shape, rows.dtype, fill, PARTS)), entering.lengths)

    def _frame(self, tokens: Tokens) -> tuple[object, ...]:
        """What computed values depend on beside the model: the tokens, and what may change rounding."""
        return tokens.digest, self.engine.tokens, self.device.type, torch.__version__

    @torch.no_grad()
    def _computed(
        self,
        model: ModelConfig,
        what: tuple[object, ...],
        rows: np.ndarray,
        compute: Callable[[np.ndarray], torch.Tensor],
        recall: Recall,
    ) -> torch.Tensor:
        """`compute` of every example [Σ rows, hidden], `rows` of each, from or for `recall`."""
        encoder, tokens = self.encoder(model), self.tokens(model)
        starts = np.concatenate([[0], np.cumsum(rows)])
        batches = scoring_batches(tokens.lengths, self.engine.tokens)

        def fill(values: torch.Tensor, part: int) -> None:
            for batch in batches[part::PARTS]:
                index = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in batch])
                values[torch.from_numpy(index)] = compute(batch).to(values)

        key = (*what, *self._frame(tokens))
        shape = (int(starts[-1]), encoder.hidden)
        return recall(key, shape, next(encoder.backbone.parameters()).dtype, fill, PARTS)

    def _kept(self, model: ModelConfig) -> Recall:
        """What is computed of that encoder: on disk, or OSError where there is no room.

        Of weights that nothing identifies nothing is kept.
        """
        mark = self.encoder(model).fingerprint
        return under(TensorCache.of(self.engine.cache_gb).get, mark, *_weights(model)) if mark else forget

    def _placed(self, values: torch.Tensor) -> torch.Tensor:
        """On the GPU where they fit well, else where they are."""
        if self.device.type != "cuda":
            return values
        free, _ = torch.cuda.mem_get_info(self.device)
        return values.to(self.device) if values.nbytes < ON_DEVICE * free else values


def _weights(model: ModelConfig) -> tuple[str, bool, str]:
    return model.name, model.random_weights, model.precision


def name_of(device: torch.device) -> str:
    """What a person calls the device: the GPU's own name, or cpu."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def default_device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
