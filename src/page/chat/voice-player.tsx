import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../icons.tsx';
import { chatWords } from './words.ts';

/** A voice message: one button that plays it and stops it. */
export function VoicePlayer({ url }: { url: string }) {
  const [isPlaying, setPlaying] = useState(false);
  const sound = useRef<HTMLAudioElement | null>(null);
  const words = chatWords();
  useEffect(() => () => sound.current?.pause(), []);

  const play = (): void => {
    const audio = sound.current ?? new Audio(url);
    sound.current = audio;
    const end = (): void => setPlaying(false);
    audio.onended = end;
    audio.onpause = end;
    audio.currentTime = 0;
    setPlaying(true);
    audio.play().catch(end);
  };

  return (
    <button
      type="button"
      class="voice"
      aria-label={isPlaying ? words.stop : words.play}
      onClick={() => (isPlaying ? sound.current?.pause() : play())}
    >
      <Icon name={isPlaying ? 'stop' : 'play'} />
      <span class={`waves ${isPlaying ? 'playing' : ''}`} aria-hidden="true">
        <i />
        <i />
        <i />
        <i />
        <i />
        <i />
        <i />
      </span>
      <span>{words.voice}</span>
    </button>
  );
}
