"""Bundler: a function's folder with its dependencies, for a Python version and a processor of AWS Lambda.

Read `bundle.py` first. It finds the requirements, names the bundle by a hash of all its inputs, and builds the bundle
once if the cache does not have it. The construct imports this package; the emulator runs it as a program. It imports
neither the construct nor the AWS CDK.
"""
