from content import wait_async
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.routing import Route


async def numbers(gate):
    yield {"event": "number", "data": "first", "id": "1"}
    await wait_async(gate)
    yield {"data": "second\nline"}


async def endless():
    try:
        while True:
            yield {"data": "x" * 1000}
    finally:
        print("the generator has ended", flush=True)


async def events(request):
    return EventSourceResponse(numbers(request.query_params.get("gate")))


async def endless_events(request):
    return EventSourceResponse(endless())


app = Starlette(routes=[Route("/events", events), Route("/endless", endless_events)])
