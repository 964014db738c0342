"""A page and a CSV file. Both are sent while they are made."""

import csv
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from django.db.models import Sum
from django.http import HttpRequest, StreamingHttpResponse

from report.models import Sale

HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Sales of 2025</title>
<h1>Sales of 2025</h1>
<p><a href="sales.csv">All sales as CSV</a>
<table>
"""


def report(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(report_pieces())


def report_pieces() -> Iterator[str]:
    """Yield the page: each month as soon as it is counted."""
    yield HEAD
    for month in range(1, 13):
        start, end = datetime(2025, month, 1), datetime(2025 + month // 12, month % 12 + 1, 1)
        sales = Sale.objects.filter(sold_at__gte=start, sold_at__lt=end)
        total = sales.aggregate(cents=Sum("cents"))["cents"]
        yield f"<tr><th>{start:%B}<td>{total / 100:,.2f}\n"
        time.sleep(0.1)
    yield "</table>\n"


class Line:
    """File for `csv.writer` that hands each line back."""

    def write(self, line: str) -> str:
        return line


def export(request: HttpRequest) -> StreamingHttpResponse:
    """Send all rows. They are more than the 6 MB of a buffered response, and memory holds 2,000 of them."""
    writer = csv.writer(Line())
    sales = Sale.objects.order_by("id").values_list("id", "sold_at", "product", "cents").iterator(chunk_size=2000)
    lines = map(writer.writerow, chain([("id", "sold_at", "product", "cents")], sales))
    headers = {"content-disposition": 'attachment; filename="sales.csv"'}
    return StreamingHttpResponse(lines, content_type="text/csv", headers=headers)
