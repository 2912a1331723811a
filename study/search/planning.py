"""How a plan is made of a configuration; every check of it is made here."""

from __future__ import annotations

from study import methods, tasks
from study.config.schema import ModelConfig, StudyConfig
from study.config.space import parse_space
from study.core import status_line
from study.data import classes
from study.data import folds as splitting
from study.launch.base import Call, here
from study.models.geometry import Geometry
from study.search import checks, pruners, samplers
from study.search.plan import Plan


def make_plan(config: StudyConfig, call: Call = here) -> Plan:
    """Load the task, fix the folds and hold every choice of the space against the model's shapes.

    What needs the models' libraries is done where `call` has it done. Raises StudyError where anything cannot work;
    no model has been loaded and nothing been created.
    """
    methods.check(config)
    space = parse_space(config)
    tree = methods.ask_what_is_read(space, config.method.kind)
    # What it cannot be made of is said now.
    samplers.make(config.sampler, tree, config.study.seed, 0, objectives=config.objectives)
    pruners.make(config)
    status_line.say("Reading the data")
    examples = tasks.get(config.task.name).load(config.task, config.study.seed)
    examples = classes.handle_rare(examples, config.task.rare, config.study.folds, config.task.test_fraction)
    searched, test = splitting.split_test(examples, config.task.test_fraction, config.study.seed)
    folds = splitting.make_folds(examples, config.study.folds, config.study.seed, searched)
    plan = Plan(config, space, examples, folds.folds, folds.fingerprint, test)
    status_line.say("Looking at the model")
    plan._shapes.update(call(_checked_shapes, plan))
    return plan


def _checked_shapes(plan: Plan) -> dict[ModelConfig, Geometry]:
    """The geometry of every model that trials may have; StudyError where a choice of the space does not fit one."""
    checks.check_trials(plan.config, plan.space, plan.examples, plan.geometry)
    return plan._shapes
