import { describe, expect, it } from 'vitest';
import { silentLogger } from '#runtime/base/logger.js';
import { LogRing } from '#runtime/compose/log-ring.js';
import { recordingLogger } from '../helpers/providers.js';

describe('the last lines of the log', () => {
  it('are bounded in number and length', () => {
    const ring = new LogRing();
    const logger = ring.tee(silentLogger).child({ actor: 'a' });
    for (let n = 0; n < 1_500; n++) logger.info(`${n}`);
    logger.warn('x'.repeat(1_000_000));
    const lines = ring.recent();
    expect(lines).toHaveLength(1_000);
    expect(lines.at(-2)?.message).toBe('1499');
    expect(lines.at(-1)?.message.length).toBeLessThan(5_000);
    expect(lines.at(-1)?.message).toContain('1000000 characters');
  });

  it('carry their fields, are found by actor, and go on to the logger and to who listens', () => {
    const ring = new LogRing();
    const written: string[] = [];
    const heard: string[] = [];
    ring.onLine(({ message }) => heard.push(message));
    const logger = ring.tee(recordingLogger(written));
    logger.child({ actor: 'a' }).error(() => 'lazy', { code: 'E_TRAP' });
    logger.child({ actor: 'b' }).info('other');
    logger.debug('unseen');
    const lines = ring.recent();
    expect(lines.filter(({ actor }) => actor === 'a')).toMatchObject([
      { actor: 'a', code: 'E_TRAP', level: 'error', message: 'lazy' },
    ]);
    expect(heard).toEqual(['lazy', 'other']);
    expect(written).toHaveLength(3);
  });

  it('of an actor are those of its updates and releases, too', () => {
    const ring = new LogRing();
    const logger = ring.tee(silentLogger);
    logger.child({ actor: 'a' }).info('own');
    logger.info('update', { component: 'a' });
    logger.info('release', { component: 'house', actors: ['b', 'a'] });
    logger.info('update', { component: 'b' });
    logger.info('release', { component: 'barn', actors: ['b'] });
    logger.info('broken', { actors: 'a' });
    expect(ring.recent({ actor: 'a' }).map(({ message }) => message)).toEqual(['own', 'update', 'release']);
    expect(ring.recent({ actor: 'house' })).toHaveLength(1);
  });
});
