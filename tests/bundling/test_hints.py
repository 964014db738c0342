"""An error of uv or pip ends with what would help. What they say is theirs: asked of them, or as they said it."""

from __future__ import annotations

import http.server
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from bundling.advice import advice_on
from bundling.errors import BundlingError
from bundling.target import Target
from bundling.tools import find_uv, run

TARGET = Target((3, 14), "aarch64")
WRONG_HASH = "sha256:" + "0" * 64
NOWHERE = "http://robot:secret@127.0.0.1:1/simple"
NO_WHEEL = r"{0} has no wheel for the function: .*build_from_source=\[\"{0}\"\].*Installer\.DOCKER .*base_image="
OTHER_VERSION = r"name a version of {0} that has a wheel .*another runtime"
CHANGE_VERSION = r"change one of the versions named above"
LOCK_AGAIN = r"the file that the index has is not the one that was locked: .*uv lock --upgrade-package {0}\)"
NETWORK = r"check the network.*UV_DEFAULT_INDEX or UV_INDEX .*UV_OFFLINE=1"
CREDENTIALS = r"the index wants credentials, or others: .*UV_DEFAULT_INDEX or UV_INDEX"
NO_SUCH_FILE = r"requirements name a file that is not there"
PIP_FOUND_NONE = r"pip found no {0} with a wheel for the function: .*PIP_INDEX_URL.*build_from_source=\[\"{0}\"\]"

RESOLVING = {
    "no wheel": ("docopt==0.6.2", NO_WHEEL.format("docopt")),
    "no wheel of any version": ("docopt", NO_WHEEL.format("docopt")),
    "wheels for other Pythons": ("torch==1.0", OTHER_VERSION.format("torch")),
    "wheels for other systems": ("pywin32==311", OTHER_VERSION.format("pywin32")),
    "versions in conflict": ("pydantic==2.11.0\npydantic-core==2.0.0", CHANGE_VERSION),
    "no such version": ("six==99", CHANGE_VERSION),
    "no such package": ("no-such-package-of-nobody", r"check how no-such-package-of-nobody is spelled"),
    "no such file": ("-r nothing.txt", NO_SUCH_FILE),
}
# uv 0.13 and pip 24, for what takes long, wants a network that has failed, or is said on some machines alone.
SAID = {
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
    "uv: a name that cannot be looked up": (
        """error: Failed to fetch: http://nosuchhost.invalid/simple/six/
  cause: error sending request for url (http://nosuchhost.invalid/simple/six/)
  cause: client error (Connect)
  cause: dns error
  cause: error resolving DNS
  cause: failed to lookup address information: Name or service not known
""",
        NETWORK,
    ),
    "uv: a file that cannot be had": (
        """error: Failed to download `six==1.17.0`
  cause: Failed to fetch: http://127.0.0.1:8765/six-1.17.0-py2.py3-none-any.whl
  cause: HTTP status client error (401 Unauthorized) for url (http://127.0.0.1:8765/six-1.17.0-py2.py3-none-any.whl)
""",
        CREDENTIALS,
    ),
    "uv: what builds a project": (
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
    "pip: another hash": (
        """ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. [...]
    six==1.17.0 from https://files.pythonhosted.org/six-1.17.0-py2.py3-none-any.whl (from -r requirements.txt (line 1)):
        Expected sha256 0000000000000000000000000000000000000000000000000000000000000000
             Got        4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274
""",
        LOCK_AGAIN.format("six"),
    ),
    "pip: versions in conflict": (
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
    "a command of the user's": "curl: (7) Failed to connect to localhost port 1: Connection refused",
    "nothing": "",
}


def uv(*arguments: str, cwd: Path, **environment: str) -> str:
    """Return what the error of uv ends with."""
    program = find_uv()
    assert program is not None
    with pytest.raises(BundlingError) as raised:
        run([program, *arguments], cwd=cwd, what="this", environment=environment)
    assert "secret" not in str(raised.value)
    return str(raised.value).splitlines()[-1]


def assert_fits(said: str, advice: str) -> None:
    assert re.match(advice, said), said


def flags(*others: str) -> list[str]:
    return ["--quiet", *TARGET.uv_flags(sys.executable), "--only-binary", ":all:", *others]


def resolve(folder: Path, requirements: str, **environment: str) -> str:
    (folder / "requirements.txt").write_text(requirements + "\n")
    command = ["pip", "compile", "requirements.txt", "--format", "pylock.toml"]
    return uv(*command, *flags(), cwd=folder, **environment)


@pytest.fixture(scope="module")
def index() -> Iterator[str]:
    """An index that answers everything with the status that the path begins with."""

    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(self.path.split("/")[1]))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("case", RESOLVING)
def test_an_error_of_resolving_ends_with_what_would_help(tmp_path: Path, case: str) -> None:
    requirements, advice = RESOLVING[case]
    assert_fits(resolve(tmp_path, requirements), advice)


def test_an_index_that_cannot_be_reached_ends_with_what_would_help(tmp_path: Path, index: str) -> None:
    no_cache = {"UV_CACHE_DIR": str(tmp_path / "uv")}
    assert_fits(resolve(tmp_path, "six", UV_DEFAULT_INDEX=NOWHERE, **no_cache), NETWORK)
    assert_fits(resolve(tmp_path, "six", UV_OFFLINE="1", **no_cache), r"UV_OFFLINE is set.*fill the cache")
    for status, advice in (("401", CREDENTIALS), ("403", CREDENTIALS), ("404", r"check how six is.*UV_DEFAULT_INDEX")):
        address = f"http://robot:secret@{index}/{status}/simple"
        assert_fits(resolve(tmp_path, "six", UV_DEFAULT_INDEX=address, **no_cache), advice)


def test_another_hash_than_the_locks_ends_with_what_would_help(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f"six==1.17.0 --hash={WRONG_HASH}\n")
    command = ["pip", "install", "--target", "out", *flags("--no-deps")]
    said = uv(*command, "--require-hashes", "--requirement", "requirements.txt", cwd=tmp_path)
    assert_fits(said, LOCK_AGAIN.format("six"))


def test_a_lock_with_no_wheel_ends_with_what_would_help(tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "a test"\n[[packages]]\nname = "docopt"\nversion = "0.6.2"\n'
        f'sdist = {{ url = "http://127.0.0.1:1/docopt-0.6.2.tar.gz", hashes = {{ sha256 = "{"0" * 64}" }} }}\n'
    )
    command = ["pip", "install", "--target", "out", *flags("--no-deps"), "--requirement", "pylock.toml"]
    assert_fits(uv(*command, cwd=tmp_path), NO_WHEEL.format("docopt"))


def test_a_project_whose_builder_cannot_be_had_ends_with_what_would_help(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("")
    said = uv(
        *("build", "--wheel", "--quiet", "--python", sys.executable, str(tmp_path)),
        cwd=tmp_path,
        UV_DEFAULT_INDEX=NOWHERE,
        UV_CACHE_DIR=str(tmp_path / "uv"),
    )
    assert_fits(said, NETWORK)


@pytest.mark.parametrize("case", SAID)
def test_what_tools_say_has_an_answer(case: str) -> None:
    said, advice = SAID[case]
    assert_fits(advice_on(said) or "", advice)


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_is_not_known_gets_no_advice(case: str) -> None:
    assert advice_on(UNKNOWN[case]) is None
