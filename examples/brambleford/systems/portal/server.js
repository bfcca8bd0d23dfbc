// The customer portal of Brambleford Freight. It renders its pages with React server components and takes their
// server actions, with the versions of 2024: see the README of the example. Do not deploy it.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import ejs from 'ejs';
import lodash from 'lodash';
import { createElement } from 'react';
import { decodeReply, renderToPipeableStream } from 'react-server-dom-webpack/server.node';

const here = path.dirname(fileURLToPath(import.meta.url));
const manifest = JSON.parse(fs.readFileSync(path.join(here, 'package.json'), 'utf8'));
const address = process.env.PORTAL_ADDRESS ?? '127.0.0.1';
const port = Number(process.env.PORTAL_PORT ?? 8001);

const shipments = {
  'BF-1001': { depot: 'north', state: 'loaded', pallets: 4 },
  'BF-1002': { depot: 'south', state: 'on the road', pallets: 11 },
};

function Tracking({ reference }) {
  const shipment = lodash.get(shipments, [reference]);
  return createElement('section', null, shipment ? `${reference}: ${shipment.state}` : 'No such shipment');
}

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

const server = http.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://portal');
  const reference = url.searchParams.get('reference') ?? '';
  try {
    if (url.pathname === '/build-info.json') {
      // Meant for the deployment check, served to everyone.
      const { name, version, repository, dependencies } = manifest;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ name, version, repository: repository.url, dependencies }));
    } else if (url.pathname === '/components') {
      response.setHeader('content-type', 'text/x-component');
      renderToPipeableStream(createElement(Tracking, { reference }), {}).pipe(response);
    } else if (url.pathname === '/action' && request.method === 'POST') {
      const values = await decodeReply(await body(request), {});
      response.end(JSON.stringify({ received: Array.isArray(values) ? values.length : 1 }));
    } else if (url.pathname === '/jquery.js') {
      response.setHeader('content-type', 'text/javascript');
      response.end(fs.readFileSync(path.join(here, 'node_modules/jquery/dist/jquery.js')));
    } else if (url.pathname === '/') {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(await ejs.renderFile(path.join(here, 'views/index.ejs'), { references: Object.keys(shipments) }));
    } else {
      response.statusCode = 404;
      response.end('Not found');
    }
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error));
  }
});

server.listen(port, address);
