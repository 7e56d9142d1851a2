declare const __VERSION__: string | undefined;

/** The version of this wxagent; the build puts that of package.json in. */
export const VERSION: string = typeof __VERSION__ === 'string' ? __VERSION__ : '0.0.0-source';
