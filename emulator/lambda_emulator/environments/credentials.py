"""AWS credentials that functions get: those of the shell, those of a profile, or none.

A function always gets a value for each variable. Without one, an SDK in it would read the developer's own files.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

NO_CREDENTIALS = "the-emulator-has-no-credentials"

_KEY_ID, _SECRET, _TOKEN = _VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


_NOT_OF_PROFILES = ("boto-config", "container-role", "iam-role")
"""Providers that botocore asks last, if the profile has no credentials. They are those of the machine."""


class CredentialsError(Exception):
    """The credentials of a profile cannot be read. The message has the fix."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Source of AWS credentials."""

    description: str
    """Sentence for the developer: which credentials functions get, and the way to change that."""
    read: Callable[[], Mapping[str, str]]
    """Return the variables with their present values. A profile with SSO or a role gets new ones when they expire."""


def no_credentials(reason: str = "") -> Credentials:
    """Return values that AWS refuses."""
    values = dict.fromkeys(_VARIABLES, NO_CREDENTIALS)
    return Credentials(f"functions get none{reason}.", lambda: values)


def shell_credentials(environment: Mapping[str, str]) -> Credentials:
    """Return the credentials in the variables of a shell, or none if there is no whole pair."""
    if not (environment.get(_KEY_ID) and environment.get(_SECRET)):
        profile = environment.get("AWS_PROFILE") or "NAME"
        reason = f": this shell does not export {_KEY_ID} and {_SECRET}. --profile {profile} passes a profile's"
        return no_credentials(reason)
    values = {name: environment[name] for name in _VARIABLES if environment.get(name)}
    description = f"functions get {_listed(values)} of this shell. --no-credentials passes none."
    return Credentials(description, lambda: values)


def profile_credentials(name: str) -> Credentials:
    """Return the credentials of a profile, which botocore resolves. Raise `CredentialsError` if it has none now."""
    if importlib.util.find_spec("botocore") is None:
        raise CredentialsError(
            f"The profile {name} cannot be read: botocore is not installed beside the emulator. "
            "Run `pip install boto3`."
        )
    profile = _Profile(name)
    profile.read()
    return Credentials(f"functions get those of the profile {name}. --no-credentials passes none.", profile.read)


class _Profile:
    """Profile of AWS's configuration files."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._credentials: Any = None

    def read(self) -> Mapping[str, str]:
        from botocore.exceptions import BotoCoreError, ClientError, SSOError, TokenRetrievalError

        try:
            return self._read()
        except (SSOError, TokenRetrievalError) as error:
            raise self._unreadable(error, f" Run `aws sso login --profile {self._name}`.") from None
        except (BotoCoreError, ClientError, ValueError) as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception, fix: str = "") -> CredentialsError:
        return CredentialsError(f"The credentials of the profile {self._name} cannot be read: {error}{fix}")

    def _read(self) -> Mapping[str, str]:
        if self._credentials is None:
            self._credentials = self._resolve()
        frozen = self._credentials.get_frozen_credentials()
        values = {_KEY_ID: frozen.access_key, _SECRET: frozen.secret_key, _TOKEN: frozen.token}
        return {name: value for name, value in values.items() if value}

    def _resolve(self) -> Any:
        from botocore.session import Session

        session = Session(profile=self._name)
        resolver = session.get_component("credential_provider")
        for provider in _NOT_OF_PROFILES:
            resolver.remove(provider)
        credentials = session.get_credentials()
        if credentials is None:
            raise CredentialsError(f"The profile {self._name} has no credentials. Choose another with --profile.")
        return credentials


def _listed(values: Mapping[str, str]) -> str:
    *others, last = values
    return f"{', '.join(others)} and {last}"
