"""A store that cannot be used is said in one line, with its cause and its remedy, and nothing is created or changed."""

from __future__ import annotations

import http.server
import os
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import optuna
import pytest
from mlflow import MlflowClient

from analysis.__main__ import main as lora_report
from study import record
from study.commands import study as cli
from study.commands.export import main as lora_export
from study.config.options import IN_MLFLOW
from study.config.schema import StorageConfig, StudyConfig
from study.core import addresses, stores
from study.core.creation import one_at_a_time
from study.core.errors import ConfigError
from study.core.mlflow_store import open_client
from study.core.stores import MLFLOW, OPTUNA
from study.record.client import make_client
from study.record.mlflow import MlflowTracker
from study.search import storage

Tree = dict[str, bytes | None]


def tree(folder: Path) -> Tree:
    """Every file and folder below, with the files' content."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of each program, which tests copy: MLflow takes seconds to make one."""
    folder = tmp_path_factory.mktemp("made")
    storage.storage(f"sqlite:///{folder}/optuna.db")
    MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which commands run; what they find there lies in it already."""
    folder = tmp_path / "home"
    shutil.copytree(made, folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr("study.launch.local.LocalLauncher.prepare", lambda _: None)
    monkeypatch.setattr("study.core.stores.PAUSES", ())
    monkeypatch.setattr("study.core.mlflow_store.PAUSES", ())
    (folder / "text.db").write_text("no database, but long enough to be mistaken for one\n" * 9)
    (folder / "empty").mkdir()
    for name, statement in {
        "theirs.db": "create table patients (id integer)",
        "alike.db": "create table studies (id integer)",
        "lab.db": "create table experiments (id integer)",
    }.items():
        with closing(sqlite3.connect(folder / name)) as db:
            db.execute(statement)
    for name, statement in {
        "old_optuna.db": "update alembic_version set version_num = 'v2.6.0.a'",
        "new_optuna.db": "update alembic_version set version_num = 'v99.0.0'",
    }.items():
        _altered(folder / "optuna.db", folder / name, statement)
    for name, revision in {"old_mlflow.db": "451aebb31d03", "new_mlflow.db": "ffffffffffff"}.items():
        _altered(folder / "mlflow.db", folder / name, f"update alembic_version set version_num = '{revision}'")
    _altered(folder / "old_mlflow.db", folder / "older_mlflow.db", "drop table logged_models")
    run = folder / "mlruns" / "0"
    run.mkdir(parents=True)
    (run / "meta.yaml").write_text("experiment_id: '0'\nname: Default\nlifecycle_stage: active\n")
    return folder


def _altered(source: Path, target: Path, statement: str) -> None:
    shutil.copy(source, target)
    with closing(sqlite3.connect(target)) as db:
        db.execute(statement)
        db.commit()


ANY = {
    "sqlite:///nowhere/x.db": ("there is no folder nowhere", "that you may write to"),
    "sqlite:///text.db": ("is a file, and no database of SQLite", "such as sqlite:///study.db"),
    "sqlite:///empty": ("empty is a folder", "write an address"),
    "sqlite:///theirs.db": ("is another program's database", "an address of its own"),
    "sqlite://": ("a database in memory is gone when the command ends", "write an address"),
    "sqlite:///:memory:": ("a database in memory is gone when the command ends", "write an address"),
    "sqlite:x.db": ("is no store's address", "for example sqlite:///study.db"),
    "sqlite+nonsense:///x.db": ("is no store's address (Can't load plugin", "for example sqlite:///study.db"),
    "nonsense://x": ("is no store's address", "for example sqlite:///study.db"),
    "postgresql://localhost:1/x": ("is not answered (Connection refused)", "start its server"),
    "postgresql+pg8000://localhost:1/x": ("needs the driver pg8000", "which is not installed; write pip install"),
    "mysql://localhost:1/x": ("needs the driver MySQLdb, which is not installed", "pip install mysqlclient"),
    "postgresql://localhost:port/x": ("is no store's address", "for example sqlite:///study.db"),
}
OF_OPTUNA = {
    "sqlite:///mlflow.db": ("another program's database, without the tables of Optuna", "an address of its own"),
    "sqlite:///alike.db": ("another program's database, without the tables of Optuna", "an address of its own"),
    "sqlite:///old_optuna.db": ("was made by an older Optuna", "optuna storage upgrade --storage sqlite:///old_optuna"),
    "sqlite:///new_optuna.db": ("was made by a newer Optuna", "pip install --upgrade optuna"),
    "./mlruns": ("is no store's address", "for example sqlite:///study.db"),
    "http://localhost:1": ("is no store's address", "for example sqlite:///study.db"),
}
OF_MLFLOW = {
    "sqlite:///optuna.db": ("another program's database, without the tables of MLflow", "an address of its own"),
    "sqlite:///lab.db": ("another program's database, without the tables of MLflow", "an address of its own"),
    "sqlite:///old_mlflow.db": ("was made by an older MLflow", "mlflow db upgrade sqlite:///old_mlflow.db"),
    "sqlite:///older_mlflow.db": ("was made by an older MLflow", "mlflow db upgrade sqlite:///older_mlflow.db"),
    "sqlite:///new_mlflow.db": ("was made by a newer MLflow", "pip install --upgrade mlflow"),
    "http://localhost:1": ("is not answered (Connection refused)", "start its server"),
    "http://localhost:port": ("is no store's address (Port could not be cast", "for example sqlite:///study.db"),
    "./mlruns": ("is refused by MLflow (The filesystem tracking backend", "mlflow migrate-filestore --source mlruns"),
    "mlruns": ("is refused by MLflow", "migrate-filestore --source mlruns --target sqlite:////"),
    "file:./mlruns": ("is refused by MLflow", "mlflow migrate-filestore --source mlruns"),
    "text.db": ("cannot be opened", "write an address"),
}
ABSENT = {"sqlite:///absent.db": "there is no such database", "absent": "there is no such folder of runs"}
NEW = {"nowhere/runs": "there is no folder", "new": "is refused by MLflow (The filesystem tracking backend"}

Command = Callable[[list[str]], None]


def said(command: Command, arguments: list[str], home: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """The one line with which a command refuses; the folder stays as it was."""
    before = tree(home.parent)
    capfd.readouterr()
    with pytest.raises(SystemExit) as stopped:
        command(arguments)
    out, err = capfd.readouterr()
    assert stopped.value.code == 2
    assert out == ""
    assert err.count("\n") == 1, err
    assert tree(home.parent) == before
    return err


def report(arguments: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["lora-report", *arguments])
        lora_report()


@pytest.mark.parametrize(("url", "words"), [*(ANY | OF_OPTUNA).items()])
def test_a_study_says_why_its_search_cannot_be_kept(
    url: str, words: tuple[str, str], home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    err = said(cli.main, [f"storage.url={url}"], home, capfd)
    assert err.startswith(f"lora-study: storage.url={url}: ")
    assert all(word in err for word in words)


@pytest.mark.parametrize(("url", "words"), [*(ANY | OF_MLFLOW).items(), *((k, (v, "")) for k, v in NEW.items())])
@pytest.mark.parametrize("by", ["key", "environment"])
def test_a_study_says_why_its_runs_cannot_be_recorded(
    url: str, words: tuple[str, str], by: str, home: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if by == "environment":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    err = said(cli.main, [f"tracking.uri={url}"] if by == "key" else [], home, capfd)
    assert err.startswith(f"lora-study: {'tracking.uri' if by == 'key' else 'MLFLOW_TRACKING_URI'}={url}: ")
    assert all(word in err for word in words)


@pytest.mark.parametrize(("url", "words"), [*(ANY | OF_MLFLOW).items(), *((k, (v, "")) for k, v in ABSENT.items())])
def test_a_report_says_why_runs_cannot_be_read(
    url: str, words: tuple[str, str], home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if "nowhere" in url:
        words = ("there is no such database", "run the study first")
    err = said(report, ["study=mine", f"tracking.uri={url}"], home, capfd)
    assert err.startswith(f"lora-report: tracking.uri={url}: ")
    assert all(word in err for word in words)


@pytest.mark.parametrize(("url", "words"), [*(ANY | OF_OPTUNA).items(), ("sqlite:///no.db", ("no such database", ""))])
def test_an_export_says_why_a_study_cannot_be_read(
    url: str, words: tuple[str, str], home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if "nowhere" in url:
        words = ("there is no such database", "run the study first")
    err = said(lora_export, ["study=mine", f"storage.url={url}"], home, capfd)
    assert err.startswith(f"lora-export: storage.url={url}: ")
    assert all(word in err for word in words)


def test_a_folder_of_runs_that_an_older_mlflow_left_is_no_silent_default(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    err = said(cli.main, [], home, capfd)
    assert err.startswith(f"lora-study: tracking.uri=file://{home}/mlruns: is refused by MLflow")
    assert "mlflow migrate-filestore" in err


@pytest.mark.parametrize("url", ["sqlite:///optuna.db", "sqlite:///new.db"])
def test_the_search_and_the_record_cannot_share_a_database(
    url: str, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    err = said(cli.main, [f"storage.url={url}", f"tracking.uri=sqlite:///{home}/{url.rpartition('/')[2]}"], home, capfd)
    assert "another program's database" in err or "is the search's own database, storage.url" in err


def test_a_read_only_folder_or_file_is_said_before_anything_is_written(
    home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    access = os.access
    for closed in ("empty", "optuna.db", "mlflow.db", "mlruns"):
        path, shut = home / closed, home / closed

        def checked(at: Path, mode: int, shut: Path = shut) -> bool:
            return Path(at).resolve() != shut and access(at, mode)

        monkeypatch.setattr("study.core.addresses.os.access", checked)
        if closed == "mlruns":
            shutil.rmtree(path / "0")
            err = said(cli.main, ["tracking.uri=sqlite:///mlflow.db"], home, capfd)
            assert "artifact_location=mlruns: cannot be opened" in err
            continue
        url = f"sqlite:///{closed}/new.db" if path.is_dir() else f"sqlite:///{closed}"
        key = "tracking.uri" if closed == "mlflow.db" else "storage.url"
        err = said(cli.main, [f"{key}={url}"], home, capfd)
        assert f"{key}={url}: cannot be opened" in err
        assert "is read-only" in err


def test_an_experiment_whose_files_lie_elsewhere_is_said(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    MlflowClient(tracking_uri="sqlite:///mlflow.db").create_experiment("mine", "file:///dev/null/theirs")
    err = said(cli.main, ["study.name=mine", "tracking.uri=sqlite:///mlflow.db"], home, capfd)
    assert "artifact_location=/dev/null/theirs: cannot be opened" in err
    assert "choose a study.name whose experiment is yet to be made" in err


class Other(http.server.BaseHTTPRequestHandler):
    """A server that knows nothing of MLflow."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def other() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_server_of_another_program_is_said(other: str, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for command, name in ((cli.main, "study.name"), (report, "study")):
        err = said(command, [f"{name}=mine", f"tracking.uri={other}"], home, capfd)
        assert f"tracking.uri={other}: is refused by MLflow" in err


