"""A Lambda function whose response streams."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aws_cdk import Annotations, Duration, Fn, aws_iam, aws_lambda
from constructs import Construct

from cdk_lambda_streaming.adapter import Adapter
from cdk_lambda_streaming.bundled_code import METADATA_KEY
from cdk_lambda_streaming.bundling.options import BundlingOptions
from cdk_lambda_streaming.cdk_errors import lists_for_tuples, named_options
from cdk_lambda_streaming.environment import FrontDoor, check_environment, check_front_doors
from cdk_lambda_streaming.front_doors import name_front_doors
from cdk_lambda_streaming.function_resource import resource_of
from cdk_lambda_streaming.limits import (
    check_alias_name,
    check_cors,
    check_memory_size,
    check_sample_rate,
    check_timeout,
)
from cdk_lambda_streaming.package import Source, check_source
from cdk_lambda_streaming.streaming_alias import StreamingAlias, alias_options_by_name, refuse_beside_snap_start

if TYPE_CHECKING:
    from aws_cdk import aws_apigateway, aws_cloudfront, aws_cloudwatch

# What a stream may well take; above it, callers who have left cost more than they should.
LONG_TIMEOUT_SECONDS = 300


class StreamingFunction(aws_lambda.Function):
    """A Lambda function whose response reaches the caller while it is produced.

    It is an `aws_lambda.Function` with the streaming runtime as a layer and a Function URL that streams.
    Every option of `aws_lambda.Function` that is not named here is passed on to it.

    A response can have 200 MB; its first 6 MB leave as fast as they come, the rest at 2 MB/s
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
        alias_options: aws_lambda.AliasOptions | Mapping[str, Any] | None = None,
        exec_wrappers: Sequence[str] = (),
        stream_metrics_sample_rate: float = 0,
        front_doors: Collection[FrontDoor] | None = None,
        bundling: BundlingOptions | None = None,
        environment: Mapping[str, str] | None = None,
        layers: Sequence[aws_lambda.ILayerVersion] | None = None,
        **function_options: Any,
    ) -> None:
        """Make the function, its Function URL and, once per stack, the layer.

        :param entry: The folder with the function's code. A relative path starts at the working directory.
            Default: none; then `code` is required.
        :param index: The file in `entry` that has the handler. Default: `index.py`.
        :param handler: The name of the handler in `index`. It is looked for by reading the file, which is
            never imported. With `code` and with other adapters it is Lambda's own string, such as
            `index.handler`. Default: `handler`.
        :param code: Any `aws_lambda.Code`, a container image included, in place of `entry`; nobody looks into it.
            Default: the code in `entry`.
        :param base_image: Makes the function a container image of `entry` on top of this one, which has to have
            Python as `python3`, such as `public.ecr.aws/lambda/python:3.14`. Default: a zip archive.
        :param adapter: What runs the code. Default: `Adapter.handler()`, a Python handler that yields.
        :param runtime: A managed Python runtime, 3.10 or newer, or an OS-only one. Other adapters take others.
            Default: the newest Python, `Runtime.PYTHON_3_14`.
        :param architecture: Default: `Architecture.ARM_64`.
        :param memory_size: In MB; more memory also means more processor. Default: 1024.
        :param timeout: How long one response may take, 15 minutes at most. Lambda charges to the end of the
            response even when its caller has gone. Default: 5 minutes.
        :param function_url: Whether there is a Function URL. Default: there is.
        :param auth_type: Who may call the Function URL. Default: callers with IAM permission, see
            `grant_invoke_url`.
        :param cors: Which origins may call the Function URL from a browser. Default: none but its own.
        :param invoke_mode: Whether Function URLs stream; the runtime answers to suit. Default: they do.
        :param alias_name: Makes an alias of the newest version; Function URL, grants, integrations, origins and
            metrics are the alias's then. Default: none, they are the function's.
        :param alias_options: The alias's, such as `AliasOptions(provisioned_concurrent_executions=2)`. Default: none.
        :param exec_wrappers: Wrapper scripts of other tools, such as `/opt/otel-instrument`, started in this order
            around the runtime: Lambda has one wrapper slot, which the runtime takes. Default: none.
        :param stream_metrics_sample_rate: Which share of the invocations writes `metric_midstream_errors`,
            `metric_time_to_first_byte` and `metric_response_bytes`, from 0 to 1. Default: 0, none.
        :param front_doors: Those that stream, where one of them is not in the app as a construct: a REST API of another
            app, or one whose OpenAPI document is a file in S3. Default: those that are found in the app.
        :param bundling: How the dependencies that `entry` names are installed. Default: by uv, without Docker, for the
            function's Python and processor; a folder that names none goes to Lambda as it is.
        :param environment: Environment variables. Default: none but the wrapper that starts the runtime.
        :param layers: Layers besides the runtime's own, four at most. Default: none.
        :param function_options: Everything else that `aws_lambda.Function` takes.
        """
        adapter = Adapter.handler() if adapter is None else adapter
        timeout = Duration.minutes(5) if timeout is None else timeout
        environment = {} if environment is None else environment
        architecture = aws_lambda.Architecture.ARM_64 if architecture is None else architecture
        if not isinstance(adapter, Adapter):
            raise TypeError(f"adapter must be an Adapter, such as Adapter.native(), got {adapter!r}")
        if not isinstance(architecture, aws_lambda.Architecture):
            raise TypeError(f"architecture must be an Architecture, such as Architecture.ARM_64, got {architecture!r}")
        check_timeout(timeout)
        check_memory_size(memory_size)
        check_sample_rate(stream_metrics_sample_rate)
        if front_doors is not None:
            check_front_doors(front_doors)
        check_environment(environment, adapter.check_variable)
        _check_layers(layers)
        _check_url_options(function_url, auth_type, cors, invoke_mode, function_options)
        _check_alias_options(alias_name, alias_options, function_url, function_options)
        source = Source(
            scope,
            entry,
            index,
            handler,
            code,
            base_image,
            runtime,
            architecture,
            invoke_mode,
            exec_wrappers,
            stream_metrics_sample_rate,
            bundling,
        )
        check_source(source)
        package = adapter.package(source)
        adapter.check_function_options({**function_options, "layers": layers}, package)

        function_options = lists_for_tuples({**function_options, "layers": layers})
        with named_options(function_options):
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
                **function_options,
            )
        self._adapter = adapter
        self._invoke_mode = invoke_mode
        self._stream_metrics_sample_rate = stream_metrics_sample_rate
        self._function_url: aws_lambda.FunctionUrl | None = None
        self._alias: StreamingAlias | None = None
        if package.bundling_metadata:
            resource_of(self).add_metadata(METADATA_KEY, dict(package.bundling_metadata))
        adapter.attach(self, package)
        if front_doors is not None:
            name_front_doors(self, front_doors)
        for doubt in package.doubts:
            self._warn(doubt.id, doubt.message)
        self._warn_of_long_timeout(timeout)
        if alias_name is not None:
            self._alias = self.add_alias(alias_name, **alias_options_by_name(alias_options))
            # What that warning asks for is there.
            Annotations.of(self).acknowledge_warning("@aws-cdk/aws-lambda:snapStartRequirePublish")
        if function_url:
            self.add_function_url(auth_type=auth_type, cors=cors)

    @staticmethod
    def is_streaming_function(construct: object) -> bool:
        """Whether something is a `StreamingFunction`."""
        return isinstance(construct, StreamingFunction)

    @property
    def alias(self) -> StreamingAlias | None:
        """The alias that `alias_name` made, or None."""
        return self._alias

    @property
    def url_target(self) -> aws_lambda.IFunction:
        """What the outside calls: the alias if there is one, else the function itself."""
        return self._alias or self

    @property
    def function_url(self) -> aws_lambda.FunctionUrl | None:
        """The Function URL, or None for a function that has none."""
        return self._function_url

    @property
    def url(self) -> str:
        """The address of the Function URL, `https://` and all; a token until it is deployed."""
        return self._require_function_url().url

    @property
    def url_domain_name(self) -> str:
        """The host name in `url`; a token until it is deployed."""
        return Fn.select(2, Fn.split("/", self.url))

    def add_alias(self, alias_name: str, **options: Any) -> StreamingAlias:
        """Add an alias of the newest version. Its `add_function_url` streams by default.

        :param options: Those of `aws_lambda.AliasOptions`.
        """
        check_alias_name(alias_name)
        if options.get("provisioned_concurrent_executions"):
            refuse_beside_snap_start(self, "provisioned_concurrent_executions")
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

        It is the alias's if the function was given `alias_name`.

        :param auth_type: Default: callers with IAM permission.
        :param cors: Default: no origin but its own.
        :param invoke_mode: Default: the function's own, which is `RESPONSE_STREAM` unless it was made
            otherwise.
        """
        if self._function_url is not None:
            raise ValueError(
                f"function '{self.node.path}' has a Function URL already, its member function_url; "
                "pass function_url=False to add one yourself"
            )
        invoke_mode = invoke_mode or self._invoke_mode
        cors = None if cors is None else check_cors(cors)
        if self._alias is not None:
            url = self._alias.add_function_url(auth_type=auth_type, cors=cors, invoke_mode=invoke_mode)
        else:
            self._refuse_snap_start_without_alias()
            url = super().add_function_url(auth_type=auth_type, cors=cors, invoke_mode=invoke_mode)
        self._function_url = url
        return url

    def add_environment(self, key: str, value: str, *, remove_in_edge: bool | None = None) -> aws_lambda.Function:
        """Add an environment variable, unless its name is the runtime's or Lambda's."""
        self._adapter.check_variable(key, value)
        return super().add_environment(key, value, remove_in_edge=remove_in_edge)

    # Who may call it.

    def grant_invoke_url(self, grantee: aws_iam.IGrantable) -> aws_iam.Grant:
        """Allow calling the Function URL: both actions that AWS asks for, `InvokeFunctionUrl` and `InvokeFunction`."""
        if self._alias is not None:
            return self._alias.grant_invoke_url(grantee)
        return super().grant_invoke_url(grantee)

    def grant_invoke_with_response_stream(self, grantee: aws_iam.IGrantable) -> aws_iam.Grant:
        """Allow the SDK's `InvokeWithResponseStream`, for which AWS asks for the action `InvokeFunction`."""
        return self.url_target.grant_invoke(grantee)

    # What stands in front of it. The modules behind these are imported by those who need them: each takes the CDK
    # some tenths of a second.

    def streaming_integration(
        self, *, tenant_id_source: str | None = None, **integration_options: Any
    ) -> aws_apigateway.LambdaIntegration:
        """Return an integration for a method of an API Gateway REST API, whose response streams.

        :param tenant_id_source: For a function with tenant isolation: where the tenant's id is taken from, such as
            `context.authorizer.tenantId` or `method.request.header.x-tenant-id`. Default: none.
        :param integration_options: Those of `aws_apigateway.LambdaIntegration`. Default of `timeout`: 15 minutes,
            the most there is.
        """
        from cdk_lambda_streaming import rest_api

        self._refuse_snap_start_without_alias()
        return rest_api.integration(
            self.url_target,
            tenant_id_source=tenant_id_source,
            has_tenants=self._has_tenants,
            options=integration_options,
        )

    def add_streaming_rest_api(
        self, id: str, *, tenant_id_source: str | None = None, **rest_api_options: Any
    ) -> aws_apigateway.LambdaRestApi:
        """Add an API Gateway REST API all of whose requests go to the function, and whose responses stream.

        Its first 10 MB leave as fast as they come, the rest at 2 MB/s; a response may take 15 minutes and be silent
        for 5.

        :param tenant_id_source: As in `streaming_integration`.
        :param rest_api_options: Those of `aws_apigateway.LambdaRestApi`. Default of `endpoint_types`: regional; of
            `default_method_options`: callers need IAM permission (`api.arn_for_execute_api()`).
        """
        from cdk_lambda_streaming import rest_api

        self._refuse_snap_start_without_alias()
        return rest_api.rest_api(
            self,
            id,
            self.url_target,
            tenant_id_source=tenant_id_source,
            has_tenants=self._has_tenants,
            options=rest_api_options,
        )

    def function_url_origin(self, **origin_options: Any) -> aws_cloudfront.IOrigin:
        """Return an origin for a CloudFront distribution, which alone may call the Function URL then.

        :param origin_options: Those of `FunctionUrlOrigin.with_origin_access_control`. Defaults of `read_timeout`,
            the longest silence in a stream: 60 seconds; of `response_completion_timeout`: the function's timeout.
        """
        from cdk_lambda_streaming import cloudfront

        return cloudfront.function_url_origin(self, self._require_function_url(), origin_options)

    def add_distribution(
        self,
        id: str,
        *,
        allowed_methods: aws_cloudfront.AllowedMethods | None = None,
        sign_request_bodies: bool = False,
        forward_host: bool = False,
        origin_options: Mapping[str, Any] | None = None,
        **distribution_options: Any,
    ) -> aws_cloudfront.Distribution:
        """Add a CloudFront distribution in front of the Function URL: no caching, no compression, all methods.

        :param allowed_methods: Default: all.
        :param sign_request_bodies: Adds a function of Lambda@Edge that hashes request bodies, without which Lambda
            refuses POST, PUT and PATCH behind CloudFront. It takes bodies of 1 MB at most, and the stack has to name
            its region. Default: False, clients send `x-amz-content-sha256` themselves.
        :param forward_host: Adds a CloudFront Function that passes the viewer's host on as `x-forwarded-host`.
            Default: False, the application sees the Function URL's host alone.
        :param origin_options: As in `function_url_origin`. Default: none.
        :param distribution_options: Those of `aws_cloudfront.Distribution`.
        """
        from cdk_lambda_streaming import cloudfront

        return cloudfront.distribution(
            self,
            id,
            self.function_url_origin(**(origin_options or {})),
            allowed_methods=allowed_methods,
            sign_request_bodies=sign_request_bodies,
            forward_host=forward_host,
            options=distribution_options,
        )

    # Metrics.

    def metric(
        self, metric_name: str, props: aws_cloudwatch.MetricOptions | None = None, **options: Any
    ) -> aws_cloudwatch.Metric:
        """Return a metric of Lambda's by its name, of the alias if there is one; so do `metric_errors` and its like.

        :param options: Those of `aws_cloudwatch.MetricOptions`.
        """
        # `props` is how the CDK's own metric_errors and others call this.
        options = {**(props._values if props is not None else {}), **options}
        return self._alias.metric(metric_name, **options) if self._alias else super().metric(metric_name, **options)

    def metric_url_request_count(self, **options: Any) -> aws_cloudwatch.Metric:
        """Requests to the Function URL. Statistic by default: Sum, over 5 minutes."""
        return self.metric("UrlRequestCount", **{"statistic": "Sum", **options})

    def metric_url_4xx_count(self, **options: Any) -> aws_cloudwatch.Metric:
        """Responses of the Function URL with a status of 400 to 499. Statistic by default: Sum, over 5 minutes."""
        return self.metric("Url4xxCount", **{"statistic": "Sum", **options})

    def metric_url_5xx_count(self, **options: Any) -> aws_cloudwatch.Metric:
        """Responses of the Function URL with a status of 500 to 599. Statistic by default: Sum, over 5 minutes."""
        return self.metric("Url5xxCount", **{"statistic": "Sum", **options})

    def metric_url_request_latency(self, **options: Any) -> aws_cloudwatch.Metric:
        """Milliseconds from request to end of response. Statistic by default: Average, over 5 minutes."""
        return self.metric("UrlRequestLatency", **{"statistic": "Average", **options})

    def metric_midstream_errors(self, **options: Any) -> aws_cloudwatch.Metric:
        """Responses that failed after their first byte, which no metric of Lambda's URLs shows. Default: Sum.

        They are written whatever the sample rate is, unless it is 0.
        """
        return self._stream_metric("MidstreamErrors", {"statistic": "Sum", **options})

    def metric_time_to_first_byte(self, **options: Any) -> aws_cloudwatch.Metric:
        """Milliseconds from the invocation to the first byte of its response. Default: Average."""
        return self._stream_metric("TimeToFirstByte", {"statistic": "Average", **options})

    def metric_response_bytes(self, **options: Any) -> aws_cloudwatch.Metric:
        """Bytes of a response's body. Default: Average."""
        return self._stream_metric("ResponseBytes", {"statistic": "Average", **options})

    def _stream_metric(self, name: str, options: Mapping[str, Any]) -> aws_cloudwatch.Metric:
        from cdk_lambda_streaming import stream_metrics

        if not self._stream_metrics_sample_rate:
            raise ValueError(
                f"function '{self.node.path}' writes no {name}; pass stream_metrics_sample_rate=1, or less for a part "
                "of its invocations"
                if self._adapter.writes_stream_metrics
                else f"function '{self.node.path}' writes no {name}, which only Adapter.handler() does"
            )
        return stream_metrics.stream_metric(self, self._alias, name, options)

    def _require_function_url(self) -> aws_lambda.FunctionUrl:
        if self._function_url is None:
            raise ValueError(
                f"function '{self.node.path}' has no Function URL; leave function_url=False out or call "
                "add_function_url()"
            )
        return self._function_url

    def _refuse_snap_start_without_alias(self) -> None:
        if self._alias is None and resource_of(self).snap_start is not None:
            raise ValueError(_unreachable_from_latest("snap_start"))

    @property
    def _has_tenants(self) -> bool:
        return resource_of(self).tenancy_config is not None

    def _warn_of_long_timeout(self, timeout: Duration) -> None:
        if not timeout.is_unresolved() and timeout.to_milliseconds() > LONG_TIMEOUT_SECONDS * 1000:
            self._warn(
                "longTimeout",
                f"a response may take {timeout.to_milliseconds() / 1000:g} s, and Lambda charges to its end even when "
                "the caller has gone; pass a shorter timeout, or acknowledge this where responses do take so long",
            )

    def _warn(self, warning: str, message: str) -> None:
        Annotations.of(self).add_warning_v2(f"cdk-lambda-streaming:{warning}", message)


