"""Check of a web application, and of the handler beside it, in the sources in `entry`."""

from __future__ import annotations

from cdk_lambda_streaming.checks.application_variables import ObjectName
from cdk_lambda_streaming.checks.synth_warning import SynthWarning
from cdk_lambda_streaming.code.application_call import check_application
from cdk_lambda_streaming.code.application_module import ModuleSearch
from cdk_lambda_streaming.code.handler_source import find_handler
from cdk_lambda_streaming.code.module_source import SoughtName
from cdk_lambda_streaming.code.web_applications import Kind, adapter_of


def find_application(search: ModuleSearch, name: ObjectName, kind: Kind) -> SynthWarning | None:
    """Raise `ValueError` if `entry` has no such application. Return a warning if its sources do not tell."""
    file = search.find("app", name)
    if isinstance(file, SynthWarning):
        return file
    rest = f"{name.path.removeprefix(name.top_level)}{'()' if name.is_factory else ''}"
    option = f"{adapter_of(kind)}('{name.module}:{{}}{rest}')"
    sought = SoughtName("application", file, name.module, name.top_level, option, lambda: search.list_others(name))
    module = sought.read(search.python)
    if isinstance(module, SynthWarning):
        return module
    hidden = sought.find_hidden_binding(module)
    if hidden is not None:
        return SynthWarning(
            "applicationUnread",
            f"{hidden}. Define or import the application at the top level, or acknowledge this warning.",
        )
    check_application(module, file, name, kind)
    return None


def find_other_events(search: ModuleSearch, name: ObjectName) -> SynthWarning | None:
    """Raise `ValueError` if `entry` has no such handler. Return a warning if its sources do not tell."""
    file = search.find("other_events", name)
    if isinstance(file, SynthWarning):
        return file
    sought = SoughtName("handler", file, name.module, name.path, f"other_events='{name.module}:{{}}'")
    return find_handler(sought, search.python)
