import { connect } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedBroker } from '#runtime/control/agent/broker.js';
import { isSameMachine } from '#runtime/control/agent/broker-door.js';
import { BrokerLink, type LinkOptions } from '#runtime/control/mqtt/link.js';
import { type Certificates, certificates } from '../helpers/certificates.js';
import { recordingLogger } from '../helpers/providers.js';
import { bareLink, Cleanup, failure } from './fixture.js';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const PASSWORD = 'correct horse';
let made: Certificates;
beforeAll(() => {
  made = certificates();
});

async function start(users: readonly [string, string][] = [['fleet', PASSWORD]], lines: string[] = []) {
  const broker = await startEmbeddedBroker({
    broker: 'embedded://127.0.0.1:0',
    tls: made,
    users: new Map(users),
    logger: recordingLogger(lines),
  });
  return cleanup.add(broker, () => broker.stop());
}

async function over(url: string, options: Partial<LinkOptions>): Promise<BrokerLink> {
  const link = new BrokerLink({ url, clientId: `c-${Math.random()}`, ...options });
  await link.open();
  return cleanup.add(link, () => link.close());
}

describe('embedded broker with TLS and users', () => {
  it('lets in over TLS who has the password, and carries messages to who is on this machine', async () => {
    const broker = await start([
      ['fleet', PASSWORD],
      ['pi-02', 'other'],
    ]);
    const url = `mqtts://localhost:${broker.port}`;
    const heard: string[] = [];
    const local = await bareLink(broker.url);
    cleanup.add(local, () => local.close());
    await local.subscribe('home/#', ({ payload }) => heard.push(Buffer.from(payload).toString()));
    for (const [username, password] of [
      ['fleet', PASSWORD],
      ['pi-02', 'other'],
    ]) {
      const link = await over(url, { tls: { ca: made.ca }, login: { username, password } });
      await link.publish('home/x', `from ${username}`);
    }
    await local.barrier();
    expect(heard).toEqual(['from fleet', 'from pi-02']);
  });

  it.each([
    ['no user', {}],
    ['no password', { username: 'fleet' }],
    ['a wrong password', { username: 'fleet', password: 'correct hors' }],
    ['an empty password', { username: 'fleet', password: '' }],
    ["another one's password", { username: 'pi-02', password: PASSWORD }],
    ['an unknown user', { username: 'nobody', password: PASSWORD }],
    ['no name', { username: '', password: PASSWORD }],
  ])('refuses %s, and logs neither', async (_, login) => {
    const lines: string[] = [];
    const broker = await start(
      [
        ['fleet', PASSWORD],
        ['pi-02', 'other'],
      ],
      lines,
    );
    const url = `mqtts://localhost:${broker.port}`;
    const error = await failure(over(url, { tls: { ca: made.ca }, login }));
    expect(error.code).toBe('E_BROKER_UNREACHABLE');
    expect(error.message).toMatch(/not authorized/i);
    expect(lines.join('\n')).toMatch(/1 logins with a wrong user or password/);
    for (const text of [error.message, error.hint, ...lines]) expect(text).not.toMatch(/correct|nobody/);
  });

  it('holds who says a name on this machine to it, and asks nothing of who says none', async () => {
    const broker = await start();
    const login = { username: 'fleet', password: 'wrong' };
    expect((await failure(over(broker.url, { login }))).message).toMatch(/not authorized/i);
    await over(broker.url, { login: { username: 'fleet', password: PASSWORD } });
    await over(broker.url, {});
  });

  it('is not believed by who does not know its certificate authority', async () => {
    const broker = await start();
    const login = { username: 'fleet', password: PASSWORD };
    const error = await failure(over(`mqtts://localhost:${broker.port}`, { login }));
    expect(error.code).toBe('E_BROKER_UNREACHABLE');
    expect(error.message).toMatch(/certificate/);
  });

  it('lives on through half connections and rubbish, and stops with them open', async () => {
    const broker = await start();
    const sockets = [Buffer.alloc(0), Buffer.from([0x16, 3, 1, 255, 255, 9]), Buffer.from('GET /')].map(
      (bytes) => {
        const socket = connect(broker.port, '127.0.0.1');
        socket.on('error', () => {});
        socket.write(bytes);
        return socket;
      },
    );
    const gone = connect(broker.port, '127.0.0.1', () => gone.resetAndDestroy());
    gone.on('error', () => {});
    const login = { username: 'fleet', password: PASSWORD };
    await over(`mqtts://localhost:${broker.port}`, { tls: { ca: made.ca }, login });
    await broker.stop();
    for (const socket of sockets) socket.destroy();
  });

  it('refuses a certificate that cannot be used without showing the key', async () => {
    const tls = { cert: made.ca, key: made.key };
    const error = await failure(startEmbeddedBroker({ broker: 'embedded://127.0.0.1:0', tls }));
    expect(error.code).toBe('E_CONFIG');
    expect(`${error.message} ${error.hint}`).not.toContain('BEGIN');
  });
});

describe('who is on this machine', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.53', '127.0.0.53', true],
    ['::1', '::1', true],
    ['::ffff:127.0.0.1', '::ffff:127.0.0.1', true],
    ['192.0.2.7', '192.0.2.7', true],
    ['::ffff:192.0.2.7', '192.0.2.7', true],
    ['192.0.2.8', '192.0.2.7', false],
    ['fe80::1', 'fe80::2', false],
    ['127.0.0.1.example.org', '192.0.2.7', false],
    [undefined, undefined, false],
  ])('%s to %s: %s', (remoteAddress, localAddress, same) => {
    expect(isSameMachine({ remoteAddress, localAddress } as Parameters<typeof isSameMachine>[0])).toBe(same);
  });
});
