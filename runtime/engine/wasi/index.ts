export { WASI_IMPORTS, type WasiImport } from './functions.js';
export { machineClock, machineRandom } from './machine.js';
export { type GuestStop, stopText } from './stop.js';
export { WasiHost } from './wasi-host.js';
