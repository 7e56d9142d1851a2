import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const manifest = JSON.parse(read('package.json')) as Record<
  'dependencies' | 'devDependencies',
  Record<string, string>
>;

describe('the package', () => {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      shell: process.platform === 'win32',
    }),
  ) as [{ files: { path: string; mode: number }[] }];
  const files = packed.files.map((file) => file.path);

  it('holds what an installation needs', () => {
    expect(files).toEqual(
      expect.arrayContaining([
        'CHANGELOG.md',
        'LICENSE',
        'README.md',
        'bin/package.json',
        'bin/start.js',
        'bin/wxagent.js',
        'dist/index.d.ts',
        'dist/index.js',
        'dist/main.js',
        'dist/main.js.map',
        'docs/dependencies.md',
        'docs/zh-CN/agents.md',
        'package.json',
      ]),
    );
  });

  it('holds nothing else', () => {
    const expected =
      /^(package\.json|LICENSE|CHANGELOG\.md|README(\.[\w-]+)?\.md|docs\/([\w-]+\/)?[\w.-]+\.(md|json|yml)|bin\/(start\.js|wxagent\.js|package\.json)|examples\/[\w./@-]+|dist\/[\w-]+\.js(\.map)?|dist\/(phone|web-page)\/(index\.html|[\w-]+\.(js|css|svg))|dist\/([\w-]+\/)*[\w-]+\.d\.ts)$/;
    expect(files.filter((file) => !expected.test(file))).toEqual([]);
  });

  it('has a program that can be run', () => {
    const mode = packed.files.find((file) => file.path === 'bin/wxagent.js')?.mode ?? 0;
    expect(process.platform === 'win32' || (mode & 0o111) !== 0).toBe(true);
    expect(read('bin/wxagent.js').startsWith('#!/usr/bin/env node\n')).toBe(true);
  });

  it('declares types that need no package it does not install', () => {
    const installed = ['node:', ...Object.keys(manifest.dependencies)];
    const foreign = [...packagesOfTypes('dist/index.d.ts')].filter(
      (source) => !installed.some((name) => source.startsWith(name)),
    );
    expect(foreign).toEqual([]);
  });
});

describe('docs/dependencies.md', () => {
  const page = read('docs/dependencies.md');

  it('names every dependency, and no other', () => {
    expect(tableOf(page, 'Installed with wxagent')).toEqual(Object.keys(manifest.dependencies).sort());
  });

  it('names every development dependency, and no other', () => {
    expect(tableOf(page, 'For development')).toEqual(Object.keys(manifest.devDependencies).sort());
  });
});

/** Packages in the table under a heading, sorted. */
function tableOf(page: string, heading: string): string[] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| `([^`]+)`\s*\|/gm)].map(([, name]) => name as string).sort();
}

/** The packages a declaration file and those it imports ask for. */
function packagesOfTypes(entry: string): Set<string> {
  const packages = new Set<string>();
  const files = new Set([entry]);
  // A set hands out what is added while it is walked.
  for (const file of files) {
    for (const [, source = ''] of read(file).matchAll(/(?:from|import\() ?['"]([^'"]+)['"]/g)) {
      if (source.startsWith('.')) files.add(join(dirname(file), source.replace(/\.[jt]s$/, '.d.ts')));
      else packages.add(source);
    }
  }
  return packages;
}
