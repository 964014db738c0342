"""Functions whose front doors are watched. At each synth the runtime's variable, errors and warnings follow the app.

The variable is a token, so its value is the result of the newest search when the CDK writes the template.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from weakref import WeakKeyDictionary

from aws_cdk import Stage, aws_lambda

from cdk_lambda_streaming.cdk.construct_tree import identity_of, path_of
from cdk_lambda_streaming.cdk.function_resource import add_info, add_warning, set_variable
from cdk_lambda_streaming.cdk.lazy_text import lazy_text
from cdk_lambda_streaming.cdk.validation import validate_at_synth
from cdk_lambda_streaming.checks.environment import FRONT_DOORS_VARIABLE, FrontDoor
from cdk_lambda_streaming.front_doors.advice import warnings_about, warnings_about_distribution
from cdk_lambda_streaming.front_doors.methods import find_problems
from cdk_lambda_streaming.front_doors.records import FoundFrontDoors
from cdk_lambda_streaming.front_doors.search import SearchResult, find_front_doors

Check = Callable[[FoundFrontDoors], Collection[str]]
"""Function that checks the front doors of a function and returns error messages."""
# Facts that a user wrote on purpose: `cdk synth --strict` passes with them.
_INFOS = ("publicFunctionUrl",)


def watch_front_doors(function: aws_lambda.Function, check: Check) -> None:
    """Call `check` at each synth with the front doors of the function, and show errors and warnings about them."""
    watch, path = _watch_of(function), path_of(function)
    watch.functions[path] = function
    watch.checks[path] = check


def tell_runtime(function: aws_lambda.Function, *, default: str | None = None) -> None:
    """Give a watched function the variable with its front doors that stream.

    :param default: Value of the variable if the runtime's default is right. Default: the template has no variable.
    """
    watch, path = _watch_of(function), path_of(function)
    set_variable(function, FRONT_DOORS_VARIABLE, lazy_text(lambda is_early: watch.setting(path, is_early) or default))


def name_front_doors(function: aws_lambda.Function, front_doors: Collection[FrontDoor]) -> None:
    """Use these front doors as those that stream, instead of the ones in the app."""
    _watch_of(function).named[path_of(function)] = frozenset(front_doors)


def name_alias(function: aws_lambda.Function, alias_name: str) -> None:
    """Warn of front doors that call the function itself instead of its alias."""
    _watch_of(function).aliases[path_of(function)] = alias_name


def _watch_of(function: aws_lambda.Function) -> _Watch:
    stage = Stage.of(function)
    assert stage is not None
    watch = _WATCHES.get(stage)
    if watch is None:
        watch = _WATCHES[stage] = _Watch()
        validate_at_synth(stage, watch.validate)
    return watch


class _Watch:
    """Watched functions of one stage."""

    def __init__(self) -> None:
        # Keep no stage. It is this object's key in a dictionary that must not keep it alive.
        # By the paths of functions.
        self.functions: dict[str, aws_lambda.Function] = {}
        self.checks: dict[str, Check] = {}
        self.named: dict[str, frozenset[FrontDoor]] = {}
        self.aliases: dict[str, str] = {}
        self._settings: Mapping[str, str | None] | None = None

    def setting(self, path: str, is_early: Callable[[], bool]) -> str | None:
        """Return the runtime's list for a function.

        The validation of each synth searches. If the user skips it, the first use of the list does.
        """
        if self._settings is None:
            if is_early():
                return None
            self._settings = {}  # A search within the search finds nothing.
            self._settings = self._settings_of(self._search())
        return self._settings.get(path)

    def validate(self) -> list[str]:
        """Search again, and return the error messages. The app may have changed since the last search."""
        result = self._search()
        self._settings = self._settings_of(result)
        self._show_warnings(result)
        problems: list[str] = []
        for path, openings in result.openings.items():
            for opening in openings:
                if opening.method is not None:
                    problems += find_problems(opening.method, self.functions[path])
            check = self.checks[path]
            problems += [f"function '{path}': {problem}" for problem in check(self._found(result, path))]
        return problems

    def _search(self) -> SearchResult:
        stage = Stage.of(next(iter(self.functions.values())))
        assert stage is not None
        return find_front_doors(stage, self.functions)

    def _settings_of(self, result: SearchResult) -> dict[str, str | None]:
        return {path: self._found(result, path).setting() for path in self.functions}

    def _found(self, result: SearchResult, path: str) -> FoundFrontDoors:
        return FoundFrontDoors([opening.door for opening in result.openings[path]], self.named.get(path))

    def _show_warnings(self, result: SearchResult) -> None:
        for path, function in self.functions.items():
            openings = result.openings[path]
            warnings = [w for opening in openings for w in warnings_about(opening, function, self.aliases.get(path))]
            urls = [identity_of(opening.resource.construct) for opening in openings]
            for distribution in result.distributions:
                warnings += warnings_about_distribution(distribution, urls, result.values)
            # The first of each id is enough: ten methods of an API have one cause.
            for warning in {warning.id: warning for warning in reversed(warnings)}.values():
                (add_info if warning.id in _INFOS else add_warning)(function, *warning)


_WATCHES: WeakKeyDictionary[Stage, _Watch] = WeakKeyDictionary()
