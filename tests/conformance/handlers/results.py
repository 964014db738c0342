"""Handler that returns every kind of result that does not stream. The event is the label of the result."""

import collections
import datetime
import enum
import types
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple


class Point(NamedTuple):
    x: object
    y: object


class AsDict:
    def __init__(self, result):
        self.result = result

    def _asdict(self):
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


Number = enum.IntEnum("Number", "ONE TWO")
Plain = enum.Enum("Plain", "A")


class Letter(str, enum.Enum):
    A = "a"


class MyInt(int):
    pass


class MyFloat(float):
    pass


class MyText(str):
    pass


class MyBytes(bytes):
    pass


class MyList(list):
    pass


class MyDict(dict):
    pass


@dataclass
class Data:
    x: int


shared = ["é"]


def circular_list():
    made = []
    made.append({"a": made})
    return made


def circular_dict():
    made = {}
    made["a"] = [made]
    return made


def circular_point():
    inner = []
    made = Point(inner, 1)
    inner.append(made)
    return made


def nested(depth):
    made = []
    for _ in range(depth):
        made = [made]
    return made


RESULTS = {
    "None": lambda: None,
    "True": lambda: True,
    "int": lambda: -7,
    "a long int": lambda: 10**30,
    "an int too long for text": lambda: 10**5000,
    "float": lambda: [1.5, -0.0, 1e22, 1e-7, 0.1 + 0.2, 3.0],
    "NaN and infinities": lambda: [float("nan"), float("inf"), -float("inf")],
    "text": lambda: "text",
    "no text": lambda: "",
    "text to be escaped": lambda: '" \\ / \b\f\n\r\t \x00 \x1f \x7f < > &',
    "text beyond ASCII": lambda: "é \u2028 \u2029 \ufeff \ufffe 😀",
    "long text": lambda: "é" * 500_000,
    "bytes": lambda: b"\x00\xff",
    "no bytes": lambda: b"",
    "bytearray": lambda: bytearray(b"x"),
    "memoryview": lambda: memoryview(b"x"),
    "bytes in a list": lambda: [b"text", "é".encode()],
    "bytes in a dict": lambda: {"a": b"text"},
    "bytes that are no text": lambda: {"a": b"\xff"},
    "bytes as key": lambda: {b"key": 1, "other": b"2"},
    "bytes as key that are no text": lambda: {b"\xff": 1},
    "list": lambda: [1, [2, [3]], []],
    "tuple": lambda: (1, (), ("a",)),
    "dict": lambda: {"a": {"b": {}}, "é": 1},
    "keys that are not text": lambda: {2: "int", 1.5: "float", None: "none", True: "bool", float("nan"): "nan"},
    "an enum as key": lambda: {Number.ONE: 1, Letter.A: 2},
    "bytes as key beside a named tuple": lambda: {b"key": Point(1, {b"other": 2})},
    "a Decimal beside bytes as key": lambda: {b"key": Decimal("1.0")},
    "a Decimal beside a circle": lambda: [Decimal(1), circular_list()],
    "a tuple as key": lambda: {(1, 2): 3},
    "a Decimal as key": lambda: {Decimal(1): 2},
    "named tuple": lambda: Point(1, 2),
    "named tuple in a list": lambda: [Point(1, Point(2, 3)), (4,)],
    "named tuple in a dict": lambda: {"a": Point(b"x", Decimal("1.10"))},
    "named tuple in a tuple in a dict": lambda: {"a": ({"b": (Point(1, 2),)},)},
    "named tuple as key": lambda: {Point(1, 2): 3},
    "an object with _asdict": lambda: AsDict({"a": [Point(1, 2)]}),
    "an object with _asdict in a list": lambda: [AsDict({b"k": b"v"})],
    "an _asdict that gives a list": lambda: AsDict([1]),
    "an _asdict that fails with a TypeError": lambda: AsDict(TypeError("no")),
    "an _asdict that fails with another error": lambda: AsDict(ValueError("no")),
    "an _asdict that is no function": lambda: type("Odd", (list,), {"_asdict": 3})([1, 2]),
    "Decimal": lambda: Decimal("1.10"),
    "Decimals": lambda: [
        Decimal(text) for text in ("0", "-0", "1E+400", "1e-30", "12345678901234567890.123456789", "7.00")
    ],
    "Decimals without value": lambda: [Decimal(text) for text in ("NaN", "-NaN", "sNaN", "Infinity", "-Infinity")],
    "a Decimal beside text": lambda: {"price": Decimal("9.90"), "text": 'price": 1, 9.90', "é": "\\"},
    "int enum": lambda: [Number.ONE, Number(2)],
    "text enum": lambda: {"a": Letter.A},
    "plain enum": lambda: Plain.A,
    "subclasses of atoms": lambda: [MyInt(3), MyFloat(1.5), MyText("é"), MyBytes(b"x")],
    "subclasses of containers": lambda: [
        collections.OrderedDict(a=1),
        collections.defaultdict(int, b=2),
        MyList([1]),
        MyDict(c=3),
    ],
    "mapping that is no dict": lambda: collections.UserDict(a=1),
    "mapping proxy": lambda: types.MappingProxyType({"a": 1}),
    "set": lambda: {1},
    "range": lambda: range(3),
    "date": lambda: datetime.datetime(2026, 1, 1),
    "UUID": lambda: uuid.UUID(int=1),
    "complex": lambda: 1j,
    "dataclass": lambda: Data(1),
    "object": lambda: object(),
    "class": lambda: Data,
    "function": lambda: len,
    "exception": lambda: ValueError("x"),
    "an object deep inside": lambda: {"a": [{"b": object()}]},
    "the same list twice": lambda: [shared, shared],
    "a list in itself": lambda: circular_list(),
    "a dict in itself": lambda: circular_dict(),
    "a named tuple in itself": lambda: circular_point(),
    "nested 300 deep": lambda: nested(300),
    "as from a proxy integration": lambda: {
        "statusCode": 200,
        "headers": {"a": "b"},
        "body": "é",
        "isBase64Encoded": False,
    },
}


def handler(event, context):
    return RESULTS[event]()
