"""What runs the user's code: the choice that `StreamingFunction(adapter=...)` takes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_lambda

from cdk_lambda_streaming.package import Package, Source


class Adapter(ABC):
    """What runs the user's code and makes its response stream. Made by the functions below."""

    # Each maker imports its own module: they need this one.

    @staticmethod
    def handler() -> Adapter:
        """A Lambda handler in Python that yields, run by the streaming runtime. The default."""
        from cdk_lambda_streaming.handler_adapter import HandlerAdapter

        return HandlerAdapter()

    @staticmethod
    def native() -> Adapter:
        """A function whose own runtime streams; nothing is added to it.

        Node.js with `awslambda.streamifyResponse` or Hono's `streamHandle`; Rust, Go and others on an OS-only
        runtime, whose `bootstrap` is in `entry`. `handler` is Lambda's own string; by default `index.handler` on
        Node.js and `bootstrap` on OS-only runtimes.
        """
        from cdk_lambda_streaming.native_adapter import NativeAdapter

        return NativeAdapter()

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
        """A web server behind AWS's Lambda Web Adapter: Flask, FastAPI, Express, Spring Boot and any other.

        `handler` is the script that starts the server, by default `run.sh` in `entry`. Each option is the
        `AWS_LWA_` variable of its name; the variable `AWS_LWA_INVOKE_MODE` follows `invoke_mode`. In a container
        image (`code=Code.from_asset_image(...)`) the image has to hold the adapter itself.

        :param layer_version: The version of AWS's layer. Default: 30, which is Lambda Web Adapter 1.1.0.
        :param layer: A layer of your own with the adapter, instead of AWS's. Default: AWS's layer for the
            function's region and architecture.
        :param port: Where the server listens. Default: 8080, or what the variable `PORT` says.
        :param host: Default: 127.0.0.1.
        :param readiness_check_port: Default: `port`.
        :param readiness_check_path: Asked with GET until it answers. Default: `/`.
        :param readiness_check_protocol: `http` or `tcp`. Default: `http`.
        :param readiness_check_healthy_status: Such as `200-399` or `200,204`. Default: `100-499`.
        :param async_init: Whether the server may take longer to start than init allows, 10 seconds. Default: False.
        :param remove_base_path: A path that is taken off the request's path, such as a stage's. Default: none.
        :param pass_through_path: Where events that are no HTTP requests are posted. Default: `/events`.
        :param authorization_source: The header whose value becomes `authorization`, which IAM uses up for its
            signature. Default: none.
        :param error_status_codes: Statuses that count as errors of the invocation, such as `500-599`. Default: none.
        :param enable_compression: Only where responses do not stream. Default: False.
        :param lambda_runtime_api_proxy: The address of an extension that stands between. Default: none.
        :param snapstart_before_checkpoint_path: Posted to before the snapshot. Default: none.
        :param snapstart_after_restore_path: Posted to after a restore. Default: none.
        """
        from cdk_lambda_streaming.lambda_web_adapter import LambdaWebAdapter

        options = dict(locals())
        for name in ("LambdaWebAdapter", "layer_version", "layer"):
            del options[name]
        return LambdaWebAdapter(layer_version=layer_version, layer=layer, options=options)

    @staticmethod
    def asgi(app: str) -> Adapter:
        """Not there yet: an ASGI application, run in process."""
        raise _not_yet("asgi", app)

    @staticmethod
    def wsgi(app: str) -> Adapter:
        """Not there yet: a WSGI application, run in process."""
        raise _not_yet("wsgi", app)

    @staticmethod
    def web_server(command: str) -> Adapter:
        """Not there yet: a command that starts any HTTP server."""
        raise _not_yet("web_server", command)

    # What StreamingFunction asks of an adapter.

    @abstractmethod
    def package(self, source: Source) -> Package:
        """Return what Lambda is given for the source, or refuse the source with the reason."""

    @abstractmethod
    def attach(self, function: aws_lambda.Function, package: Package) -> None:
        """Add to the function what makes it stream, and what is looked at when it is synthesized."""

    @abstractmethod
    def check_variable(self, key: str, value: str) -> None:
        """Refuse an environment variable that is not the user's to set."""

    @abstractmethod
    def check_function_options(self, options: Mapping[str, Any], package: Package) -> None:
        """Refuse options of `aws_lambda.Function` that cannot be combined with the adapter."""

    @property
    def writes_stream_metrics(self) -> bool:
        return False


def _not_yet(name: str, value: object) -> NotImplementedError:
    return NotImplementedError(
        f"Adapter.{name}({value!r}): web applications are not run in process yet; Adapter.lambda_web_adapter() runs "
        "them behind their own web server, and Adapter.handler() runs a handler that yields"
    )
