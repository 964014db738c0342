import django_site
from content import (
    BYTES_TYPE,
    EVENTS,
    EVENTS_TYPE,
    PIECES,
    TEXT_TYPE,
    async_broken_items,
    async_download,
    async_endless,
    async_items,
)

django_site.set_up(__name__)

from django.core.asgi import get_asgi_application  # noqa: E402 - after the settings
from django.http import StreamingHttpResponse  # noqa: E402
from django.urls import path  # noqa: E402


async def text(request):
    return StreamingHttpResponse(async_items(PIECES, request.GET.get("gate")), content_type=TEXT_TYPE)


async def events(request):
    return StreamingHttpResponse(async_items(EVENTS, request.GET.get("gate")), content_type=EVENTS_TYPE)


async def download(request):
    return StreamingHttpResponse(async_download(), content_type=BYTES_TYPE)


async def endless(request):
    return StreamingHttpResponse(async_endless(), content_type=BYTES_TYPE)


async def breaks(request):
    return StreamingHttpResponse(async_broken_items(request.GET.get("gate")), content_type=TEXT_TYPE)


urlpatterns = [
    *django_site.URLS,
    path("text", text),
    path("events", events),
    path("download", download),
    path("endless", endless),
    path("breaks", breaks),
]
app = get_asgi_application()