def test_a_server_that_hears_but_does_not_speak_the_database_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import exc

    def refused(_: str) -> frozenset[str]:
        raise exc.OperationalError("select 1", {}, Exception("password authentication failed\nfor user"))

    monkeypatch.setattr("study.core.addresses._tables_on", refused)
    monkeypatch.setattr("sqlalchemy.dialects.postgresql.psycopg2.dialect.import_dbapi", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"postgresql+psycopg2://127.0.0.1:{server.getsockname()[1]}/x"
        with pytest.raises(ConfigError, match=r"cannot be opened \(password authentication failed\)"):
            stores.check("storage.url", url, OPTUNA)


def test_errors_of_the_code_inside_are_no_errors_of_the_address() -> None:
    for error in (TypeError("a bug"), KeyError("a bug"), RuntimeError("a bug"), AssertionError("a bug")):
        with pytest.raises(type(error), match="a bug"), stores.opening("storage.url", "sqlite:///x.db"):
            raise error


def test_new_stores_and_those_of_now_pass_and_are_left_as_they_are(home: Path) -> None:
    before = tree(home)
    assert stores.check("storage.url", "sqlite:///optuna.db", OPTUNA)
    assert stores.check("tracking.uri", "sqlite:///mlflow.db", MLFLOW)
    assert not stores.check("storage.url", "sqlite:///new (1) é.db", OPTUNA)
    assert storage.existing("sqlite:///optuna.db").get_all_studies() == []
    assert open_client(f"sqlite:///{home}/mlflow.db").get_experiment_by_name("mine") is None
    for uri in (f"sqlite:///{home}/mlflow.db", "sqlite:///new.db"):  # MLflow takes one relative path for one file
        config = StudyConfig(storage=StorageConfig("sqlite:///optuna.db"), tracking={**IN_MLFLOW, "uri": uri})
        storage.check(config)
        record.make(config).check(config)
    assert tree(home) == before
    (home / "touched.db").touch()  # as the first moment of a process that opens it
    assert not stores.check("storage.url", "sqlite:///touched.db", OPTUNA)


def test_what_a_killed_process_left_half_written_does_not_close_a_store(home: Path, tmp_path: Path) -> None:
    store = optuna.create_study(storage="sqlite:///optuna.db", study_name="mine")
    killed = tmp_path / "killed"
    killed.mkdir()
    with closing(sqlite3.connect("optuna.db")) as db:
        db.execute("pragma cache_size = 1")  # so that the change reaches the file before it is committed
        db.execute("begin")
        db.executemany("insert into studies (study_name) values (?)", [("x" * 400 + str(i),) for i in range(500)])
        for name in ("optuna.db", "optuna.db-journal"):
            shutil.copy(name, killed / name)
    assert (killed / "optuna.db").stat().st_size > (home / "optuna.db").stat().st_size
    kept = storage.existing("sqlite:///optuna.db")
    kept.engine.dispose()
    for name in ("optuna.db", "optuna.db-journal"):
        shutil.copy(killed / name, name)  # its writer is killed after it was looked at, and before it is read
    assert [study.study_name for study in kept.get_all_studies()] == [store.study_name]
    url = f"sqlite:///{killed}/optuna.db"
    assert stores.check("storage.url", url, OPTUNA)
    assert [study.study_name for study in storage.existing(url).get_all_studies()] == [store.study_name]


def test_nothing_can_be_changed_through_a_store_that_is_opened_to_be_read(home: Path) -> None:
    kept = storage.existing("sqlite:///optuna.db")
    with pytest.raises(optuna.exceptions.StorageInternalError):
        kept.create_new_study([optuna.study.StudyDirection.MAXIMIZE], "mine")
    assert kept.get_all_studies() == []


def test_mlflow_makes_no_folder_beside_one_that_it_would_quote(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home.parent / "my work (é)"
    folder.mkdir()
    monkeypatch.chdir(folder)
    tracker = MlflowTracker(None)
    assert tracker.client.tracking_uri == f"sqlite:///{folder}/mlflow.db"
    assert sorted(p.name for p in home.parent.iterdir()) == ["home", folder.name]
    assert open_client().get_experiment_by_name("Default") is not None


@pytest.mark.parametrize(
    "url", ["sqlite:///a.db", "sqlite:////{}/a.db", "sqlite+pysqlite:///./a.db", "sqlite:///b/../a.db"]
)
def test_addresses_of_one_file_are_one_place(url: str, home: Path) -> None:
    assert addresses.place_of(url.format(home)) == addresses.place_of("sqlite:///a.db")
    assert addresses.place_of(url.format(home)) != addresses.place_of("sqlite:///c.db")


def without_version(source: Path, target: Path) -> str:
    """The address of a store as a process leaves it that is killed when every table is there and none says so yet."""
    _altered(source, target, "drop table alembic_version")
    return f"sqlite:///{target.name}"


def test_a_store_of_optuna_that_was_left_half_made_is_finished(home: Path) -> None:
    url = without_version(home / "optuna.db", home / "half.db")
    assert not stores.check("storage.url", url, OPTUNA)
    storage.storage(url).engine.dispose()
    assert stores.check("storage.url", url, OPTUNA)


def test_a_store_of_mlflow_with_its_first_tables_alone_is_finished(home: Path) -> None:
    from mlflow.store.tracking.dbmodels.initial_models import Base
    from sqlalchemy import create_engine

    url = f"sqlite:///{home}/first.db"
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()
    assert not stores.check("tracking.uri", url, MLFLOW)
    make_client(url)
    assert stores.check("tracking.uri", url, MLFLOW)


def test_a_store_of_mlflow_that_was_left_half_made_is_refused_before_anything_is_created(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    url = without_version(home / "mlflow.db", home / "half.db")
    for command in (cli.main, report):
        name = "study.name" if command is cli.main else "study"
        err = said(command, [f"{name}=mine", f"tracking.uri={url}"], home, capfd)
        assert f"tracking.uri={url}: was left half made: MLflow was stopped as it made its tables; delete it" in err


def test_who_waits_for_a_store_to_be_made_does_not_keep_its_maker_from_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A maker that needs the lock at each of its steps comes through while another process looks."""
    url, whole = f"sqlite:///{home}/new.db", OPTUNA.tables
    steps = iter([frozenset({"studies"}), frozenset({"studies", "trials"}), whole])
    looks: list[frozenset[str]] = []

    def step(*_: object) -> frozenset[str]:
        pass_through(url)
        looks.append(next(steps))
        return looks[-1]

    def sleep(_: float) -> None:
        pass_through(url)

    monkeypatch.setattr(stores, "tables_at", step)
    monkeypatch.setattr(stores, "PAUSES", (0.1, 0.1))
    monkeypatch.setattr(stores.time, "sleep", sleep)
    assert stores.check("storage.url", url, OPTUNA)
    assert looks[-1] == whole


def test_a_store_is_looked_at_again_when_its_maker_is_through(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, entered = f"sqlite:///{home}/new.db", Event()
    seen = [frozenset({"studies"})]
    monkeypatch.setattr(stores, "PAUSES", (0.0,))

    def make() -> None:
        with one_at_a_time(url):
            entered.set()
            looked.wait(20)
            seen[0] = OPTUNA.tables

    looked = Event()

    def look(*_: object) -> frozenset[str]:
        tables = seen[0]
        looked.set()
        return tables

    monkeypatch.setattr(stores, "tables_at", look)
    with ThreadPoolExecutor(1) as maker:
        done = maker.submit(make)
        assert entered.wait(20)
        assert stores.check("storage.url", url, OPTUNA)
        done.result()


def pass_through(url: str) -> None:
    """Have the lock for a moment, as another process would; it fails where somebody holds it."""

    def enter() -> None:
        with one_at_a_time(url):
            pass

    maker = Thread(target=enter, daemon=True)
    maker.start()
    maker.join(20)
    assert not maker.is_alive()
