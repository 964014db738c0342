"""Functions, layers and Function URLs of a synthesized CDK app."""
