// An engine that only says tokens, fifty a second in each stream: token_server.mjs PORT.
import { createServer } from "node:http";

const interval_ms = 20;
const tokens = 50;
const event = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: " token" } }] })}\n\n`;

createServer((request, response) => {
  request.resume();
  if (request.method === "GET") return response.end("ready");
  response.socket.setNoDelay(true);
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  let left = tokens;
  const say = () => {
    response.write(event);
    if (--left > 0) return;
    clearInterval(timer);
    response.end("data: [DONE]\n\n");
  };
  const timer = setInterval(say, interval_ms);
  response.on("close", () => clearInterval(timer));
  say();
})
  .listen(Number(process.argv[2]), "127.0.0.1")
  .on("error", (error) => {
    console.error(error.message);
    process.exit(1);
  });
