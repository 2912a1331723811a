"""What a model would look up to read a study's examples, held against what it can, before anything trains.

Texts are turned into token ids here only where their tokenizer or `model.max_length` leaves it open whether they fit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from study.config.schema import ModelConfig
from study.core.errors import AssetError, ConfigError, StudyError
from study.core.formatting import plural
from study.engine.batches import Tokens
from study.models import hub
from study.models.geometry import Tables


@dataclass(frozen=True)
class Lookups:
    """The most that one stack looks up for any row: so many positions, and no higher a token id."""

    positions: int
    token: int

    @classmethod
    def of(cls, tokens: Tokens) -> Lookups:
        """The positions and the highest id that reading these rows takes, with the padding that some of them get."""
        padded = int(tokens.lengths.min()) < int(tokens.lengths.max())
        highest = max(int(tokens.ids.values.max()), tokens.pad_id if padded else 0)
        return cls(int(tokens.lengths.max()), highest)


@dataclass(frozen=True)
class Need(ABC):
    """How a study's examples are looked up by the model that reads them: its settings and its tokenizer."""

    model: ModelConfig
    tokenizer: Any

    @abstractmethod
    def bound(self, table: Tables) -> int:
        """The most positions that settings let a row need of the table."""

    @abstractmethod
    def exact(self, tables: tuple[Tables, ...]) -> dict[str, Lookups]:
        """The lookups that the study's rows take, by the table's part ("" for a single stack); reads every row."""

    def highest(self) -> int:
        """The highest token id that can be looked up."""
        return max(self.tokenizer.get_vocab().values())  # type: ignore[no-any-return]

    def too_long(self, table: Tables, count: int, positions: int) -> StudyError:
        """The error for a row that needs more positions than the `count` of the table."""
        rule = f"lets a text have {plural(positions, 'token')}, and {self.model.name} has {plural(count, 'position')}"
        return ConfigError(f"model.max_length={self.model.max_length}", rule, f"write model.max_length={count} or less")


@dataclass(frozen=True)
class TextNeed(Need):
    """The need of rows that one stack reads, at most `model.max_length` tokens each; `read` makes their tokens."""

    read: Callable[[], Tokens]

    def bound(self, table: Tables) -> int:
        return self.model.max_length

    def exact(self, tables: tuple[Tables, ...]) -> dict[str, Lookups]:
        return {"": Lookups.of(self.read())}


def tokenizer_of(model: ModelConfig) -> Any:
    """The tokenizer of a model whose weights are there; AssetError where either is missing."""
    hub.require_weights(model)
    return hub.tokenizer(model)


def require(need: Need, tables: tuple[Tables, ...]) -> None:
    """Raise ConfigError or AssetError where the model cannot look up what an example of the study needs."""
    highest = need.highest()
    if all(_fits(table, Lookups(need.bound(table), highest)) for table in tables):
        return
    needed = need.exact(tables)
    for table in tables:
        read = needed[table.part]
        if table.positions is not None and read.positions > table.positions:
            raise need.too_long(table, table.positions, read.positions)
        _check_tokens(table, read, need)


def _fits(table: Tables, read: Lookups) -> bool:
    """Whether the table has all that is read of it."""
    return (table.positions is None or read.positions <= table.positions) and (
        table.tokens is None or read.token < table.tokens
    )


def _check_tokens(table: Tables, read: Lookups, need: Need) -> None:
    """Raise AssetError where a token id that is read has no row in the table."""
    if table.tokens is None or read.token < table.tokens:
        return
    token = need.tokenizer.convert_ids_to_tokens(read.token)
    rule = f"reads the token {token!r} with the id {read.token}, and its embeddings have {plural(table.tokens, 'row')}"
    remedy = "resize them (model.resize_token_embeddings) and save the model, or take the tokenizer that belongs to it"
    raise AssetError(f"model.name={need.model.name}", rule, remedy)
