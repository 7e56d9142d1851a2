import { computed } from '@preact/signals';
import { route } from './frame/route.ts';
import type { View } from './frame/view.ts';
import { AUDIT } from './views/audit/audit.tsx';
import { CONVERSATIONS } from './views/conversations/conversations.tsx';
import { LOG_IN } from './views/login/login.tsx';
import { OVERVIEW } from './views/overview/overview.tsx';
import { TOKENS } from './views/tokens/tokens.tsx';

/** Every view, in the order of the navigation. The first is shown where the address names none. */
export const VIEWS: readonly View[] = [OVERVIEW, CONVERSATIONS, LOG_IN, TOKENS, AUDIT];

/** The view that the address names. */
export const shown = computed<View>(() => VIEWS.find(({ path }) => path === route.value[0]) ?? OVERVIEW);
