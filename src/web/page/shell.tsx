import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from '../../page/icons.tsx';
import { language } from '../../page/language.ts';
import { PageSwitches } from '../../page/switches.tsx';
import { leave } from './api-client/session.ts';
import { isOutdated } from './api-client/state.ts';
import { TroubleBar } from './frame/loading.tsx';
import { linkTo, route } from './frame/route.ts';
import { complain } from './frame/toast.tsx';
import type { View } from './frame/view.ts';
import { frameWords } from './frame/words.ts';
import { shown, VIEWS } from './navigation.ts';

/** The page around a view. */
export function Shell() {
  const words = frameWords();
  const view = shown.value;
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  // Who has chosen a view goes on in it, and not where the choice was.
  useEffect(() => {
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
  }, [view]);
  useEffect(() => (main.current ? keepPlace(main.current) : undefined), []);
  return (
    <div class="frame">
      <button type="button" class="to-content" onClick={() => main.current?.focus()}>
        {words.toContent}
      </button>
      <Navigation />
      <main id="content" class="content" tabIndex={-1} ref={main} aria-labelledby="view-name">
        <header class="view-head">
          <h1 id="view-name">{view.name[language.value]}</h1>
        </header>
        <TroubleBar />
        <div role="alert">{isOutdated.value && <p class="trouble">{words.outdated}</p>}</div>
        <view.Content key={view.path} rest={route.value.slice(1)} />
      </main>
    </div>
  );
}

/** Keeps the keyboard near what was removed under it: a browser would begin at the top. Returns what ends that. */
function keepPlace(main: HTMLElement): () => void {
  let chosen: HTMLElement[] = [];
  const note = ({ target }: FocusEvent): void => {
    chosen = [];
    for (let at = target as HTMLElement | null; at; at = at.parentElement)
      if (at.tabIndex >= 0 || at === main) chosen.push(at);
  };
  const removals = new MutationObserver(() => {
    if (chosen.length === 0 || chosen[0]?.isConnected) return;
    const around = chosen.find(({ isConnected }) => isConnected);
    chosen = [];
    if (document.activeElement === document.body) around?.focus();
  });
  main.addEventListener('focusin', note);
  removals.observe(main, { childList: true, subtree: true });
  return () => {
    removals.disconnect();
    main.removeEventListener('focusin', note);
  };
}

function Navigation() {
  const words = frameWords();
  const isOpen = useSignal(false);
  const close = (): void => {
    isOpen.value = false;
  };
  const box = useRef<HTMLElement>(null);
  // On a phone what opens lies over the view: a tap beside it puts it away.
  useEffect(() => {
    const closeBeside = ({ target }: Event): void => {
      if (!box.current?.contains(target as Node)) isOpen.value = false;
    };
    addEventListener('pointerdown', closeBeside);
    return () => removeEventListener('pointerdown', closeBeside);
  }, [isOpen]);
  return (
    <nav
      class="nav"
      ref={box}
      aria-label={words.views}
      onKeyDown={({ key }) => {
        if (key === 'Escape') close();
      }}
    >
      <p class="brand">wxagent</p>
      <ul class="nav-main">
        {VIEWS.filter(({ isMain }) => isMain).map((view) => (
          <ViewLink key={view.path} view={view} onGo={close} />
        ))}
      </ul>
      <button
        type="button"
        class="nav-link nav-open"
        aria-expanded={isOpen.value}
        aria-controls="nav-more"
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        <Icon name="more" />
        <span>{words.more}</span>
      </button>
      <div id="nav-more" class="nav-more" data-open={isOpen.value}>
        <ul>
          {VIEWS.filter(({ isMain }) => !isMain).map((view) => (
            <ViewLink key={view.path} view={view} onGo={close} />
          ))}
        </ul>
        <div class="nav-end">
          <PageSwitches />
          <button type="button" class="nav-link" onClick={() => leave().catch(complain)}>
            <Icon name="leave" />
            <span>{words.leave}</span>
          </button>
        </div>
      </div>
    </nav>
  );
}

function ViewLink({ view, onGo }: { view: View; onGo: () => void }) {
  return (
    <li>
      <a
        class="nav-link"
        href={linkTo(view.path)}
        aria-current={view === shown.value ? 'page' : undefined}
        onClick={onGo}
      >
        <Icon name={view.icon} />
        <span>{view.name[language.value]}</span>
      </a>
    </li>
  );
}
