import { useSignal } from '@preact/signals';
import type { ComponentChild } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Qr } from '../../../page/qr.tsx';
import type { Login } from '../api-client/types.ts';
import { nowMs } from '../frame/time.ts';
import { complain } from '../frame/toast.tsx';
import { frameWords } from '../frame/words.ts';
import type { LoginHandle } from './use-login.ts';
import { loginWords } from './words.ts';

/** A login as its person sees it, step by step. `children` is what comes next when it is done. */
export function LoginSteps({ handle, children }: { handle: LoginHandle; children: ComponentChild }) {
  const { login, problem } = handle;
  const box = useRef<HTMLElement>(null);
  // What was pressed to begin it is gone.
  useEffect(() => box.current?.focus(), []);
  if (!login) return null;
  return (
    <section class="card login" aria-label={loginWords().title} tabIndex={-1} ref={box}>
      <div role="status">
        <Step handle={handle} login={login} />
      </div>
      {problem !== null && (
        <p class="refusal" role="alert">
          {problem}
        </p>
      )}
      {login.state === 'verify' && <VerifyForm handle={handle} isWrong={login.isWrongCode} />}
      {login.state === 'done' ? children : <LoginButtons handle={handle} login={login} />}
    </section>
  );
}

function Step({ login, handle }: { login: Login; handle: LoginHandle }) {
  const words = loginWords();
  switch (login.state) {
    case 'starting':
      return <p class="login-word">{words.starting}</p>;
    case 'waiting':
      return <Scan login={login} isCurrent={handle.problem === null} />;
    case 'scanned':
      return <p class="login-word">{words.scanned}</p>;
    case 'verify':
      return <p class="login-word">{words.verify}</p>;
    case 'done':
      return <p class="login-word">{login.isNew ? words.done : words.already}</p>;
    case 'cancelled':
      return <p class="login-word">{words.cancelled}</p>;
    case 'failed':
      return (
        <>
          <p class="login-word">{words.failed}</p>
          <p>{login.problem?.detail}</p>
        </>
      );
  }
}

/** The code, unless it is certain or likely that nobody can scan it any more. */
function Scan({ login, isCurrent }: { login: Login; isCurrent: boolean }) {
  const words = loginWords();
  const { url, expiresAt } = login;
  const isOld = expiresAt !== null && Date.parse(expiresAt) <= nowMs.value;
  if (url === null || isOld || !isCurrent) return <p class="login-word">{words.starting}</p>;
  return (
    <>
      <p class="login-word">{words.scan}</p>
      {login.isWrongCode && <p>{words.newCode}</p>}
      <div class="qr-card">
        <Qr text={url} name={words.qr} />
      </div>
      <p class="dim">
        {words.renews}{' '}
        <a href={url} rel="noreferrer">
          {words.openLink}
        </a>
      </p>
    </>
  );
}

function VerifyForm({ handle, isWrong }: { handle: LoginHandle; isWrong: boolean }) {
  const words = loginWords();
  const code = useSignal('');
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => box.current?.focus(), []);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (code.value === '') return;
        const given = code.value;
        code.value = '';
        handle.verify(given).catch(complain);
      }}
    >
      <label class="field">
        <span>{words.verifyCode}</span>
        <input
          ref={box}
          class="digits"
          type="text"
          inputMode="numeric"
          pattern="[0-9]*"
          maxLength={12}
          autocomplete="one-time-code"
          value={code.value}
          aria-describedby="verify-refusal"
          aria-invalid={isWrong}
          onInput={({ currentTarget }) => {
            // An input method may write them in full width.
            code.value = currentTarget.value.normalize('NFKC').replaceAll(/\D/g, '');
          }}
        />
      </label>
      <p id="verify-refusal" class="refusal" role="alert">
        {isWrong && words.wrongCode}
      </p>
      <div class="buttons">
        <button type="submit" class="primary">
          {words.give}
        </button>
      </div>
    </form>
  );
}

function LoginButtons({ handle, login }: { handle: LoginHandle; login: Login }) {
  const isOver = login.state === 'failed' || login.state === 'cancelled';
  return (
    <div class="buttons">
      <button type="button" onClick={() => (isOver ? handle.forget() : handle.cancel().catch(complain))}>
        {isOver ? frameWords().close : loginWords().cancel}
      </button>
    </div>
  );
}
