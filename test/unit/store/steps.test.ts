import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/** The rules of steps that no compiler knows, held by reading the source: see docs/decisions/0024-steps-are-generators.md. */

const STORE = fileURLToPath(new URL('../../../src/store/', import.meta.url));
/** Every file that has statements. The migrations of each database are its own. */
const SOURCES = new Map(
  readdirSync(STORE, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.startsWith(`schema${sep}`))
    .map((path): [string, string] => [path, readFileSync(join(STORE, path), 'utf8')])
    .filter(([, text]) => /sql\/statement\.ts'/.test(text)),
);

const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|\$\{[^}]*\}|[^`\\])*`/g;

/** The literals of a source, without their quotes and the expressions in them. */
function literalsOf(source: string): string[] {
  return [...source.matchAll(TOKEN)]
    .map(([token]) => token)
    .filter((token) => !token.startsWith('/'))
    .map((token) => token.slice(1, -1).replaceAll(/\$\{[^}]*\}/g, '$'));
}

describe('the SQL of the store is what SQLite and PostgreSQL both understand, and understand alike', () => {
  const NO_VALUE = String.raw`(?!NULL\b|NOT NULL\b|(?:NOT )?DISTINCT FROM\b)`;
  const FAULTS: [fault: string, pattern: RegExp, examples: string[]][] = [
    [
      'a bare user: PostgreSQL takes it for the name of the role',
      /(?<!["'\w])user(?!["'\w(])/,
      ['WHERE account = ? AND user = ?', 'ON users.user = ?2', 'seq, account, user, state'],
    ],
    ['a quoted name that is no column, which SQLite takes for a text', /"(?!user")\w*"/, ['state = "held"']],
    ['rowid', /\browid\b/i, ['ORDER BY seen_at, rowid']],
    ['INSERT OR', /\bINSERT OR\b/i, ['INSERT OR REPLACE INTO children']],
    ['INDEXED BY outside its fragment', /\bINDEXED BY\b/i, ['FROM inbox INDEXED BY inbox_unfinished']],
    [
      'IS with a value',
      new RegExp(String.raw`\bIS (?:NOT )?${NO_VALUE}`),
      ['created_at IS ?5', "reason IS NOT 'command'", 'session_id IS NOT (SELECT 1)'],
    ],
    ['a plus before a column', /(?:\b(?:AND|OR|WHERE|ON|NOT)\s|[(,])\s*\+\w/i, ["AND +state = 'running'"]],
    ['MAX or MIN of several values', /\b(?:MAX|MIN)\([^()]*,/i, ['SET sent = MAX(0, sent - 1)']],
    [
      'a condition as a column',
      /(?:\bEXISTS \(.*\)|\bIS (?:NOT )?NULL) AS\b/i,
      ['SELECT EXISTS (SELECT 1) AS found', 'SELECT upload IS NOT NULL AS has_upload'],
    ],
    [
      'a value as a condition',
      /\b(?:WHEN|AND|OR|WHERE) \?\d* (?:THEN|AND|OR)\b/i,
      ['CASE WHEN ? THEN NULL END'],
    ],
    [
      'a value of no type',
      /\?\d* IS (?:NOT )?NULL\b|\?\d* [-+] \?/i,
      ['(?2 IS NULL OR id = ?2)', '< ?1 - ?3'],
    ],
    [
      'a query as a table without a name',
      /(?<!DISTINCT )\bFROM \((?:[^()]|\([^()]*\))*\)(?!\s+AS\b)/i,
      ['SELECT 1 FROM (SELECT 1) WHERE 1 = 1'],
    ],
  ];

  test.each(FAULTS)('%s', (_, pattern, examples) => {
    for (const example of examples) expect(example).toMatch(pattern);
    const found = [...SOURCES].flatMap(([path, source]) =>
      literalsOf(source)
        .filter((text) => text !== 'user' && !text.endsWith('.ts') && pattern.test(text))
        .map((text) => `${path}: ${text}`),
    );
    expect(found).toEqual([]);
  });
});

describe('no step and no statement is dropped', () => {
  const STATEMENTS = ['one', 'all', 'run', 'insert', 'together', 'unawaited'];

  /** The names of what has to be yielded, in all sources. */
  function namesIn(sources: Iterable<string>): string[] {
    const declared = [...sources].flatMap((source) => [
      ...[...source.matchAll(/function\* (\w+)|^\s+\*(\w+)\(/gm)].map(
        ([, step, method]) => step ?? method ?? '',
      ),
      ...[...source.matchAll(/function (\w+)\(/g)]
        .filter(({ index, 0: start }) =>
          /^: (?:(?:Statement|Together)<|Unawaited )/.test(behindParens(source, index + start.length)),
        )
        .map(([, name]) => name as string),
    ]);
    return [...new Set([...declared, ...STATEMENTS])];
  }

  /** What follows the parentheses that were opened before `from`. */
  function behindParens(code: string, from: number): string {
    let at = from;
    for (let depth = 1; depth > 0 && at < code.length; at++)
      depth += { '(': 1, ')': -1 }[code[at] as string] ?? 0;
    return code.slice(at, at + 20);
  }

  /**
   * Calls that nothing yields: neither a `yield*` here, nor whoever gets a returned statement, a runner, a group. An open
   * `database` of SQLite has methods of these names, which act at once.
   */
  function droppedIn(source: string, names: readonly string[]): string[] {
    const code = source.replaceAll(TOKEN, (token) => (token.startsWith('/') ? '' : '$'));
    const call = new RegExp(String.raw`(?<![\w.*])(?!database\.)(?:\w+\.)?(?:${names.join('|')})\(`, 'g');
    return [...code.matchAll(call)]
      .filter(({ index, 0: { length } }) => {
        const before = code.slice(0, index).trimEnd();
        const isDeclared = /^(?:: (?:(?:Step|Statement|Together|Promise)<|Unawaited )| \{)/.test(
          behindParens(code, index + length),
        );
        const isOfRunner = /^(?:[\w.]+, )?(?:\(\) =>|function\*)/.test(code.slice(index + length));
        return !isDeclared && !isOfRunner && !YIELDED.test(before) && !isInTogether(before);
      })
      .map(({ index }) => code.slice(index).split('\n', 1)[0] as string);
  }

  /** What stands before a call that is yielded here or elsewhere; whoever does not, has a value of another type. */
  const YIELDED =
    /(?:yield\*|\breturn|\brunStep\(\w+,|\[|\((?:isHeld)?\) =>|\.map\(\((?:[^()]|\([^()]*\))*\) =>)$/;

  /** Whether a call that follows is an argument of `together` or `unawaited`, however deep. */
  function isInTogether(before: string): boolean {
    for (let at = before.length - 1, depth = 0; at >= 0 && !';{}'.includes(before[at] as string); at--) {
      depth += { ')': 1, '(': -1 }[before[at] as string] ?? 0;
      if (depth < 0 && /\b(?:together|unawaited)$/.test(before.slice(0, at))) return true;
      if (depth < 0) depth = 0;
    }
    return false;
  }

  test('such a call is found', () => {
    const names = ['storeMessages', ...STATEMENTS];
    const seeded = [
      "  run('DELETE FROM users');",
      '  if (known) run(DROP, seq);',
      '  storeMessages(intake);',
      '  if (storeMessages(intake)) yield* run(DROP);',
      '  const stored = storeMessages(intake);',
      '  void triager.storeMessages(intake);',
      '  yield* run(FIRST, storeMessages(intake));',
      '  if (isNew && storeMessages(intake)) return;',
      '  rows.forEach((row) => run(DROP, row.seq));',
      '  return rows.some((row) => storeMessages(row));',
    ];
    expect(seeded.map((line) => droppedIn(line, names).length)).toEqual(seeded.map(() => 1));
    const right = [
      "  yield* run('DELETE FROM users');",
      '  return one(CLAIM_STATE, account);',
      '  yield* together(run(FIRST, one.seq as number), run(SECOND, of(seq)));',
      '  storeMessages: (intake) => run(() => storeMessages(intake)),',
      '  yield* together(...rows.map((row) => run(DROP, row.seq)));',
      '  decide(message: Message): Step<Decision>;',
      '  const needed = runStep(database, storeMessages(intake));',
      "  database.run('DELETE FROM users');",
      '  // run(SOMETHING) is not called here',
    ];
    expect(right.flatMap((line) => droppedIn(line, [...names, 'decide']))).toEqual([]);
  });

  test('there is none', () => {
    const names = namesIn(SOURCES.values());
    expect(names.length).toBeGreaterThan(90);
    const found = [...SOURCES].flatMap(([path, source]) =>
      droppedIn(source, names).map((call) => `${path}: ${call}`),
    );
    expect(found).toEqual([]);
  });
});
