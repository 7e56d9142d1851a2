/** The modes in which an agent asks before it acts, the best one first, for `--permission ask` and `deny`. */
export interface AskingModes {
  ask: readonly string[];
  deny: readonly string[];
}

/** An agent that speaks ACP, under the name `--acp` knows it by. */
export interface AcpPreset {
  name: string;
  title: string;
  /** What is looked for on PATH, and its arguments. */
  program: string;
  args: readonly string[];
  /** The npm package that holds the program: run through npx where that is not installed. Null: npm has none. */
  npmPackage: string | null;
  /** The oldest Node.js it runs on, where that is newer than ours; null: ours will do, or it needs none. */
  node: string | null;
  /** The modes in which it asks before it acts; null: its sessions have no such mode. */
  asking: AskingModes | null;
  /** What makes it ask before it acts, where that is no mode: set where its user has not set it. */
  askingEnv: Readonly<Record<string, string>> | null;
  /** How its user logs in. */
  login: string;
  /** Where the command was found, and as of when. */
  source: string;
  sourceDate: string;
}

/** It writes its modes as addresses. */
const COPILOT_AGENT = 'https://agentclientprotocol.com/protocol/session-modes#agent';

const MANUAL: AskingModes = { ask: ['default'], deny: ['default'] };

/** Every preset (docs/acp.md has a recipe for each). */
export const ACP_PRESETS: readonly AcpPreset[] = [
  {
    name: 'claude',
    title: 'Claude Code',
    program: 'claude-agent-acp',
    args: [],
    npmPackage: '@agentclientprotocol/claude-agent-acp',
    node: null,
    asking: MANUAL,
    askingEnv: null,
    login: 'start claude in a terminal and give it /login',
    source: 'https://github.com/agentclientprotocol/claude-agent-acp',
    sourceDate: '2026-04-03',
  },
  {
    name: 'codex',
    title: 'Codex',
    program: 'codex-acp',
    args: [],
    npmPackage: '@agentclientprotocol/codex-acp',
    node: null,
    asking: { ask: ['workspace-write', 'read-only'], deny: ['read-only'] },
    askingEnv: null,
    login: 'codex login',
    source: 'https://github.com/agentclientprotocol/codex-acp',
    sourceDate: '2026-08-21',
  },
  {
    name: 'gemini',
    title: 'Gemini CLI',
    program: 'gemini',
    args: ['--acp'],
    npmPackage: '@google/gemini-cli',
    node: null,
    asking: MANUAL,
    askingEnv: null,
    login: 'start gemini in a terminal and log in',
    source: 'https://github.com/google-gemini/gemini-cli/blob/main/docs/cli/acp-mode.md',
    sourceDate: '2026-08-21',
  },
  {
    name: 'qwen',
    title: 'Qwen Code',
    program: 'qwen',
    args: ['--acp'],
    npmPackage: '@qwen-code/qwen-code',
    node: null,
    asking: MANUAL,
    askingEnv: null,
    login: 'start qwen in a terminal and log in',
    source: 'https://qwenlm.github.io/qwen-code-docs/zh/users/integration-zed/',
    sourceDate: '2026-11-23',
  },
  {
    name: 'opencode',
    title: 'OpenCode',
    program: 'opencode',
    args: ['acp'],
    npmPackage: 'opencode-ai',
    node: null,
    asking: null,
    askingEnv: { OPENCODE_PERMISSION: '{"*":"ask"}' },
    login: 'opencode auth login',
    source: 'https://opencode.ai/docs/cli/acp/',
    sourceDate: '2026-11-23',
  },
  {
    name: 'goose',
    title: 'goose',
    program: 'goose',
    args: ['acp'],
    npmPackage: null,
    node: null,
    asking: null,
    askingEnv: { GOOSE_MODE: 'approve' },
    login: 'goose configure',
    source: 'https://block.github.io/goose/docs/guides/acp-clients',
    sourceDate: '2026-11-23',
  },
  {
    name: 'kimi',
    title: 'Kimi Code',
    program: 'kimi',
    args: ['acp'],
    npmPackage: '@moonshot-ai/kimi-code',
    node: '22.19.0',
    asking: MANUAL,
    askingEnv: null,
    login: 'kimi login',
    source: 'https://www.npmjs.com/package/@moonshot-ai/kimi-code',
    sourceDate: '2026-11-29',
  },
  {
    name: 'copilot',
    title: 'GitHub Copilot CLI',
    program: 'copilot',
    args: ['--acp'],
    npmPackage: '@github/copilot',
    node: null,
    asking: { ask: [COPILOT_AGENT], deny: [COPILOT_AGENT] },
    askingEnv: null,
    login: 'start copilot in a terminal and give it /login',
    source: 'https://docs.github.com/en/copilot/reference/copilot-cli-reference/acp-server',
    sourceDate: '2026-11-23',
  },
];
