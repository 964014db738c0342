"""Helpers for tests of apps that use this library."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any


def mask_template(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template without hashes of assets, for snapshot tests.

    Hashes of assets, and those in the logical ids of `current_version`, become `<hash>`. A change of code, of this
    library's runtime or of a dependency then changes no snapshot. Any other change does.

    :param template: Result of `Template.from_stack(stack).to_json()`.
    """
    text = json.dumps(template)
    text = re.sub(r"[0-9a-f]{64}", "<hash>", text)
    text = re.sub(r"(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}", r"\1<hash>", text)
    masked: dict[str, Any] = json.loads(text)
    return masked
