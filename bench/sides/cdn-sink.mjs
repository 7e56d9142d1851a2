/**
 * A CDN that takes uploads and keeps nothing of them: what it is sent is counted, timed from the headers to the last
 * byte, and told to the parent. Its first message is its address.
 */
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  const startedMs = performance.now();
  let sizeBytes = 0;
  request.on('data', (chunk) => {
    sizeBytes += chunk.length;
  });
  request.on('end', () => {
    const tookMs = performance.now() - startedMs;
    response.writeHead(200, { 'x-encrypted-param': 'somewhere' }).end();
    process.send({ sizeBytes, tookMs });
  });
});
server.listen(0, '127.0.0.1', () => process.send({ url: `http://127.0.0.1:${server.address().port}/c2c` }));
