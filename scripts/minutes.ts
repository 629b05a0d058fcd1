/** The longest that `.ci/run` may take, in minutes, where IOT_CI_MINUTES does not say it. */
const DEFAULT_MINUTES = 90;

/** What IOT_CI_MINUTES says. Throws when that is no number of minutes. */
export function ciMinutes(said: string | undefined): number {
  if (said === undefined) return DEFAULT_MINUTES;
  if (/^\d+(\.\d+)?$/.test(said)) return Number(said);
  throw new Error(`IOT_CI_MINUTES is "${said}", which is no number of minutes, as 90 is`);
}
