import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { codeBlocks } from '../../helpers/readme.js';

export interface Binding {
  readonly contract: string;
  readonly lines?: Readonly<Record<string, unknown>>;
  readonly ports?: Readonly<Record<string, unknown>>;
}

export interface ReadmeConfig {
  readonly providers?: readonly ({ readonly contract: string } & Record<string, unknown>)[];
  readonly actors: readonly { readonly name: string; readonly bindings: readonly Binding[] }[];
}

/** What the README of an actor tells a person to write and to type. */
export interface ActorReadme {
  readonly config: ReadmeConfig;
  /** Bindings that may stand there instead, in the order of the README. */
  readonly instead: readonly (readonly Binding[])[];
  /** The lines to build, sign, push and watch. */
  readonly commands: readonly string[];
  /** What is signed for. */
  readonly caps: readonly string[];
  readonly text: string;
}

export function actorReadme(actor: string): ActorReadme {
  const text = readFileSync(new URL(`../../../actors/${actor}/README.md`, import.meta.url), 'utf8');
  const blocks = codeBlocks(text);
  const [config, ...instead] = blocks
    .filter(({ language }) => language === 'yaml')
    .map((block) => parse(block.text));
  const typed = blocks.find((block) => block.text.includes('iot-host sign'))?.text ?? '';
  return {
    config,
    instead,
    commands: typed.trim().split('\n'),
    caps: [...typed.matchAll(/--cap (\S+)/g)].map(([, cap = '']) => cap),
    text,
  };
}

/** What one contract is bound with is replaced: `by.contract`, or `of` where another contract takes its place. */
export function replaceBinding(config: ReadmeConfig, by: Binding, of = by.contract): ReadmeConfig {
  const actors = config.actors.map((actor) => ({
    ...actor,
    bindings: actor.bindings.map((binding) => (binding.contract === of ? by : binding)),
  }));
  return { ...config, actors };
}
