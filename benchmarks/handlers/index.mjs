// The same responses from Node.js, as AWS documents streaming there.
const SMALL = "x".repeat(32);
const LARGE = Buffer.alloc(64 * 1024);

const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));
const now = () => process.hrtime.bigint().toString().padStart(20, "0") + ";";

async function write(stream, data) {
  if (!stream.write(data)) await new Promise(resolve => stream.once("drain", resolve));
}

const RESPONSES = {
  async one(stream) {
    stream.write(SMALL);
  },
  async small(stream) {
    for (let i = 0; i < 10_000; i++) await write(stream, SMALL);
  },
  async large(stream) {
    for (let i = 0; i < 3_200; i++) await write(stream, LARGE);
  },
  async pairs(stream) {
    for (let i = 0; i < 50; i++) {
      await pause(10);
      stream.write(now());
      stream.write(now());
    }
  },
};

export const handler = awslambda.streamifyResponse(async (event, responseStream, context) => {
  const stream = awslambda.HttpResponseStream.from(responseStream, {
    statusCode: 200,
    headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
  });
  await RESPONSES[event.response](stream);
  stream.end();
});
