"""Domain name of a CloudFront distribution: certificate and DNS records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_cdk import Stack, Token, aws_cloudfront
from constructs import Construct

from cdk_lambda_streaming.cdk.interfaces import has_member

if TYPE_CHECKING:
    from aws_cdk import aws_route53

# CloudFront takes certificates only from there.
_CERTIFICATE_REGION = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomDomain:
    """Domain name of a distribution. Without a hosted zone its DNS records are the user's."""

    name: str | None
    hosted_zone: aws_route53.IHostedZone | None
    certificate: Any

    def check(self) -> None:
        """Reject a domain without a certificate that CloudFront accepts, and one outside the hosted zone."""
        if self.certificate is not None:
            _check_region(self.certificate)
        if self.hosted_zone is not None and not has_member(self.hosted_zone, "zone_name"):
            raise TypeError(
                "hosted_zone must be a HostedZone, such as HostedZone.from_lookup(stack, 'Zone', "
                f"domain_name='example.com'), got {self.hosted_zone!r}"
            )
        if self.name is None:
            if self.hosted_zone is not None:
                raise ValueError("hosted_zone needs domain_name: pass domain_name='chat.example.com', or leave it out")
            return
        if self.certificate is None and self.hosted_zone is None:
            raise ValueError(
                f"domain_name needs a certificate, got domain_name={self.name!r}; pass certificate, of "
                f"{_CERTIFICATE_REGION}, or hosted_zone"
            )
        if self.hosted_zone is not None:
            _check_zone(self.name, self.hosted_zone)

    def distribution_options(self, scope: Construct, id: str) -> dict[str, Any]:
        """Return the distribution's options for the domain. Make the certificate if there is none."""
        if self.name is None:
            return {}
        certificate = self._make_certificate(scope, id) if self.certificate is None else self.certificate
        return {"domain_names": [self.name], "certificate": certificate}

    def add_records(self, scope: Construct, id: str, distribution: aws_cloudfront.Distribution, *, ipv6: bool) -> None:
        """Add the alias records of the domain to its hosted zone."""
        if self.name is None or self.hosted_zone is None:
            return
        from aws_cdk import aws_route53, aws_route53_targets

        target = aws_route53.RecordTarget.from_alias(aws_route53_targets.CloudFrontTarget(distribution))
        # With a dot at its end, the CDK takes a name as it is.
        options: dict[str, Any] = {"zone": self.hosted_zone, "record_name": f"{self.name}.", "target": target}
        aws_route53.ARecord(scope, f"{id}ARecord", **options)
        if ipv6:
            aws_route53.AaaaRecord(scope, f"{id}AaaaRecord", **options)

    def _make_certificate(self, scope: Construct, id: str) -> Any:
        from aws_cdk import aws_certificatemanager

        if Stack.of(scope).region != _CERTIFICATE_REGION:
            raise ValueError(
                f"hosted_zone makes a certificate only in a stack of {_CERTIFICATE_REGION}, because CloudFront takes "
                f"certificates only from there, and the region of stack '{Stack.of(scope).node.path}' is another one "
                "or unknown; make the certificate in a stack of its own, and pass certificate"
            )
        validation = aws_certificatemanager.CertificateValidation.from_dns(self.hosted_zone)
        assert self.name is not None
        return aws_certificatemanager.Certificate(
            scope, f"{id}Certificate", domain_name=self.name, validation=validation
        )


def _check_region(certificate: Any) -> None:
    region = _region_of(certificate)
    if region is not None and region != _CERTIFICATE_REGION:
        raise ValueError(
            f"certificate must be in {_CERTIFICATE_REGION}, because CloudFront takes certificates only from there, got "
            f"one in {region}; make it in a stack with env=Environment(region='{_CERTIFICATE_REGION}'), and pass both "
            "stacks cross_region_references=True"
        )


def _region_of(certificate: Any) -> str | None:
    """Return the region of a certificate if it is known at synth."""
    from aws_cdk import aws_certificatemanager

    if isinstance(certificate, aws_certificatemanager.Certificate):
        region = certificate.env.region
        return None if Token.is_unresolved(region) else region
    # An imported one names the region only in its ARN.
    arn = certificate.certificate_arn if has_member(certificate, "certificate_arn") else ""
    return None if Token.is_unresolved(arn) or arn.count(":") < 5 else arn.split(":")[3]


def _check_zone(name: str, hosted_zone: aws_route53.IHostedZone) -> None:
    zone = hosted_zone.zone_name
    if Token.is_unresolved(zone) or Token.is_unresolved(name):
        return
    if name != zone and not name.endswith(f".{zone}"):
        raise ValueError(f"domain_name must be in hosted_zone, such as 'chat.{zone}', got {name!r}")
