"""The WSGI application of any module under the standard library's validator: `validated:with_flask`."""

from importlib import import_module
from wsgiref.validate import validator


def __getattr__(module):
    return validator(import_module(module).app)
