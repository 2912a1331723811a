"""The report's errors: each names the value, the rule that it breaks and the remedy."""

from study.core.errors import StudyError


class ReportError(StudyError):
    """A report that cannot be made."""
