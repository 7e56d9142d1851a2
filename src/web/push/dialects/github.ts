import { WxError } from '../../../core/errors.ts';
import { isObject } from '../../../core/object.ts';
import { objectIn, objectsIn, textIn } from '../port/content.ts';
import { type Dialect, PLAIN, type PushRequest, type Read } from '../port/dialect.ts';
import { accepted, refused, takes } from './native.ts';

/** Commits of a push that are named. */
const MOST_COMMITS = 5;

type Body = Readonly<Record<string, unknown>>;

/** Webhooks of GitHub. A delivery that is repeated is told once. */
export const github: Dialect = {
  name: 'github',
  async read(request) {
    takes(request.method, 'POST');
    const body = await bodyOf(request);
    const event = textIn(request.headers, 'x-github-event') ?? '';
    if (event === '') throw new WxError('usage', 'the header X-GitHub-Event is missing');
    const told = (TOLD[event] ?? anyEvent)(body, event);
    if (told === null) return { ignored: 'event' };
    const id = textIn(request.headers, 'x-github-delivery');
    const repository = textIn(objectIn(body, 'repository'), 'full_name');
    return { push: { ...PLAIN, ...told, title: repository ?? 'GitHub', id } } satisfies Read;
  },
  accepted,
  refused,
};

async function bodyOf({ content }: PushRequest): Promise<Body> {
  const { fields, json } = await content();
  if (json !== undefined) return fields;
  try {
    const body: unknown = JSON.parse(textIn(fields, 'payload') ?? '');
    if (isObject(body)) return body;
  } catch {
    // The same as for what is no object.
  }
  throw new WxError('usage', 'the body is not JSON');
}

/** What is told of each event; null: nothing. */
const TOLD: Readonly<
  Record<string, (body: Body, event: string) => { text: string; link: string | null } | null>
> = {
  ping: (body) => ({ text: `ping: ${textIn(body, 'zen') ?? ''}`, link: null }),
  push: pushOf,
  workflow_run(body) {
    const run = objectIn(body, 'workflow_run');
    if (body.action !== 'completed') return null;
    const conclusion = textIn(run, 'conclusion') ?? '';
    const mark = conclusion === 'success' ? '✅' : conclusion === 'failure' ? '❌' : '⚪';
    const about = [textIn(run, 'name'), textIn(run, 'display_title'), textIn(run, 'head_branch')].filter(
      Boolean,
    );
    return { text: `${mark} ${conclusion}: ${about.join(' · ')}`, link: textIn(run, 'html_url') };
  },
  release(body) {
    const release = objectIn(body, 'release');
    if (body.action !== 'published') return null;
    const name = textIn(release, 'name', 'tag_name') ?? '';
    return { text: `🚀 release ${name}`, link: textIn(release, 'html_url') };
  },
  issues: (body) => about(body, 'issue'),
  pull_request: (body) => about(body, 'pull_request'),
  issue_comment: (body) => about(body, 'issue', textIn(objectIn(body, 'comment'), 'body')),
};

function pushOf(body: Body) {
  const ref = (textIn(body, 'ref') ?? '').replace(/^refs\/(heads|tags)\//, '');
  const who = textIn(objectIn(body, 'pusher'), 'name') ?? '';
  const commits = objectsIn(body, 'commits');
  const lines = commits
    .slice(0, MOST_COMMITS)
    .map((commit) => `• ${(textIn(commit, 'message') ?? '').split('\n')[0]}`);
  const left = commits.length - lines.length;
  const what = body.deleted === true ? 'deleted' : body.forced === true ? 'force-pushed to' : 'pushed to';
  return {
    text: [`${who} ${what} ${ref}`, ...lines, ...(left > 0 ? [`… ${left} more`] : [])].join('\n'),
    link: body.deleted === true ? null : textIn(body, 'compare'),
  };
}

function about(body: Body, name: string, words: string | null = null) {
  const { number, title, html_url: address } = objectIn(body, name);
  const who = textIn(objectIn(body, 'sender'), 'login') ?? '';
  const head = `${who} ${String(body.action)} #${String(number)} ${String(title)}`;
  return { text: words === null ? head : `${head}\n${words}`, link: textIn({ address }, 'address') };
}

function anyEvent(body: Body, event: string) {
  const who = textIn(objectIn(body, 'sender'), 'login');
  const action = textIn(body, 'action');
  const text = [event.replaceAll('_', ' '), action, who === null ? null : `by ${who}`]
    .filter(Boolean)
    .join(' ');
  return { text, link: textIn(objectIn(body, 'repository'), 'html_url') };
}
