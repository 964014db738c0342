"""A function's folder with its dependencies installed, for a Python and a processor that need not be the desk's.

No module in here imports the AWS CDK. Read `bundle.py` first: find the requirements, name the bundle by a hash of all
that goes into it, and build it once, out of sight, if no bundle of that name is there.
"""
