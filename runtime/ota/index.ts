export type { Checks, Deployment, Known, KnownSlot, Part } from './checks/checks.js';
export { type SignedChecksOptions, signedChecks } from './checks/signed-checks.js';
export { type Clock, systemClock } from './clock.js';
export type { FetchRequest, ModuleSource, Sink, StatusSink } from './ports.js';
export type { File, FileSystem, OpenMode } from './storage/fs.js';
export { nodeFileSystem } from './storage/node-fs.js';
export type { Now } from './time.js';
export type { TrustStore } from './trust/trust-store.js';
export { Updates, type UpdatesOptions } from './updates.js';
