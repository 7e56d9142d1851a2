import { dayAndTime } from '../../page/language.ts';
import { Switch } from '../../page/switches.tsx';
import { clockMs } from './clock.ts';
import { change, FAULTS, rulesOf, set, switchFault } from './controls.ts';
import { phoneWords } from './words.ts';
import { selected, state } from './world.ts';

const DAY_AND_AN_HOUR_MS = 25 * 3_600_000;
/** Digits that a phone shows while this is switched on. */
const DIGITS = '483920';
const NAMES = Object.keys(FAULTS) as (keyof typeof FAULTS)[];

/** What can be made to happen: faults, the clock, the token, the login. */
export function Switchboard() {
  const words = phoneWords();
  const settings = state.value?.settings;
  const others = (state.value?.faults.length ?? 0) - NAMES.flatMap(rulesOf).length;
  const user = selected.value;
  return (
    <div class="switchboard">
      <Group title={words.faults.title}>
        {NAMES.map((name) => (
          <Row
            key={name}
            words={words.faults[name]}
            isOn={rulesOf(name).length > 0}
            onSwitch={(on) => void switchFault(name, on)}
          />
        ))}
        {others > 0 && (
          <button type="button" class="action" onClick={() => void change('clear-faults')}>
            <span>{words.faults.clear}</span>
            <small>{words.faults.others(others)}</small>
          </button>
        )}
      </Group>
      <Group title={words.once.title}>
        <Action
          words={words.once.quota}
          onAct={() => void change('budget', { left: 0, ...(user === null ? {} : { user }) })}
        />
        <Action
          words={words.once.day}
          onAct={() => void change('clock', { advanceMs: DAY_AND_AN_HOUR_MS })}
        />
        <Action words={words.once.kill} onAct={() => void change('kill', user === null ? {} : { user })} />
        <p class="clock">
          <time dateTime={new Date(clockMs.value).toISOString()}>
            {words.clock(dayAndTime(clockMs.value))}
          </time>
        </p>
      </Group>
      <Group title={words.login.title}>
        <Row
          words={words.login.auto}
          isOn={settings?.scan === 'auto'}
          onSwitch={(on) => void set({ scan: on ? 'auto' : 'manual' })}
        />
        <Row
          words={words.login.code}
          isOn={settings?.verifyCode != null}
          onSwitch={(on) => void set({ verifyCode: on ? DIGITS : null })}
        />
        <Row
          words={words.login.strangers}
          isOn={settings?.strangers ?? false}
          onSwitch={(on) => void set({ strangers: on })}
        />
      </Group>
    </div>
  );
}

function Group({ title, children }: { title: string; children: preact.ComponentChildren }) {
  return (
    <section class="group" aria-label={title}>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function Row(props: { words: string[]; isOn: boolean; onSwitch: (on: boolean) => void }) {
  const [name = '', about = ''] = props.words;
  return <Switch name={name} about={about} isOn={props.isOn} onSwitch={props.onSwitch} />;
}

function Action({ words: [name, about], onAct }: { words: string[]; onAct: () => void }) {
  return (
    <button type="button" class="action" onClick={onAct}>
      <span>{name}</span>
      <small>{about}</small>
    </button>
  );
}
