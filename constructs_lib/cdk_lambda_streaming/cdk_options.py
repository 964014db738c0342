"""Options of the CDK's constructs that members of this library pass on, as types.

Only type checkers import this module, so it costs nothing at synth. A test compares it with the CDK's signatures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from aws_cdk import (
    Duration,
    RemovalPolicy,
    Size,
    aws_apigateway,
    aws_cloudfront,
    aws_cloudwatch,
    aws_codeguruprofiler,
    aws_ec2,
    aws_iam,
    aws_kms,
    aws_lambda,
    aws_logs,
    aws_s3,
    aws_sns,
    aws_sqs,
    interfaces,
)
from constructs import Construct


class FunctionOptions(TypedDict, total=False):
    """Options of `aws_lambda.Function` besides those of `StreamingFunction`."""

    adot_instrumentation: aws_lambda.AdotInstrumentationConfig | dict[str, Any] | None
    allow_all_ipv6_outbound: bool | None
    allow_all_outbound: bool | None
    allow_public_subnet: bool | None
    application_log_level: str | None
    application_log_level_v2: aws_lambda.ApplicationLogLevel | None
    code_signing_config: interfaces.aws_lambda.ICodeSigningConfigRef | None
    current_version_options: aws_lambda.VersionOptions | dict[str, Any] | None
    dead_letter_queue: aws_sqs.IQueue | None
    dead_letter_queue_enabled: bool | None
    dead_letter_topic: aws_sns.ITopic | None
    description: str | None
    durable_config: aws_lambda.DurableConfig | dict[str, Any] | None
    environment_encryption: interfaces.aws_kms.IKeyRef | None
    ephemeral_storage_size: Size | None
    events: Sequence[aws_lambda.IEventSource] | None
    filesystem: aws_lambda.FileSystem | None
    function_name: str | None
    initial_policy: Sequence[aws_iam.PolicyStatement] | None
    insights_version: aws_lambda.LambdaInsightsVersion | None
    ipv6_allowed_for_dual_stack: bool | None
    log_format: str | None
    log_group: interfaces.aws_logs.ILogGroupRef | None
    log_removal_policy: RemovalPolicy | None
    log_retention: aws_logs.RetentionDays | None
    log_retention_retry_options: aws_lambda.LogRetentionRetryOptions | dict[str, Any] | None
    log_retention_role: aws_iam.IRole | None
    logging_format: aws_lambda.LoggingFormat | None
    max_event_age: Duration | None
    on_failure: aws_lambda.IDestination | None
    on_success: aws_lambda.IDestination | None
    params_and_secrets: aws_lambda.ParamsAndSecretsLayerVersion | None
    profiling: bool | None
    profiling_group: aws_codeguruprofiler.IProfilingGroup | None
    recursive_loop: aws_lambda.RecursiveLoop | None
    reserved_concurrent_executions: float | None
    retry_attempts: float | None
    role: aws_iam.IRole | None
    runtime_management_mode: aws_lambda.RuntimeManagementMode | None
    security_groups: Sequence[aws_ec2.ISecurityGroup] | None
    snap_start: aws_lambda.SnapStartConf | None
    system_log_level: str | None
    system_log_level_v2: aws_lambda.SystemLogLevel | None
    tenancy_config: aws_lambda.TenancyConfig | None
    tracing: aws_lambda.Tracing | None
    vpc: aws_ec2.IVpc | None
    vpc_subnets: aws_ec2.SubnetSelection | dict[str, Any] | None


class AliasOptions(TypedDict, total=False):
    """Options of `aws_lambda.Function.add_alias`."""

    additional_versions: Sequence[aws_lambda.VersionWeight | dict[str, Any]] | None
    description: str | None
    max_event_age: Duration | None
    on_failure: aws_lambda.IDestination | None
    on_success: aws_lambda.IDestination | None
    provisioned_concurrent_executions: float | None
    retry_attempts: float | None


class IntegrationOptions(TypedDict, total=False):
    """Options of `aws_apigateway.LambdaIntegration`."""

    allow_test_invoke: bool | None
    cache_key_parameters: Sequence[str] | None
    cache_namespace: str | None
    connection_type: aws_apigateway.ConnectionType | None
    content_handling: aws_apigateway.ContentHandling | None
    credentials_passthrough: bool | None
    credentials_role: aws_iam.IRole | None
    integration_responses: Sequence[aws_apigateway.IntegrationResponse | dict[str, Any]] | None
    passthrough_behavior: aws_apigateway.PassthroughBehavior | None
    proxy: bool | None
    request_parameters: Mapping[str, str] | None
    request_templates: Mapping[str, str] | None
    response_transfer_mode: aws_apigateway.ResponseTransferMode | None
    scope_permission_to_method: bool | None
    timeout: Duration | None
    vpc_link: aws_apigateway.IVpcLink | None


class RestApiOptions(TypedDict, total=False):
    """Options of `aws_apigateway.LambdaRestApi`."""

    api_key_source_type: aws_apigateway.ApiKeySourceType | None
    binary_media_types: Sequence[str] | None
    clone_from: aws_apigateway.IRestApi | None
    cloud_watch_role: bool | None
    cloud_watch_role_removal_policy: RemovalPolicy | None
    default_cors_preflight_options: aws_apigateway.CorsOptions | dict[str, Any] | None
    default_integration: aws_apigateway.Integration | None
    default_method_options: aws_apigateway.MethodOptions | dict[str, Any] | None
    deploy: bool | None
    deploy_options: aws_apigateway.StageOptions | dict[str, Any] | None
    description: str | None
    disable_execute_api_endpoint: bool | None
    domain_name: aws_apigateway.DomainNameOptions | dict[str, Any] | None
    endpoint_configuration: aws_apigateway.EndpointConfiguration | dict[str, Any] | None
    endpoint_export_name: str | None
    endpoint_types: Sequence[aws_apigateway.EndpointType] | None
    fail_on_warnings: bool | None
    integration_options: aws_apigateway.LambdaIntegrationOptions | dict[str, Any] | None
    min_compression_size: Size | None
    minimum_compression_size: float | None
    parameters: Mapping[str, str] | None
    policy: aws_iam.PolicyDocument | None
    proxy: bool | None
    rest_api_name: str | None
    retain_deployments: bool | None


class OriginOptions(TypedDict, total=False):
    """Options of `FunctionUrlOrigin.with_origin_access_control`."""

    connection_attempts: float | None
    connection_timeout: Duration | None
    custom_headers: Mapping[str, str] | None
    ip_address_type: aws_cloudfront.OriginIpAddressType | None
    keepalive_timeout: Duration | None
    origin_access_control: interfaces.aws_cloudfront.IOriginAccessControlRef | None
    origin_access_control_id: str | None
    origin_id: str | None
    origin_path: str | None
    origin_shield_enabled: bool | None
    origin_shield_region: str | None
    read_timeout: Duration | None
    response_completion_timeout: Duration | None


class BehaviorOptions(TypedDict, total=False):
    """Options of `aws_cloudfront.BehaviorOptions`."""

    allowed_methods: aws_cloudfront.AllowedMethods | None
    cache_policy: interfaces.aws_cloudfront.ICachePolicyRef | None
    cached_methods: aws_cloudfront.CachedMethods | None
    compress: bool | None
    edge_lambdas: Sequence[aws_cloudfront.EdgeLambda | dict[str, Any]] | None
    enable_grpc: bool | None
    function_associations: Sequence[aws_cloudfront.FunctionAssociation | dict[str, Any]] | None
    origin_request_policy: interfaces.aws_cloudfront.IOriginRequestPolicyRef | None
    realtime_log_config: interfaces.aws_cloudfront.IRealtimeLogConfigRef | None
    response_headers_policy: interfaces.aws_cloudfront.IResponseHeadersPolicyRef | None
    smooth_streaming: bool | None
    trusted_key_groups: Sequence[interfaces.aws_cloudfront.IKeyGroupRef] | None
    viewer_protocol_policy: aws_cloudfront.ViewerProtocolPolicy | None


class DistributionOptions(TypedDict, total=False):
    """Options of `aws_cloudfront.Distribution`."""

    additional_behaviors: Mapping[str, aws_cloudfront.BehaviorOptions | dict[str, Any]] | None
    certificate: interfaces.aws_certificatemanager.ICertificateRef | None
    comment: str | None
    default_root_object: str | None
    domain_names: Sequence[str] | None
    enable_ipv6: bool | None
    enable_logging: bool | None
    enabled: bool | None
    error_responses: Sequence[aws_cloudfront.ErrorResponse | dict[str, Any]] | None
    geo_restriction: aws_cloudfront.GeoRestriction | None
    http_version: aws_cloudfront.HttpVersion | None
    log_bucket: aws_s3.IBucket | None
    log_file_prefix: str | None
    log_includes_cookies: bool | None
    minimum_protocol_version: aws_cloudfront.SecurityPolicyProtocol | None
    price_class: aws_cloudfront.PriceClass | None
    publish_additional_metrics: bool | None
    ssl_support_method: aws_cloudfront.SSLMethod | None
    web_acl_id: str | None


class MetricOptions(TypedDict, total=False):
    """Options of `aws_cloudwatch.Metric`."""

    account: str | None
    color: str | None
    dimensions_map: Mapping[str, str] | None
    id: str | None
    label: str | None
    period: Duration | None
    region: str | None
    stack_account: str | None
    stack_region: str | None
    statistic: str | None
    unit: aws_cloudwatch.Unit | None
    visible: bool | None


class PermissionOptions(TypedDict, total=False):
    """Options of `aws_lambda.Function.add_permission`."""

    action: str | None
    event_source_token: str | None
    function_url_auth_type: aws_lambda.FunctionUrlAuthType | None
    invoked_via_function_url: bool | None
    organization_id: str | None
    scope: Construct | None
    source_account: str | None
    source_arn: str | None


class EventSourceMappingOptions(TypedDict, total=False):
    """Options of `aws_lambda.Function.add_event_source_mapping`."""

    batch_size: float | None
    bisect_batch_on_error: bool | None
    enabled: bool | None
    event_source_arn: str | None
    filter_encryption: aws_kms.IKey | None
    filters: Sequence[Mapping[str, Any]] | None
    kafka_bootstrap_servers: Sequence[str] | None
    kafka_consumer_group_id: str | None
    kafka_topic: str | None
    log_level: aws_lambda.EventSourceMappingLogLevel | None
    max_batching_window: Duration | None
    max_concurrency: float | None
    max_record_age: Duration | None
    metrics_config: aws_lambda.MetricsConfig | dict[str, Any] | None
    on_failure: aws_lambda.IEventSourceDlq | None
    parallelization_factor: float | None
    provisioned_poller_config: aws_lambda.ProvisionedPollerConfig | dict[str, Any] | None
    report_batch_item_failures: bool | None
    retry_attempts: float | None
    schema_registry_config: aws_lambda.ISchemaRegistry | None
    source_access_configurations: Sequence[aws_lambda.SourceAccessConfiguration | dict[str, Any]] | None
    starting_position: aws_lambda.StartingPosition | None
    starting_position_timestamp: float | None
    support_s3_on_failure_destination: bool | None
    tumbling_window: Duration | None
