import { describe, expect, it, test } from 'vitest';
import { withoutThinking } from '../../../../src/agents/reply/thinking.ts';

describe('what a model thinks is taken out', () => {
  it.each([
    ['<think>hm\n\nhm</think>\n\nYes.', 'Yes.'],
    ['\n<think>\n</think>Yes.', 'Yes.'],
    ['<think>\n\n</think>\n\nYes.', 'Yes.'],
    ['<think/>Yes.', '<think/>Yes.'],
    ['<think>never ends', ''],
    ['<think', ''],
    // The template of the model has the opening mark.
    ['let me see\n</think>\n\nYes.', 'Yes.'],
    ['So 391.</think>391', '391'],
    ['17 * 23 ... so </think> 391 is the answer', '391 is the answer'],
    ['one</think>two</think>three', 'three'],
    ['I write ```py\nx = 1\n</think>Done.', 'Done.'],
    // Further on.
    ['Sure. <think>17 * 23</think> It is 391.', 'Sure. It is 391.'],
    ['Sure.<think>17 * 23</think>It is 391.', 'Sure.\nIt is 391.'],
    ['Sure.\n<think>\n17 * 23\n</think>\n\nIt is 391.', 'Sure.\n\nIt is 391.'],
    ['好的。<think>想一想</think>是 391。', '好的。\n是 391。'],
    ['a <think>b</think> c <think>d</think> e', 'a c e'],
    ['Done.\n<think>what next', 'Done.'],
    ['Done. <think>what next', 'Done.'],
    ['<think>a</think>\n<think>b', ''],
    ['1. one\n   <think>a</think>\n2. two', '1. one\n2. two'],
    // By any name, and in any form.
    ['<THINK>a</THINK>b', 'b'],
    ['<thinking>a</thinking>b', 'b'],
    ['<thought>a</thought>b', 'b'],
    ['<thoughts>a</thoughts>b', 'b'],
    ['<reasoning effort="high">a</reasoning>b', 'b'],
    ['<think time="3">a</think >b', 'b'],
    ['<think>a<\\think>b', 'b'],
    ['<think>a</think><think> b</think>c', 'c'],
    ['<seed:think>a</seed:think>b', 'b'],
    ['<antThinking>a</antThinking>b', 'b'],
    ['<longcat_think>a</longcat_think>b', 'b'],
    ['[THINK]a[/THINK]b', 'b'],
    ['◁think▷a◁/think▷b', 'b'],
    ['<|begin_of_thought|>a<|end_of_thought|>\n<|begin_of_solution|>b<|end_of_solution|>', 'b'],
    ['<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>', 'b'],
    ['<unused94>thought\na<unused95>b', 'b'],
    ['<think>a</think>\n<answer>b</answer>', 'b'],
    ['<reason>\na\n</reason>\n\nb', 'b'],
    ['<reason>a</reason><reflection>b</reflection>\n<output>c</output>', 'c'],
    ['<thinking>a</thinking>\n<reflection>b</reflection>\nc', 'c'],
    // Words that mean other things as well.
    ['<reason>a</reason>', '<reason>a</reason>'],
    ['<reason>a</reason>\n<code>5</code>', '<reason>a</reason>\n<code>5</code>'],
    ['Here: <reason>a</reason> b', 'Here: <reason>a</reason> b'],
    ['<reason>never ends', '<reason>never ends'],
    ['<details style="color:gray;" open> <summary> Thinking... </summary>\na\n</details>\n\nb', 'b'],
    [
      '<details type="reasoning" done="true" duration="3">\n<summary>Thought for 3 seconds</summary>\n> a\n</details>\nb',
      'b',
    ],
    // One in the other.
    ['<think>a<think>b</think>c</think>d', 'd'],
    ['<think>a<reasoning>b</reasoning>c</think>d', 'd'],
    ['<think>I open <think> again</think>d', 'd'],
    ['<think>```\ncode</think>d', 'd'],
    ['<think>he said "</think>d', 'd'],
    // Channels that nobody took apart.
    ['<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>', 'b'],
    ['<|start|>assistant<|channel|>commentary to=functions.x <|constrain|>json<|message|>{}<|call|>', ''],
    ['<|channel|>analysis<|message|>a', ''],
    ['<|channel|>final<|message|>b', 'b'],
    ['analysisThe user asks. Simple.assistantfinalIt is 391.', 'It is 391.'],
  ])('%j', (text, said) => {
    expect(withoutThinking(text)).toBe(said);
  });

  it('at the end of a cut answer, wherever it began', () => {
    expect(withoutThinking('It is 391 <think>or is', true)).toBe('It is 391');
    expect(withoutThinking('It is 391\n</thi', true)).toBe('It is 391\n</thi');
  });
});

