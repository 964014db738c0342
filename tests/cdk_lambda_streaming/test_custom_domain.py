"""Domain names of add_distribution: certificate and DNS records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnParameter, Environment, Stack, aws_certificatemanager, aws_cloudfront, aws_route53
from aws_cdk.assertions import Match, Template
from cdk_lambda_streaming import StreamingFunction

ACCOUNT = "123456789012"
ARN = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/0a1b2c3d"
METHODS = aws_cloudfront.AllowedMethods.ALLOW_GET_HEAD


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(outdir=str(tmp_path / "cdk.out"))


def stack_in(app: App, region: str, id: str = "Stack") -> Stack:
    return Stack(app, id, env=Environment(account=ACCOUNT, region=region), cross_region_references=True)


def zone(stack: Stack) -> aws_route53.IHostedZone:
    return aws_route53.HostedZone.from_hosted_zone_attributes(
        stack, "Zone", hosted_zone_id="Z0123456789", zone_name="example.com"
    )


def add(stack: Stack, entry: Path, **options: Any) -> aws_cloudfront.Distribution:
    options = {"allowed_methods": METHODS, **options}
    return StreamingFunction(stack, "Chat", entry=entry).add_distribution("Site", **options)


def records(template: Template) -> list[tuple[str, str, str]]:
    found = template.find_resources("AWS::Route53::RecordSet").values()
    return [
        (each["Properties"]["Type"], each["Properties"]["Name"], each["Properties"]["HostedZoneId"]) for each in found
    ]


def test_certificate_and_records_are_made_in_us_east_1(app: App, entry: Path) -> None:
    stack = stack_in(app, "us-east-1")
    add(stack, entry, domain_name="chat.example.com", hosted_zone=zone(stack))
    template = Template.from_stack(stack)
    ((certificate, made),) = template.find_resources("AWS::CertificateManager::Certificate").items()
    assert made["Properties"]["DomainName"] == "chat.example.com"
    assert made["Properties"]["ValidationMethod"] == "DNS"
    template.has_resource_properties(
        "AWS::CloudFront::Distribution",
        {
            "DistributionConfig": {
                "Aliases": ["chat.example.com"],
                "ViewerCertificate": Match.object_like({"AcmCertificateArn": {"Ref": certificate}}),
            }
        },
    )
    expected = ("chat.example.com.", "Z0123456789")
    assert records(template) == [("A", *expected), ("AAAA", *expected)]


def test_certificate_of_another_stack_is_used(app: App, entry: Path) -> None:
    stack = stack_in(app, "eu-west-1")
    certificate = aws_certificatemanager.Certificate(
        stack_in(app, "us-east-1", "Certificates"), "Certificate", domain_name="example.com"
    )
    add(stack, entry, domain_name="example.com", hosted_zone=zone(stack), certificate=certificate)
    assert [name for _, name, _ in records(Template.from_stack(stack))] == ["example.com.", "example.com."]


def test_certificate_known_at_deployment_is_accepted(app: App, entry: Path) -> None:
    stack = stack_in(app, "eu-west-1")
    arn = CfnParameter(stack, "Arn").value_as_string
    certificate = aws_certificatemanager.Certificate.from_certificate_arn(stack, "Certificate", arn)
    add(stack, entry, domain_name="chat.example.com", certificate=certificate)
    (distribution,) = Template.from_stack(stack).find_resources("AWS::CloudFront::Distribution").values()
    viewer = distribution["Properties"]["DistributionConfig"]["ViewerCertificate"]
    assert viewer["AcmCertificateArn"] == {"Ref": "Arn"}


def test_certificate_without_zone_makes_no_records(app: App, entry: Path) -> None:
    stack = stack_in(app, "eu-west-1")
    certificate = aws_certificatemanager.Certificate.from_certificate_arn(stack, "Certificate", ARN)
    add(stack, entry, domain_name="chat.example.com", certificate=certificate)
    assert records(Template.from_stack(stack)) == []


def test_no_record_of_ipv6_without_ipv6(app: App, entry: Path) -> None:
    stack = stack_in(app, "us-east-1")
    add(stack, entry, domain_name="chat.example.com", hosted_zone=zone(stack), enable_ipv6=False)
    assert [kind for kind, _, _ in records(Template.from_stack(stack))] == ["A"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"domain_name": "chat.example.com"}, "domain_name needs a certificate, got domain_name='chat.example.com'"),
        ({"hosted_zone": zone}, "hosted_zone needs domain_name"),
        ({"hosted_zone": lambda stack: "example.com"}, "hosted_zone must be a HostedZone.*got 'example.com'"),
        (
            {"hosted_zone": zone, "domain_name": "chat.example.com"},
            "hosted_zone makes a certificate only in a stack of us-east-1.*pass certificate",
        ),
        (
            {"hosted_zone": zone, "domain_name": "chat.example.org", "certificate": ARN},
            "domain_name must be in hosted_zone, such as 'chat.example.com', got 'chat.example.org'",
        ),
        (
            {"hosted_zone": zone, "domain_name": "notexample.com", "certificate": ARN},
            "domain_name must be in hosted_zone",
        ),
        (
            {"domain_name": "chat.example.com", "certificate": ARN.replace("us-east-1", "eu-west-1")},
            r"certificate must be in us-east-1.*got one in eu-west-1.*env=Environment\(region='us-east-1'\)",
        ),
        (
            {"domain_names": ["chat.example.com"], "certificate": ARN.replace("us-east-1", "eu-west-1")},
            "certificate must be in us-east-1",
        ),
        (
            {"domain_name": "chat.example.com", "domain_names": ["b.example.com"], "certificate": ARN},
            "pass either domain_name or domain_names, got both",
        ),
    ],
)
def test_wrong_domain_is_rejected(app: App, entry: Path, options: dict[str, Any], message: str) -> None:
    stack = stack_in(app, "eu-west-1")
    make: dict[str, Callable[[Any], Any]] = {
        "hosted_zone": lambda value: value(stack),
        "certificate": lambda value: aws_certificatemanager.Certificate.from_certificate_arn(stack, "Own", value),
    }
    made = {name: make[name](value) if name in make else value for name, value in options.items()}
    with pytest.raises((TypeError, ValueError), match=message):
        add(stack, entry, **made)
    assert stack.node.find_child("Chat").node.try_find_child("Site") is None


def test_certificate_of_stack_in_another_region_is_rejected(app: App, entry: Path) -> None:
    stack = stack_in(app, "eu-west-1")
    certificate = aws_certificatemanager.Certificate(stack, "Certificate", domain_name="example.com")
    with pytest.raises(ValueError, match=r"certificate must be in us-east-1.*got one in eu-west-1"):
        add(stack, entry, domain_name="example.com", certificate=certificate)
