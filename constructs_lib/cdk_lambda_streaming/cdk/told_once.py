"""Messages that appear once an app, although their cause concerns many functions."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from constructs import IConstruct

from cdk_lambda_streaming.cdk.function_resource import add_info

# Subjects that each app has been told of.
_told: WeakKeyDictionary[IConstruct, set[str]] = WeakKeyDictionary()


def tell_once(construct: IConstruct, subject: str, id: str, message: str) -> None:
    """Add a message to a construct, unless its app has a message about the subject already."""
    subjects = _told.setdefault(construct.node.root, set())
    if subject not in subjects:
        subjects.add(subject)
        add_info(construct, id, message)
