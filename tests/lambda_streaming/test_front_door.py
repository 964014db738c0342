"""Events that look like HTTP requests and are none: the handler's result reaches Lambda as it is.

The events are shortened from AWS's pages "Input to an API Gateway Lambda authorizer", "Control access to HTTP APIs with
AWS Lambda authorizers", "WebSocket APIs", "Customizing user pool workflows", "AWS_LAMBDA authorization" (AppSync),
"Lambda functions as targets" (VPC Lattice) and "Action group Lambda functions" (Bedrock).
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from lambda_streaming.response import front_door

from .conftest import RunRuntime
from .fake_runtime_api import FUNCTION_URL_EVENT
from .test_heads import HTTP_API_1_EVENT, HTTP_API_2_EVENT, REST_EVENT

METHOD_ARN = "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/a"
WEB_SOCKET_CONTEXT = {
    "routeKey": "$connect",
    "eventType": "CONNECT",
    "connectionId": "BFHPhfCWIAMCKlQ=",
    "domainName": "abcdef1234.execute-api.us-east-1.amazonaws.com",
    "stage": "prod",
    "identity": {"sourceIp": "192.0.2.1"},
}
COGNITO_EVENT: dict[str, Any] = {
    "version": "2",
    "triggerSource": "TokenGeneration_HostedAuth",
    "userPoolId": "us-east-1_example",
    "callerContext": {"awsSdkVersion": "1", "clientId": "id"},
    "request": {"userAttributes": {}},
    "response": {"claimsAndScopeOverrideDetails": None},
}
AUTHORIZER_OF_REST: dict[str, Any] = {
    **REST_EVENT,
    "type": "REQUEST",
    "methodArn": METHOD_ARN,
    "requestContext": {"httpMethod": "GET", "path": "/a", "stage": "prod", "identity": {}},
}
NO_HTTP_REQUEST: dict[str, dict[str, Any]] = {
    "REQUEST authorizer of a REST API": AUTHORIZER_OF_REST,
    "TOKEN authorizer of a REST API": {"type": "TOKEN", "authorizationToken": "allow", "methodArn": METHOD_ARN},
    "authorizer of an HTTP API, payload 1.0": {
        **AUTHORIZER_OF_REST,
        "version": "1.0",
        "identitySource": "user1,123",
        "authorizationToken": "user1,123",
    },
    "authorizer of an HTTP API, payload 2.0": {
        **HTTP_API_2_EVENT,
        "type": "REQUEST",
        "routeArn": METHOD_ARN,
        "identitySource": ["user1"],
        "routeKey": "GET /a",
    },
    "authorizer of a WebSocket API": {
        "type": "REQUEST",
        "methodArn": METHOD_ARN.replace("GET/a", "$connect"),
        "headers": {"Host": "abcdef1234.execute-api.us-east-1.amazonaws.com"},
        "requestContext": WEB_SOCKET_CONTEXT,
    },
    "WebSocket API, $connect": {"headers": {}, "multiValueHeaders": {}, "requestContext": WEB_SOCKET_CONTEXT},
    "WebSocket API, message": {
        "requestContext": {**WEB_SOCKET_CONTEXT, "routeKey": "$default", "eventType": "MESSAGE", "messageId": "m"},
        "body": "{}",
        "isBase64Encoded": False,
    },
    "trigger of a Cognito user pool": COGNITO_EVENT,
    "authorizer of AppSync": {
        "authorizationToken": "token",
        "requestContext": {"apiId": "id", "queryString": "query {}", "operationName": "q", "variables": {}},
    },
    "VPC Lattice, payload 2.0": {
        "version": "2.0",
        "path": "/a",
        "method": "GET",
        "headers": {},
        "requestContext": {"serviceArn": "arn:aws:vpc-lattice:us-east-1:123456789012:service/svc-1", "identity": {}},
    },
    "action group of a Bedrock agent": {"messageVersion": "1.0", "apiPath": "/a", "httpMethod": "GET", "agent": {}},
}


@pytest.mark.parametrize("kind", NO_HTTP_REQUEST)
def test_event_is_no_http_request(kind: str) -> None:
    assert front_door.of_event(NO_HTTP_REQUEST[kind]) is None


POLICY = {"principalId": "user", "policyDocument": {"Version": "2012-10-17", "Statement": []}, "isAuthorized": True}


@pytest.mark.parametrize("streaming", ["none", "function-url,rest-api"])
def test_policy_of_an_authorizer_reaches_lambda_as_it_is(streaming: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(
        f"def handler(event, context):\n    return {POLICY}",
        environment={"LAMBDA_STREAMING_FRONT_DOORS": streaming},
    )
    for event in NO_HTTP_REQUEST.values():
        answer = runtime.invoke(event).result()
        assert not answer.is_streamed
        assert (json.loads(answer.body), answer.headers["content-type"]) == (POLICY, "application/json")


@pytest.mark.parametrize("streaming", ["none", "rest-api"])
def test_items_for_an_authorizer_have_no_head(streaming: str, run_runtime: RunRuntime) -> None:
    """The proxy form, or a prelude, would be a policy that API Gateway cannot read."""
    runtime = run_runtime(
        f"import json\ndef handler(event, context):\n    yield json.dumps({POLICY})",
        environment={"LAMBDA_STREAMING_FRONT_DOORS": streaming},
    )
    assert json.loads(runtime.invoke(AUTHORIZER_OF_REST).result().body) == POLICY


@pytest.mark.parametrize(
    ("event", "door"),
    [
        (FUNCTION_URL_EVENT, front_door.FUNCTION_URL),
        (REST_EVENT, front_door.REST_API),
        (HTTP_API_1_EVENT, front_door.HTTP_API_1),
        (HTTP_API_2_EVENT, front_door.HTTP_API_2),
    ],
)
def test_authorized_request_is_still_an_http_request(event: dict[str, Any], door: str) -> None:
    """An authorizer's result is in the context of the request that follows."""
    context = {**event["requestContext"], "authorizer": {"type": "REQUEST", "methodArn": METHOD_ARN}}
    assert front_door.of_event({**event, "requestContext": context}) == door


