"""`python -m lambda_bundling REQUEST`: build a bundle that runs on this machine.

The emulator runs it when a function's own bundle does not fit this machine. REQUEST is one JSON object:

    {"version": 1, "entry": "...", "requirements": "..." or null, "options": {...}, "excluded": [...],
     "python": [3, 13], "interpreter": "..."}

`requirements` is null if a hook writes them. The last line of standard output is the result, `{"version": 1, "folder":
"..."}`. An error is plain text on standard error, with exit status 1.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # `python -m` puts the working folder first on the path. The user's modules there must not replace imported ones.
    sys.path[:] = [folder for folder in sys.path if folder not in ("", os.getcwd())]

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lambda_bundling.bundle import make_bundle
from lambda_bundling.errors import BundlingError
from lambda_bundling.options import BundlingOptions, Installer
from lambda_bundling.plan import find_source, plan_bundle
from lambda_bundling.target import Target

PROTOCOL_VERSION = 1
"""Version of the request and of the result. Increase it when either changes."""


def main() -> None:
    request = json.loads(sys.argv[-1])
    try:
        check_version(request)
        folder = bundle_for_this_machine(request)
    except BundlingError as error:
        sys.exit(str(error))
    print(json.dumps({"version": PROTOCOL_VERSION, "folder": str(folder)}))


def check_version(request: Mapping[str, Any]) -> None:
    """Reject a request of another version."""
    version = request.get("version")
    if version != PROTOCOL_VERSION:
        raise BundlingError(
            f"the bundler speaks version {PROTOCOL_VERSION} of the request, got version {version}; "
            "install the same version of cdk-lambda-streaming and lambda-streaming-emulator"
        )


def bundle_for_this_machine(request: Mapping[str, Any]) -> Path:
    """Build the bundle of a request and return its folder."""
    entry, options = Path(request["entry"]), _options(request)
    source = find_source(entry, options)
    if options.installer is Installer.DOCKER and sys.platform != "linux":
        raise BundlingError(
            f"bundling.installer DOCKER installs for Linux, but this machine runs {sys.platform}. Choose another one."
        )
    plan = plan_bundle(entry, source, _target(request), options, request["excluded"])
    return make_bundle(plan).folder


def _options(request: Mapping[str, Any]) -> BundlingOptions:
    requirements = request.get("requirements") or request["options"].get("requirements")
    return BundlingOptions.from_json({**request["options"], "requirements": requirements, "byte_code": "off"})


def _target(request: Mapping[str, Any]) -> Target:
    major, minor = request["python"]
    # Linux's aarch64 is arm64 on macOS.
    machine = platform.machine().replace("arm64", "aarch64")
    return Target((major, minor), machine, request["interpreter"])


if __name__ == "__main__":
    main()
