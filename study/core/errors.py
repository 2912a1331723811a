"""The suite's errors: each names the value, the rule that it breaks and the remedy."""

from __future__ import annotations

from unicodedata import category

from study.core.secrets import mask

CONTROLS = ("Cc", "Cs", "Zl", "Zp")  # Unicode's categories of controls, of halves of characters, and of ends of lines
TURNS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class StudyError(Exception):
    """A problem that the user can mend; shown as one line, exit status 2, in which passwords are masked."""

    def __init__(self, value: str, rule: str, remedy: str) -> None:
        self.value, self.rule, self.remedy = mask(value), mask(rule), mask(remedy)
        whole = f"{self.value}: {self.rule}; {self.remedy}."
        lines = whole.splitlines()  # what is quoted may hold line breaks; spaces it means
        super().__init__(spell_controls(" ".join(line.strip() for line in lines if line.strip())))

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.value, self.rule, self.remedy)


class ConfigError(StudyError):
    """A configuration that cannot run."""


class DataError(StudyError):
    """Data that cannot be learned from as they are."""


class AssetError(StudyError):
    """A model or data set that cannot be had, or is not what it should be."""


class ResumeError(StudyError):
    """A stored study that does not belong to the configuration at hand."""


def spell_controls(text: str) -> str:
    """The text with what a terminal would obey spelt out: controls, turns of the writing direction, half characters."""
    return "".join(
        ascii(letter)[1:-1] if category(letter) in CONTROLS or letter in TURNS else letter for letter in text
    )


def first_line(error: BaseException) -> str:
    """An error's first line without its full stop, to be quoted in a sentence; its type where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
