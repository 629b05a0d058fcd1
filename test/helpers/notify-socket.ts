import { spawn } from 'node:child_process';
import type { Cleanup } from './cleanup.js';

/** A service manager's end of sd_notify(3): Node has no datagrams over unix sockets, Python has. */
const LISTENER = `
import json, socket, sys
address = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\\0" + address[1:] if address.startswith("@") else address)
print("bound", flush=True)
while True:
    print(json.dumps(s.recv(65536).decode()), flush=True)
`;

/** Binds `address` (a path, or `@name`); every datagram that comes is appended to the result. */
export async function notifySocket(cleanup: Cleanup, address: string): Promise<string[]> {
  const child = spawn('python3', ['-c', LISTENER, address], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanup.add(() => child.kill());
  const received: string[] = [];
  let text = '';
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the listener ended with code ${code}`)));
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        if (line === 'bound') resolve();
        else received.push(JSON.parse(line));
      }
    });
  });
  return received;
}
