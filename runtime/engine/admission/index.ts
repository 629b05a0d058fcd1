export { type AdmitOptions, type AdmittedModule, admit } from './admit.js';
export type { ModuleKind } from './kind.js';
