import { readFileSync } from 'node:fs';

export interface CodeBlock {
  readonly language: string;
  readonly text: string;
}

/** What stands under a second-level heading of README.md, up to the next one. */
export function readmeSection(title: string): string {
  return section('README.md', title);
}

/** The same for another document of the repository. */
export function section(document: string, title: string): string {
  const text = readFileSync(new URL(`../../${document}`, import.meta.url), 'utf8');
  const found = text.split(/^## /m).find((part) => part.startsWith(`${title}\n`));
  if (found === undefined) throw new Error(`${document} has no section "${title}"`);
  return found;
}

/** Fenced blocks, in order. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const fences = markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm);
  return [...fences].map(([, language = '', text = '']) => ({ language, text }));
}

/** `this`, in order. */
export function inlineCode(markdown: string): string[] {
  return [...markdown.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}
