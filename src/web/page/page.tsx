import { effect } from '@preact/signals';
import { render } from 'preact';
import { followLanguage, language } from '../../page/language.ts';
import { followTheme } from '../../page/theme.ts';
import { ConfirmDialog } from './frame/dialog.tsx';
import { Toasts } from './frame/toast.tsx';
import { frameWords } from './frame/words.ts';
import { followEvents } from './server/live.ts';
import { begin } from './server/session.ts';
import { isIn } from './server/state.ts';
import { Shell } from './shell.tsx';
import { SignIn } from './sign-in.tsx';
import { shown } from './views.ts';

function Page() {
  if (isIn.value === null) return <p class="wait">{frameWords().loading}</p>;
  return (
    <>
      {isIn.value ? <Shell /> : <SignIn />}
      <Toasts />
      <ConfirmDialog />
    </>
  );
}

followLanguage();
followTheme();
followEvents();
effect(() => {
  const name = isIn.value ? shown.value.name[language.value] : frameWords().signIn.title;
  document.title = `${name} · wxagent`;
});
const place = document.getElementById('page');
if (place) {
  place.replaceChildren();
  render(<Page />, place);
  void begin();
}
