"""Tiny models made on the spot, so that no test needs a network or a large model unless it says so."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from study import methods
from study.config.members import Member
from study.config.schema import Configuration, MethodConfig, ModelConfig, TrainConfig
from study.core.records import Adaptation, Fold
from study.data.examples import Documents, Texts
from study.engine.batches import Tokens
from study.engine.fit import Fit
from study.engine.frozen import Frozen
from study.engine.problems import problem_of
from study.engine.problems.heads import WithHead
from study.engine.workbench import StudyData, Workbench, weights_key
from study.methods.layers.packed import Start
from study.methods.layers.spectrum import Spectrum
from study.models import encoders
from study.models.backbones import Geometry
from study.models.encoders import Encoder
from study.models.targets import LinearSite

VOCABULARY = 50
CLASSES = ("no", "yes")


SIZES = {
    "vocab_size": VOCABULARY, "max_position_embeddings": 40, "num_hidden_layers": 3, "num_attention_heads": 2,
    "hidden_size": 16, "intermediate_size": 32,
}  # fmt: skip
SMALL_IDS = {"pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3}
DECODER = {**SIZES, **SMALL_IDS, "num_key_value_heads": 1}
# What transformers calls each family, and the sizes of a tiny one; encoder–decoder models are read by their encoder.
FAMILIES: dict[str, dict[str, object]] = {
    "bert": SIZES,
    "roberta": SIZES,
    "distilbert": {"vocab_size": VOCABULARY, "dim": 16, "hidden_dim": 32, "n_layers": 3, "n_heads": 2},
    "albert": {**SIZES, "embedding_size": 8},
    "mpnet": SIZES,
    "electra": {**SIZES, "embedding_size": 8},
    "deberta-v2": {
        **SIZES, "relative_attention": True, "position_buckets": 8, "pos_att_type": ["c2p", "p2c"],
        "conv_kernel_size": 3,
    },
    "modernbert": {**SIZES, **SMALL_IDS, "cls_token_id": 2, "sep_token_id": 3},
    "gpt2": {"vocab_size": VOCABULARY, "n_embd": 16, "n_layer": 3, "n_head": 2, "n_positions": 40, **SMALL_IDS},
    "llama": DECODER,
    "qwen2": DECODER,
    "qwen3": {**DECODER, "head_dim": 8},
    "t5": {"vocab_size": VOCABULARY, "d_model": 16, "d_ff": 32, "d_kv": 8, "num_layers": 3, "num_heads": 2},
    "bart": {
        "vocab_size": VOCABULARY, "d_model": 16, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "encoder_layers": 3,
        "decoder_layers": 3, "encoder_attention_heads": 2, "decoder_attention_heads": 2, "max_position_embeddings": 40,
        **SMALL_IDS,
    },
}  # fmt: skip

# Both stacks of the same; their decoders have two blocks.
PAIRS: dict[str, dict[str, object]] = {
    "t5": {**FAMILIES["t5"], "num_decoder_layers": 2},
    "t5 gated": {**FAMILIES["t5"], "num_decoder_layers": 2, "feed_forward_proj": "gated-gelu"},
    "bart": {**FAMILIES["bart"], "decoder_layers": 2},
}  # fmt: skip


# Tiny models that write, large enough to learn to copy a few letters.
WIDE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
WRITERS: dict[str, dict[str, object]] = {
    "t5": {"d_model": 32, "d_ff": 64, "d_kv": 8, "num_layers": 2, "num_heads": 4, "dropout_rate": 0.0},
    "bart": {
        "d_model": 32, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "encoder_layers": 2, "decoder_layers": 2,
        "encoder_attention_heads": 4, "decoder_attention_heads": 4, "max_position_embeddings": 40,
        "forced_eos_token_id": None,
    },
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 40},
    "llama": {**WIDE, "num_key_value_heads": 2, "max_position_embeddings": 40},
}  # fmt: skip


def backbone(kind: str = "bert") -> torch.nn.Module:
    """A randomly initialised text model of three blocks (ALBERT: one, used thrice)."""
    from transformers import CONFIG_MAPPING, AutoModel

    torch.manual_seed(0)
    model = AutoModel.from_config(CONFIG_MAPPING[kind](**FAMILIES[kind]))
    return model.get_encoder() if model.config.is_encoder_decoder else model


def pair(kind: str) -> torch.nn.Module:
    """A randomly initialised encoder–decoder model of one of `PAIRS`, whole, with its output layer."""
    from transformers import CONFIG_MAPPING, AutoModelForSeq2SeqLM

    torch.manual_seed(0)
    made: torch.nn.Module = AutoModelForSeq2SeqLM.from_config(CONFIG_MAPPING[kind.split()[0]](**PAIRS[kind]))
    return made


def encoder(kind: str = "bert", dtype: torch.dtype = torch.float64) -> Encoder:
    """The tiny backbone as an Encoder, in float64 so that equality means something."""
    return encoders.wrap(backbone(kind).to(dtype), tokenizer=None)


def workbench(
    kind: str = "bert",
    examples: int = 60,
    dtype: torch.dtype = torch.float64,
    pooling: str = "mean",
    device: str = "cpu",
) -> Workbench:
    """A bench with random token rows whose label is whether token 7 occurs in them."""
    rng = np.random.default_rng(0)
    rows = [rng.integers(8, VOCABULARY, rng.integers(4, 12)) for _ in range(examples)]
    labels = np.arange(examples) % 2
    for row, label in zip(rows, labels, strict=True):
        row[: 3 * label] = 7
    folds = tuple(
        Fold(k, np.flatnonzero(np.arange(examples) % 3 != k), np.flatnonzero(np.arange(examples) % 3 == k))
        for k in range(3)
    )
    bench = Workbench(StudyData(Texts(("",) * examples, labels, CLASSES), folds), torch.device(device))
    made = encoder(kind, dtype)
    made.backbone.to(device)
    adopt(bench, ModelConfig(pooling=pooling), made, Tokens.of(rows, 1))
    return bench


def adopt(bench: Workbench, model: ModelConfig, made: Encoder, tokens: Tokens) -> None:
    """Let a bench that has loaded nothing take a model at hand, and tokens, for those of the model that is named."""
    bench.once(("encoder", *weights_key(model)), lambda: made)
    bench.tokens(model, lambda: tokens)


def frozen(bench: Workbench, model: ModelConfig | None = None) -> Frozen:
    """The frozen model's work on the bench's examples, read as their problem reads them."""
    problem, model = problem_of(bench.data.examples), model or ModelConfig()
    assert issubclass(problem, WithHead)
    return Frozen(bench, model, problem.tokens(bench, model))


TRAIN = ("epochs", "batch_size", "lr", "weight_decay", "warmup", "clip", "dropout")


def configuration(**values: object) -> Configuration:
    """A configuration of the tiny model; keys of training are told from those of the method by their names."""
    train = {"epochs": 2, "batch_size": 8, "lr": 5e-3} | {k: v for k, v in values.items() if k in TRAIN}
    method = {"rank": 2} | {k: v for k, v in values.items() if k not in TRAIN}
    return Configuration(ModelConfig(), MethodConfig(**method), TrainConfig(**train))  # type: ignore[arg-type]


def tensors(fit: Fit) -> list[torch.Tensor]:
    """What the pack trains, in a fixed order."""
    return [tensor for tensor, _ in fit.pack.trained_tensors()]


def predicted(fit: Fit, rows: np.ndarray) -> np.ndarray:
    """The first member's logits of these rows."""
    assert isinstance(fit.problem, WithHead)
    return np.stack(list(fit.problem.predict(fit.pack, [rows])[0].values()))


