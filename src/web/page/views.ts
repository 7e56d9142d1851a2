import { computed } from '@preact/signals';
import { route } from './frame/route.ts';
import type { View } from './frame/view.ts';
import { OVERVIEW } from './views/overview/overview.tsx';

/** Every view, in the order of the navigation. The first is shown where the address names none. */
export const VIEWS: readonly View[] = [OVERVIEW];

/** The view that the address names. */
export const shown = computed<View>(() => VIEWS.find(({ path }) => path === route.value[0]) ?? OVERVIEW);
