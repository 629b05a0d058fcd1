import { Agent, get } from 'node:http';
import { type Figure, type Row, scaled } from './figure.js';
import { freePort } from './port.js';
import { compare, ROUNDS } from './rounds.js';
import { Subject } from './subject.js';

/** Requests under way at a time, each on a connection that is kept alive. */
const CONNECTIONS = 16;
const STORES = [
  { store: 'memory', requests: 4_000 },
  { store: 'lmdb', requests: 600 },
] as const;

interface Server {
  readonly subject: Subject;
  readonly port: number;
}

interface Pass {
  readonly rate: number;
  readonly micros: number;
}

/** HTTP → actor → key-value: each request adds one to a stored number and answers with it. */
export const http: Figure = {
  name: 'http',
  reference: 'plain Node http, same kind of store',
  async run(scale) {
    const rows: Row[] = [];
    for (const { store, requests } of STORES) {
      const port = await freePort();
      const ours: Server = { port, subject: await Subject.start('device', device(store, port)) };
      const plain = await Subject.start('http-count', { store });
      const reference: Server = { port: Number(plain.hello.port), subject: plain };
      try {
        rows.push(...(await compareServers(ours, reference, store, scaled(requests, scale, 200))));
      } finally {
        await ours.subject.stop();
        await plain.stop();
      }
    }
    return rows;
  },
};

function device(store: string, port: number): Record<string, unknown> {
  const bindings = [{ contract: 'wascc:http_server', PORT: port }, { contract: 'wascc:keyvalue' }];
  const providers = [{ contract: 'wascc:keyvalue', use: store }];
  return { providers, actors: [{ name: 'visits', file: 'visits', bindings }] };
}

async function compareServers(
  ours: Server,
  reference: Server,
  store: string,
  requests: number,
): Promise<Row[]> {
  for (const server of [ours, reference]) await pass(server, requests);
  const passes: { ours: Pass; reference: Pass }[] = [];
  for (let round = 0; round < ROUNDS; round++)
    passes.push({
      ours: await pass(ours, requests),
      reference: await pass(reference, requests),
    });
  const pairs = (key: keyof Pass) =>
    passes.map((each) => ({ ours: each.ours[key], reference: each.reference[key] }));
  return [
    {
      what: `a counter in ${store}, ${CONNECTIONS} connections`,
      unit: 'requests/s',
      better: 'higher',
      ...compare(pairs('rate')),
    },
    {
      what: `a counter in ${store}, processor time of a request`,
      unit: 'µs',
      better: 'lower',
      ...compare(pairs('micros')),
    },
  ];
}

async function pass({ subject, port }: Server, requests: number): Promise<Pass> {
  // Of this pass only: a server closes connections that it has not heard of for a while.
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const processor = await subject.processorSeconds();
  const began = performance.now();
  const before = await visit(agent, port);
  let left = requests - 2;
  const client = async () => {
    while (left-- > 0) await visit(agent, port);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  const after = await visit(agent, port);
  const seconds = (performance.now() - began) / 1000;
  agent.destroy();
  const used = (await subject.processorSeconds()) - processor;
  if (after - before !== requests - 1) throw new Error(`${requests} requests counted ${after - before + 1}`);
  return { rate: requests / seconds, micros: (used / requests) * 1e6 };
}

/** The number that the server answers. */
function visit(agent: Agent, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ agent, host: '127.0.0.1', port, path: '/bench' }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (data: string) => {
        text += data;
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Number(text));
        else reject(new Error(`answered ${response.statusCode}: ${text}`));
      });
    }).on('error', reject);
  });
}
