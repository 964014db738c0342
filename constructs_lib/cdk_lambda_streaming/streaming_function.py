"""A Lambda function in Python whose response streams."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Annotations, Duration, Fn, aws_lambda
from constructs import Construct

from cdk_lambda_streaming.entry import entry_code, find_entry, find_index, handler_string
from cdk_lambda_streaming.environment import DEFAULT_FRONT_DOORS, FrontDoor, check_environment, check_variable
from cdk_lambda_streaming.handler_source import find_handler
from cdk_lambda_streaming.limits import check_cors, check_memory_size, check_timeout
from cdk_lambda_streaming.managed_python import python_version
from cdk_lambda_streaming.streaming_layer import StreamingLayer


class StreamingFunction(aws_lambda.Function):
    """A Lambda function in Python whose response reaches the caller as the handler yields it.

    It is an `aws_lambda.Function` with the streaming runtime as a layer and a Function URL that streams.
    Every option of `aws_lambda.Function` that is not named here is passed on to it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        entry: str | os.PathLike[str],
        index: str = "index.py",
        handler: str = "handler",
        runtime: aws_lambda.Runtime | None = None,
        architecture: aws_lambda.Architecture | None = None,
        memory_size: float = 1024,
        timeout: Duration | None = None,
        function_url: bool = True,
        auth_type: aws_lambda.FunctionUrlAuthType | None = None,
        cors: aws_lambda.FunctionUrlCorsOptions | Mapping[str, Any] | None = None,
        invoke_mode: aws_lambda.InvokeMode = aws_lambda.InvokeMode.RESPONSE_STREAM,
        environment: Mapping[str, str] | None = None,
        layers: Sequence[aws_lambda.ILayerVersion] | None = None,
        **function_options: Any,
    ) -> None:
        """Make the function, its Function URL and, once per stack, the layer.

        :param entry: The folder with the function's code. A relative path starts at the working directory.
        :param index: The file in `entry` that has the handler. Default: `index.py`.
        :param handler: The name of the handler in `index`. It is looked for by reading the file, which is
            never imported. Default: `handler`.
        :param runtime: A managed Python runtime, 3.10 or newer. Default: the newest one,
            `Runtime.PYTHON_3_14`.
        :param architecture: Default: `Architecture.ARM_64`.
        :param memory_size: In MB; more memory also means more processor. Default: 1024.
        :param timeout: How long one response may take. Lambda charges to the end of the response even when
            its caller has gone. Default: 5 minutes.
        :param function_url: Whether the function gets a Function URL. Default: it does.
        :param auth_type: Who may call the Function URL. Default: callers with IAM permission, see
            `grant_invoke_url`.
        :param cors: Which origins may call the Function URL from a browser. Default: none but its own.
        :param invoke_mode: Whether Function URLs stream; the runtime answers to suit. Default: they do.
        :param environment: Environment variables. Default: none but the wrapper that starts the runtime.
        :param layers: Layers besides the runtime's own, four at most. Default: none.
        :param function_options: Everything else that `aws_lambda.Function` takes.
        """
        runtime = aws_lambda.Runtime.PYTHON_3_14 if runtime is None else runtime
        timeout = Duration.minutes(5) if timeout is None else timeout
        environment = {} if environment is None else environment
        python = python_version(runtime)
        check_timeout(timeout)
        check_memory_size(memory_size)
        check_environment(environment)
        _check_layers(layers)
        if "code" in function_options:
            raise TypeError(
                "code is not an option of StreamingFunction, which looks at the handler it is given: pass the folder "
                "with the code as entry, or use an aws_lambda.Function and StreamingLayer.of(scope).attach_to(function)"
            )
        _check_url_options(function_url, auth_type, cors, invoke_mode, function_options)
        folder = find_entry(entry)
        source = find_index(folder, index)
        lambda_handler = handler_string(index, handler)
        doubt = find_handler(source, handler, python)

        super().__init__(
            scope,
            id,
            code=entry_code(folder),
            handler=lambda_handler,
            runtime=runtime,
            architecture=architecture or aws_lambda.Architecture.ARM_64,
            memory_size=memory_size,
            timeout=timeout,
            environment=dict(environment),
            # jsii takes lists only; anything that is no sequence it refuses by name.
            layers=list(layers) if isinstance(layers, Sequence) else layers,
            **function_options,
        )
        self._invoke_mode = invoke_mode
        self._function_url: aws_lambda.FunctionUrl | None = None
        self._tell_runtime(invoke_mode)
        if doubt is not None:
            self._warn(doubt.id, doubt.message)
        if function_url:
            self.add_function_url(auth_type=auth_type, cors=cors)

    @property
    def function_url(self) -> aws_lambda.FunctionUrl | None:
        """The Function URL, or None for a function that has none."""
        return self._function_url

    @property
    def url(self) -> str:
        """The address of the Function URL, `https://` and all; a token until it is deployed."""
        if self._function_url is None:
            raise ValueError(
                f"function '{self.node.path}' has no Function URL; leave function_url=False out or call "
                "add_function_url()"
            )
        return self._function_url.url

    @property
    def url_domain_name(self) -> str:
        """The host name in `url`; a token until it is deployed."""
        return Fn.select(2, Fn.split("/", self.url))

    def add_function_url(
        self,
        *,
        auth_type: aws_lambda.FunctionUrlAuthType | None = None,
        cors: aws_lambda.FunctionUrlCorsOptions | Mapping[str, Any] | None = None,
        invoke_mode: aws_lambda.InvokeMode | None = None,
    ) -> aws_lambda.FunctionUrl:
        """Add the Function URL to a function that was made with `function_url=False`.

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
        self._function_url = super().add_function_url(
            auth_type=auth_type,
            cors=None if cors is None else check_cors(cors),
            invoke_mode=invoke_mode,
        )
        self._tell_runtime(invoke_mode)
        if self.is_bound_to_vpc and invoke_mode is aws_lambda.InvokeMode.RESPONSE_STREAM:
            self._warn(
                "vpcFunctionUrl",
                "AWS does not support streaming through Function URLs within a VPC; call the function by "
                "InvokeWithResponseStream through a VPC endpoint, or leave vpc out",
            )
        return self._function_url

    def add_environment(self, key: str, value: str, *, remove_in_edge: bool | None = None) -> aws_lambda.Function:
        """Add an environment variable, unless its name is the runtime's or Lambda's."""
        check_variable(key, value)
        return super().add_environment(key, value, remove_in_edge=remove_in_edge)

    def _tell_runtime(self, invoke_mode: aws_lambda.InvokeMode) -> None:
        streams = invoke_mode is aws_lambda.InvokeMode.RESPONSE_STREAM
        front_doors: frozenset[FrontDoor] = DEFAULT_FRONT_DOORS if streams else frozenset()
        StreamingLayer.of(self).attach_to(self, front_doors=front_doors)

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
            "with tenant isolation; pass function_url=False"
        )
    if not function_url and (auth_type is not None or cors is not None):
        raise ValueError(
            "auth_type and cors are options of the Function URL, which function_url=False leaves out; "
            "pass them to add_function_url(), or leave function_url=False out"
        )
