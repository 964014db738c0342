"""All ways to stream: three items at once, then one more after a signal."""

import asyncio
import itertools
import socket

from lambda_streaming import streamify_response

ITEMS = ("one,", "two,", "three,")


def handler(event, context):
    query = event["queryStringParameters"]
    return SHAPES[query["shape"]]({"port": int(query["port"])}, context)


def wait(port):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as signal:
        signal.recv(1)


async def wait_async(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.read(1)
    writer.close()


def generator(event, context):
    yield from ITEMS
    wait(event["port"])
    yield "four"


async def async_generator(event, context):
    for item in ITEMS:
        yield item
    await wait_async(event["port"])
    yield "four"


def returned_iterator(event, context):
    def last():
        wait(event["port"])
        yield "four"

    return itertools.chain(ITEMS, last())


@streamify_response
def write(event, response_stream, context):
    for item in ITEMS:
        response_stream.write(item)
    wait(event["port"])
    response_stream.write("four")


@streamify_response
async def async_write(event, response_stream, context):
    for item in ITEMS:
        await response_stream.write(item)
    await wait_async(event["port"])
    await response_stream.write("four")


SHAPES = {
    function.__name__: function for function in (generator, async_generator, returned_iterator, write, async_write)
}
