import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { IotError } from '../../base/errors.js';
import { MIB } from '../../base/limits.js';

/** Larger files are no modules for this host: its default bound is 4 MiB, an absurd one should not fill memory. */
const MAX_FILE_BYTES = 64 * MIB;
const MAGIC = Uint8Array.of(0x00, 0x61, 0x73, 0x6d);

/** A WebAssembly module; `.wat` text is translated. Throws E_NOT_FOUND, E_USAGE, E_TOO_LARGE, E_MODULE. */
export async function readModule(file: string): Promise<Uint8Array> {
  const bytes = await readInput(file);
  if (file.endsWith('.wat')) return (await import('./wat.js')).translate(file, bytes);
  if (MAGIC.every((byte, index) => bytes[index] === byte)) return bytes;
  throw new IotError('E_MODULE', `${file} is not a WebAssembly module (it does not begin with \\0asm)`, {
    hint: bytes.length === 0 ? 'the file is empty: build it again' : undefined,
  });
}

/** The bytes of a regular file named on the line. */
export async function readInput(file: string): Promise<Uint8Array> {
  const handle = await open(file).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') {
      throw new IotError('E_NOT_FOUND', `${file}: there is no such file`, {
        hint: `build it first, or give its path as seen from ${process.cwd()}`,
      });
    }
    throw unreadable(file, thrown);
  });
  try {
    const { size } = await handle.stat();
    if (size > MAX_FILE_BYTES) {
      throw new IotError('E_TOO_LARGE', `${file} has ${size} bytes, more than ${MAX_FILE_BYTES}`);
    }
    return new Uint8Array(await handle.readFile());
  } catch (thrown) {
    throw thrown instanceof IotError ? thrown : unreadable(file, thrown as NodeJS.ErrnoException);
  } finally {
    await handle.close();
  }
}

/** `blink` for `build/blink.signed.wasm`: what a module is called when nobody says otherwise. */
export function stem(file: string): string {
  return basename(file).replace(/(\.signed)?(\.wasm|\.wat)?$/, '');
}

function unreadable(file: string, thrown: NodeJS.ErrnoException): IotError {
  const why = thrown.code === 'EISDIR' ? 'it is a folder' : (thrown.code ?? thrown.message);
  return new IotError('E_USAGE', `${file} cannot be read: ${why}`, { cause: thrown });
}
