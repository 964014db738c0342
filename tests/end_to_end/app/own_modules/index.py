import queue

import prelude
import settings


def handler(event, context):
    yield f"{settings.whose}, {prelude.whose}, {queue.whose}"
