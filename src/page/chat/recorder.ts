/** Sound from the microphone, and as the bytes of a WAV file. */

/** A recording that goes on until it is ended. */
export interface Recording {
  /** Ends it; the sound as WAV. */
  end(): Promise<Blob>;
}

/** Begins to record. Rejects when there is no microphone, or it may not be used. */
export async function record(): Promise<Recording> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const recorder = new MediaRecorder(stream);
  const pieces: Blob[] = [];
  recorder.addEventListener('dataavailable', ({ data }) => pieces.push(data));
  recorder.start();
  return {
    async end() {
      const stopped = new Promise((resolve) => recorder.addEventListener('stop', resolve, { once: true }));
      recorder.stop();
      await stopped;
      for (const track of stream.getTracks()) track.stop();
      const context = new AudioContext({ sampleRate: 24_000 });
      try {
        const sound = await context.decodeAudioData(await new Blob(pieces).arrayBuffer());
        return wavOf(sound.getChannelData(0), sound.sampleRate);
      } finally {
        await context.close();
      }
    },
  };
}

/** Two seconds of a small melody, for whoever has no microphone. */
export function sampleSound(): Blob {
  const rate = 24_000;
  const tones = [523.25, 659.25, 783.99, 1046.5];
  const length = rate / 2;
  const samples = Float32Array.from({ length: tones.length * length }, (_, at) => {
    const inTone = at % length;
    const fade = Math.min(1, inTone / 400) * (1 - inTone / length);
    return 0.4 * fade * Math.sin((2 * Math.PI * (tones[Math.floor(at / length)] ?? 0) * inTone) / rate);
  });
  return wavOf(samples, rate);
}

/** Samples of one channel as WAV, 16 bit. */
function wavOf(samples: Float32Array, rate: number): Blob {
  const bytes = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const mark = (at: number, text: string): void => {
    for (let i = 0; i < text.length; i++) bytes.setUint8(at + i, text.charCodeAt(i));
  };
  mark(0, 'RIFF');
  bytes.setUint32(4, 36 + samples.length * 2, true);
  mark(8, 'WAVEfmt ');
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true); // PCM
  bytes.setUint16(22, 1, true); // mono
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, rate * 2, true);
  bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true);
  mark(36, 'data');
  bytes.setUint32(40, samples.length * 2, true);
  for (const [i, sample] of samples.entries())
    bytes.setInt16(44 + i * 2, Math.max(-1, Math.min(1, sample)) * 0x7fff, true);
  return new Blob([bytes.buffer], { type: 'audio/wav' });
}
