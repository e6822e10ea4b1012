import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { FaultError, type Change, type Fault } from '../faults/fault.js';
import { subjectsOf, type HypervisorModule } from './our-subject.js';
import type { MakeSubject } from './subject.js';

/**
 * The hypervisor with a fault in it: a copy of its sources, changed and bundled in memory. Nothing
 * is written, and the hypervisor itself knows nothing of it. Throws FaultError where a text to find
 * does not occur exactly once.
 */
export async function faultedSubjects(fault: Fault): Promise<MakeSubject> {
  return subjectsOf(await faultedModule(fault));
}

/** The module itself, for those who want it with other options. */
export async function faultedModule(fault: Fault): Promise<HypervisorModule> {
  const root = projectRoot();
  const changed = changedSources(root, fault);
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: join(root, 'impl'), loader: 'ts' },
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2023',
    sourcemap: false,
    logLevel: 'silent',
    plugins: [replacing(changed)],
  });
  const text = outputFiles[0]?.text ?? '';
  // A comment makes each fault a module of its own, even where two bundles are the same.
  const code = Buffer.from(`${text}\n// ${fault.id}`).toString('base64');
  const module: unknown = await import(`data:text/javascript;base64,${code}`);
  if (!isHypervisorModule(module)) throw new Error(`${fault.id}: the copy exports no hypervisor`);
  return module;
}

const entry = `export { Hypervisor } from './hypervisor.js'; export { observe } from './audit.js';`;

const isHypervisorModule = (module: unknown): module is HypervisorModule =>
  typeof module === 'object' && module !== null && 'Hypervisor' in module && 'observe' in module;

/** The changed texts by absolute path. */
function changedSources(root: string, fault: Fault): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  for (const change of fault.changes) {
    const path = resolve(root, change.file);
    if (!existsSync(path)) throw missing(fault, change, 'a file that exists', 'none');
    const text = sources.get(path) ?? readFileSync(path, 'utf8');
    const pieces = text.split(change.find);
    if (pieces.length !== 2)
      throw missing(
        fault,
        change,
        'the text to find exactly once',
        `it ${pieces.length - 1} times`,
      );
    sources.set(path, pieces.join(change.put));
  }
  return sources;
}

const missing = (fault: Fault, change: Change, expected: string, found: string): FaultError =>
  new FaultError(`${fault.id}.fault`, 1, `in ${change.file} ${expected}`, found);

const replacing = (sources: ReadonlyMap<string, string>): Plugin => ({
  name: 'fault',
  setup: (bundle) => {
    bundle.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const contents = sources.get(path);
      return contents === undefined ? undefined : { contents, loader: 'ts' };
    });
  },
});

/** The folder with the TypeScript sources, also when this file runs from `dist/`. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'impl', 'hypervisor.ts'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('the sources of impl/ are not here: faults need them');
    folder = parent;
  }
  return folder;
}
