"""Front doors, grants and metrics of a function that streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aws_cdk import Fn, aws_iam, aws_lambda

from cdk_lambda_streaming.cdk.cdk_errors import named_options
from cdk_lambda_streaming.cdk.function_resource import resource_of, variables_of
from cdk_lambda_streaming.checks.environment import SAMPLE_RATE_VARIABLE
from cdk_lambda_streaming.checks.grantee import check_grantee
from cdk_lambda_streaming.checks.limits import check_cors
from cdk_lambda_streaming.option_names import check_option_names

if TYPE_CHECKING:
    from aws_cdk import aws_apigateway, aws_cloudfront, aws_cloudwatch, aws_route53
    from typing_extensions import Unpack

    from cdk_lambda_streaming.cdk_options import (
        BehaviorOptions,
        DistributionOptions,
        IntegrationOptions,
        MetricOptions,
        OriginOptions,
        RestApiOptions,
    )

# The CDK's id for the Function URL of a function or an alias.
_URL_ID = "FunctionUrl"


class StreamingTarget:
    """Function that streams, with its alias and its Function URL.

    `StreamingFunction` has these members. `StreamingLayer.attach_to` returns an `AttachedFunction`, which has them for
    any other function.
    """

    def _function(self) -> aws_lambda.Function:
        raise NotImplementedError

    def _add_url_advice(self) -> str:
        """Return the fix for a function without a Function URL."""
        raise NotImplementedError

    def _add_alias_advice(self) -> str:
        """Return the fix for a function with SnapStart and without an alias."""
        raise NotImplementedError

    def _write_metrics_advice(self) -> str:
        """Return the fix for a function that writes no metrics of streams, or nothing if it writes them."""
        raise NotImplementedError

    @property
    def alias(self) -> aws_lambda.Alias | None:
        """Alias that front doors call, or None."""
        raise NotImplementedError

    @property
    def function_url(self) -> aws_lambda.FunctionUrl | None:
        """Function URL, or None for a function without one."""
        raise NotImplementedError

    @property
    def url_target(self) -> aws_lambda.IFunction:
        """Target of front doors: the alias if there is one, else the function itself."""
        return self.alias or self._function()

    @property
    def url(self) -> str:
        """Address of the Function URL, with `https://`. It is a token until deployment."""
        return self._require_function_url().url

    @property
    def url_domain_name(self) -> str:
        """Host name in `url`. It is a token until deployment."""
        return Fn.select(2, Fn.split("/", self.url))

    def grant_invoke_with_response_stream(self, grantee: aws_iam.IGrantable) -> aws_iam.Grant:
        """Allow the SDK's `InvokeWithResponseStream`. AWS requires the action `InvokeFunction`."""
        check_grantee(grantee)
        return self.url_target.grant_invoke(grantee)

    # Front doors. Each method imports its module itself, because the CDK takes tenths of a second for each.

    def streaming_integration(
        self, *, tenant_id_source: str | None = None, **integration_options: Unpack[IntegrationOptions]
    ) -> aws_apigateway.LambdaIntegration:
        """Return an integration that streams, for a method of an API Gateway REST API.

        :param tenant_id_source: Source of the tenant's id for a function with tenant isolation, such as
            `context.authorizer.tenantId` or `method.request.header.x-tenant-id`. Default: none.
        :param integration_options: Options of `aws_apigateway.LambdaIntegration`. Default of `timeout`: 15 minutes,
            the maximum.
        """
        from cdk_lambda_streaming.front_doors import rest_api

        self._reject_snap_start_without_alias()
        tenants = rest_api.Tenants(self._has_tenants, tenant_id_source)
        return rest_api.integration(self.url_target, tenants, integration_options)

    def add_streaming_rest_api(
        self, id: str, *, tenant_id_source: str | None = None, **rest_api_options: Unpack[RestApiOptions]
    ) -> aws_apigateway.LambdaRestApi:
        """Add an API Gateway REST API that sends all requests to the function and streams the responses.

        The first 10 MB of a response have no speed limit, the rest is limited to 2 MB/s. A response may take 15 minutes
        and be silent for 5.

        :param tenant_id_source: As in `streaming_integration`.
        :param rest_api_options: Options of `aws_apigateway.LambdaRestApi`. Default of `endpoint_types`: regional.
            Default of `default_method_options`: callers need IAM permission (`api.arn_for_execute_api()`).
        """
        from cdk_lambda_streaming.front_doors import rest_api

        self._reject_snap_start_without_alias()
        tenants = rest_api.Tenants(self._has_tenants, tenant_id_source)
        return rest_api.rest_api(self._function(), id, self.url_target, tenants, rest_api_options)

    def function_url_origin(self, **origin_options: Unpack[OriginOptions]) -> aws_cloudfront.IOrigin:
        """Return an origin for a CloudFront distribution. Then only CloudFront may call the Function URL.

        :param origin_options: Options of `FunctionUrlOrigin.with_origin_access_control`. Default of `read_timeout`, the
            longest silence in a stream: 60 seconds. Default of `response_completion_timeout`: the function's timeout.
        """
        return self._origin(origin_options)

    def function_url_behavior(
        self,
        *,
        sign_request_bodies: bool = False,
        forward_host: bool = False,
        origin_options: OriginOptions | None = None,
        **behavior_options: Unpack[BehaviorOptions],
    ) -> aws_cloudfront.BehaviorOptions:
        """Return a behavior for a CloudFront distribution of your own: no caching, no compression, all methods.

        It removes the header `accept-encoding`, because a Function URL decodes compressed responses.

        :param sign_request_bodies: As in `add_distribution`.
        :param forward_host: As in `add_distribution`.
        :param origin_options: As in `function_url_origin`. Default: none.
        :param behavior_options: Options of `aws_cloudfront.BehaviorOptions`.
        """
        from cdk_lambda_streaming.front_doors import cloudfront

        return cloudfront.behavior_options(
            self._function(),
            "Behavior",
            self._origin(origin_options),
            cloudfront.Behavior(
                sign_request_bodies=sign_request_bodies, forward_host=forward_host, options=behavior_options
            ),
        )

    def add_distribution(
        self,
        id: str,
        *,
        allowed_methods: aws_cloudfront.AllowedMethods | None = None,
        sign_request_bodies: bool = False,
        forward_host: bool = False,
        domain_name: str | None = None,
        hosted_zone: aws_route53.IHostedZone | None = None,
        origin_options: OriginOptions | None = None,
        behavior_options: BehaviorOptions | None = None,
        **distribution_options: Unpack[DistributionOptions],
    ) -> aws_cloudfront.Distribution:
        """Add a CloudFront distribution in front of the Function URL: no caching, no compression, all methods.

        It removes the header `accept-encoding`, because a Function URL decodes compressed responses.

        :param allowed_methods: Default: all.
        :param sign_request_bodies: Adds a function on Lambda@Edge that hashes request bodies. Without the hash Lambda
            refuses POST, PUT and PATCH behind CloudFront. Bodies can have 1 MB, and the stack must name its region.
            Default: False, clients send `x-amz-content-sha256` themselves.
        :param forward_host: Passes the viewer's host on as `x-forwarded-host`. Default: False, the application sees
            only the Function URL's host.
        :param domain_name: Domain name of the distribution, such as `chat.example.com`. It needs `certificate`, in
            us-east-1. Default: only CloudFront's own.
        :param hosted_zone: Zone in Route 53 that gets the domain's records. In us-east-1, without `certificate`, the
            library makes the certificate too. Default: no records.
        :param origin_options: As in `function_url_origin`. Default: none.
        :param behavior_options: Options of `aws_cloudfront.BehaviorOptions`. Default: none.
        :param distribution_options: Options of `aws_cloudfront.Distribution`.
        """
        from cdk_lambda_streaming.front_doors import cloudfront

        options: dict[str, Any] = {**(behavior_options or {})}
        if allowed_methods is not None:
            options["allowed_methods"] = allowed_methods
        return cloudfront.distribution(
            self._function(),
            id,
            self._origin(origin_options),
            cloudfront.Behavior(sign_request_bodies=sign_request_bodies, forward_host=forward_host, options=options),
            domain_name=domain_name,
            hosted_zone=hosted_zone,
            options=distribution_options,
        )

    # Metrics.

    def metric_url_request_count(self, **options: Unpack[MetricOptions]) -> aws_cloudwatch.Metric:
        """Requests to the Function URL. Default statistic: Sum over 5 minutes."""
        return self._url_metric("UrlRequestCount", "Sum", options)

    def metric_url_4xx_count(self, **options: Unpack[MetricOptions]) -> aws_cloudwatch.Metric:
        """Responses of the Function URL with a status of 400 to 499. Default statistic: Sum over 5 minutes."""
        return self._url_metric("Url4xxCount", "Sum", options)

    def metric_url_5xx_count(self, **options: Unpack[MetricOptions]) -> aws_cloudwatch.Metric:
        """Responses of the Function URL with a status of 500 to 599. Default statistic: Sum over 5 minutes."""
        return self._url_metric("Url5xxCount", "Sum", options)

    def metric_url_request_latency(self, **options: Unpack[MetricOptions]) -> aws_cloudwatch.Metric:
        """Milliseconds from request to end of response. Default statistic: Average over 5 minutes."""
        return self._url_metric("UrlRequestLatency", "Average", options)

    def metric_midstream_errors(self, **options: Unpack[MetricOptions]) -> aws_cloudwatch.Metric:
        """Responses that failed after their first byte. Lambda's own metrics do not show them. Default statistic: Sum.

        The runtime writes them for every invocation, unless the sample rate is 0.
        """
        return self._stream_metric("MidstreamErrors", "Sum", options)

    def metric_time_to_first_byte(self, **options: Unpack[MetricOptions]) -> aws_cloudwatch.Metric:
        """Milliseconds from the invocation to the first byte of its response. Default statistic: Average."""
        return self._stream_metric("TimeToFirstByte", "Average", options)

    def metric_response_bytes(self, **options: Unpack[MetricOptions]) -> aws_cloudwatch.Metric:
        """Bytes of a response's body. Default statistic: Average."""
        return self._stream_metric("ResponseBytes", "Average", options)

    def _url_metric(self, name: str, statistic: str, options: Mapping[str, Any]) -> aws_cloudwatch.Metric:
        check_metric_options(name, options)
        with named_options(options):
            return self.url_target.metric(name, **{"statistic": statistic, **options})

    def _stream_metric(self, name: str, statistic: str, options: Mapping[str, Any]) -> aws_cloudwatch.Metric:
        from cdk_lambda_streaming import stream_metrics

        advice = self._write_metrics_advice()
        if advice:
            raise ValueError(f"function '{self._function().node.path}' does not write {name}; {advice}")
        check_metric_options(name, options)
        with named_options(options):
            return stream_metrics.stream_metric(self._function(), self.alias, name, {"statistic": statistic, **options})

    def _origin(self, options: OriginOptions | None) -> aws_cloudfront.IOrigin:
        from cdk_lambda_streaming.front_doors import origin

        return origin.function_url_origin(self._function(), self._require_function_url(), options or {})

    def _require_function_url(self) -> aws_lambda.FunctionUrl:
        url = self.function_url
        if url is None:
            raise ValueError(f"function '{self._function().node.path}' has no Function URL; {self._add_url_advice()}")
        return url

    def _reject_snap_start_without_alias(self) -> None:
        if self.alias is None and resource_of(self._function()).snap_start is not None:
            raise ValueError(
                "snap_start affects only published versions, but callers reach the unpublished function; "
                f"{self._add_alias_advice()}"
            )

    @property
    def _has_tenants(self) -> bool:
        return resource_of(self._function()).tenancy_config is not None


