"""The report's errors: each names the value, the rule that it breaks and the remedy."""


class ReportError(Exception):
    """A problem that the user can mend; shown as one line, exit status 2."""

    def __init__(self, value: str, rule: str, remedy: str) -> None:
        self.value, self.rule, self.remedy = value, rule, remedy
        super().__init__(f"{value}: {rule}; {remedy}.")

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.value, self.rule, self.remedy)
