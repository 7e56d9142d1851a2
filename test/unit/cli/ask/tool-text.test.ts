import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shown } from '../../../../src/cli/ask/mask-secrets.ts';
import { toolText } from '../../../../src/cli/ask/tool-text.ts';

test.each([
  ['Bash', { command: 'ls -la', description: 'List files', timeout: 5 }, '```\nls -la\n```\nList files'],
  ['shell of Codex', { command: ['bash', '-lc', 'ls'], workdir: '/x' }, '```\nbash -lc ls\n```'],
  ['Write', { file_path: '/a/b.ts', content: 'x = 1' }, '/a/b.ts\n```\nx = 1\n```'],
  [
    'Edit',
    { file_path: '/a/b.ts', old_string: 'a\nb', new_string: 'c', replace_all: false },
    '/a/b.ts\n```\n- a\n- b\n+ c\n```\nreplace_all: false',
  ],
  ['WebFetch', { url: 'https://a.b/c', prompt: 'what' }, 'url: https://a.b/c\nprompt: what'],
  ['MCP', { query: { a: [1, 2] }, n: 1 }, 'query: {"a":[1,2]}\nn: 1'],
  ['network of Codex', { description: 'network-access example.com' }, 'network-access example.com'],
  ['a fence in a command', { command: 'cat <<E\n```\nE' }, '````\ncat <<E\n```\nE\n````'],
  ['a text', 'just text', '```\njust text\n```'],
  ['nothing', {}, ''],
  ['null', null, '```\nnull\n```'],
])('%s', (_, input, text) => {
  expect(toolText(input)).toBe(text);
});

test.each([
  [
    "curl -H 'Authorization: Bearer abcdef0123456789' https://x",
    "curl -H 'Authorization: Bearer •••' https://x",
  ],
  ['export OPENAI_API_KEY=sk-proj-abcdefghijklmnop', 'export OPENAI_API_KEY=•••'],
  ['echo sk-ant-REDACTED', 'echo sk-•••'],
  ['git clone https://me:hunter22@host/x.git', 'git clone https://me:•••@host/x.git'],
  ['mysql --password=hunter22 -u root', 'mysql --password=••• -u root'],
  ['{"password": "hunter22", "user": "me"}', '{"password": "•••", "user": "me"}'],
  ['gh auth login --with-token ghp_abcdefghij0123456789', 'gh auth login --with-token •••'],
  ['-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nok', '-----PRIVATE KEY •••\nok'],
  ['aws configure set x AKIAIOSFODNN7EXAMPLE', 'aws configure set x AKIA•••'],
  ['curl -u me:pw123456 https://x', 'curl -u me:••• https://x'],
  ['PGPASSWORD=hunter22 psql', 'PGPASSWORD=••• psql'],
  ['git push https://ghp_abcdefghij0123456789@github.com/x', 'git push https://ghp_•••@github.com/x'],
  // What is no secret stays.
  ['docker run -u 1000:1000 x', 'docker run -u 1000:1000 x'],
  ['npm run tokenize -- --max-tokens 100', 'npm run tokenize -- --max-tokens 100'],
  ['the token is shown', 'the token is shown'],
  ['rm -rf ./secrets', 'rm -rf ./secrets'],
])('%j is shown as %j', (text, what) => {
  expect(shown(text)).toBe(what);
});

test('what hides or steers is shown as what it is', () => {
  expect(shown('rm \u202etxt.\u202c\u200b\u001b[2K\r-rf')).toBe(
    'rm \\u{202e}txt.\\u{202c}\\u{200b}\\u{1b}[2K\\u{d}-rf',
  );
});

test('a long text shows its ends, and how much is missing', () => {
  const text = `first ${'x'.repeat(50_000)} ; rm -rf /`;
  const what = shown(text);
  expect(what).toMatch(/^first x+\n⚠️ \[…\d+…\]\nx+ ; rm -rf \/$/);
  expect(what.length).toBeLessThan(1_300);
  expect(
    toolText({ command: text, description: text, file_path: text, content: text, other: text }).length,
  ).toBeLessThan(4_000);
});

test('bounded and quick, whatever the input is', () => {
  fc.assert(
    fc.property(fc.object({ maxDepth: 3 }), fc.string({ unit: 'binary' }), (input, text) => {
      expect(toolText(input).length).toBeLessThan(12_000);
      expect(shown(text.repeat(100), 300).length).toBeLessThan(12 * 340);
    }),
    { numRuns: 200 },
  );
  expect(shown('1a_-'.repeat(250_000)).length).toBeLessThan(1_300);
});
