"""`python -m cdk_lambda_streaming.bundling`: makes a bundle for this machine of what a template's metadata names.

The emulator runs it, in a process of its own and without the rest of the package, when a function's own bundle does not
fit the desk. One argument: JSON with `entry`, `requirements` (null where a hook writes them), `options`, `excluded`,
`python` (major and minor) and `interpreter`. Prints the folder.
"""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

from .bundle import make_bundle
from .errors import BundlingError
from .options import BundlingOptions, Installer
from .plan import plan_bundle, source_of
from .target import Target


def main() -> None:
    asked = json.loads(sys.argv[-1])
    entry = Path(asked["entry"])
    named = asked.get("requirements") or asked["options"].get("requirements")
    options = BundlingOptions.from_json({**asked["options"], "requirements": named, "byte_code": "off"})
    try:
        source = source_of(entry, options)
        if options.installer is Installer.DOCKER and sys.platform != "linux":
            raise BundlingError(
                "bundling.installer is DOCKER, which installs for Linux, and this machine has another system"
            )
        major, minor = asked["python"]
        # Apple's name of the processor that Linux calls aarch64.
        machine = platform.machine().replace("arm64", "aarch64")
        target = Target((major, minor), machine, asked["interpreter"])
        bundle = make_bundle(plan_bundle(entry, source, target, options, asked["excluded"]))
    except BundlingError as error:
        sys.exit(str(error))
    print(bundle.folder)


if __name__ == "__main__":
    main()
