/**
 * `npm test`, after the build: runs every test, and then says whether the promises of docs/delivery.md are held by
 * tests that have passed (test/promises.json). Tests of documents and linter rows are counted apart from those of
 * behaviour. The last line is `N passed, N failed`: tests of behaviour, and one failure more for each of these:
 * documents that do not hold, promises that do not, a run that ended badly without a test that failed.
 *
 * `node scripts/test.mjs [argument of vitest run...]`: with arguments not all has run, and only the tests count.
 * `node scripts/test.mjs --report <file>`: what a report of vitest comes to.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);

if (args[0] === '--report') process.exitCode = judge(args[1], 0);
else if (args.length > 0) process.exitCode = vitest(args);
else {
  const folder = mkdtempSync(join(tmpdir(), 'wxagent-report-'));
  const report = join(folder, 'report.json');
  try {
    const code = vitest(['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]);
    process.exitCode = judge(report, code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs tests; 1 also stands for an end by a signal. */
function vitest(words) {
  const program = join(root, 'node_modules/vitest/vitest.mjs');
  return spawnSync(process.execPath, [program, 'run', ...words], { cwd: root, stdio: 'inherit' }).status ?? 1;
}

/** Prints what a run comes to; returns the exit code. */
function judge(path, code) {
  const tests = testsOf(path);
  const ofDocuments = ({ file }) => /^test\/unit\/(docs|project)\//.test(file);
  const documents = countOf(tests.filter(ofDocuments));
  const behaviour = countOf(tests.filter((test) => !ofDocuments(test)));
  const { promises, wrong } = brokenPromises(tests);
  for (const line of wrong) console.log(`docs/delivery.md: ${line}`);
  console.log(`documents and linter rows: ${documents.passed} hold, ${documents.failed} do not`);
  console.log(
    wrong.length === 0 ? `promises: all ${promises} are held` : `promises: ${wrong.length} faults, see above`,
  );
  const badEnd = code !== 0 && documents.failed + behaviour.failed === 0;
  const failed = behaviour.failed + [documents.failed > 0, wrong.length > 0, badEnd].filter(Boolean).length;
  console.log(`${behaviour.passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** The tests of a report, each with its file and its full title as vitest prints it. */
function testsOf(path) {
  let testResults = [];
  try {
    ({ testResults } = JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    console.log(`the run left no report: ${error.message}`);
  }
  return testResults.flatMap(({ name, status, assertionResults }) => {
    const file = relative(root, name).split(sep).join('/');
    const tests = assertionResults.map((test) => ({
      file,
      title: [...test.ancestorTitles, test.title].join(' > '),
      status: test.status,
    }));
    // A file that cannot be read, or whose hook fails, is told by no test.
    const untold = status === 'failed' && tests.every((test) => test.status !== 'failed');
    return untold ? [...tests, { file, title: '', status: 'failed' }] : tests;
  });
}

function countOf(tests) {
  const count = (status) => tests.filter((test) => test.status === status).length;
  return { passed: count('passed'), failed: count('failed') };
}

/** A promise is a list item of docs/delivery.md; test/promises.json names it by its first words. */
function brokenPromises(tests) {
  const page = readFileSync(join(root, 'docs/delivery.md'), 'utf8');
  const promises = [...page.matchAll(/^- (.*)/gm)].map(([, promise]) => promise);
  const bindings = Object.entries(JSON.parse(readFileSync(join(root, 'test/promises.json'), 'utf8')));
  const wrong = [];
  for (const promise of promises) {
    const times = bindings.filter(([words]) => promise.startsWith(words)).length;
    if (times !== 1) wrong.push(`bound ${times} times instead of once: ${promise}`);
  }
  for (const [words, files] of bindings) {
    if (!promises.some((promise) => promise.startsWith(words)))
      wrong.push(`no promise begins with "${words}"`);
    const bound = Object.entries(files).flatMap(([file, titles]) => titles.map((title) => ({ file, title })));
    if (bound.length === 0) wrong.push(`no test is bound to "${words}"`);
    for (const { file, title } of bound) {
      const ran = tests.filter((test) => test.file === file && test.title === title);
      if (ran.length > 0 && ran.every(({ status }) => status === 'passed')) continue;
      wrong.push(`"${words}": ${ran.length === 0 ? 'no test' : 'not passed'}: ${file}: ${title}`);
    }
  }
  return { promises: promises.length, wrong };
}
