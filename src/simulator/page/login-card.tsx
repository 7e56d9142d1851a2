import { Qr } from '../../page/qr.tsx';
import type { LoginView } from '../control/views.ts';
import { change } from './controls.ts';
import { nameOf } from './names.ts';
import { phoneWords } from './words.ts';
import { isOwner, selected, state } from './world.ts';

/** The newest login that waits for a phone; nothing when there is none. */
export function LoginCard() {
  const login = state.value?.logins.at(-1);
  return login ? <OpenLogin login={login} /> : null;
}

function OpenLogin({ login }: { login: LoginView }) {
  const words = phoneWords().logins;
  const user = selected.value ?? '';
  const isNew = login.status === 'wait';
  const scan = (confirm: boolean) => void change('scan', { qrcode: login.qrcode, user, confirm });
  return (
    <section class="login" aria-label={words.title}>
      <Qr text={login.url} name={words.qr} />
      <div role="status">
        <h3>{words.title}</h3>
        {login.status === 'need_verifycode' && (
          <p>
            {words.code} <strong class="digits">{login.verifyCode}</strong>
          </p>
        )}
        {login.status === 'scaned' && <p>{words.scanned}</p>}
        {login.status === 'scaned_but_redirect' && <p>{words.redirected}</p>}
        <div class="buttons">
          {isNew && (
            <button type="button" class="primary" onClick={() => scan(true)}>
              {isOwner(user) ? words.scan : words.scanAs(nameOf(user))}
            </button>
          )}
          {isNew && (
            <button type="button" onClick={() => scan(false)}>
              {words.scanOnly}
            </button>
          )}
          {login.status.startsWith('scaned') && (
            <button type="button" class="primary" onClick={() => void change('confirm')}>
              {words.confirm}
            </button>
          )}
          <button type="button" onClick={() => void change('refuse')}>
            {words.refuse}
          </button>
        </div>
      </div>
    </section>
  );
}
