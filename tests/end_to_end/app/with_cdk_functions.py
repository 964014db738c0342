"""App in which the CDK makes functions for itself."""

import sys

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as s3_deployment
from aws_cdk import aws_s3_notifications as s3_notifications
from aws_cdk import custom_resources, triggers

app = cdk.App(outdir=sys.argv[1])
stack = cdk.Stack(app, "Demo", env=cdk.Environment(account="123456789012", region="eu-west-1"))
code = lambda_.Code.from_inline("def handler(event, context): ...")


def function(construct_id: str) -> lambda_.Function:
    return lambda_.Function(
        stack, construct_id, runtime=lambda_.Runtime.PYTHON_3_13, handler="index.handler", code=code
    )


own = function("Own")
bucket = s3.Bucket(stack, "Bucket", removal_policy=cdk.RemovalPolicy.DESTROY, auto_delete_objects=True)
bucket.add_event_notification(s3.EventType.OBJECT_CREATED, s3_notifications.LambdaDestination(own))
s3_deployment.BucketDeployment(
    stack, "Deployment", sources=[s3_deployment.Source.data("a.txt", "x")], destination_bucket=bucket
)
logs.LogRetention(stack, "Retention", log_group_name="group", retention=logs.RetentionDays.ONE_DAY)
custom_resources.AwsCustomResource(
    stack,
    "Call",
    on_create=custom_resources.AwsSdkCall(
        service="S3", action="listBuckets", physical_resource_id=custom_resources.PhysicalResourceId.of("x")
    ),
    policy=custom_resources.AwsCustomResourcePolicy.from_sdk_calls(resources=["*"]),
)
provider = custom_resources.Provider(
    stack, "Provider", on_event_handler=function("OnEvent"), is_complete_handler=function("IsComplete")
)
cdk.CustomResource(stack, "Custom", service_token=provider.service_token)
triggers.Trigger(stack, "Trigger", handler=own)
ec2.Vpc(stack, "Vpc", nat_gateways=0, restrict_default_security_group=True)
app.synth()
