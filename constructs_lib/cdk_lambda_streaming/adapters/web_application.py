"""Adapter for a web application, ASGI or WSGI. The streaming runtime runs it in its own process, without a server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import Token, aws_lambda

from cdk_lambda_streaming.adapters.runtime_adapter import FoundHandler, RuntimeAdapter
from cdk_lambda_streaming.cdk.function_resource import set_image_command
from cdk_lambda_streaming.cdk.reference_text import is_token
from cdk_lambda_streaming.checks.application_variables import (
    APP_VARIABLE,
    ASGI_HANDLER,
    AUTHORIZATION_VARIABLE,
    CHECKS,
    ERRORS_VARIABLE,
    FORWARDED_HOST_VARIABLE,
    LIFESPAN_VARIABLE,
    OTHER_EVENTS_VARIABLE,
    ROOT_PATH_VARIABLE,
    WSGI_HANDLER,
    ObjectName,
    parse_application,
    parse_handler,
)
from cdk_lambda_streaming.checks.environment import GRACEFUL_SHUTDOWN_VARIABLE
from cdk_lambda_streaming.code.application_module import ModuleSearch
from cdk_lambda_streaming.code.application_settings import ApplicationSettings
from cdk_lambda_streaming.code.application_source import find_application, find_other_events
from cdk_lambda_streaming.code.deployment_package import DeploymentPackage
from cdk_lambda_streaming.code.installed_modules import find_installed
from cdk_lambda_streaming.code.plain_code import excluded_by_user
from cdk_lambda_streaming.code.web_applications import Kind, adapter_of
from cdk_lambda_streaming.options import CodeOptions

_TEXTS = {
    "app": APP_VARIABLE,
    "lifespan": LIFESPAN_VARIABLE,
    "root_path": ROOT_PATH_VARIABLE,
    "other_events": OTHER_EVENTS_VARIABLE,
    "authorization_header": AUTHORIZATION_VARIABLE,
}
_EXAMPLES = {
    "app": "'app.main:app'",
    "lifespan": "'auto'",
    "root_path": "'/api'",
    "other_events": "'app.jobs:handle'",
    "authorization_header": "'x-authorization'",
}
# The source in `entry` shows if these exist, so they must be known at synth.
_LOOKED_UP = ("app", "other_events")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebApplicationOptions:
    """Options of an application. `lifespan` is None for WSGI, which has none."""

    app: str
    lifespan: str | None = None
    root_path: str | None = None
    other_events: str | None = None
    authorization_header: str | None = None
    forwarded_host: bool = False
    error_responses: bool = True

    def check(self) -> None:
        """Reject options with a wrong type or value."""
        for option in _TEXTS:
            value = getattr(self, option)
            if value is not None or option == "app":
                _check_text(option, value)
        for option in ("forwarded_host", "error_responses"):
            value = getattr(self, option)
            if not isinstance(value, bool):
                raise TypeError(f"{option} must be True or False, got {value!r}")

    def names(self) -> tuple[ObjectName, ObjectName | None]:
        """Return the names of the application and of the handler of other events, from checked options."""
        application = parse_application(self.app)
        assert application is not None
        return application, None if self.other_events is None else parse_handler(self.other_events)

    def variables(self) -> dict[str, str]:
        """Return the variables of checked options. The runtime's defaults need none."""
        found = {variable: getattr(self, option) for option, variable in _TEXTS.items()}
        if self.lifespan == "auto":
            del found[LIFESPAN_VARIABLE]
        if self.authorization_header is not None and not is_token(self.authorization_header):
            found[AUTHORIZATION_VARIABLE] = self.authorization_header.lower()
        found[FORWARDED_HOST_VARIABLE] = "on" if self.forwarded_host else None
        found[ERRORS_VARIABLE] = None if self.error_responses else "error"
        return {variable: value for variable, value in found.items() if value is not None}


class WebApplicationAdapter(RuntimeAdapter):
    def __init__(self, kind: Kind, options: WebApplicationOptions) -> None:
        options.check()
        self._kind, self._options = kind, options
        handler = ASGI_HANDLER if kind is Kind.ASGI else WSGI_HANDLER
        # Only ASGI applications learn of the end of the process, by their lifespan.
        shuts_down = kind is Kind.ASGI and options.lifespan != "off"
        defaults = {GRACEFUL_SHUTDOWN_VARIABLE: "on"} if shuts_down else {}
        self._settings = ApplicationSettings(handler, options.variables(), defaults)

    @property
    def default_handler(self) -> str:
        return self._settings.handler

    def package(self, options: CodeOptions) -> DeploymentPackage:
        for option, value in (("index", options.index), ("handler", options.handler)):
            if value is not None:
                raise TypeError(
                    f"{option} is an option of Adapter.handler(), got {option}={value!r}; leave it out, and name the "
                    f"application in the adapter: {adapter_of(self._kind)}('app.main:app')"
                )
        return RuntimeAdapter.package(self, options)

    def find_handler(self, options: CodeOptions, entry: Path, python: tuple[int, int]) -> FoundHandler:
        installed = find_installed(entry, options.bundling, by_image=options.base_image is not None)
        search = ModuleSearch(entry, installed, python, excluded_by_user(entry, options.bundling))
        application, other_events = self._options.names()
        found = [find_application(search, application, self._kind)]
        if other_events is not None:
            found.append(find_other_events(search, other_events))
        return FoundHandler(self._settings.handler, [warning for warning in found if warning is not None])

    def attach(self, function: aws_lambda.Function, package: DeploymentPackage) -> None:
        RuntimeAdapter.attach(self, function, package)
        self._settings.set_variables(function)
        if package.is_image and not package.is_built_image:
            set_image_command(function, self._settings.handler)

    def attached_settings(self) -> ApplicationSettings:
        return self._settings


def _check_text(option: str, value: Any) -> None:
    example = _EXAMPLES[option]
    if not isinstance(value, str):
        hint = "; it is imported only in Lambda, so pass its name instead of the object" if option == "app" else ""
        raise TypeError(f"{option} must be a str, such as {example}, got {value!r}{hint}")
    if Token.is_unresolved(value):
        if option in _LOOKED_UP:
            raise ValueError(f"{option} must be known at synth, such as {example}, got a token; pass a literal text")
        return
    wrong = CHECKS[_TEXTS[option]](value)
    if wrong:
        rule, question, meant = wrong.partition("; did you mean")
        raise ValueError(f"{option} {rule}, got {value!r}{question}{meant}")
