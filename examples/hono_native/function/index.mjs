// A Hono application as a Lambda handler. streamHandle wraps it in awslambda.streamifyResponse.
import { Hono } from "hono";
import { streamHandle } from "hono/aws-lambda";
import { streamSSE, streamText } from "hono/streaming";

const WORDS = "Each word arrives when it is made.".split(" ");
const app = new Hono();

app.get("/", (context) =>
  streamText(context, async (stream) => {
    for (const word of WORDS) {
      await stream.writeln(word);
      await stream.sleep(250);
    }
  }),
);

app.get("/events", (context) =>
  streamSSE(context, async (stream) => {
    for (const word of WORDS) {
      await stream.writeSSE({ data: word });
      await stream.sleep(250);
    }
  }),
);

export const handler = streamHandle(app);