def save_model(folder: Path, kind: str = "bert") -> Path:
    """A folder that transformers loads by path: a tiny encoder of that family and a word-level tokenizer."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", *(chr(c) for c in range(ord("a"), ord("z") + 1))]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")
    fast.save_pretrained(folder)
    backbone(kind).save_pretrained(folder)
    return folder


def as_pickles(folder: Path, shards: int = 1) -> Path:
    """The model's weights as pytorch_model.bin, or in so many shards with an index."""
    from safetensors.torch import load_file

    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = ["pytorch_model.bin"] if shards == 1 else [f"pytorch_model-{i + 1}-of-{shards}.bin" for i in range(shards)]
    where = {key: names[i % shards] for i, key in enumerate(weights)}
    for name in names:
        torch.save({key: weights[key] for key in weights if where[key] == name}, folder / name)
    if shards > 1:
        (folder / "pytorch_model.bin.index.json").write_text(
            '{"metadata": {}, "weight_map": ' + str(where).replace("'", '"') + "}"
        )
    return folder


def shifted(file: Path) -> None:
    """Other weights in the file's place, pickled or safetensors; of the same shapes and size."""
    from safetensors.torch import load_file, save_file

    pickled = file.suffix == ".bin"
    weights = torch.load(file) if pickled else load_file(file)
    other = {key: value + 0.5 if value.is_floating_point() else value for key, value in weights.items()}
    if pickled:
        torch.save(other, file)
    else:
        save_file(other, file, metadata={"format": "pt"})


