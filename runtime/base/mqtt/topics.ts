/** Topic names and filters of MQTT 3.1.1 (section 4.7): pure functions over text. */

const MAX_BYTES = 65_535;
const SHARED = /^\$share\/([^/+#]+)\/(.+)$/s;

/** A name to publish to: not empty, no wildcards, no NUL, no lone surrogate, at most 65535 bytes. */
export function isTopic(topic: string): boolean {
  return isText(topic) && !/[+#]/.test(topic);
}

/** A filter to subscribe to, `$share/<group>/<filter>` included: `+` and `#` each fill a level, `#` the last one. */
export function isFilter(filter: string): boolean {
  if (!isText(filter)) return false;
  if (filter.startsWith('$share/') && !SHARED.test(filter)) return false;
  const levels = unshared(filter).split('/');
  return levels.every((level, index) => {
    if (level === '#') return index === levels.length - 1;
    return level === '+' || !/[+#]/.test(level);
  });
}

/** The filter that a shared subscription applies; any other filter as it is. */
export function unshared(filter: string): string {
  return SHARED.exec(filter)?.[2] ?? filter;
}

/** Whether a message on `topic` is meant by `filter`. Wildcards in the first level do not reach names with `$`. */
export function matches(filter: string, topic: string): boolean {
  return covers(filter, topic);
}

/** Whether every topic that `inner` matches is matched by `outer`. Shared subscriptions count as their filter. */
export function covers(outer: string, inner: string): boolean {
  const wide = levelsOf(outer);
  const narrow = levelsOf(inner);
  for (let i = 0; ; i += 1) {
    const one = wide[i];
    const other = narrow[i];
    if (i === 0 && isHidden(other) && isWild(one)) return false;
    if (one === '#') return true;
    if (one === undefined || other === undefined) return one === other;
    if (other === '#') return false;
    if (one !== '+' && one !== other) return false;
  }
}

/** Whether there is a topic that both filters match. */
export function overlaps(a: string, b: string): boolean {
  const left = levelsOf(a);
  const right = levelsOf(b);
  for (let i = 0; ; i += 1) {
    const one = left[i];
    const other = right[i];
    if (i === 0 && ((isHidden(one) && isWild(other)) || (isHidden(other) && isWild(one)))) return false;
    if (one === '#' || other === '#') return true;
    if (one === undefined || other === undefined) return one === other;
    if (one !== '+' && other !== '+' && one !== other) return false;
  }
}

/**
 * Whether a topic or filter touches what no actor may touch, whatever its grant: the host's own `iot/#`, and every name
 * that begins with `$`, which belongs to the broker (`$SYS`, and prefixes by which some brokers reach other topics).
 */
export function isReserved(filter: string): boolean {
  const plain = unshared(filter);
  return isHidden(plain) || overlaps(plain, 'iot/#');
}

function isText(text: string): boolean {
  return (
    text !== '' &&
    !/\p{Surrogate}/u.test(text) &&
    !text.includes('\0') &&
    Buffer.byteLength(text) <= MAX_BYTES
  );
}

function levelsOf(filter: string): string[] {
  const plain = unshared(filter);
  // A topic has at least one level, so `#` alone says the same as `+/#`.
  return plain === '#' ? ['+', '#'] : plain.split('/');
}

function isHidden(level: string | undefined): boolean {
  return level?.startsWith('$') ?? false;
}

function isWild(level: string | undefined): boolean {
  return level === '+' || level === '#';
}
