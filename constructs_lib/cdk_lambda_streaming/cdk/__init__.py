"""The inside of the CDK and of jsii. No other folder touches it."""