def _check_layers(layers: object) -> None:
    # A str is a sequence of str too.
    if isinstance(layers, Sequence) and any(isinstance(layer, str) for layer in layers):
        raise TypeError(
            f"layers must be a list of layers, got {layers!r}; make one of an ARN with "
            "LayerVersion.from_layer_version_arn(scope, id, arn)"
        )


def _check_url_options(
    function_url: bool,
    auth_type: aws_lambda.FunctionUrlAuthType | None,
    cors: aws_lambda.FunctionUrlCorsOptions | Mapping[str, Any] | None,
    invoke_mode: aws_lambda.InvokeMode,
    function_options: Mapping[str, Any],
) -> None:
    if not isinstance(invoke_mode, aws_lambda.InvokeMode):
        raise TypeError(f"invoke_mode must be an InvokeMode, such as InvokeMode.BUFFERED, got {invoke_mode!r}")
    if not isinstance(function_url, bool):
        raise TypeError(f"function_url must be True or False, got {function_url!r}")
    if auth_type is not None and not isinstance(auth_type, aws_lambda.FunctionUrlAuthType):
        raise TypeError(f"auth_type must be a FunctionUrlAuthType, such as FunctionUrlAuthType.NONE, got {auth_type!r}")
    if cors is not None:
        check_cors(cors)
    if function_url and function_options.get("tenancy_config") is not None:
        raise ValueError(
            "tenancy_config cannot be combined with a Function URL, because Lambda gives none to functions "
            "with tenant isolation; pass function_url=False, and use add_streaming_rest_api()"
        )
    if not function_url and (auth_type is not None or cors is not None):
        raise ValueError(
            "auth_type and cors are options of the Function URL, which function_url=False leaves out; "
            "pass them to add_function_url(), or leave function_url=False out"
        )


def _check_alias_options(
    alias_name: str | None, options: object, function_url: bool, function_options: Mapping[str, Any]
) -> None:
    """Refuse what takes effect on versions only, where the Function URL calls none."""
    if alias_name is not None:
        check_alias_name(alias_name)
    by_name = alias_options_by_name(options)
    if alias_name is None and by_name:
        raise ValueError(_unreachable_from_latest("alias_options"))
    snap_start = function_options.get("snap_start")
    if snap_start is not None and alias_name is None and function_url:
        raise ValueError(_unreachable_from_latest("snap_start"))
    version_options = function_options.get("current_version_options")
    of_version = version_options if isinstance(version_options, Mapping) else getattr(version_options, "_values", {})
    if snap_start is not None and of_version.get("provisioned_concurrent_executions"):
        raise ValueError(
            "current_version_options.provisioned_concurrent_executions cannot be combined with snap_start, because a "
            "version has either; leave one of them out"
        )


def _unreachable_from_latest(option: str) -> str:
    return (
        f"{option} takes effect on published versions only, and callers reach the unpublished function; pass "
        "alias_name='live', with which front doors become the alias's: the address of a Function URL that is deployed "
        f"already changes. To keep that address, leave {option} out"
    )
