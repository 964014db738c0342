"""The public choice of an adapter: `StreamingFunction(adapter=...)`."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_lambda

from cdk_lambda_streaming.adapters.function_adapter import FunctionAdapter
from cdk_lambda_streaming.adapters.handler import HandlerAdapter
from cdk_lambda_streaming.adapters.lambda_web_adapter import LambdaWebAdapter, WebAdapterOptions
from cdk_lambda_streaming.adapters.native import NativeAdapter
from cdk_lambda_streaming.adapters.web_application import WebApplicationAdapter, WebApplicationOptions
from cdk_lambda_streaming.code.web_applications import Kind


@dataclass(frozen=True, slots=True)
class Adapter:
    """Program that runs the user's code and streams its response. Make one with the functions below."""

    implementation: FunctionAdapter

    @staticmethod
    def handler() -> Adapter:
        """Run a Python Lambda handler that yields, with the streaming runtime. This is the default."""
        return Adapter(HandlerAdapter())

    @staticmethod
    def asgi(
        app: str,
        *,
        lifespan: str = "auto",
        root_path: str | None = None,
        other_events: str | None = None,
        authorization_header: str | None = None,
        forwarded_host: bool = False,
        error_responses: bool = True,
    ) -> Adapter:
        """Run an ASGI application in the runtime's process: FastAPI, Starlette, Django and others, without a server.

        `index` and `handler` of the function stay out. The library looks the application up in `entry` by reading.

        :param app: Module and name of the application, such as `app.main:app`. With `()` it names a factory, a
            function without parameters that returns the application: `app.main:create_app()`.
        :param lifespan: `auto`, `on` or `off`: start-up and shutdown of the application, once for each environment.
            `auto` also serves an application without them. Unless it is `off`, the library sets the variable
            `LAMBDA_STREAMING_GRACEFUL_SHUTDOWN` to `on`. Default: `auto`.
        :param root_path: Path in front of the application's own paths, such as `/api`, below the stage of an API
            Gateway API. Default: the stage alone, otherwise none.
        :param other_events: Module and name of a function of `(event, context)` for events that are no HTTP requests,
            such as `app.jobs:handle`. Default: none, such events are errors.
        :param authorization_header: Header whose value becomes `authorization`. IAM uses the original header for its
            signature. Default: none.
        :param forwarded_host: Replace the header `host` by `x-forwarded-host`. Only for a function behind CloudFront
            or a proxy that sets it, because callers can send it too. Default: False.
        :param error_responses: Answer an exception before the first byte with status 500. If False, it is an error of
            the invocation, unless the framework answers it itself, as most do. Default: True.
        """
        options = WebApplicationOptions(
            app=app,
            lifespan=lifespan,
            root_path=root_path,
            other_events=other_events,
            authorization_header=authorization_header,
            forwarded_host=forwarded_host,
            error_responses=error_responses,
        )
        return Adapter(WebApplicationAdapter(Kind.ASGI, options))

    @staticmethod
    def wsgi(
        app: str,
        *,
        root_path: str | None = None,
        other_events: str | None = None,
        authorization_header: str | None = None,
        forwarded_host: bool = False,
        error_responses: bool = True,
    ) -> Adapter:
        """Run a WSGI application in the runtime's process: Flask, Django and others, without a server.

        `index` and `handler` of the function stay out. The library looks the application up in `entry` by reading.

        :param app: As in `asgi`, such as `shop.wsgi:application`.
        :param root_path: As in `asgi`.
        :param other_events: As in `asgi`.
        :param authorization_header: As in `asgi`.
        :param forwarded_host: As in `asgi`.
        :param error_responses: As in `asgi`.
        """
        options = WebApplicationOptions(
            app=app,
            root_path=root_path,
            other_events=other_events,
            authorization_header=authorization_header,
            forwarded_host=forwarded_host,
            error_responses=error_responses,
        )
        return Adapter(WebApplicationAdapter(Kind.WSGI, options))

    @staticmethod
    def native() -> Adapter:
        """Run a function whose own runtime streams. The library adds nothing to it.

        Such functions are Node.js with `awslambda.streamifyResponse` or Hono's `streamHandle`, and Rust, Go and others
        on an OS-only runtime with their `bootstrap` in `entry`. `handler` is Lambda's own handler string. Default:
        `index.handler` on Node.js, `bootstrap` on OS-only runtimes.
        """
        return Adapter(NativeAdapter())

    @staticmethod
    def lambda_web_adapter(
        *,
        layer_version: float | None = None,
        layer: aws_lambda.ILayerVersion | None = None,
        port: float | None = None,
        host: str | None = None,
        readiness_check_port: float | None = None,
        readiness_check_path: str | None = None,
        readiness_check_protocol: str | None = None,
        readiness_check_healthy_status: str | None = None,
        async_init: bool | None = None,
        remove_base_path: str | None = None,
        pass_through_path: str | None = None,
        authorization_source: str | None = None,
        error_status_codes: str | None = None,
        enable_compression: bool | None = None,
        lambda_runtime_api_proxy: str | None = None,
        snapstart_before_checkpoint_path: str | None = None,
        snapstart_after_restore_path: str | None = None,
    ) -> Adapter:
        """Run a web server behind AWS's Lambda Web Adapter: Flask, FastAPI, Express, Spring Boot and any other.

        `handler` is the script that starts the server, by default `run.sh` in `entry`. Each option sets the
        `AWS_LWA_` variable of the same name. `invoke_mode` sets the variable `AWS_LWA_INVOKE_MODE`. A container image
        (`code=Code.from_asset_image(...)`) must contain the adapter itself.

        :param layer_version: Version of AWS's layer. Default: 30, which is Lambda Web Adapter 1.1.0.
        :param layer: Your own layer with the adapter, instead of AWS's. Default: AWS's layer for the function's region
            and architecture.
        :param port: Port of the server. Default: 8080, or the value of the variable `PORT`.
        :param host: Default: 127.0.0.1.
        :param readiness_check_port: Default: `port`.
        :param readiness_check_path: Path that the adapter requests with GET until it gets an answer. Default: `/`.
        :param readiness_check_protocol: `http` or `tcp`. Default: `http`.
        :param readiness_check_healthy_status: Such as `200-399` or `200,204`. Default: `100-499`.
        :param async_init: Allow the server to start for longer than the 10 seconds of init. Default: False.
        :param remove_base_path: Path to remove from the start of request paths, such as a stage. Default: none.
        :param pass_through_path: Path that gets events other than HTTP requests, with POST. Default: `/events`.
        :param authorization_source: Header whose value becomes `authorization`. IAM uses the original header for its
            signature. Default: none.
        :param error_status_codes: Statuses that count as errors of the invocation, such as `500-599`. Default: none.
        :param enable_compression: Works only if responses do not stream. Default: False.
        :param lambda_runtime_api_proxy: Address of an extension between the adapter and the Runtime API. Default: none.
        :param snapstart_before_checkpoint_path: Path that gets a POST before the snapshot. Default: none.
        :param snapstart_after_restore_path: Path that gets a POST after a restore. Default: none.
        """
        options = WebAdapterOptions(
            port=port,
            host=host,
            readiness_check_port=readiness_check_port,
            readiness_check_path=readiness_check_path,
            readiness_check_protocol=readiness_check_protocol,
            readiness_check_healthy_status=readiness_check_healthy_status,
            async_init=async_init,
            remove_base_path=remove_base_path,
            pass_through_path=pass_through_path,
            authorization_source=authorization_source,
            error_status_codes=error_status_codes,
            enable_compression=enable_compression,
            lambda_runtime_api_proxy=lambda_runtime_api_proxy,
            snapstart_before_checkpoint_path=snapstart_before_checkpoint_path,
            snapstart_after_restore_path=snapstart_after_restore_path,
        )
        return Adapter(LambdaWebAdapter(options, layer_version=layer_version, layer=layer))
