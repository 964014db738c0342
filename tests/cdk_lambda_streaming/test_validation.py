"""The CDK's own validation, which knows CloudFormation's rules, finds nothing in the templates."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .templates import TEMPLATES

REPOSITORY = Path(__file__).parents[2]
SYNTHESIZE = """
import sys
from pathlib import Path
from aws_cdk import App
from tests.cdk_lambda_streaming.templates import TEMPLATES, add_stack, write_entry

folder = Path(sys.argv[1])
entry = write_entry(folder / "entry")

def make_app(outdir):
    app = App(outdir=str(folder / outdir), context={"@aws-cdk/core:validateAgainstDefaultRules": True})
    for name in TEMPLATES:
        add_stack(app, name, entry)
    return app

make_app("valid").synth()
print("every template is valid", flush=True)
app = make_app("invalid")
app.node.find_child("defaults").node.find_child("Chat").node.default_child.add_property_override("MemorySize", 64)
app.synth()
"""


def test_every_template_is_valid(tmp_path: Path) -> None:
    """The CDK reads its switch once, so the test runs a process. A wrong template shows that the validation is on."""
    environment = {key: value for key, value in os.environ.items() if key != "CDK_VALIDATION"}
    run = subprocess.run(
        [sys.executable, "-c", SYNTHESIZE, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
    )
    assert TEMPLATES
    assert "every template is valid" in run.stdout, run.stdout + run.stderr
    assert run.returncode == 1
    assert "64 is less than the minimum of 128" in run.stdout + run.stderr
