import { createRequire } from 'node:module';
import type * as Commander from 'commander';

/** Commander, as the CommonJS that it is: of its ES module Node reads the text once more, for the names that it exports. */
export const { Command, CommanderError, Option }: typeof Commander = createRequire(import.meta.url)(
  'commander',
);
export type Command = Commander.Command;
