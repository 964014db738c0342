"""Grantees: the roles, users and principals that may call a function."""

from __future__ import annotations

from cdk_lambda_streaming.cdk.interfaces import has_member


def check_grantee(grantee: object) -> None:
    """Reject a value that is no IGrantable, such as an ARN."""
    if has_member(grantee, "grant_principal"):
        return
    fix = f"; pass aws_iam.ArnPrincipal({grantee!r})" if isinstance(grantee, str) and grantee.startswith("arn:") else ""
    raise TypeError(
        "grantee must be a role, a user or a principal, such as aws_iam.ServicePrincipal('events.amazonaws.com'), got "
        f"{grantee!r}{fix}"
    )
