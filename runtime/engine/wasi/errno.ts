/** The answers of WASI preview 1 that this host gives (`errno` of the witx files; the same numbers in snapshot 0). */
export const ERRNO = { success: 0, badf: 8, inval: 28 } as const;
export type Errno = (typeof ERRNO)[keyof typeof ERRNO];
