/** An actor speaks waPC; a plain module has no imports and is called by the names of its exports. */
export type ModuleKind = 'actor' | 'plain';
