import { isFilter, isTopic } from '../../base/mqtt/topics.js';

/**
 * waSCC names messages by subject, as NATS does: tokens with a dot between them, `*` for any one token, `>` at the end
 * for all that follows. MQTT has topics: `.` becomes `/`, `*` becomes `+`, `>` becomes `#`. Both ways lead back to
 * where they came from; what has no counterpart is refused.
 */

/** A token without what either side has a meaning for. */
const TOKEN = /^[^\s./+#*>\0]+$/;

/** The topic of a subject; `undefined` for a subject with wildcards, empty tokens, blanks, `/`, `+` or `#`. */
export function toTopic(subject: string): string | undefined {
  const tokens = subject.split('.');
  if (!tokens.every((token) => TOKEN.test(token))) return undefined;
  const topic = tokens.join('/');
  return isTopic(topic) ? topic : undefined;
}

/** The topic filter of a subject that may have wildcards. `a.>` reaches `a` itself too: `a/#` does. */
export function toFilter(subject: string): string | undefined {
  const tokens = subject.split('.');
  const levels = tokens.map((token, index) => {
    if (token === '*') return '+';
    if (token === '>' && index === tokens.length - 1) return '#';
    return TOKEN.test(token) ? token : undefined;
  });
  if (levels.includes(undefined)) return undefined;
  const filter = levels.join('/');
  return isFilter(filter) ? filter : undefined;
}

/** The subject of a topic; `undefined` for one with empty levels, dots, blanks, `*` or `>`. */
export function toSubject(topic: string): string | undefined {
  const levels = topic.split('/');
  return levels.every((level) => TOKEN.test(level)) ? levels.join('.') : undefined;
}
