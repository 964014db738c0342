"""JSON from functions, callers and files, which may be damaged."""

from __future__ import annotations

import json
from typing import Any


def decode_json(text: str | bytes) -> Any:
    """Decode JSON. Raise `ValueError` if it is not JSON, or if its values are too deep inside each other."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("its values are too deep inside each other") from None
