"""Code that came with a model: it runs only where the study says so, and what it raises is said in a line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from study.config.schema import TRUSTING, ModelConfig
from study.core.errors import AssetError, StudyError, first_line

ASKS = "trust_remote_code"  # what transformers names where it would have to run such code
FILES_THAT_LACK = (OSError, ValueError)  # errors of what is not there, whoever looks for it


@contextmanager
def foreign_code(model: ModelConfig) -> Iterator[None]:
    """While open, a model that cannot be opened without code of its own becomes one AssetError that names the option.

    So does whatever that code raises where it may run.
    """
    name = f"model.name={model.name}"
    try:
        yield
    except StudyError:
        raise
    except Exception as error:
        if not model.trust_remote_code and ASKS in str(error):
            rule = "cannot be opened without running Python that came with it, and nothing says that it may"
            remedy = f"read it and, where you trust it, write {TRUSTING}=true (of an export: trust_remote_code=True)"
            raise AssetError(name, rule, remedy) from error
        if not model.trust_remote_code or isinstance(error, FILES_THAT_LACK):
            raise
        rule = f"came with Python that fails here ({type(error).__name__}: {first_line(error)})"
        raise AssetError(name, rule, f"mend it, or leave {TRUSTING} away") from error
