/** A word in quotes, for shells that know single ones. */
export const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** An argument as it has to be typed. */
export const shellWord = (text: string): string => (/^[\w./~:@%+,-]+$/.test(text) ? text : quote(text));
