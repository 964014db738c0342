import boto3

s3 = boto3.client("s3")


def handler(event, context):
    yield f"{s3.meta.service_model.service_name} in {s3.meta.region_name}"
