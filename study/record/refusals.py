"""Why MLflow did not take a call, in a few words."""

from __future__ import annotations

from collections.abc import Iterator

from study.core.errors import first_line
from study.core.secrets import mask_those_of

LONGEST = 200  # characters of what is quoted
LOST = "it has lost the study's own run"  # as a server does that keeps runs nowhere and is begun again


def refusal(error: BaseException, uri: str) -> str:
    """The reason in an error of a call to MLflow at `uri`; empty where the call itself is at fault."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    if not isinstance(error, (MlflowException, SQLAlchemyError, OSError)):
        return ""
    if any(map(_is_of_network, _causes(error))):
        return mask_those_of(uri, f"MLflow does not answer at {uri}")
    return mask_those_of(uri, f"MLflow: {first_line(error)[:LONGEST]}")


def _is_of_network(error: BaseException) -> bool:
    """Whether a server was not reached, or did not answer as one: MLflow's client speaks through requests."""
    return isinstance(error, ConnectionError) or type(error).__module__.partition(".")[0] in ("requests", "urllib3")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
