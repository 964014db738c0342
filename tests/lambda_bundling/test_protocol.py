"""`python -m lambda_bundling REQUEST`, as the emulator runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lambda_bundling.__main__ import PROTOCOL_VERSION
from lambda_bundling.options import BundlingOptions, ByteCode


def run_bundler(request: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lambda_bundling", json.dumps(request)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def request_for(entry: Path, requirements: str | None = None, **options: Any) -> dict[str, Any]:
    return {
        "version": PROTOCOL_VERSION,
        "entry": str(entry),
        "requirements": requirements,
        "options": BundlingOptions(**options).to_json(),
        "excluded": ["*.md"],
        "python": list(sys.version_info[:2]),
        "interpreter": sys.executable,
    }


def test_last_line_of_output_names_folder(entry: Path) -> None:
    (entry / "requirements.txt").write_text("six==1.16.0\n")
    (entry / "notes.md").write_text("")
    done = run_bundler(request_for(entry, requirements="requirements.txt", after_bundling=["echo hello"]))
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result.keys() == {"version", "folder"}
    assert result["version"] == PROTOCOL_VERSION
    assert {path.name for path in Path(result["folder"]).glob("*.*")} >= {"index.py", "six.py"}
    assert not Path(result["folder"], "notes.md").exists()


def test_requirements_written_by_hook_are_installed_for_this_machine(entry: Path) -> None:
    """The request has no requirements if a hook writes them. Byte code is always off."""
    hook = "echo six==1.16.0 > lambda.txt"
    options: dict[str, Any] = {"requirements": "lambda.txt", "before_bundling": [hook], "byte_code": ByteCode.REQUIRED}
    done = run_bundler(request_for(entry) | {"options": BundlingOptions(**options).to_json()})
    assert done.returncode == 0, done.stderr
    folder = Path(json.loads(done.stdout.splitlines()[-1])["folder"])
    assert (folder / "six.py").exists()
    assert list(folder.rglob("*.pyc")) == []


@pytest.mark.parametrize("version", [None, 0, 2, "1"])
def test_other_version_of_request_is_rejected(entry: Path, version: object) -> None:
    request = request_for(entry)
    if version is None:
        del request["version"]
    else:
        request["version"] = version
    done = run_bundler(request)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"the bundler speaks version 1 of the request, got version {version}; "
        "install the same version of cdk-lambda-streaming and lambda-streaming-emulator\n"
    )


def test_error_is_plain_text(entry: Path) -> None:
    done = run_bundler(request_for(entry, requirements="missing.txt"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("bundling.requirements is 'missing.txt', which does not exist in")


def test_modules_in_working_folder_are_not_imported(
    entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("json", "platform", "packaging"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('the wrong module')\n")
    monkeypatch.chdir(tmp_path)
    (entry / "requirements.txt").write_text("# none\n")
    done = run_bundler(request_for(entry, requirements="requirements.txt"))
    assert done.returncode == 0, done.stderr


def test_bundler_imports_neither_construct_nor_cdk() -> None:
    program = "import lambda_bundling.__main__, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert not {"aws_cdk", "cdk_lambda_streaming", "constructs", "jsii"} & set(done.stdout.split())
