// "Readers of this book also liked …": the one service that is written in JavaScript. Node, and nothing from npm.
'use strict';

const http = require('node:http');

const agent = new http.Agent({ keepAlive: true });
const SHOWN = 4;
// A reader who waits longer has left.
const TIMEOUT_MS = 5000;
// Passed on from request to request, so that what belongs together can be found together.
const PASSED_ON = ['x-request-id', 'traceparent', 'tracestate'];

/** JSON from the catalogue. */
function books(headers) {
  const passedOn = Object.fromEntries(PASSED_ON.filter((name) => name in headers).map((name) => [name, headers[name]]));
  return new Promise((resolve, reject) => {
    const options = { agent, headers: passedOn, timeout: TIMEOUT_MS };
    const request = http.get(`${process.env.CATALOGUE_URL}/api/books`, options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => { text += chunk; });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode !== 200) return reject(new Error(`the catalogue answered ${response.statusCode}`));
        try {
          resolve(JSON.parse(text));
        } catch (error) {
          reject(error);
        }
      });
    });
    request.on('timeout', () => request.destroy(new Error('the catalogue takes too long')));
    request.on('error', reject);
  });
}

/** Others of the same shelf first, then those of about the same age. */
function alike(all, id) {
  const book = all.find((each) => each.id === id);
  if (!book) return [];
  const distance = (other) => (other.shelf === book.shelf ? 0 : 1000) + Math.abs(other.year - book.year);
  return all.filter((each) => each.id !== id).sort((a, b) => distance(a) - distance(b)).slice(0, SHOWN);
}

const server = http.createServer(async (request, response) => {
  const answer = (status, value) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  if (request.url === '/healthz') return answer(200, 'ok');
  const found = /^\/recommendations\/([\w-]+)$/.exec(request.url);
  if (!found) return answer(404, { error: `there is nothing at ${request.url}` });
  try {
    answer(200, alike(await books(request.headers), found[1]));
  } catch (error) {
    console.error(`without recommendations: ${error.message}`);
    answer(503, { error: error.message });
  }
});

server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
