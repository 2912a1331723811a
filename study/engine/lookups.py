"""What a model would look up to read a study's examples, held against what it can, before anything trains.

Texts are turned into token ids here only where their tokenizer or `model.max_length` leaves it open whether they fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from study.config.schema import ModelConfig
from study.core.errors import AssetError, ConfigError
from study.core.formatting import plural
from study.data.examples import Documents, Examples, Pairs, Texts
from study.engine.batches import Tokens
from study.engine.pairs import read_pairs
from study.engine.texts import around, tokenized
from study.engine.windows import require_room, windows
from study.models.tables import Tables

WRITES = "decoder"  # the part of a model of two stacks that reads what it writes


@dataclass(frozen=True)
class Lookups:
    """The most that one stack looks up for any row: so many positions, and no higher a token id."""

    positions: int
    token: int


def require(model: ModelConfig, examples: Examples, tables: tuple[Tables, ...], tokenizer: Any, start: int = 0) -> None:
    """Raise ConfigError or AssetError where the model cannot read an example of the study.

    `start` is the token that a decoder is given before it has written any.
    """
    if isinstance(examples, Documents):
        require_room(examples.queries, tokenizer, model.max_length)
    elif isinstance(examples, Pairs) and tokenizer.eos_token_id is None:
        remedy = "give it one (tokenizer.eos_token) that the model knows, and save it"
        raise AssetError(_name(model), "has a tokenizer without a token that ends a text, which it would write", remedy)
    highest = max(start, *tokenizer.get_vocab().values())
    bound = {table.part: Lookups(_longest(table, model, examples, tokenizer), highest) for table in tables}
    if all(_fits(table, bound[table.part]) for table in tables):
        return
    found = lookups(examples, tokenizer, model.max_length, len(tables) > 1, start)
    for table in tables:
        _check_positions(table, found[table.part], model, examples)
        _check_tokens(table, found[table.part], model, tokenizer)


def lookups(examples: Examples, tokenizer: Any, longest: int, two_stacks: bool, start: int) -> dict[str, Lookups]:
    """What each stack looks up, by its part ("" where there is one)."""
    if isinstance(examples, Texts):
        return {"": _read(tokenized(examples.texts, tokenizer, longest))}
    if isinstance(examples, Documents):
        return {"": _read(windows(examples.queries, examples.sentences, tokenizer, longest).tokens)}
    assert isinstance(examples, Pairs)
    pairs = read_pairs(examples, tokenizer, longest, two_stacks)
    source, target = _read(pairs.source), _read(pairs.target)
    # Shorter answers of a batch are filled up, whatever their sources are like.
    highest = max(target.token, pairs.target.pad_id)
    if two_stacks:
        return {"encoder": source, WRITES: Lookups(examples.longest, max(highest, start))}
    return {"": Lookups(source.positions + examples.longest, max(source.token, highest))}


def _read(tokens: Tokens) -> Lookups:
    padded = int(tokens.lengths.min()) < int(tokens.lengths.max())
    return Lookups(int(tokens.lengths.max()), max(int(tokens.ids.values.max()), tokens.pad_id if padded else 0))


def _longest(table: Tables, model: ModelConfig, examples: Examples, tokenizer: Any) -> int:
    """A row's tokens at most, as far as settings say it."""
    if not isinstance(examples, Pairs):
        return model.max_length
    if table.part == WRITES:
        return examples.longest
    begin, end = around(examples, tokenizer, bool(table.part))
    return max(model.max_length, len(begin) + len(end) + 1) + (0 if table.part else examples.longest)


def _fits(table: Tables, read: Lookups) -> bool:
    return (table.positions is None or read.positions <= table.positions) and (
        table.tokens is None or read.token < table.tokens
    )


def _check_positions(table: Tables, read: Lookups, model: ModelConfig, examples: Examples) -> None:
    count = table.positions
    if count is None or read.positions <= count:
        return
    has = f"{model.name} has {plural(count, 'position')}"
    if table.part == WRITES:
        rule = f"is more than its decoder can write: {has}"
        raise ConfigError(f"task.longest={read.positions}", rule, f"write task.longest={count} or less")
    if isinstance(examples, Pairs) and not table.part:
        source = plural(read.positions - examples.longest, "token")
        rule = f"gives sources of {source} and {examples.longest} to write, and {has}"
        remedy = f"lower model.max_length or task.longest until both together are {count} or less"
        raise ConfigError(f"model.max_length={model.max_length}", rule, remedy)
    rule = f"lets a text have {plural(read.positions, 'token')}, and {has}"
    raise ConfigError(f"model.max_length={model.max_length}", rule, f"write model.max_length={count} or less")


def _check_tokens(table: Tables, read: Lookups, model: ModelConfig, tokenizer: Any) -> None:
    if table.tokens is None or read.token < table.tokens:
        return
    token = tokenizer.convert_ids_to_tokens(read.token)
    rule = f"reads the token {token!r} with the id {read.token}, and its embeddings have {plural(table.tokens, 'row')}"
    remedy = "resize them (model.resize_token_embeddings) and save the model, or take the tokenizer that belongs to it"
    raise AssetError(_name(model), rule, remedy)


def _name(model: ModelConfig) -> str:
    return f"model.name={model.name}"
