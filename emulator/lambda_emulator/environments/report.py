"""Lines that Lambda itself writes into the log of a function, in AWS's text form: fields are separated by tabs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple


class Status(NamedTuple):
    """Status of an invocation or an init that did not end by itself.

    An error that the function itself reported has none: for Lambda, that invocation went well.
    """

    name: str
    error_type: str = ""

    @property
    def fields(self) -> list[str]:
        return [f"Status: {self.name}", *([f"Error Type: {self.error_type}"] if self.error_type else [])]


TIMEOUT = Status("timeout")


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of one invocation."""

    request_id: str
    duration_ms: float
    memory_size_mb: int
    max_memory_mb: int
    init_ms: float | None = None
    """None unless it was the first invocation of its environment."""
    status: Status | None = None

    def line(self) -> str:
        billed_ms = math.ceil(self.duration_ms + (self.init_ms or 0))
        fields = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.duration_ms:.2f} ms",
            f"Billed Duration: {billed_ms} ms",
            f"Memory Size: {self.memory_size_mb} MB",
            f"Max Memory Used: {self.max_memory_mb} MB",
        ]
        if self.init_ms is not None:
            fields.append(f"Init Duration: {self.init_ms:.2f} ms")
        # Without a status, AWS's line ends with a tab.
        return "\t".join([*fields, *(self.status.fields if self.status else [""])])


def start_line(request_id: str) -> str:
    return f"START RequestId: {request_id} Version: $LATEST"


def end_line(request_id: str) -> str:
    return f"END RequestId: {request_id}"


def init_report_line(init_ms: float, status: Status) -> str:
    """Return the line about a failed init. A successful one has none."""
    return "\t".join([f"INIT_REPORT Init Duration: {init_ms:.2f} ms", "Phase: init", *status.fields])
