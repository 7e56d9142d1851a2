import type { Signal } from '@preact/signals';
import type { ComponentChild } from 'preact';
import { refusal } from '../api-client/session.ts';
import { frameWords } from './words.ts';

/** A text of one line, without blanks around it. A secret is not shown while it is written. */
export function TextField(props: {
  label: string;
  of: Signal<string>;
  isNeeded?: boolean;
  isSecret?: boolean;
  most?: number;
}) {
  const { label, of, isNeeded = false, isSecret = false, most = 64 } = props;
  return (
    <label class="field">
      <span>{label}</span>
      <input
        // The types of inputs take no union.
        type={(isSecret ? 'password' : 'text') as 'text'}
        required={isNeeded}
        maxLength={most}
        spellcheck={false}
        autocomplete={isSecret ? 'new-password' : 'off'}
        value={of.value}
        onInput={({ currentTarget }) => {
          of.value = currentTarget.value.trim();
        }}
      />
    </label>
  );
}

/** One of several; `children` are the options. */
export function Choice<T extends string>(props: { label: string; of: Signal<T>; children: ComponentChild }) {
  return (
    <label class="field">
      <span>{props.label}</span>
      <select
        value={props.of.value}
        onChange={({ currentTarget }) => {
          props.of.value = currentTarget.value as T;
        }}
      >
        {props.children}
      </select>
    </label>
  );
}

/** A one-time code, and why the last one was refused. */
export function CodeField({ of }: { of: Signal<string> }) {
  return (
    <>
      <pre>
        <code>wxagent token code</code>
      </pre>
      <label class="field">
        <span>{frameWords().signIn.code}</span>
        <input
          type="text"
          class="code"
          value={of.value}
          maxLength={40}
          autocomplete="one-time-code"
          autocapitalize="characters"
          spellcheck={false}
          placeholder="ABCDE-FGHIJ"
          aria-describedby="code-refusal"
          aria-invalid={refusal.value !== null}
          onInput={({ currentTarget }) => {
            of.value = currentTarget.value;
          }}
        />
      </label>
      <p id="code-refusal" class="refusal" role="alert">
        {refusal.value}
      </p>
    </>
  );
}
