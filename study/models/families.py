"""Families of models, by the names that their architectures give to what the suite must find; nothing is guessed.

A new family is an entry in `NAMES`, and in the other tables where it calls something as none of the others does. What
is not known here trains too: its layers are named by modules, and its shortcuts are left out.
"""

from __future__ import annotations

# What each architecture calls its linear layers inside a block, as the ends of their names. Other models that use
# the same names (XLM-R, Mistral, Gemma, mT5, Marian …) are known by them.
NAMES: dict[str, dict[str, str]] = {
    "BERT, RoBERTa, ELECTRA": {
        "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
        "o": "attention.output.dense", "f": "intermediate.dense output.dense",
    },
    "DistilBERT": {
        "q": "attention.q_lin", "k": "attention.k_lin", "v": "attention.v_lin", "o": "attention.out_lin",
        "f": "ffn.lin1 ffn.lin2",
    },
    "ALBERT": {
        "q": "attention.query", "k": "attention.key", "v": "attention.value", "o": "attention.dense",
        "f": "ffn ffn_output",
    },
    "MPNet": {
        "q": "attention.attn.q", "k": "attention.attn.k", "v": "attention.attn.v", "o": "attention.attn.o",
        "f": "intermediate.dense output.dense",
    },
    "DeBERTa-v2": {
        "q": "attention.self.query_proj", "k": "attention.self.key_proj", "v": "attention.self.value_proj",
        "position": "attention.self.pos_key_proj attention.self.pos_query_proj",
        "o": "attention.output.dense", "f": "intermediate.dense output.dense",
    },
    "ModernBERT": {"qkv": "attn.Wqkv", "o": "attn.Wo", "f": "mlp.Wi mlp.Wo"},
    "GPT-2": {"qkv": "attn.c_attn", "o": "attn.c_proj", "f": "mlp.c_fc mlp.c_proj"},
    "Llama, Qwen2, Qwen3": {
        "q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj", "o": "self_attn.o_proj",
        "f": "mlp.gate_proj mlp.up_proj mlp.down_proj",
    },
    "T5": {
        "q": "SelfAttention.q EncDecAttention.q", "k": "SelfAttention.k EncDecAttention.k",
        "v": "SelfAttention.v EncDecAttention.v", "o": "SelfAttention.o EncDecAttention.o",
        "f": "DenseReluDense.wi DenseReluDense.wi_0 DenseReluDense.wi_1 DenseReluDense.wo",
    },
    "BART": {
        "q": "self_attn.q_proj encoder_attn.q_proj", "k": "self_attn.k_proj encoder_attn.k_proj",
        "v": "self_attn.v_proj encoder_attn.v_proj", "o": "self_attn.out_proj encoder_attn.out_proj",
        "f": "fc1 fc2",
    },
}  # fmt: skip
# What architectures call the number of their blocks in their configuration.
DEPTHS = ("num_hidden_layers", "num_hidden_groups", "decoder_layers", "num_decoder_layers")
# Where a block adds what attention brings to what entered it, and what makes its queries, by names inside the block.
AFTER_ATTENTION = ("attention.output", "attention.LayerNorm", "sa_layer_norm", "self_attn_layer_norm")
QUERIES = ("attention.self.query", "attention.attn.q", "attention.q_lin", "self_attn.q_proj")
CROSS = ("EncDecAttention", "encoder_attn")  # modules of a decoder's block that look at what the encoder made
ENDS = {end: role for names in NAMES.values() for role, ends in names.items() for end in ends.split()}


def role(within: str) -> str:
    """The role of a linear layer by its name inside its block; "" where no architecture calls one so.

    Of several known ends the longest tells: ``attention.output.dense`` is not ``output.dense``.
    """
    words = within.split(".")
    ends = (".".join(words[i:]) for i in range(len(words)))
    return next((ENDS[end] for end in ends if end in ENDS), "")


def is_cross(within: str) -> bool:
    """Whether the layer belongs to attention from a decoder to its encoder."""
    return any(word in CROSS for word in within.split("."))
