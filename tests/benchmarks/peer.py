"""The peer: the sweep that a competent user writes by hand with Trainer, PEFT, Optuna and MLflow.

A process of its own that imports nothing of the project. It reads `--data` (the texts, labels, folds, search
space and training settings), answers with one JSON line once it is ready, then with one for each configuration
that comes on its standard input as a JSON line: ``{"rank": 8, "targets": "qv", "layers": "top-half"}``.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import optuna
import torch
import transformers
from peft import LoraConfig, TaskType, get_peft_model
from torch import nn
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    EvalPrediction,
    Trainer,
    TrainingArguments,
    set_seed,
)

# PEFT matches a name by its end. The pooler is `pooler.dense`, which none of these ends.
TARGETS = {
    "qv": ["query", "value"],
    "all-linear": ["query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense"],
}
DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob")
STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")


class MeanClassifier(nn.Module):
    """A linear classifier on the mean of the backbone's last hidden states."""

    def __init__(self, backbone: nn.Module, classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = nn.Linear(backbone.config.hidden_size, classes)  # type: ignore[union-attr, arg-type]
        nn.init.normal_(self.classifier.weight, std=0.02)
        nn.init.zeros_(self.classifier.bias)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """The mean cross entropy, where labels are given, and logits [n, classes] of ids [n, T]."""
        out = self.backbone(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        weights = attention_mask.unsqueeze(-1).to(out.last_hidden_state.dtype)
        logits = self.classifier((out.last_hidden_state * weights).sum(1) / weights.sum(1))
        if labels is None:
            return {"logits": logits}
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def build(settings: dict[str, Any], configuration: dict[str, Any]) -> nn.Module:
    """A fresh pretrained model with adapters and a classifier of its own."""
    where, pooling = settings["model"], settings["pooling"]
    lora = LoraConfig(
        task_type=TaskType.SEQ_CLS if pooling == "pooler" else TaskType.FEATURE_EXTRACTION,
        r=configuration["rank"],
        lora_alpha=settings["alpha"],
        lora_dropout=0.0,
        target_modules=TARGETS[configuration["targets"]],
        layers_to_transform=settings["layers"][configuration["layers"]],
    )
    dropout = {} if settings["dropout"] is None else dict.fromkeys(DROPOUTS, settings["dropout"])
    if pooling == "pooler":
        model = AutoModelForSequenceClassification.from_pretrained(where, num_labels=settings["classes"], **dropout)
        return get_peft_model(model, lora)
    backbone = AutoModel.from_pretrained(where, add_pooling_layer=False, **dropout)
    return MeanClassifier(get_peft_model(backbone, lora), settings["classes"])


def arguments(settings: dict[str, Any], seed: int, folder: Path) -> TrainingArguments:
    """No checkpoints, no reports of its own, one evaluation an epoch."""
    return TrainingArguments(
        output_dir=str(folder / "trainer"),
        num_train_epochs=settings["epochs"],
        learning_rate=settings["lr"],
        lr_scheduler_type="linear",
        warmup_steps=settings["warmup"],  # below one it is a share of the steps
        weight_decay=settings["weight_decay"],
        max_grad_norm=settings["clip"],
        per_device_train_batch_size=settings["batch_size"],
        per_device_eval_batch_size=64,
        eval_strategy="epoch",
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        label_names=["labels"],
        seed=seed,
        **settings["trainer"],
    )


def accuracy(prediction: EvalPrediction) -> dict[str, float]:
    """The share of labels that were predicted."""
    return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}


class Peer:
    """The script's state: the tokenized examples, the Optuna study and the MLflow experiment."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        self.settings, self.folder = settings, folder
        self.tokenizer = AutoTokenizer.from_pretrained(settings["model"])
        encoded = self.tokenizer(settings["texts"], truncation=True, max_length=settings["max_length"])
        self.rows = [
            {**{k: encoded[k][i] for k in encoded}, "labels": y} for i, y in enumerate(settings["labels"])
        ]  # fmt: skip
        self.study = optuna.create_study(
            study_name="peer", storage=f"sqlite:///{folder / 'peer.db'}", directions=["maximize", "minimize"]
        )
        mlflow.set_tracking_uri(f"sqlite:///{folder / 'peer-mlflow.db'}")
        mlflow.set_experiment("peer")

    def run(self, configuration: dict[str, Any]) -> dict[str, Any]:
        """One trial: ask, every fold, tell; its scores, its times and the process's peak memory."""
        if CLEAR.exists():
            CLEAR.write_text("5")  # the peak starts anew
        begun = time.perf_counter()
        self.study.enqueue_trial(configuration)
        trial = self.study.ask()
        asked = {name: trial.suggest_categorical(name, values) for name, values in self.settings["space"].items()}
        with mlflow.start_run(run_name=f"trial {trial.number}"):
            mlflow.log_params({**asked, **{k: self.settings[k] for k in ("epochs", "lr", "batch_size", "warmup")}})
            folds = [self._fold(asked, k) for k in range(len(self.settings["folds"]))]
            scores = [f["score"] for f in folds]
            mlflow.log_metrics({"score": float(np.mean(scores)), "adapter": folds[0]["adapter"]})
        self.study.tell(trial, [float(np.mean(scores)), folds[0]["adapter"]])
        return {"folds": folds, "seconds": time.perf_counter() - begun, "peak_bytes": peak_bytes()}

    def _fold(self, configuration: dict[str, Any], index: int) -> dict[str, Any]:
        fold, seed = self.settings["folds"][index], self.settings["seeds"][index]
        set_seed(seed)
        with mlflow.start_run(run_name=f"fold {index}", nested=True):
            model = build(self.settings, configuration)
            trainer = Trainer(
                model=model,
                args=arguments(self.settings, seed, self.folder),
                train_dataset=[self.rows[i] for i in fold["train"]],
                eval_dataset=[self.rows[i] for i in fold["valid"]],
                data_collator=DataCollatorWithPadding(self.tokenizer),
                compute_metrics=accuracy,
            )
            trainer.remove_callback(transformers.PrinterCallback)
            whole = trainer.train().metrics["train_runtime"]
            history = [e for e in trainer.state.log_history if "eval_accuracy" in e]
            for e in history:
                mlflow.log_metrics({k: v for k, v in e.items() if k.startswith("eval_")}, step=round(e["epoch"]))
            evaluating = sum(e["eval_runtime"] for e in history)
            out = {
                "score": history[-1]["eval_accuracy"],
                "samples": len(fold["train"]) * self.settings["epochs"],
                "train_seconds": whole - evaluating,
                "eval_seconds": evaluating,
                "adapter": sum(p.numel() for n, p in model.named_parameters() if p.requires_grad and ".lora_" in n),
                "valid": fold["valid"],
            }
            mlflow.log_metrics({k: out[k] for k in ("score", "train_seconds", "eval_seconds", "adapter")})
        return out


def peak_bytes() -> int:
    """The most resident memory that this process has held since it was last cleared, in bytes."""
    match = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
    if match is None:
        raise RuntimeError(f"{STATUS} names no VmHWM")
    return int(match[1]) * 1024


def quiet() -> None:
    """Libraries print progress bars and advice, which cost time and help nobody here."""
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def main() -> None:
    """Answer configurations until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    quiet()
    peer = Peer(json.loads(given.data.read_text(encoding="utf-8")), given.folder)
    print(json.dumps({"threads": torch.get_num_threads()}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(peer.run(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
