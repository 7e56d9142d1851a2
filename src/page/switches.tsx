import { Icon } from './icons.tsx';
import { language } from './language.ts';
import { switchTheme, theme } from './theme.ts';

/** Language and theme, for the head of a page. The other language is named in itself. */
export function PageSwitches() {
  const isChinese = language.value === 'zh';
  const isDark = theme.value === 'dark';
  const themeName = isChinese ? (isDark ? '浅色' : '深色') : isDark ? 'Light theme' : 'Dark theme';
  return (
    <div class="page-switches">
      <button
        type="button"
        class="quiet"
        lang={isChinese ? 'en' : 'zh-CN'}
        onClick={() => {
          language.value = isChinese ? 'en' : 'zh';
        }}
      >
        {isChinese ? 'English' : '中文'}
      </button>
      <button
        type="button"
        class="quiet square"
        aria-label={themeName}
        title={themeName}
        onClick={switchTheme}
      >
        <Icon name={isDark ? 'sun' : 'moon'} />
      </button>
    </div>
  );
}

/** Something that is on or off, with what it means. */
export function Switch(props: {
  name: string;
  about?: string;
  isOn: boolean;
  onSwitch: (on: boolean) => void;
}) {
  return (
    <button
      type="button"
      role="switch"
      class="switch"
      aria-checked={props.isOn}
      onClick={() => props.onSwitch(!props.isOn)}
    >
      <span class="switch-text">
        <span>{props.name}</span>
        {props.about && <small>{props.about}</small>}
      </span>
      <span class="switch-track" aria-hidden="true" />
    </button>
  );
}
