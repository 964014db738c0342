"""Advice at the end of errors from uv and pip. The errors come from the tools, or are recorded from them."""

from __future__ import annotations

import http.server
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from lambda_bundling.advice import advice_on
from lambda_bundling.errors import BundlingError
from lambda_bundling.target import Target
from lambda_bundling.tools import find_uv, run

TARGET = Target((3, 14), "aarch64")
WRONG_HASH = "sha256:" + "0" * 64
NOWHERE = "http://robot:secret@127.0.0.1:1/simple"
NO_WHEEL = r"{0} has no wheel for the function\. .*build_from_source=\[\"{0}\"\].*Installer\.DOCKER .*base_image="
OTHER_VERSION = r"Choose a version of {0} that has a wheel .*another runtime"
CHANGE_VERSION = r"Change one of the versions above"
LOCK_AGAIN = r"The file in the index is not the locked file\. .*uv lock --upgrade-package {0}\."
NETWORK = r"Check the network.*UV_DEFAULT_INDEX or UV_INDEX .*UV_OFFLINE=1"
CREDENTIALS = r"The index rejected the credentials\. .*UV_DEFAULT_INDEX or UV_INDEX"
NO_PACKAGE = r"Check the spelling of six.*UV_DEFAULT_INDEX"
NO_SUCH_FILE = r"The requirements name a missing file"
PIP_FOUND_NONE = r"pip found no {0} with a wheel for the function\. .*PIP_INDEX_URL.*build_from_source=\[\"{0}\"\]"

RESOLVING = {
    "no wheel": ("docopt==0.6.2", NO_WHEEL.format("docopt")),
    "no wheel of any version": ("docopt", NO_WHEEL.format("docopt")),
    "wheels for other Pythons": ("torch==1.0", OTHER_VERSION.format("torch")),
    "wheels for other systems": ("pywin32==311", OTHER_VERSION.format("pywin32")),
    "conflicting versions": ("pydantic==2.11.0\npydantic-core==2.0.0", CHANGE_VERSION),
    "no such version": ("six==99", CHANGE_VERSION),
    "no such package": ("cdk-no-such-package", r"Check the spelling of cdk-no-such-package"),
    "no such file": ("-r nothing.txt", NO_SUCH_FILE),
}
# Output of uv 0.13 and pip 24 that takes long to get, needs a failing network, or appears only on some machines.
RECORDED = {
    "uv: a lock without wheels": (
        "error: Package `numpy` can't be installed because it is marked as `--no-build` but has no binary distribution",
        NO_WHEEL.format("numpy"),
    ),
    "uv: many versions": (
        """error: No solution found when resolving dependencies
  cause: [...]
         And because all of:
             numpy==1.10.0
             numpy==1.10.3
          have no wheels with a matching Python ABI tag (e.g., `cp314`), [...]
         [...] we can conclude that your requirements are unsatisfiable.

hint: Wheels are required for `numpy` because building from source is disabled for all packages [...]
""",
        NO_WHEEL.format("numpy"),
    ),
    "uv: an unknown host": (
        """error: Failed to fetch: http://nosuchhost.invalid/simple/six/
  cause: error sending request for url (http://nosuchhost.invalid/simple/six/)
  cause: client error (Connect)
  cause: dns error
  cause: error resolving DNS
  cause: failed to lookup address information: Name or service not known
""",
        NETWORK,
    ),
    "uv: a failed download": (
        """error: Failed to download `six==1.17.0`
  cause: Failed to fetch: http://127.0.0.1:8765/six-1.17.0-py2.py3-none-any.whl
  cause: HTTP status client error (401 Unauthorized) for url (http://127.0.0.1:8765/six-1.17.0-py2.py3-none-any.whl)
""",
        CREDENTIALS,
    ),
    "uv: a missing build backend": (
        """error: Failed to build `/app/common`
  cause: Failed to resolve requirements from `build-system.requires`
  cause: No solution found when resolving: `setuptools`
  cause: Because setuptools was not found in the cache and you require setuptools, we can conclude that your requirements are unsatisfiable.

hint: Packages were unavailable because the network was disabled. When the network is disabled, registry packages may only be read from the cache.
""",  # noqa: E501
        r"UV_OFFLINE is set",
    ),
    "pip: no wheel": (
        """ERROR: Could not find a version that satisfies the requirement docopt==0.6.2 (from versions: none)
ERROR: No matching distribution found for docopt==0.6.2
""",
        PIP_FOUND_NONE.format("docopt"),
    ),
    "pip: a wrong hash": (
        """ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. [...]
    six==1.17.0 from https://files.pythonhosted.org/six-1.17.0-py2.py3-none-any.whl (from -r requirements.txt (line 1)):
        Expected sha256 0000000000000000000000000000000000000000000000000000000000000000
             Got        4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274
""",
        LOCK_AGAIN.format("six"),
    ),
    "pip: conflicting versions": (
        "ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/en/latest/topics/dependency-resolution/",
        CHANGE_VERSION,
    ),
    "pip: no network": (
        """WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NewConnectionError('<[...]>: \
Failed to establish a new connection: [Errno 111] \
Connection refused')': /simple/six/
ERROR: Could not find a version that satisfies the requirement six (from versions: none)
ERROR: No matching distribution found for six
""",
        NETWORK,
    ),
    "pip: no such file": (
        "ERROR: Could not open requirements file: [Errno 2] No such file or directory: 'nothing.txt'",
        NO_SUCH_FILE,
    ),
}
UNKNOWN = {
    "a compiler": "chat.c:1:10: fatal error: Python.h: No such file or directory",
    "a user's command": "curl: (7) Failed to connect to localhost port 1: Connection refused",
    "nothing": "",
}


