import { computed } from '@preact/signals';
import { route } from './frame/route.ts';
import type { View } from './frame/view.ts';
import { AUDIT } from './views/audit/audit.tsx';
import { CONVERSATIONS } from './views/conversations/conversations.tsx';
import { DOCTOR } from './views/doctor/doctor.tsx';
import { LOG_IN } from './views/login/login.tsx';
import { OUTBOX } from './views/outbox/outbox.tsx';
import { OVERVIEW } from './views/overview/overview.tsx';
import { TOKENS } from './views/tokens/tokens.tsx';
import { WORKERS } from './views/workers/workers.tsx';

/** Every view, in the order of the navigation. The first is shown where the address names none. */
export const VIEWS: readonly View[] = [
  ...[OVERVIEW, CONVERSATIONS, OUTBOX, LOG_IN],
  ...[TOKENS, AUDIT, WORKERS, DOCTOR],
];

/** The view that the address names. */
export const shown = computed<View>(() => VIEWS.find(({ path }) => path === route.value[0]) ?? OVERVIEW);
