"""App with wrong types. `scripts/check_user_app` compares mypy's errors with the comments."""

from aws_cdk import App, Duration, Stack
from cdk_lambda_streaming import Adapter, StreamingFunction

stack = Stack(App(), "Shop")

# error: Argument "timeout" to "StreamingFunction" has incompatible type "int"
StreamingFunction(stack, "Timeout", timeout=30)

# error: Argument "memory_size" to "StreamingFunction" has incompatible type "str"
StreamingFunction(stack, "Memory", memory_size="512")

# error: Argument "adapter" to "StreamingFunction" has incompatible type
StreamingFunction(stack, "Adapter", adapter=Adapter.native)

# error: Argument 1 to "asgi" of "Adapter" has incompatible type "Stack"
Adapter.asgi(stack)

# error: Unexpected keyword argument "lifespan" for "wsgi" of "Adapter"
Adapter.wsgi("main:app", lifespan="on")

# error: Dict entry 0 has incompatible type "str": "int"
StreamingFunction(stack, "Environment", environment={"SIZE": 5})

# error: Unexpected keyword argument "memorySize" for "StreamingFunction"
chat = StreamingFunction(stack, "Misspelt", entry="chat", memorySize=512)

# error: Argument "tracing" to "StreamingFunction" has incompatible type "str"
StreamingFunction(stack, "Tracing", entry="chat", tracing="Active")

# error: Unexpected keyword argument "retries" for "add_alias" of "StreamingFunction"
chat.add_alias("beta", retries=2)

# error: Argument "timeout" to "streaming_integration" of "StreamingTarget" has incompatible type "int"
chat.streaming_integration(timeout=30)

# error: Unexpected keyword argument "name" for "add_streaming_rest_api" of "StreamingTarget"
chat.add_streaming_rest_api("Api", name="chat")

# error: Argument "read_timeout" to "function_url_origin" of "StreamingTarget" has incompatible type "int"
chat.function_url_origin(read_timeout=60)

# error: Argument "origin_options" to "add_distribution" of "StreamingTarget" has incompatible type
chat.add_distribution("Site", origin_options={"timeout": Duration.seconds(60)})

# error: Argument "comment" to "add_distribution" of "StreamingTarget" has incompatible type "int"
chat.add_distribution("Site", comment=5)

# error: Unexpected keyword argument "perod" for "metric" of "StreamingFunction"
chat.metric("Errors", perod=Duration.minutes(1))

# error: Argument "period" to "metric_url_5xx_count" of "StreamingTarget" has incompatible type "int"
chat.metric_url_5xx_count(period=60)

# error: Argument "compress" to "function_url_behavior" of "StreamingTarget" has incompatible type "str"
chat.function_url_behavior(compress="no")
