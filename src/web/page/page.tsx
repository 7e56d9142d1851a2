import { effect } from '@preact/signals';
import { render } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { followLanguage, language } from '../../page/language.ts';
import { followTheme } from '../../page/theme.ts';
import { followEvents } from './api-client/live.ts';
import { begin } from './api-client/session.ts';
import { isIn } from './api-client/state.ts';
import { CodeDialog } from './frame/code-dialog.tsx';
import { ConfirmDialog } from './frame/dialog.tsx';
import { Toasts } from './frame/toast.tsx';
import { frameWords } from './frame/words.ts';
import { INVITED_PATH, Invited } from './invited/invited.tsx';
import { invitedWords } from './invited/words.ts';
import { shown } from './navigation.ts';
import { Shell } from './shell.tsx';
import { SignIn } from './sign-in.tsx';

function Page() {
  const before = useRef<boolean | null>(null);
  // Whoever comes in or is out goes on in what they see now, and not where the browser was before.
  useLayoutEffect(() => {
    if (before.current !== null && before.current !== isIn.value) document.querySelector('main')?.focus();
    before.current = isIn.value;
  }, [isIn.value]);
  if (isIn.value === null) return <p class="wait">{frameWords().loading}</p>;
  return (
    <>
      {isIn.value ? <Shell /> : <SignIn />}
      <Toasts />
      <ConfirmDialog />
      <CodeDialog />
    </>
  );
}

followLanguage();
followTheme();
const isInvited = location.pathname === INVITED_PATH;
effect(() => {
  document.title = `${titleNow()} · wxagent`;
});
const place = document.getElementById('page');
if (place) {
  place.replaceChildren();
  render(isInvited ? <Invited /> : <Page />, place);
}
// Who is invited has no session, and needs none.
if (!isInvited) {
  followEvents();
  void begin();
}

function titleNow(): string {
  if (isInvited) return invitedWords().title;
  return isIn.value ? shown.value.name[language.value] : frameWords().signIn.title;
}