describe('what an answer says of such marks stays', () => {
  it.each([
    'plain',
    '[Think] before you speak.',
    'Write `<think>a</think>` so.',
    'Write ``<think>`a`</think>`` so.',
    '```xml\n<think>a</think>\nb\n```',
    '~~~\nno end: <think>\n~~~\ntext',
    '- so:\n  ```\n  </think>\n  ```\n  and go on',
    '> <think>quoted</think>\n\nThis is what it says.',
    'The mark "<think>" begins it, and "</think>" ends it.',
    'He wrote "first <think>hm</think> then" to me.',
    '标记“<think>”和“</think>”之间是推理。',
    'Escaped: \\<think\\> or \\</think>.',
    'The <think> tag opens it and the </think> tag closes it.',
    'Put it between <think> and </think>, please.',
    'The mark <think> is swallowed by some servers.',
    'HTML: &lt;think&gt;a&lt;/think&gt;',
    'I think <b>so</b>, <thinker> and a <thinking-cap/>.',
    '<details><summary>More</summary>\nlong\n</details>\nend',
    'In harmony `<|channel|>final<|message|>` begins the answer.',
    'analysis of the data: assistantfinal is no word',
    'reasoning_content is a field.',
  ])('%j', (text) => {
    expect(withoutThinking(text)).toBe(text);
  });
});

test('a long answer full of marks is read in a moment', () => {
  const text = '`<think>` a "<think>" <think> b\n'.repeat(30_000);
  expect(withoutThinking(text).length).toBeGreaterThan(0);
  expect(withoutThinking(`${'<think>'.repeat(50_000)}x`)).toBe('');
  const spoken = 'the <think> is open '.repeat(50_000);
  expect(withoutThinking(spoken)).toBe(spoken);
  expect(withoutThinking(`${'`` '.repeat(50_000)}<think>`)).toContain('<think>');
});

test.each([
  ['backticks behind a span that no one closes', `\`x${'`'.repeat(60)} y`],
  ['openings of code', '```a\n'.repeat(60_000)],
  ['openings of either kind', '~~~a\n```b\n'.repeat(40_000)],
  ['one line of backticks before a text', `\n${'`'.repeat(100_000)}\n${'abc\n'.repeat(50_000)}`],
  ['runs of any length', Array.from({ length: 900 }, (_, n) => `${'`'.repeat(n)}a`).join('')],
  ['runs from the longest down', Array.from({ length: 900 }, (_, n) => `${'`'.repeat(903 - n)}a\n`).join('')],
  ['one word behind a channel', `<|channel|>${'a'.repeat(300_000)}`],
])('an answer of which the end would not be seen: %s', (_name, text) => {
  expect(withoutThinking(`<think>hm</think>${text}`)).toBe(text.trimStart());
  expect(withoutThinking(text)).toBe(text);
});

test('a thought of nothing but blanks, behind a word, comes to its end too', () => {
  const text = `so, <think>${' '.repeat(1_000_000)}hm</think>yes`;
  expect(withoutThinking(text)).toBe('so, yes');
});
