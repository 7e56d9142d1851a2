import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../icons.tsx';
import { type Recording, record, sampleSound } from './recorder.ts';
import { chatWords } from './words.ts';

/** A minute is the longest voice message of WeChat. */
const LONGEST_SECONDS = 60;

/** What a composer is told, and what it tells; each resolves to whether it was sent. */
export interface ComposerProps {
  /** What is quoted, in words; null: nothing. */
  quote: string | null;
  onEndQuote: () => void;
  onText: (text: string) => Promise<boolean>;
  onFiles: (files: File[], as: 'picture' | 'file') => Promise<boolean>;
  /** null: no voice can be sent. */
  onVoice: ((wav: Blob, from: 'microphone' | 'sample') => Promise<boolean>) | null;
  /** Asks when a text is to be sent. */
  onLater?: (text: string) => Promise<boolean>;
  /** Says why there is no recording. */
  onTrouble: (thrown: unknown) => void;
  /** What was being written when the page was left, and how to keep it. */
  draft?: { text: string; onChange: (text: string) => void };
}

/** Where a message is written: text, pictures, files, voice. Enter sends, Shift+Enter is a new line. */
export function Composer(props: ComposerProps) {
  const [text, setText] = useState(props.draft?.text ?? '');
  const [isBusy, setBusy] = useState(false);
  const box = useRef<HTMLTextAreaElement>(null);
  const words = chatWords();
  const { onVoice, onLater } = props;

  const during = async (send: () => Promise<boolean>): Promise<boolean> => {
    setBusy(true);
    try {
      return await send();
    } finally {
      setBusy(false);
    }
  };
  const sendText = async (onText: (text: string) => Promise<boolean>): Promise<void> => {
    if (text.trim() !== '' && !isBusy && (await during(() => onText(text))))
      setText((now) => (now === text ? '' : now));
    box.current?.focus();
  };
  const sendFiles = (files: FileList | null | undefined, as: 'picture' | 'file'): void => {
    if (files && files.length > 0) void during(() => props.onFiles([...files], as));
  };

  useEffect(() => props.draft?.onChange(text), [text]);
  // As high as its text, up to a limit. By CSS not all browsers can do that.
  useLayoutEffect(() => {
    const field = box.current;
    if (!field) return;
    field.style.height = 'auto';
    field.style.height = `${field.scrollHeight + field.offsetHeight - field.clientHeight}px`;
  }, [text]);
  useEffect(() => {
    if (props.quote !== null) box.current?.focus();
  }, [props.quote]);

  return (
    <form
      class="composer"
      aria-busy={isBusy}
      onSubmit={(event) => {
        event.preventDefault();
        void sendText(props.onText);
      }}
    >
      {props.quote !== null && (
        <div class="quoting">
          <p>
            <span class="unseen-text">{words.quoted} </span>
            {props.quote}
          </p>
          <button type="button" class="quiet square" aria-label={words.endQuote} onClick={props.onEndQuote}>
            <Icon name="close" />
          </button>
        </div>
      )}
      <div class="tools">
        <FileButton
          icon="picture"
          name={words.addPicture}
          accept="image/*,video/mp4"
          onFiles={(files) => sendFiles(files, 'picture')}
        />
        <FileButton icon="file" name={words.addFile} onFiles={(files) => sendFiles(files, 'file')} />
        {onLater && (
          <button
            type="button"
            class="quiet square"
            aria-label={words.later}
            title={words.later}
            aria-disabled={text.trim() === ''}
            onClick={() => void sendText(onLater)}
          >
            <Icon name="clock" />
          </button>
        )}
        {onVoice && (
          <>
            <RecordButton {...props} onVoice={(wav) => during(() => onVoice(wav, 'microphone'))} />
            <button
              type="button"
              class="quiet square"
              aria-label={words.sample}
              title={words.sample}
              onClick={() => void during(() => onVoice(sampleSound(), 'sample'))}
            >
              <Icon name="note" />
            </button>
          </>
        )}
      </div>
      <div class="write">
        <textarea
          ref={box}
          rows={1}
          value={text}
          aria-label={words.message}
          placeholder={words.write}
          enterkeyhint="send"
          onInput={({ currentTarget }) => setText(currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || isComposing(event)) return;
            event.preventDefault();
            void sendText(props.onText);
          }}
          onPaste={(event) => {
            const files = event.clipboardData?.files;
            const said = event.clipboardData?.getData('text/plain') ?? '';
            // What is copied from a table or a document comes as a picture, too: it is the text that is meant.
            if (!files || files.length === 0 || (said !== '' && !areNames(said, files))) return;
            event.preventDefault();
            sendFiles(files, 'picture');
          }}
        />
        <button type="submit" class="primary" aria-disabled={text.trim() === ''}>
          {words.send}
        </button>
      </div>
    </form>
  );
}

/** Whether a text that comes with files is their names: file managers copy both. */
function areNames(text: string, files: FileList): boolean {
  const names = [...files].map(({ name }) => name.normalize());
  return text.split(/[\r\n]+/).every((line) => names.includes(line.trim().normalize()));
}

/** Whether Enter chooses a word of an input method. Safari says that it is no longer composing, and gives this code. */
function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}

function FileButton(props: {
  icon: 'picture' | 'file';
  name: string;
  accept?: string;
  onFiles: (files: FileList | null) => void;
}) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        class="quiet square"
        aria-label={props.name}
        title={props.name}
        onClick={() => input.current?.click()}
      >
        <Icon name={props.icon} />
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        accept={props.accept}
        data-for={props.icon}
        onChange={({ currentTarget }) => {
          props.onFiles(currentTarget.files);
          // The same file again is a change again.
          currentTarget.value = '';
        }}
      />
    </>
  );
}

function RecordButton(
  props: Pick<ComposerProps, 'onTrouble'> & { onVoice: (wav: Blob) => Promise<boolean> },
) {
  const [recording, setRecording] = useState<Recording | null>(null);
  const [seconds, setSeconds] = useState(0);
  const words = chatWords();

  const end = async (): Promise<void> => {
    setRecording(null);
    try {
      if (recording) await props.onVoice(await recording.end());
    } catch (thrown) {
      props.onTrouble(thrown);
    }
  };
  const begin = async (): Promise<void> => {
    try {
      setSeconds(0);
      setRecording(await record());
    } catch (thrown) {
      props.onTrouble(thrown);
    }
  };

  useEffect(() => {
    if (!recording) return;
    const counting = setInterval(() => setSeconds((n) => n + 1), 1_000);
    return () => clearInterval(counting);
  }, [recording]);
  useEffect(() => {
    if (seconds >= LONGEST_SECONDS) void end();
  }, [seconds]);

  const name = recording ? words.endRecord(seconds) : words.record;
  return (
    <button
      type="button"
      class={`quiet ${recording ? 'recording' : 'square'}`}
      aria-label={name}
      title={name}
      onClick={() => void (recording ? end() : begin())}
    >
      <Icon name={recording ? 'stop' : 'microphone'} />
      {recording && <span aria-hidden="true">{seconds} s</span>}
    </button>
  );
}
