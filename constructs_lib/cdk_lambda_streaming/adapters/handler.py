"""Adapter for a Python Lambda handler."""

from __future__ import annotations

from pathlib import Path

from cdk_lambda_streaming.adapters.runtime_adapter import FoundHandler, RuntimeAdapter
from cdk_lambda_streaming.code.application_settings import ApplicationSettings
from cdk_lambda_streaming.code.entry import find_index, handler_string
from cdk_lambda_streaming.code.handler_source import find_handler
from cdk_lambda_streaming.code.module_source import SoughtName, check_is_deployed
from cdk_lambda_streaming.code.plain_code import excluded_by_user
from cdk_lambda_streaming.options import CodeOptions


class HandlerAdapter(RuntimeAdapter):
    def find_handler(self, options: CodeOptions, entry: Path, python: tuple[int, int]) -> FoundHandler:
        index = "index.py" if options.index is None else options.index
        name = "handler" if options.handler is None else options.handler
        file = find_index(entry, index)
        check_is_deployed(entry, file, excluded_by_user(entry, options.bundling), "handler")
        handler = handler_string(index, name)
        module = handler.rpartition(".")[0]
        warning = find_handler(SoughtName("handler", file, module, name, "handler='{}'"), python)
        return FoundHandler(handler, [] if warning is None else [warning])

    def attached_settings(self) -> ApplicationSettings | None:
        return None  # The function keeps its handler.
