"""Readable end of a program after a failed validation. jsii shows 40 lines around the message."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType

import aws_cdk
import jsii
from jsii.errors import JavaScriptError

_FAILED_VALIDATION = "Validation failed with the following errors"
_INNER_FOLDERS = tuple(str(Path(str(module.__file__)).parent) for module in (aws_cdk, jsii))


def shorten_failed_validations() -> None:
    """Leave jsii's lines out if a failed validation ends the program.

    `app.synth()` raises the error, so only the hook for uncaught exceptions can change its traceback. The hook is set
    when a validation of this library fails. It passes every other exception on.
    """
    if getattr(sys.excepthook, "shortens_failed_validations", False):
        return
    previous = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if isinstance(error.__cause__, JavaScriptError) and _FAILED_VALIDATION in str(error):
            traceback = _own_frames(traceback)
            error.__cause__ = None
            error = error.with_traceback(traceback)
        previous(kind, error, traceback)

    show.shortens_failed_validations = True  # type: ignore[attr-defined]
    sys.excepthook = show


def _own_frames(traceback: TracebackType | None) -> TracebackType | None:
    """Return the traceback without the frames of the CDK and jsii."""
    if traceback is None:
        return None
    inner = _own_frames(traceback.tb_next)
    if traceback.tb_frame.f_code.co_filename.startswith(_INNER_FOLDERS):
        return inner
    return TracebackType(inner, traceback.tb_frame, traceback.tb_lasti, traceback.tb_lineno)
