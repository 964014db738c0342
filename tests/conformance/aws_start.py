"""Start AWS's runtime as a managed Python does: the path of the handler's modules, then the loop of the client.

Run it as `python aws_start.py CLIENT`. CLIENT is a folder in the place of the interpreter's own site-packages.
"""

import os
import sys

del sys.path[0]  # This script's folder.
sys.path.append(sys.argv[1])

from awslambdaric.__main__ import main  # noqa: E402

sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
os.environ.setdefault("PYTHONPATH", "/var/runtime")
main(["bootstrap.py", os.environ["_HANDLER"]])
