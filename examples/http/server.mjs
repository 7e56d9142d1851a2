// node server.mjs [port], then: wxagent run --http http://127.0.0.1:8000/
// Each message is one POST; the JSON of the response has text, files, or {"silent":true}.
import { createServer } from 'node:http';

const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  const message = JSON.parse(body);
  if (message.text === 'busy') {
    // The message comes again after this many seconds.
    response.writeHead(429, { 'retry-after': '1' }).end();
    return;
  }
  const answer = message.text === 'hush' ? { silent: true } : { text: `You said: ${message.text}` };
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
});
server.listen(Number(process.argv[2] ?? 8000), '127.0.0.1', () => console.log(server.address().port));
