"""Small tables written on the spot: reviews with stars, and articles with summaries."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta")
Row = Mapping[str, Any]


def reviews(count: int = 120) -> list[dict[str, Any]]:
    """Distinct texts with one to three stars, each shop's in turn."""
    rng = np.random.default_rng(0)
    return [
        {"review": f"{' '.join(rng.choice(WORDS, 5))} number {i}.", "stars": 1 + i % 3, "shop": f"shop {i % 20}"}
        for i in range(count)
    ]


def articles(count: int = 120) -> list[dict[str, Any]]:
    """Texts of four sentences, each with one of them for a summary."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(count):
        sentences = [f"{str(rng.choice(WORDS)).title()} {' '.join(rng.choice(WORDS, 5))} {i}." for _ in range(4)]
        rows.append({"body": " ".join(sentences), "short": sentences[i % 4]})
    return rows


def cyrillic(text: str) -> str:
    """The text in letters of another script, as far as they look like these."""
    return text.translate(str.maketrans("abdegiklmnoprstzABDEGIKLMNOPRSTZ", "абдегиклмнопрстзАБДЕГИКЛМНОПРСТЗ"))


def write_csv(path: Path, rows: Iterable[Row], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    """The rows as a table with a header."""
    rows = list(rows)
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_jsonl(path: Path, rows: Iterable[Row]) -> Path:
    """One object a line."""
    path.write_text("".join(f"{json.dumps(dict(row))}\n" for row in rows), encoding="utf-8")
    return path


def write_parquet(path: Path, rows: Iterable[Row]) -> Path:
    """The rows as Parquet."""
    import pandas as pd

    pd.DataFrame([dict(row) for row in rows]).to_parquet(path)
    return path