def uv(*arguments: str, cwd: Path, **environment: str) -> str:
    """Run uv and return the last line of its error."""
    program = find_uv()
    assert program is not None
    with pytest.raises(BundlingError) as raised:
        run([program, *arguments], cwd=cwd, action="this", environment=environment)
    assert "secret" not in str(raised.value)
    return str(raised.value).splitlines()[-1]


def assert_matches(line: str, advice: str) -> None:
    assert re.match(advice, line), line


def flags(*others: str) -> list[str]:
    return ["--quiet", *TARGET.uv_flags(sys.executable), "--only-binary", ":all:", *others]


def resolve(folder: Path, requirements: str, **environment: str) -> str:
    (folder / "requirements.txt").write_text(requirements + "\n")
    command = ["pip", "compile", "requirements.txt", "--format", "pylock.toml"]
    return uv(*command, *flags(), cwd=folder, **environment)


@pytest.fixture(scope="module")
def index() -> Iterator[str]:
    """Serve an index that answers each request with the status at the start of its path."""

    class Rejecting(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(self.path.split("/")[1]))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Rejecting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("case", RESOLVING)
def test_resolution_error_ends_with_advice(tmp_path: Path, case: str) -> None:
    requirements, advice = RESOLVING[case]
    assert_matches(resolve(tmp_path, requirements), advice)


def test_narrow_terminal_does_not_hide_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv wraps its messages at COLUMNS, in the middle of the text that the advice is chosen by."""
    monkeypatch.setenv("COLUMNS", "40")
    requirements, advice = RESOLVING["no such file"]
    assert_matches(resolve(tmp_path, requirements), advice)


def test_unreachable_index_ends_with_advice(tmp_path: Path, index: str) -> None:
    no_cache = {"UV_CACHE_DIR": str(tmp_path / "uv")}
    assert_matches(resolve(tmp_path, "six", UV_DEFAULT_INDEX=NOWHERE, **no_cache), NETWORK)
    assert_matches(resolve(tmp_path, "six", UV_OFFLINE="1", **no_cache), r"UV_OFFLINE is set.*fill the cache")
    for status, advice in (
        ("401", CREDENTIALS),
        ("403", CREDENTIALS),
        ("404", NO_PACKAGE),
    ):
        url = f"http://robot:secret@{index}/{status}/simple"
        assert_matches(resolve(tmp_path, "six", UV_DEFAULT_INDEX=url, **no_cache), advice)


def test_wrong_hash_ends_with_advice(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f"six==1.17.0 --hash={WRONG_HASH}\n")
    command = ["pip", "install", "--target", "out", *flags("--no-deps")]
    line = uv(*command, "--require-hashes", "--requirement", "requirements.txt", cwd=tmp_path)
    assert_matches(line, LOCK_AGAIN.format("six"))


def test_lock_without_wheel_ends_with_advice(tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "a test"\n[[packages]]\nname = "docopt"\nversion = "0.6.2"\n'
        f'sdist = {{ url = "http://127.0.0.1:1/docopt-0.6.2.tar.gz", hashes = {{ sha256 = "{"0" * 64}" }} }}\n'
    )
    command = ["pip", "install", "--target", "out", *flags("--no-deps"), "--requirement", "pylock.toml"]
    assert_matches(uv(*command, cwd=tmp_path), NO_WHEEL.format("docopt"))


def test_missing_build_backend_ends_with_advice(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("")
    line = uv(
        *("build", "--wheel", "--quiet", "--python", sys.executable, str(tmp_path)),
        cwd=tmp_path,
        UV_DEFAULT_INDEX=NOWHERE,
        UV_CACHE_DIR=str(tmp_path / "uv"),
    )
    assert_matches(line, NETWORK)


@pytest.mark.pure
@pytest.mark.parametrize("case", RECORDED)
def test_recorded_error_has_advice(case: str) -> None:
    output, advice = RECORDED[case]
    assert_matches(advice_on(output) or "", advice)


@pytest.mark.pure
def test_missing_wheel_for_arm_names_the_other_processor() -> None:
    output, _ = RECORDED["uv: many versions"]
    advice = [advice_on(output, f"resolving for {Target((3, 14), machine)}") or "" for machine in ("aarch64", "x86_64")]
    assert ["architecture=Architecture.X86_64" in text for text in advice] == [True, False]


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "CLICOLOR_FORCE"])
@pytest.mark.parametrize("value", ["0", "1"])
def test_error_has_no_colour_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    """The CDK's command line sets FORCE_COLOR=0, which uv takes for a wish for colours."""
    monkeypatch.setenv(variable, value)
    program = find_uv()
    assert program is not None
    with pytest.raises(BundlingError) as raised:
        run([program, "pip", "install", "-r", "nothing.txt"], cwd=tmp_path, action="this")
    assert "nothing.txt" in str(raised.value)
    assert "\x1b" not in str(raised.value)


@pytest.mark.pure
@pytest.mark.parametrize("case", UNKNOWN)
def test_unknown_error_has_no_advice(case: str) -> None:
    assert advice_on(UNKNOWN[case]) is None
