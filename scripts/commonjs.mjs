/**
 * Makes CommonJS of the ES modules that esbuild has written: Node loads it sooner, and V8 can be told what it made
 * of it the last time (src/start.ts). esbuild itself writes shared chunks as ES modules only. They are easy to
 * rewrite, because none imports in a circle (tested) and none exports what changes later (the build ends if one does).
 */
import { Script } from 'node:vm';

const URL_OF_FILE = 'require("node:url").pathToFileURL(__filename).href';

/** The code of a chunk as CommonJS; own chunks, which it imports as `./name.js`, are `./name.cjs` then. */
export function toCommonJs(code, file) {
  let exported = '';
  const body = code
    .replace(/\bimport\s*\{([^}]*)\}\s*from\s*"([^"]+)";/g, (_, names, from) => {
      return `const{${names.replaceAll(/\s+as\s+/g, ':')}}=require("${ownName(from)}");`;
    })
    .replace(/\bimport\s+(\w+)\s+from\s*"([^"]+)";/g, 'const $1=require("$2");')
    .replace(/\bimport\s*"([^"]+)";/g, (_, from) => `require("${ownName(from)}");`)
    .replace(/\bimport\(\s*"(\.\/[^"]+)"\s*\)/g, (_, from) => {
      return `Promise.resolve().then(()=>require("${ownName(from)}"))`;
    })
    .replace(/\bimport\(\s*("[^"]+")\s*\)/g, 'require("./import.cjs")($1)')
    .replace(/\bimport\s*\.\s*meta\s*\.\s*url\b/g, URL_OF_FILE)
    .replace(/\bexport\s*\{([^}]*)\};/g, (_, names) => {
      exported += names;
      return '';
    });
  const names = exported === '' ? [] : exported.split(',').map((name) => name.trim().split(/\s+as\s+/));
  const changing = names.find(([name]) => assignmentsTo(name, body) > 1);
  if (changing) throw new Error(`${file} exports ${changing[0]}, which may change`);
  const all = names.map(([name, as = name]) => (as === name ? name : `${as}:${name}`));
  const text = `"use strict";${body.trimEnd()}${all.length > 0 ? `module.exports={${all}};` : ''}\n`;
  // Throws at what is left of ES modules.
  new Script(`(function(exports,require,module,__filename){${text}})`, { filename: file });
  return text;
}

/** The file through which chunks import packages that are ES modules; src/start.ts has the same in its place. */
export const IMPORT = ['import.cjs', '"use strict";module.exports=(id)=>import(id);\n'];

/** An ES module with the same exports, for whoever imports an entry. */
export function facadeOf(code, name) {
  const [, exported = ''] = /\bexport\s*\{([^}]*)\};/.exec(code) ?? [];
  const names = exported.split(',').map((one) =>
    one
      .trim()
      .split(/\s+as\s+/)
      .at(-1),
  );
  return `import whole from"./${name}.cjs";export const{${names}}=whole;\n`;
}

function ownName(from) {
  return from.startsWith('./') ? from.replace(/\.js$/, '.cjs') : from;
}

function assignmentsTo(name, code) {
  const quoted = name.replaceAll('$', '\\$');
  return [...code.matchAll(new RegExp(`(?<![\\w$.])${quoted}(=(?![=>])|\\+\\+|--|[-+*/|&?]{1,2}=)`, 'g'))]
    .length;
}
