"""Handler that writes to the log in every way."""

import logging
import sys
import threading
import warnings

root = logging.getLogger()
library = logging.getLogger("some.library")
described = [type(handler).__name__ for handler in root.handlers]
print(described, root.level, root.handlers[0].level, [type(f).__name__ for f in root.handlers[0].filters])
print(type(root.handlers[0].formatter).__name__, root.handlers[0].formatter._fmt, root.handlers[0].formatter.datefmt)
print(logging.Formatter.converter.__name__, type(root.handlers[0].log_sink) is not None)
logging.basicConfig(level=logging.DEBUG, format="never seen")
logging.warning("while the module is imported")


class Odd:
    def __str__(self):
        return "odd"


def handler(event, context):
    root.debug("debug %s", 1)
    root.info("info é 😀")
    root.warning("warning\nof two lines\n")
    root.error("error %(a)s", {"a": 1})
    root.critical({"a": "dict", "nested": [1, Odd()]})
    root.log(25, "between the levels")
    root.log(5, "below all")
    root.log(70, "above all")
    library.warning(
        "from a library", extra={"order": 7, "odd": Odd(), "none": None, "level": "kept", "tenantId": "own"}
    )
    library.setLevel(logging.DEBUG)
    library.debug("own level")
    try:
        int("no number")
    except ValueError:
        root.exception("caught")
        library.error("with exc_info", exc_info=True)
    warnings.warn("a warning", stacklevel=1)
    logging.captureWarnings(True)
    warnings.warn("a captured warning", stacklevel=1)
    logging.captureWarnings(False)
    print("printed", "with\nlines", 1)
    print("to stderr", file=sys.stderr)
    sys.stdout.write("no line end")
    sys.stdout.writelines(["a", "b\n"])
    context.log("by the context\n")
    context.log({"not": "text"})
    thread = threading.Thread(target=lambda: (root.warning("from a thread"), 1 / 0), name="worker")
    thread.start()
    thread.join()
    root.handlers[0].flush()
    try:
        root.warning("%d", "not a number")
    except TypeError as error:
        print("raised", error)
    if event == "fail":
        raise ValueError("one\n  two")
    return "done"
