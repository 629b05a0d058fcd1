/** Whether `topic` is covered by the MQTT topic filter `filter` (MQTT 3.1.1 section 4.7). */
export function matches(filter: string, topic: string): boolean {
  const parts = filter.split('/');
  const levels = topic.split('/');
  // Wildcards in the first level never cover topics of the broker itself (section 4.7.2).
  if (topic.startsWith('$') && (parts[0] === '#' || parts[0] === '+')) return false;
  for (const [index, part] of parts.entries()) {
    if (part === '#') return true;
    if (index >= levels.length) return false;
    if (part !== '+' && part !== levels[index]) return false;
  }
  return parts.length === levels.length;
}
