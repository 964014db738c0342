"""A Lambda function whose response streams."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aws_cdk import Annotations, Duration, aws_iam, aws_lambda
from constructs import Construct
from lambda_bundling.options import BundlingOptions

from cdk_lambda_streaming.adapters.adapter import Adapter
from cdk_lambda_streaming.cdk.cdk_errors import lists_for_tuples, named_options
from cdk_lambda_streaming.cdk.construct_tree import stack_of
from cdk_lambda_streaming.cdk.function_resource import add_warning, resource_of
from cdk_lambda_streaming.cdk.python_calls import for_python_calls
from cdk_lambda_streaming.cdk.structs import options_by_name
from cdk_lambda_streaming.cdk.told_once import tell_once
from cdk_lambda_streaming.checks.environment import FrontDoor, check_environment, check_front_doors
from cdk_lambda_streaming.checks.event_options import check_event_options, check_event_source
from cdk_lambda_streaming.checks.grantee import check_grantee
from cdk_lambda_streaming.checks.limits import (
    check_alias_name,
    check_cors,
    check_memory_size,
    check_sample_rate,
    check_timeout,
    limit_warnings,
    region_warnings,
)
from cdk_lambda_streaming.code.bundled_code import METADATA_KEY
from cdk_lambda_streaming.code.deployment_package import BYTE_CODE
from cdk_lambda_streaming.code.entry_files import entry_warnings
from cdk_lambda_streaming.event_sources import watch_event_sources
from cdk_lambda_streaming.front_doors.watch import name_alias, name_front_doors
from cdk_lambda_streaming.option_names import check_option_names, keyword_options
from cdk_lambda_streaming.options import (
    CodeOptions,
    alias_advice,
    alias_options_by_name,
    check_alias_options,
    check_code_options,
    check_layers,
    check_url_options,
)
from cdk_lambda_streaming.streaming_alias import StreamingAlias, reject_beside_snap_start
from cdk_lambda_streaming.streaming_target import StreamingTarget, check_metric_options

if TYPE_CHECKING:
    from aws_cdk import aws_cloudwatch
    from typing_extensions import Unpack

    from cdk_lambda_streaming.cdk_options import (
        AliasOptions,
        EventSourceMappingOptions,
        FunctionOptions,
        MetricOptions,
        PermissionOptions,
    )


class StreamingFunction(StreamingTarget, aws_lambda.Function):
    """A Lambda function whose caller gets the response while it is produced.

    It is an `aws_lambda.Function` with the streaming runtime as a layer and a Function URL that streams. It accepts
    every other option of `aws_lambda.Function` too.

    A response can have 200 MB. Its first 6 MB have no speed limit, the rest is limited to 2 MB/s
    (https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html).
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        entry: str | os.PathLike[str] | None = None,
        index: str | None = None,
        handler: str | None = None,
        code: aws_lambda.Code | None = None,
        base_image: str | None = None,
        adapter: Adapter | None = None,
        runtime: aws_lambda.Runtime | None = None,
        architecture: aws_lambda.Architecture | None = None,
        memory_size: float = 1024,
        timeout: Duration | None = None,
        function_url: bool = True,
        auth_type: aws_lambda.FunctionUrlAuthType | None = None,
        cors: aws_lambda.FunctionUrlCorsOptions | Mapping[str, Any] | None = None,
        invoke_mode: aws_lambda.InvokeMode = aws_lambda.InvokeMode.RESPONSE_STREAM,
        alias_name: str | None = None,
        alias_options: aws_lambda.AliasOptions | AliasOptions | None = None,
        exec_wrappers: Sequence[str] = (),
        stream_metrics_sample_rate: float = 0,
        front_doors: Collection[FrontDoor] | None = None,
        bundling: BundlingOptions | None = None,
        environment: Mapping[str, str] | None = None,
        layers: Sequence[aws_lambda.ILayerVersion] | None = None,
        **function_options: Unpack[FunctionOptions],
    ) -> None:
        """Make the function, its Function URL and, once per stack, the layer.

        :param entry: Folder with the function's code. A relative path starts at the working directory. Default: none;
            then `code` is required.
        :param index: File in `entry` with the handler. Default: `index.py`.
        :param handler: Name of the handler in `index`. The library parses the file and never imports it. With `code`
            and with other adapters: Lambda's own handler string, such as `index.handler`. Default: `handler`.
        :param code: Any `aws_lambda.Code`, a container image included, instead of `entry`. The library does not read
            it. Default: the code in `entry`.
        :param base_image: Makes the function a container image of `entry` on top of this image, such as
            `public.ecr.aws/lambda/python:3.14`. It must have Python as `python3`. Default: a zip archive.
        :param adapter: Program that runs the code, such as `Adapter.asgi("app.main:app")` for a web application.
            Default: `Adapter.handler()`, for a Python handler that yields.
        :param runtime: A managed Python runtime, 3.10 or newer, or an OS-only runtime. Other adapters accept others.
            Default: `Runtime.PYTHON_3_14`, in every version with the same major number.
        :param architecture: Default: `Architecture.ARM_64`.
        :param memory_size: In MB. More memory also means more CPU. Default: 1024.
        :param timeout: Longest duration of a response, at most 90 minutes. Lambda charges to the end of the response
            even if the caller has left. Default: 5 minutes.
        :param function_url: Add a Function URL. Default: True.
        :param auth_type: Authorization of the Function URL. Default: callers need IAM permission, see
            `grant_invoke_url`.
        :param cors: Origins that may call the Function URL from a browser. Default: only its own.
        :param invoke_mode: Mode of the Function URLs. The runtime adapts its responses. Default: `RESPONSE_STREAM`.
        :param alias_name: Adds an alias of the newest version. The Function URL, grants, integrations, origins and
            metrics then belong to the alias. Default: no alias.
        :param alias_options: Options of the alias, such as `AliasOptions(provisioned_concurrent_executions=2)`.
            Default: none.
        :param exec_wrappers: Wrapper scripts of other tools, such as `/opt/otel-instrument`. The runtime starts them
            in this order, because it uses Lambda's only wrapper slot itself. Default: none.
        :param stream_metrics_sample_rate: Share of the invocations, from 0 to 1, that write `metric_midstream_errors`,
            `metric_time_to_first_byte` and `metric_response_bytes`. Default: 0, none.
        :param front_doors: All front doors that stream, if one of them is not a construct in the app: a REST API of
            another app, or one whose OpenAPI document is a file in S3. Default: the front doors in the app.
        :param bundling: Options for the dependencies in `entry`. Default: uv installs them without Docker, for the
            function's Python and processor. A folder without dependencies is deployed as it is.
        :param environment: Environment variables. Default: none. The library adds its own variables.
        :param layers: Layers besides the runtime's, at most four. Default: none.
        :param function_options: Every other option of `aws_lambda.Function`.
        """
        check_option_names(
            "StreamingFunction()",
            function_options,
            own=keyword_options(StreamingFunction.__init__),
            cdk=aws_lambda.Function.__init__,
        )
        adapter = Adapter.handler() if adapter is None else adapter
        timeout = Duration.minutes(5) if timeout is None else timeout
        environment = {} if environment is None else environment
        architecture = aws_lambda.Architecture.ARM_64 if architecture is None else architecture
        if not isinstance(adapter, Adapter):
            raise TypeError(f"adapter must be an Adapter, such as Adapter.asgi('app.main:app'), got {adapter!r}")
        if not isinstance(architecture, aws_lambda.Architecture):
            raise TypeError(f"architecture must be an Architecture, such as Architecture.ARM_64, got {architecture!r}")
        check_timeout(timeout)
        check_memory_size(memory_size)
        check_sample_rate(stream_metrics_sample_rate)
        if front_doors is not None:
            check_front_doors(front_doors)
        implementation = adapter.implementation
        check_environment(environment, implementation.check_variable)
        check_layers(layers)
        check_event_options(function_options)
        check_url_options(
            function_url=function_url,
            auth_type=auth_type,
            cors=cors,
            invoke_mode=invoke_mode,
            function_options=function_options,
        )
        check_alias_options(
            alias_name=alias_name,
            alias_options=alias_options,
            function_url=function_url,
            function_options=function_options,
        )
        code_options = CodeOptions(
            scope=scope,
            entry=entry,
            index=index,
            handler=handler,
            code=code,
            base_image=base_image,
            runtime=runtime,
            architecture=architecture,
            invoke_mode=invoke_mode,
            exec_wrappers=exec_wrappers,
            stream_metrics_sample_rate=stream_metrics_sample_rate,
            bundling=bundling,
        )
        check_code_options(code_options)
        package = implementation.package(code_options)
        implementation.check_function_options({**function_options, "layers": layers}, package)

        cdk_options = lists_for_tuples({**function_options, "layers": layers})
        # The CDK would send their events to the function itself.
        events_of_alias = cdk_options.pop("events", None) if alias_name is not None else None
        with named_options(cdk_options):
            super().__init__(
                scope,
                id,
                code=package.code,
                handler=package.handler,
                runtime=package.runtime,
                architecture=architecture,
                memory_size=memory_size,
                timeout=timeout,
                environment={**environment, **package.environment},
                **cdk_options,
            )
        self._adapter = implementation
        self._invoke_mode = invoke_mode
        self._stream_metrics_sample_rate = stream_metrics_sample_rate
        self._function_url: aws_lambda.FunctionUrl | None = None
        self._alias: StreamingAlias | None = None
        if package.bundling_metadata:
            resource_of(self).add_metadata(METADATA_KEY, dict(package.bundling_metadata))
        implementation.attach(self, package)
        watch_event_sources(self)
        if front_doors is not None:
            name_front_doors(self, front_doors)
        warnings = [*package.warnings, *limit_warnings(timeout=timeout, memory_size=memory_size)]
        if entry is not None:
            warnings += entry_warnings(entry, bundling)
        if function_url:
            warnings += region_warnings(stack_of(self).region)
        for warning in warnings:
            add_warning(self, *warning)
        for info in package.byte_code_infos:
            tell_once(self, BYTE_CODE, *info)
        if alias_name is not None:
            self._alias = self.add_alias(alias_name, **alias_options_by_name(alias_options))
            name_alias(self, alias_name)
            # The CDK's warning asks for a published version, and the alias has one.
            Annotations.of(self).acknowledge_warning("@aws-cdk/aws-lambda:snapStartRequirePublish")
            for source in events_of_alias or ():
                self.add_event_source(source)
        if function_url:
            self.add_function_url(auth_type=auth_type, cors=cors)

    @staticmethod
    def is_streaming_function(construct: object) -> bool:
        """Return True for a `StreamingFunction`."""
        return isinstance(construct, StreamingFunction)

    @property
    def alias(self) -> StreamingAlias | None:
        """Alias made by `alias_name`, or None."""
        return self._alias

    @property
    def function_url(self) -> aws_lambda.FunctionUrl | None:
        """Function URL, or None for a function without one."""
        return self._function_url

    def add_alias(self, alias_name: str, **options: Unpack[AliasOptions]) -> StreamingAlias:
        """Add an alias of the newest version. Its `add_function_url` streams by default.

        :param options: Options of `aws_lambda.AliasOptions`.
        """
        check_alias_name(alias_name)
        check_option_names("add_alias()", options, cdk=aws_lambda.Function.add_alias)
        check_event_options(options)
        if options.get("provisioned_concurrent_executions"):
            reject_beside_snap_start(self, "provisioned_concurrent_executions")
        with named_options(options):
            return StreamingAlias(
                self, f"Alias{alias_name}", alias_name=alias_name, version=self.current_version, **options
            )

    def add_function_url(
        self,
        *,
        auth_type: aws_lambda.FunctionUrlAuthType | None = None,
        cors: aws_lambda.FunctionUrlCorsOptions | Mapping[str, Any] | None = None,
        invoke_mode: aws_lambda.InvokeMode | None = None,
    ) -> aws_lambda.FunctionUrl:
        """Add the Function URL to a function that was made with `function_url=False`.

        If the function has an `alias_name`, the URL belongs to the alias.

        :param auth_type: Default: callers need IAM permission.
        :param cors: Default: only its own origin.
        :param invoke_mode: Default: the function's `invoke_mode`.
        """
        if self._function_url is not None:
            raise ValueError(
                f"function '{self.node.path}' has a Function URL already, in its property function_url; "
                "pass function_url=False to add one yourself"
            )
        invoke_mode = invoke_mode or self._invoke_mode
        cors = None if cors is None else check_cors(cors)
        if self._alias is not None:
            url = self._alias.add_function_url(auth_type=auth_type, cors=cors, invoke_mode=invoke_mode)
        else:
            self._reject_snap_start_without_alias()
            url = super().add_function_url(auth_type=auth_type, cors=cors, invoke_mode=invoke_mode)
        self._function_url = url
        return url

    def add_environment(self, key: str, value: str, *, remove_in_edge: bool | None = None) -> aws_lambda.Function:
        """Add an environment variable. Reject names that the library or Lambda reserves."""
        self._adapter.check_variable(key, value)
        return super().add_environment(key, value, remove_in_edge=remove_in_edge)

    def grant_invoke_url(self, grantee: aws_iam.IGrantable) -> aws_iam.Grant:
        """Allow calls to the Function URL. AWS requires two actions: `InvokeFunctionUrl` and `InvokeFunction`."""
        check_grantee(grantee)
        if self._alias is not None:
            return self._alias.grant_invoke_url(grantee)
        return super().grant_invoke_url(grantee)

    # Grants and events of the alias.

    @for_python_calls
    def grant_invoke(self, grantee: aws_iam.IGrantable) -> aws_iam.Grant:
        """Allow calls of the function and of the alias, if there is one."""
        check_grantee(grantee)
        grant = super().grant_invoke(grantee)
        # A policy of a role names all versions and aliases. A permission on a function is only for the function itself.
        if self._alias is None or not grant.resource_statements:
            return grant
        # The CDK's warning asks for a permission on the alias, which follows.
        Annotations.of(self).acknowledge_warning("@aws-cdk/aws-lambda:addPermissionsToVersionOrAlias")
        return grant.combine(self._alias.grant_invoke(grantee))

    @for_python_calls
    def add_permission(self, id: str, *, principal: aws_iam.IPrincipal, **options: Unpack[PermissionOptions]) -> None:
        """Add a permission to the target's resource policy.

        :param principal: Service, account or organization that may call the target.
        :param options: Options of `aws_lambda.Permission`.
        """
        check_option_names("add_permission()", options, own=("principal",), cdk=aws_lambda.Function.add_permission)
        with named_options({"principal": principal, **options}):
            if self._alias is not None:
                self._alias.add_permission(id, principal=principal, **options)
            else:
                super().add_permission(id, principal=principal, **options)

    @for_python_calls
    def add_event_source(self, source: aws_lambda.IEventSource) -> None:
        """Send the events of a source, such as a queue, to the target."""
        check_event_source("source", source)
        if self._alias is not None:
            self._alias.add_event_source(source)
        else:
            super().add_event_source(source)

    @for_python_calls
    def add_event_source_mapping(
        self, id: str, **options: Unpack[EventSourceMappingOptions]
    ) -> aws_lambda.EventSourceMapping:
        """Send the events of a source, named by its ARN, to the target.

        :param options: Options of `aws_lambda.EventSourceMapping`.
        """
        method = aws_lambda.Function.add_event_source_mapping
        check_option_names("add_event_source_mapping()", options, cdk=method)
        with named_options(options):
            if self._alias is not None:
                return self._alias.add_event_source_mapping(id, **options)
            return super().add_event_source_mapping(id, **options)

    def metric(
        self, metric_name: str, props: aws_cloudwatch.MetricOptions | None = None, **options: Unpack[MetricOptions]
    ) -> aws_cloudwatch.Metric:
        """Return a metric of Lambda by its name, for the alias if there is one. `metric_errors` and others call it.

        :param options: Options of `aws_cloudwatch.MetricOptions`.
        """
        check_metric_options(metric_name, options)
        # The CDK's own metric_errors and others pass `props`.
        given = {**options_by_name(props), **options}
        with named_options(given):
            return self._alias.metric(metric_name, **given) if self._alias else super().metric(metric_name, **given)

    def _function(self) -> aws_lambda.Function:
        return self

    def _add_url_advice(self) -> str:
        return "remove function_url=False, or call add_function_url()"

    def _add_alias_advice(self) -> str:
        return alias_advice("snap_start")

    def _write_metrics_advice(self) -> str:
        if self._stream_metrics_sample_rate:
            return ""
        if self._adapter.writes_stream_metrics:
            return "pass stream_metrics_sample_rate=1, or less for a part of its invocations"
        return "only the streaming runtime writes it: Adapter.handler(), Adapter.asgi() and Adapter.wsgi()"
