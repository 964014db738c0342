"""Functions get the credentials that the developer chooses, and never half of them."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from lambda_emulator.environments.credentials import (
    NO_CREDENTIALS,
    CredentialsError,
    no_credentials,
    profile_credentials,
    shell_credentials,
)

KEY = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
TOKEN = {"AWS_SESSION_TOKEN": "token"}
NONE = dict.fromkeys((*KEY, *TOKEN), NO_CREDENTIALS)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """AWS's configuration file of this test, and no other source of credentials."""
    for name in (*KEY, *TOKEN, "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    # Asked last by botocore. Nothing listens there.
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9/")
    return file


def test_credentials_of_the_shell_are_passed() -> None:
    assert shell_credentials({**KEY, "HOME": "/root"}).read() == KEY
    assert shell_credentials({**KEY, **TOKEN}).read() == {**KEY, **TOKEN}


@pytest.mark.parametrize(
    "environment",
    [{}, TOKEN, *({name: KEY[name]} for name in KEY), {**KEY, "AWS_SECRET_ACCESS_KEY": ""}],
)
def test_half_of_the_credentials_is_not_passed(environment: dict[str, str]) -> None:
    credentials = shell_credentials(environment)

    assert credentials.read() == NONE
    assert credentials.description.startswith("functions get none: this shell does not export")


def test_description_of_a_shell_without_credentials_names_its_profile() -> None:
    assert "--profile dev passes" in shell_credentials({"AWS_PROFILE": "dev"}).description


def test_no_credentials_are_values_that_aws_refuses() -> None:
    """Without any value, an SDK in the function would read the developer's files."""
    assert no_credentials().read() == NONE


def test_description_names_the_variables() -> None:
    assert shell_credentials({**KEY, **TOKEN}).description == (
        "functions get AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of this shell. "
        "--no-credentials passes none."
    )


def test_profile_is_read_from_the_configuration(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It wins over the credentials of the shell."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the shell")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the shell")
    config.write_text("[profile dev]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n")

    assert profile_credentials("dev").read() == KEY


def test_credentials_of_a_profile_are_renewed_when_they_expire(config: Path, tmp_path: Path) -> None:
    """A program gives new credentials at each call. The first ones expire soon."""
    program, calls = tmp_path / "program.py", tmp_path / "calls"
    program.write_text(f"""
import json
with open({str(calls)!r}, "a+") as file:
    file.write("x")
    file.seek(0)
    count = len(file.read())
print(json.dumps({{"Version": 1, "AccessKeyId": f"AKID{{count}}", "SecretAccessKey": "secret",
                  "SessionToken": "token", "Expiration": "2999-01-01T00:00:00Z" if count == 3 else "{soon()}"}}))
""")
    config.write_text(f"[profile dev]\ncredential_process = {sys.executable} {program}\n")

    credentials = profile_credentials("dev")

    assert credentials.read()["AWS_ACCESS_KEY_ID"] == "AKID3"
    assert credentials.read() == {"AWS_ACCESS_KEY_ID": "AKID3", "AWS_SECRET_ACCESS_KEY": "secret", **TOKEN}


def soon() -> str:
    """Return a time so near that credentials until then are renewed."""
    return (datetime.now(timezone.utc) + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ("", r"^The credentials of the profile dev cannot be read: The config profile \(dev\) could not be found"),
        ("[profile dev]\nregion = eu-west-1\n", r"^The profile dev has no credentials\. Choose another"),
        ("[profile dev]\naws_access_key_id = AKIDEXAMPLE\n", r"Partial credentials"),
        ("[profile dev]\ncredential_process = echo no-json\n", r"^The credentials of the profile dev cannot be read: "),
        ("[profile dev]\ncredential_process = false\n", r"^The credentials of the profile dev cannot be read: "),
        (
            "[profile dev]\nsso_start_url = https://sso.invalid/start\nsso_region = eu-west-1\n"
            "sso_account_id = 123456789012\nsso_role_name = Developer\n",
            r"`aws sso login --profile dev`",
        ),
    ],
)
def test_error_about_a_profile_has_the_fix(config: Path, section: str, reason: str) -> None:
    config.write_text(section)

    with pytest.raises(CredentialsError, match=reason):
        profile_credentials("dev")


def test_profile_without_botocore_is_an_error_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore", None)

    with pytest.raises(CredentialsError, match=r"botocore is not installed .* `pip install boto3`"):
        profile_credentials("dev")
