"""The settings of Django, and the views that do not stream."""

import json

import django
from content import COOKIES, DOCUMENT, Failure
from django.conf import settings
from django.db import connection
from django.http import HttpResponse, HttpResponseNotModified, HttpResponseRedirect, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


def set_up(urls):
    """Configure Django; `urls` names the module with the URL patterns."""
    settings.configure(
        ALLOWED_HOSTS=[".lambda-url.us-east-1.on.aws"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
        ROOT_URLCONF=urls,
        SECRET_KEY="secret",
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
    )
    django.setup()


def read_json(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 6 * 7")
        (answer,) = cursor.fetchone()
    return JsonResponse({**DOCUMENT, "answer": answer})


@csrf_exempt
def echo(request):
    return HttpResponse(request.body, content_type=request.content_type)


@csrf_exempt
def form(request):
    return JsonResponse({"name": request.POST["name"], "size": request.FILES["file"].size})


def redirect(request):
    return HttpResponseRedirect("/json")


def slash(request):
    return HttpResponse(request.build_absolute_uri())


def item(request, name):
    return JsonResponse({"name": name, "query": dict(request.GET.lists())})


def cookies(request):
    response = HttpResponse(json.dumps(request.COOKIES))
    for name, value in COOKIES:
        response.set_cookie(name, value, httponly=True)
    return response


def nothing(request):
    return HttpResponse(status=204)


def unchanged(request):
    return HttpResponseNotModified(headers={"etag": '"1"'})


def empty(request):
    return HttpResponse()


def fails(request):
    raise Failure("before the first byte")


URLS = [
    path("json", read_json),
    path("echo", echo),
    path("form", form),
    path("redirect", redirect),
    path("slash/", slash),
    path("noslash", slash),
    path("items/<path:name>", item),
    path("cookies", cookies),
    path("nothing", nothing),
    path("unchanged", unchanged),
    path("empty", empty),
    path("fails", fails),
]
