import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificates {
  /** PEM, all three. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A certificate for localhost and 127.0.0.1 from an authority of its own, made anew by openssl. */
export function certificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'iot-certificates-'));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  try {
    openssl('req', '-x509', ...curve, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test authority');
    openssl('req', ...curve, '-keyout', 'own.key', '-out', 'own.csr', '-subj', '/CN=localhost');
    writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    const issuer = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names'];
    openssl('x509', '-req', '-in', 'own.csr', ...issuer, '-out', 'own.crt', '-days', '2');
    return { ca: read('ca.crt'), cert: read('own.crt'), key: read('own.key') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
