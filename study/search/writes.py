"""What is written to the search's store together is one transaction: each waits for the disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage, RDBStorage
    from optuna.trial import FrozenTrial

    from study.search.closings import Closing

KNOWN = ("sqlite", "postgresql")  # databases to which this module has a way of its own
Fact = tuple[int, str, Any]  # a trial's id in its store, a key and what JSON can hold


def write_facts(storage: BaseStorage, facts: Sequence[Fact]) -> None:
    """Make attributes of trials durable: in a database all or none, elsewhere one after the other."""
    database = _database(storage)
    if database is None or len(facts) < 2:
        for fact in facts:
            storage.set_trial_user_attr(*fact)
    else:
        _upsert(database, facts)


def close_trials(storage: BaseStorage, closings: Sequence[Closing]) -> None:
    """Make the ends of trials durable, each with its attributes: in a database all or none, elsewhere one by one."""
    database = _database(storage)
    if not closings or (database is not None and _close_together(database, closings)):
        return
    for closing in closings:
        trial = closing.trial._trial_id
        for key, value in closing.attributes.items():
            storage.set_trial_user_attr(trial, key, value)
        for key, value in closing.system_attributes.items():
            storage.set_trial_system_attr(trial, key, value)
        storage.set_trial_state_values(trial, closing.state, closing.values)


def _upsert(database: RDBStorage, facts: Sequence[Fact]) -> None:
    """Optuna's own way looks a trial up before each fact; here that is once. Where one has ended, that way says so."""
    from optuna.storages._rdb import models
    from optuna.storages._rdb.storage import _create_scoped_session

    kind = models.TrialUserAttributeModel
    with _create_scoped_session(database.scoped_session) as session:
        if _may_change(database, session, {trial for trial, _, _ in facts}):
            _write(database, session, kind, facts)
        else:
            for fact in facts:
                database._set_trial_attr_without_commit(session, kind, *fact)


def _close_together(database: RDBStorage, closings: Sequence[Closing]) -> bool:
    """Whether the ends could be written in one transaction; where one has ended before, Optuna's own way says so."""
    from optuna.storages._rdb import models
    from optuna.storages._rdb.storage import _create_scoped_session
    from sqlalchemy import insert, update

    ends = [(closing.trial._trial_id, closing) for closing in closings]
    with _create_scoped_session(database.scoped_session) as session:
        if not _may_change(database, session, {trial for trial, _ in ends}):
            return False
        ours = [(trial, key, value) for trial, end in ends for key, value in end.attributes.items()]
        optunas = [(trial, key, value) for trial, end in ends for key, value in end.system_attributes.items()]
        _write(database, session, models.TrialUserAttributeModel, ours)
        _write(database, session, models.TrialSystemAttributeModel, optunas)
        values = [
            {"trial_id": trial, "objective": place, "value": value, "value_type": kind}
            for trial, end in ends
            for place, told in enumerate(end.values or ())
            for value, kind in [models.TrialValueModel.value_to_stored_repr(told)]
        ]
        if values:
            session.execute(insert(models.TrialValueModel), values)
        now = datetime.now()
        states = [{"trial_id": trial, "state": end.state, "datetime_complete": now} for trial, end in ends]
        session.execute(update(models.TrialModel), states)
    return True


def _may_change(database: RDBStorage, session: Any, trials: set[int]) -> bool:
    """Whether this module's own way may write to these trials: they are there and run, in a database that it knows."""
    from optuna.storages._rdb import models

    asked = session.query(models.TrialModel.state).filter(models.TrialModel.trial_id.in_(trials)).all()
    running = len(asked) == len(trials) and not any(state.is_finished() for (state,) in asked)
    return running and database.engine.name in KNOWN


def _write(database: RDBStorage, session: Any, kind: Any, facts: Sequence[Fact]) -> None:
    """Insert attributes of that kind, or replace those that are there."""
    from sqlalchemy.dialects import postgresql, sqlite

    if not facts:
        return
    insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[database.engine.name](kind)
    keys, values = [kind.trial_id, kind.key], {"value_json": insert.excluded.value_json}
    rows = [{"trial_id": trial, "key": key, "value_json": json.dumps(value)} for trial, key, value in facts]
    session.execute(insert.on_conflict_do_update(index_elements=keys, set_=values), rows)


def add_trials(study: Study, trials: Sequence[FrozenTrial]) -> None:
    """Make running trials durable, in their order: in a database all or none, elsewhere one after the other.

    Each is given the number and the id that it has there.
    """
    database = _database(study._storage)
    if trials and database is not None and database.engine.name in KNOWN:
        _insert(database, study._study_id, trials)
        return
    for trial in trials:
        trial._trial_id = study._storage.create_new_trial(study._study_id, template_trial=trial)
        trial.number = study._storage.get_trial(trial._trial_id).number


def _insert(database: RDBStorage, study: int, trials: Sequence[FrozenTrial]) -> None:
    """Optuna's own way counts the trials before each, and looks it up before each of its parameters and attributes."""
    from optuna.distributions import distribution_to_json
    from optuna.storages._rdb import models
    from optuna.storages._rdb.storage import _create_scoped_session
    from sqlalchemy import func, insert, select

    kinds: tuple[Any, ...] = (models.TrialParamModel, models.TrialUserAttributeModel, models.TrialSystemAttributeModel)
    rows: list[list[dict[str, Any]]] = [[], [], []]
    with _create_scoped_session(database.scoped_session) as session:
        models.StudyModel.find_or_raise_by_id(study, session, for_update=True)
        before = session.scalar(select(func.count()).where(models.TrialModel.study_id == study)) or 0
        for number, trial in enumerate(trials, start=before):
            trial.number = number
        now = datetime.now()
        made = [{"study_id": study, "number": t.number, "state": t.state, "datetime_start": now} for t in trials]
        adding = insert(models.TrialModel).returning(models.TrialModel.trial_id, sort_by_parameter_order=True)
        for trial, identity in zip(trials, session.scalars(adding, made), strict=True):
            trial._trial_id = identity
            for name, kind in trial.distributions.items():
                value = {"param_value": kind.to_internal_repr(trial.params[name])}
                text = {"distribution_json": distribution_to_json(kind)}
                rows[0].append({"trial_id": identity, "param_name": name, **value, **text})
            for place, facts in ((1, trial.user_attrs), (2, trial.system_attrs)):
                rows[place] += [
                    {"trial_id": identity, "key": key, "value_json": json.dumps(value)} for key, value in facts.items()
                ]
        for kind, some in zip(kinds, rows, strict=True):
            if some:
                session.execute(insert(kind), some)


def _database(storage: BaseStorage) -> RDBStorage | None:
    """The database behind the storage, where there is one."""
    from optuna.storages import RDBStorage

    behind = getattr(storage, "_backend", storage)
    return behind if isinstance(behind, RDBStorage) else None
