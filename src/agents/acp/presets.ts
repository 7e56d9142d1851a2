/** An agent that speaks ACP, under the name `--acp` knows it by. */
export interface AcpPreset {
  name: string;
  title: string;
  /** What is looked for on PATH, and its arguments. */
  program: string;
  args: readonly string[];
  /** The npm package that holds the program: run through npx where that is not installed. Null: npm has none. */
  npmPackage: string | null;
  /** How its user logs in. */
  login: string;
  /** Where the command was found, and as of when. */
  source: string;
  sourceDate: string;
}

/** Every preset (docs/acp.md has a recipe for each). */
export const ACP_PRESETS: readonly AcpPreset[] = [
  {
    name: 'claude',
    title: 'Claude Code',
    program: 'claude-agent-acp',
    args: [],
    npmPackage: '@agentclientprotocol/claude-agent-acp',
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
    login: 'goose configure',
    source: 'https://block.github.io/goose/docs/guides/acp-clients',
    sourceDate: '2026-11-23',
  },
  {
    name: 'kimi',
    title: 'Kimi Code CLI',
    program: 'kimi',
    args: ['acp'],
    npmPackage: null,
    login: 'kimi login',
    source: 'https://github.com/MoonshotAI/kimi-cli/blob/main/docs/en/reference/kimi-acp.md',
    sourceDate: '2026-07-16',
  },
  {
    name: 'copilot',
    title: 'GitHub Copilot CLI',
    program: 'copilot',
    args: ['--acp'],
    npmPackage: '@github/copilot',
    login: 'start copilot in a terminal and give it /login',
    source: 'https://docs.github.com/en/copilot/reference/copilot-cli-reference/acp-server',
    sourceDate: '2026-11-23',
  },
];
