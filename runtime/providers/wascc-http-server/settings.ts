import { z } from 'zod';
import { KIB, MIB } from '../../base/limits.js';

export const Settings = z.strictObject({
  /** Largest request line and headers together, in bytes (431 beyond). Default 16 KiB. */
  maxHeaderBytes: z
    .int()
    .min(1 * KIB)
    .max(1 * MIB)
    .default(16 * KIB),
  /**
   * Largest request body, in bytes (413 beyond). Default 992 KiB: with its headers a request then still fits into the
   * 1 MiB that an actor takes by default (`payloadBytes`).
   */
  maxBodyBytes: z
    .int()
    .min(0)
    .max(2 * MIB)
    .default(992 * KIB),
  /** Requests that one binding handles or has waiting at a time (503 beyond). Default 64. */
  maxConcurrent: z.int().min(1).max(4096).default(64),
  /** Open connections of one binding; further ones are closed. Default 256. */
  maxConnections: z.int().min(1).max(65_536).default(256),
  /** How long a request waits for the actor's answer, in milliseconds (504 beyond). Default 10 000. */
  timeoutMs: z.int().min(1).max(600_000).default(10_000),
  /** How long a client may take to send its request, in milliseconds (408 beyond). Default 10 000. */
  receiveTimeoutMs: z.int().min(1).max(600_000).default(10_000),
  /** How long a connection stays open without a request, in milliseconds. Default 5000. */
  keepAliveMs: z.int().min(1).max(600_000).default(5_000),
});
export type Settings = z.infer<typeof Settings>;
