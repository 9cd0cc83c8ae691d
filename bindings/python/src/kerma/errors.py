"""What can go wrong. Every error is an :class:`Error` and one of Python's own kind."""

from __future__ import annotations


class Error(Exception):
    """Any error of the library."""


class ArgumentError(Error, ValueError):
    """A name or a number that was asked for is none."""


class InputError(Error, ValueError):
    """A file or a volume is at fault; the message names file, tag and value."""


class NotFoundError(Error, LookupError):
    """What was asked for is not in these files."""


class AmbiguousError(Error, LookupError):
    """There are several, and one was wanted."""


class UnmodelledError(Error, NotImplementedError):
    """A part of the plan changes the dose and is not modelled."""


class CancelledError(Error):
    """The work was cancelled by other than Ctrl-C, which raises KeyboardInterrupt."""


class FileError(Error, OSError):
    """The system refused: no such file, no permission, disk full."""


class InternalError(Error, RuntimeError):
    """A fault of the library: please report it."""


class ForkError(Error, RuntimeError):
    """The library was used before fork(), and its threads did not come along."""


#: By the status of the C interface.
BY_STATUS: dict[int, type[Error]] = {
    1: ArgumentError,
    2: InputError,
    3: NotFoundError,
    4: AmbiguousError,
    5: UnmodelledError,
    6: CancelledError,
    7: FileError,
    8: InternalError,
}
