"""IAM permission as the default authorizer of a REST API."""

from __future__ import annotations

import jsii
from aws_cdk import aws_apigateway


@jsii.implements(aws_apigateway.IAuthorizer)
class IamAuthorizer:
    """Authorizer of methods without their own.

    The default `authorization_type` of an API would contradict the authorizer of a method, and the CDK rejects that. A
    default authorizer gives way to it.
    """

    @property
    def authorizer_id(self) -> str:
        """Nothing: IAM has no authorizer resource."""
        return ""

    @property
    def authorization_type(self) -> aws_apigateway.AuthorizationType:
        return aws_apigateway.AuthorizationType.IAM
