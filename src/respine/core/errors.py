"""What can go wrong, as one small tree.

::

    RespineError
    ├── InputError (ValueError)           a value is not what it must be
    │   ├── SettingsError                 a setting is unknown or impossible
    │   └── StudyError                    a study folder has problems; carries all of them
    ├── ReadError (OSError)               a file cannot be read as what it claims to be
    ├── TableError (ValueError)           a table does not match its declaration
    ├── RunLockedError (RuntimeError)     another run works on this study
    └── MissingExtraError (ImportError)   an optional package is not installed

Every message names what was looked at, what was found and what was expected.
"""

from __future__ import annotations


class RespineError(Exception):
    """Base of every error that respine raises on purpose."""


class InputError(RespineError, ValueError):
    """A value given by the user is not what it must be."""


class SettingsError(InputError):
    """A setting is unknown, or its value is impossible."""


class StudyError(InputError):
    """A study folder has problems; `problems` holds every one of them, in order."""

    def __init__(self, problems: list) -> None:
        self.problems = list(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"the study has {len(self.problems)} problem(s):\n{lines}")


class ReadError(RespineError, OSError):
    """A file cannot be read as what it claims to be."""


class TableError(RespineError, ValueError):
    """A table does not match its declaration."""


class RunLockedError(RespineError, RuntimeError):
    """Another run works on this study."""


class MissingExtraError(RespineError, ImportError):
    """An optional package is not installed; the message gives the command that installs it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed; "
            f"install it with: pip install 'respine[{extra}]'"
        )
