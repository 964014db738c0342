"""Handler that raises errors of every kind. The event names the function that raises."""

import json
import sys

import helper


def a_message():
    raise ValueError("no luck")


def no_message():
    raise ValueError


def a_message_of_lines():
    raise ValueError("one\n  two\r\nthree\n")


def beyond_ascii():
    raise ValueError("é 😀 \u2028")


def a_name_with_digits():
    raise type("Error_42", (Exception,), {})("x")


def a_name_beyond_ascii():
    raise type("Ошибка", (Exception,), {})("x")


def a_key_error():
    {}["missing"]


def in_another_module():
    helper.fail()


def in_the_standard_library():
    json.loads("{")


def from_a_lambda():
    (lambda: 1 / 0)()


def in_code_without_a_file():
    exec("raise ValueError(1)")


def a_template():
    exec(compile("\n\nraise ValueError(2)", "<template>", "exec"))


def a_message_that_is_no_text():
    raise ValueError({"a": 1}, [2])


def an_empty_name():
    raise type("", (Exception,), {})("x")


def no_error():
    return "served"


def a_chain():
    try:
        return 1 / 0
    except ZeroDivisionError as error:
        raise RuntimeError("second") from error


def over_lines():
    return dict(  # noqa: C408 - an expression over several lines
        a=1,
        b=[
            1 / 0,
        ],
    )


def a_recursion():
    deeper(50)


def deeper(depth):
    if depth:
        deeper(depth - 1)
    raise RecursionError("as deep on every Python")


def a_group():
    if sys.version_info >= (3, 11):
        raise ExceptionGroup("many", [ValueError(1), KeyError(2)])  # noqa: F821 - not known to 3.10


def handler(event, context):
    return globals()[event]()
