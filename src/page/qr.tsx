import { useMemo } from 'preact/hooks';
import QRCode from 'qrcode-terminal/vendor/QRCode/index.js';

/** Light modules around the code that readers need (ISO 18004). */
const QUIET_ZONE = 4;

/** A text of ASCII as a QR code, dark on light in every theme. */
export function Qr({ text, name }: { text: string; name: string }) {
  const { path, side } = useMemo(() => drawn(text), [text]);
  return (
    <svg class="qr" role="img" aria-label={name} viewBox={`0 0 ${side} ${side}`} shape-rendering="crispEdges">
      <rect width={side} height={side} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}

function drawn(text: string): { path: string; side: number } {
  const code = new QRCode(-1, 0);
  code.addData(text);
  code.make();
  const path = code.modules
    .flatMap((row, y) =>
      row.flatMap((isDark, x) => (isDark ? `M${x + QUIET_ZONE} ${y + QUIET_ZONE}h1v1h-1z` : [])),
    )
    .join('');
  return { path, side: code.modules.length + 2 * QUIET_ZONE };
}