ARN = "arn:aws:lambda:us-east-1:123456789012:function:test"
PARTS = "function-url:live,rest-api:GET /chat,rest-api:ANY /files/{proxy+}"


@pytest.mark.parametrize(
    ("event", "arn", "streams"),
    [
        (FUNCTION_URL_EVENT, f"{ARN}:live", True),
        (FUNCTION_URL_EVENT, f"{ARN}:beta", False),
        (FUNCTION_URL_EVENT, ARN, False),
        ({**REST_EVENT, "resource": "/chat", "httpMethod": "GET"}, ARN, True),
        ({**REST_EVENT, "resource": "/chat", "httpMethod": "POST"}, ARN, False),
        ({**REST_EVENT, "resource": "/health", "httpMethod": "GET"}, ARN, False),
        ({**REST_EVENT, "resource": "/files/{proxy+}", "httpMethod": "PUT"}, ARN, True),
    ],
)
def test_only_listed_parts_of_a_front_door_stream(
    event: dict[str, Any], arn: str, streams: bool, run_runtime: RunRuntime
) -> None:
    runtime = run_runtime(
        "def handler(event, context):\n    yield 'text'", environment={"LAMBDA_STREAMING_FRONT_DOORS": PARTS}
    )
    answer = runtime.invoke(event, headers={"Lambda-Runtime-Invoked-Function-Arn": arn}).result()
    assert answer.is_streamed is streams
    if not streams:
        assert json.loads(answer.body)["body"] == "text"


def test_unqualified_function_url_can_be_the_one_that_streams(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(
        "def handler(event, context):\n    yield 'text'",
        environment={"LAMBDA_STREAMING_FRONT_DOORS": "function-url:$LATEST"},
    )
    assert runtime.invoke(FUNCTION_URL_EVENT).result().is_streamed
    alias = {"Lambda-Runtime-Invoked-Function-Arn": f"{ARN}:live"}
    assert not runtime.invoke(FUNCTION_URL_EVENT, headers=alias).result().is_streamed


@pytest.mark.parametrize("value", ["function-url:", "alb:GET /", ":live", "function-url,"])
def test_malformed_list_ends_the_init(value: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(
        "def handler(event, context):\n    yield 'text'", environment={"LAMBDA_STREAMING_FRONT_DOORS": value}
    )
    runtime.wait_for_log(f"LAMBDA_STREAMING_FRONT_DOORS is {value!r}; allowed are none, or one or more of")