class AttachedFunction(StreamingTarget):
    """Function with the streaming layer. `StreamingLayer.attach_to` returns it."""

    def __init__(
        self,
        function: aws_lambda.Function,
        *,
        alias: aws_lambda.Alias | None = None,
        function_url: aws_lambda.FunctionUrl | None = None,
    ) -> None:
        self._attached, self._alias, self._given_url = function, alias, function_url

    @property
    def function(self) -> aws_lambda.Function:
        """Function that the layer was attached to."""
        return self._attached

    @property
    def alias(self) -> aws_lambda.Alias | None:
        """Alias given to `attach_to`, or None."""
        return self._alias

    @property
    def function_url(self) -> aws_lambda.FunctionUrl | None:
        """Function URL given to `attach_to`, or else made by `add_function_url`."""
        if self._given_url is not None:
            return self._given_url
        url = self.url_target.node.try_find_child(_URL_ID)
        return url if isinstance(url, aws_lambda.FunctionUrl) else None

    def add_function_url(
        self,
        *,
        auth_type: aws_lambda.FunctionUrlAuthType | None = None,
        cors: aws_lambda.FunctionUrlCorsOptions | Mapping[str, Any] | None = None,
        invoke_mode: aws_lambda.InvokeMode | None = None,
    ) -> aws_lambda.FunctionUrl:
        """Add a Function URL that streams to the function, or to its alias.

        :param auth_type: Default: callers need IAM permission.
        :param cors: Default: only its own origin.
        :param invoke_mode: Default: `RESPONSE_STREAM`.
        """
        if self.function_url is not None:
            raise ValueError(f"function '{self._attached.node.path}' has a Function URL already, in function_url")
        self._reject_snap_start_without_alias()
        return self.url_target.add_function_url(
            auth_type=auth_type,
            cors=None if cors is None else check_cors(cors),
            invoke_mode=invoke_mode or aws_lambda.InvokeMode.RESPONSE_STREAM,
        )

    def grant_invoke_url(self, grantee: aws_iam.IGrantable) -> aws_iam.Grant:
        """Allow calls to the Function URL. AWS requires two actions: `InvokeFunctionUrl` and `InvokeFunction`."""
        check_grantee(grantee)
        return self.url_target.grant_invoke_url(grantee)

    def _function(self) -> aws_lambda.Function:
        return self._attached

    def _add_url_advice(self) -> str:
        return "call add_function_url(), or pass your own: attach_to(function, function_url=url)"

    def _add_alias_advice(self) -> str:
        return "pass the alias: attach_to(function, alias=function.add_alias('live'))"

    def _write_metrics_advice(self) -> str:
        if variables_of(self._attached).get(SAMPLE_RATE_VARIABLE, "0") != "0":
            return ""
        return f"first set {SAMPLE_RATE_VARIABLE}='1' in its environment, or less for a part of its invocations"


def check_metric_options(name: str, options: Mapping[str, Any]) -> None:
    """Reject an option that the CDK's metrics do not have."""
    check_option_names(f"the metric {name}", options, cdk=aws_lambda.Function.metric)
