"""CSV table of all assigned Unicode code points, larger than the limit of buffered Lambda responses (6 MiB)."""

import sys
import unicodedata

from lambda_streaming import HttpResponse

COLUMNS = (
    "code_point,character,name,category,combining_class,bidirectional_class,mirrored,east_asian_width,decomposition,"
    "numeric_value,lower_case,upper_case,utf_8,utf_16,nfc,nfd,nfkc,nfkd\n"
)


def handler(event, context):
    yield HttpResponse(
        headers={
            "content-type": "text/csv; charset=utf-8",
            "content-disposition": 'attachment; filename="unicode.csv"',
        }
    )
    yield from table()


def table():
    yield COLUMNS
    for code_point in range(sys.maxunicode + 1):
        character = chr(code_point)
        category = unicodedata.category(character)
        if category != "Cn":
            yield row(character, category)


def row(character, category):
    # Surrogates have no encoding. Control characters and the quote would break the CSV.
    encodable = category != "Cs"
    shown = character if encodable and category[0] != "C" and character != '"' else ""
    numeric = unicodedata.numeric(character, None)
    fields = (
        f"U+{ord(character):04X}",
        f'"{shown}"',
        unicodedata.name(character, ""),
        category,
        str(unicodedata.combining(character)),
        unicodedata.bidirectional(character),
        "yes" if unicodedata.mirrored(character) else "no",
        unicodedata.east_asian_width(character),
        unicodedata.decomposition(character),
        "" if numeric is None else repr(numeric),
        hexadecimal(character.lower()),
        hexadecimal(character.upper()),
        character.encode("utf-8").hex(" ") if encodable else "",
        character.encode("utf-16-be").hex(" ") if encodable else "",
        *(hexadecimal(unicodedata.normalize(form, character)) for form in ("NFC", "NFD", "NFKC", "NFKD")),
    )
    return ",".join(fields) + "\n"


def hexadecimal(text):
    return " ".join(f"{ord(character):04X}" for character in text)
