"""What a worker holds between packs: the study's data, its frozen models, and whatever else is made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch

from study.config.schema import TRUSTING, EngineConfig, ModelConfig
from study.core.formatting import plural
from study.core.tensor_cache import Recall, TensorCache, forget, with_fallback, with_prefix
from study.data.study_data import StudyData
from study.engine.batches import Tokens
from study.methods.layers.spectrum import Spectrum
from study.models import backbones
from study.models.encoders import Encoder

T = TypeVar("T")


@dataclass
class Workbench:
    """Loads a model once and reads its tokens once; everything else of a worker is rebuilt for each pack.

    What is asked of a frozen model is to be asked while nothing is attached to it. `notes` are facts
    that a person should hear once, such as an architecture that must be trained whole.
    """

    data: StudyData
    device: torch.device
    engine: EngineConfig = field(default_factory=EngineConfig)
    notes: list[str] = field(default_factory=list)
    _known: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def once(self, key: tuple[Any, ...], make: Callable[[], T]) -> T:
        """The value under this key, which `make` makes when it is first asked for."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]  # type: ignore[no-any-return]

    def peek(self, key: tuple[Any, ...]) -> Any:
        """The value that :meth:`once` has made under this key, or None."""
        return self._known.get(key)

    def encoder(self, model: ModelConfig) -> Encoder:
        """The frozen model on this worker's device."""

        def load() -> Encoder:
            encoder = backbones.load(model, self.data.examples)
            encoder.backbone.to(self.device)
            return encoder

        return self.once(("encoder", *weights_key(model)), load)

    def tokens(self, model: ModelConfig, read: Callable[[], Tokens]) -> Tokens:
        """Every row's token ids, at most `model.max_length` each, made by `read` when they are first asked for."""
        return self.once(tokens_key(model), read)

    def note_cut(self, model: ModelConfig, tokens: Tokens, what: str) -> None:
        """Note how many texts are longer than the model may read, if any is."""
        if tokens.cut:
            limit = f"model.max_length={model.max_length} tokens"
            are, end = ("is", "ends") if tokens.cut == 1 else ("are", "end")
            self.notes.append(f"{tokens.cut} of {plural(tokens.texts, what)} {are} longer than {limit} and {end} there")

    def spectrum(self, model: ModelConfig) -> Spectrum:
        """The singular value decompositions of that model's weights."""
        return self.once(("spectrum", *weights_key(model)), lambda: Spectrum(with_fallback(self.recall(model))))

    def recall(self, model: ModelConfig) -> Recall:
        """The store of what was computed of that model before: on disk; it raises OSError where there is no room.

        Of weights without a fingerprint nothing is kept.
        """
        mark = self.encoder(model).fingerprint
        return with_prefix(TensorCache.of(self.engine.cache_gb).get, mark, *weights_key(model)) if mark else forget


def weights_key(model: ModelConfig) -> tuple[object, ...]:
    """The settings in which a worker's frozen models differ, and what was computed of one."""
    trusted = (TRUSTING,) if model.trust_remote_code else ()  # the same files may make another model
    return model.name, model.random_weights, model.precision, *trusted


def tokens_key(model: ModelConfig) -> tuple[object, ...]:
    """The settings on which it depends how a study's examples are read as tokens."""
    return "tokens", model.name, model.max_length


def name_of(device: torch.device) -> str:
    """The device as a person names it: the GPU's own name, or cpu."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def default_device(place: int = 0) -> torch.device:
    """A GPU where there is one, of several the one at that place."""
    count = torch.cuda.device_count()
    return torch.device("cuda", place % count) if count else torch.device("cpu")
