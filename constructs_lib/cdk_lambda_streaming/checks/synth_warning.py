"""Warning that appears at synth."""

from __future__ import annotations

from typing import NamedTuple


class SynthWarning(NamedTuple):
    """A warning at synth. The id is stable, so that users can acknowledge it."""

    id: str
    message: str
