// An Express application without code for Lambda.
import { setTimeout } from "node:timers/promises";
import express from "express";

const app = express();

app.get("/", async (request, response) => {
  response.type("text/plain");
  for (const word of "Each word arrives when it is made.".split(" ")) {
    response.write(`${word}\n`);
    await setTimeout(250);
  }
  response.end();
});

app.get("/health", (request, response) => {
  response.send("ready\n");
});

app.listen(Number(process.env.PORT ?? 8080), "127.0.0.1");
