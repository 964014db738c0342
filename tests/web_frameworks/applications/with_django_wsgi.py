import django_site
from content import BYTES_TYPE, EVENTS, EVENTS_TYPE, PIECES, TEXT_TYPE, broken_items, items
from content import download as download_pieces
from content import endless as endless_pieces

django_site.set_up(__name__)

from django.core.wsgi import get_wsgi_application  # noqa: E402 - after the settings
from django.http import StreamingHttpResponse  # noqa: E402
from django.urls import path  # noqa: E402


def text(request):
    return StreamingHttpResponse(items(PIECES, request.GET.get("gate")), content_type=TEXT_TYPE)


def events(request):
    return StreamingHttpResponse(items(EVENTS, request.GET.get("gate")), content_type=EVENTS_TYPE)


def download(request):
    return StreamingHttpResponse(download_pieces(), content_type=BYTES_TYPE)


def endless(request):
    return StreamingHttpResponse(endless_pieces(), content_type=BYTES_TYPE)


def breaks(request):
    return StreamingHttpResponse(broken_items(request.GET.get("gate")), content_type=TEXT_TYPE)


urlpatterns = [
    *django_site.URLS,
    path("text", text),
    path("events", events),
    path("download", download),
    path("endless", endless),
    path("breaks", breaks),
]
app = get_wsgi_application()
