import time


def handler(event, context):
    for word in ["Hello", "from", "Python", "on", "AWS", "Lambda,", "one", "word", "at", "a", "time."]:
        yield word + "\n"
        time.sleep(0.25)