def save_writer(folder: Path, kind: str) -> Path:
    """A folder with a tiny language model of that family (t5, bart, gpt2, llama) and a tokenizer of letters.

    As each family's own tokenizer does, that of T5 ends a text with a mark, BART's also begins with one, and a
    decoder's only begins (Llama) or puts none (GPT-2).
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM, AutoModelForSeq2SeqLM, PreTrainedTokenizerFast

    words = ["<pad>", "</s>", "<s>", "<unk>", *(chr(c) for c in range(ord("a"), ord("z") + 1))]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    frame = {"t5": "$A </s>", "bart": "<s> $A </s>", "llama": "<s> $A"}.get(kind)
    if frame:
        marks = [("<s>", 2), ("</s>", 1)]
        tokenizer.post_processor = processors.TemplateProcessing(single=frame, special_tokens=marks)
    pad = None if kind == "gpt2" else "<pad>"
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=pad, eos_token="</s>", bos_token="<s>", unk_token="<unk>"
    )
    fast.save_pretrained(folder)
    ids = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2, "vocab_size": len(words)}
    starts = {"t5": {"decoder_start_token_id": 0}, "bart": {"decoder_start_token_id": 2}}
    config = CONFIG_MAPPING[kind](**{**WRITERS[kind], **ids, **starts.get(kind, {})})
    torch.manual_seed(0)
    made = AutoModelForSeq2SeqLM if kind in starts else AutoModelForCausalLM
    made.from_config(config).save_pretrained(folder)
    return folder


def letters(examples: int = 24) -> StudyData:
    """Texts of letters whose label is whether they begin with an ``a``, in two folds."""
    rng = np.random.default_rng(0)
    labels = np.arange(examples) % 2
    texts = tuple(" ".join(["ba"[y], "ba"[y], *rng.choice(list("cdefgh"), 4)]) for y in labels)
    half = np.arange(examples) < examples // 2
    folds = (Fold(0, np.flatnonzero(half), np.flatnonzero(~half)), Fold(1, np.flatnonzero(~half), np.flatnonzero(half)))
    return StudyData(Texts(texts, labels, CLASSES), folds)


class Odd(nn.Module):
    """An architecture of which the suite knows no name."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(model_type="odd", num_hidden_layers=2)
        self.blocks = nn.ModuleList([nn.ModuleDict({"mix": nn.Linear(4, 4), "out": nn.Linear(4, 4)}) for _ in range(2)])


def documents(count: int) -> Documents:
    """Sentences of letters, of which those with an ``a`` are to be taken, and are the reference."""
    rng = np.random.default_rng(0)
    sentences, highlights = [], []
    for _ in range(count):
        marks = rng.permutation([1, 1, *[0] * int(rng.integers(3, 9))])
        document = [" ".join(["a" if mark else "b", *rng.choice(list("cdefghijkl"), 3)]) for mark in marks]
        sentences.append(tuple(document))
        highlights.append(tuple(int(m) for m in marks))
    chosen = [[s for s, h in zip(*marked, strict=True) if h] for marked in zip(sentences, highlights, strict=True)]
    references = tuple(" ".join(summary) for summary in chosen)
    queries = tuple("z" if i % 2 else "" for i in range(count))
    return Documents(queries, tuple(sentences), tuple(highlights), references, budget=8, metric="rougeL")


def unfit(member: Member) -> Member:
    """The same member with a layer to adapt that its model does not have, so that it fails where it trains."""
    return replace(member, adaptation=replace(member.adaptation, ranks={"no.such.layer": 2}))


@lru_cache(maxsize=1)
def geometry() -> Geometry:
    """That of the tiny BERT."""
    return geometry_of(encoder())


def geometry_of(made: Encoder) -> Geometry:
    """The geometry of a model that has been loaded, without what it can look up."""
    return Geometry(made.sites, made.layers, made.parameters)


def member_of(
    trial: int, fold: int, configured: Configuration, seed: int, on: Workbench | Geometry | None = None
) -> Member:
    """A member whose configuration is resolved on the bench's model, on that geometry, or on the tiny BERT."""
    where = geometry_of(on.encoder(configured.model)) if isinstance(on, Workbench) else on or geometry()
    return Member(trial, fold, configured, seed, methods.of(configured).adapt(configured.method, where))


def adapted(method: MethodConfig, sites: tuple[LinearSite, ...], layers: int = 0, parameters: int = 0) -> Adaptation:
    """What the method comes to on a model of these layers."""
    return methods.get(method.kind).adapt(method, Geometry(sites, layers, parameters))


def starts_of(
    method: MethodConfig, sites: tuple[LinearSite, ...], model: torch.nn.Module, seed: int, spectrum: Spectrum
) -> dict[str, Start]:
    """One member's start at each layer that its method adapts."""
    return methods.get(method.kind).starts(method, adapted(method, sites).ranks, model, seed, spectrum)
