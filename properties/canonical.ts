import { CONTROL, DOMID_SELF, Gfn, GrantRef, type DomainId } from '../abi/ids.js';
import type { Boot, Line, Program } from '../abi/program.js';
import type { Rewrite } from './shrink/rewrite-numbers.js';
import { rewriteLine } from './shrink/rewrite.js';

/**
 * The program with domains, refs and gfns numbered by first use, and of all ways to number the
 * domains the one whose text comes first. Programs that differ in names only become the same one.
 * Few numbers mean something by themselves (gfn 0 in an unmap is "no mapping"), so the result may do
 * something else: whoever needs it to fail as the program did must run it.
 */
export function canonical(program: Program): Program {
  const labellings = permutations(program.boot.map(({ domain }) => domain));
  let best: Program | undefined;
  let bestText = '';
  for (const labelling of labellings.slice(0, LABELLINGS_LIMIT)) {
    const candidate = numberedByFirstUse(relabelled(program, labelling));
    const text = JSON.stringify(candidate.lines) + JSON.stringify(candidate.boot);
    if (best !== undefined && text >= bestText) continue;
    best = candidate;
    bestText = text;
  }
  return best ?? program;
}

/** Five domains in all their orders. */
const LABELLINGS_LIMIT = 120;

/** The programs whose domains have each other's names. `labelling[i]` is the new name of boot[i]. */
function relabelled(program: Program, labelling: readonly DomainId[]): Program {
  const names = new Map(program.boot.map(({ domain }, i) => [domain, labelling[i] ?? domain]));
  const name = (id: DomainId): DomainId => names.get(id) ?? id;
  const boot = program.boot.map(({ domain, config }): Boot => ({ domain: name(domain), config }));
  return {
    machine: program.machine,
    boot: boot.toSorted((a, b) => a.domain - b.domain),
    lines: program.lines.map((line) => rewriteLine(line, { ...unchanged, domain: name })),
  };
}

const unchanged: Rewrite = {
  domain: (id) => id,
  gfn: (gfn) => gfn,
  ref: (ref) => ref,
  number: (n) => n,
};

function numberedByFirstUse(program: Program): Program {
  const refs = new Renumbering();
  const gfns = new Renumbering();
  const fixed = fixedGfns(program);
  const { reservedRefs, refsPerFrame } = program.machine;
  const rewrite: Rewrite = {
    ...unchanged,
    // A ref keeps its side of the two borders that matter: reserved or not, in the first frame or not.
    ref: (ref, of) => {
      if (ref >= refsPerFrame / 2) return ref;
      const first = ref < reservedRefs ? 0 : reservedRefs;
      return GrantRef(refs.numbered(`${of}/${first}`, ref, first));
    },
    gfn: (gfn, of) => {
      if (fixed === 'all' || gfn >= BLOCK || fixed.has(gfn) || isOfFrames(of)) return gfn;
      const isRam = isBootRam(program.boot, of, gfn);
      return Gfn(gfns.numbered(`${of}/${isRam ? 'ram' : 'hole'}`, gfn, isRam ? 0 : HOLES));
    },
  };
  return { ...program, lines: program.lines.map((line) => rewriteLine(line, rewrite)) };
}

/** Only gfns of the first table of a p2m are renumbered: others have tables of their own. */
const BLOCK = 0x200;
/** Empty gfns are numbered from here on: above the RAM and tables of every preset but xen. */
const HOLES = 0x40;

/**
 * Gfns that mean something by their number; 'all' where extents of several pages are in play, or
 * page tables, in whose entries they are data.
 */
function fixedGfns({ lines, boot, machine }: Program): ReadonlySet<number> | 'all' {
  if (lines.some(hasRuns) || lines.some(isOfPaging)) return 'all';
  if (boot.some(({ config }) => config.ram.some(({ gfn }) => gfn !== 0))) return 'all';
  const table = machine.defaults.tableGfn ?? 0x20;
  const fixed = new Set(Array.from({ length: 0x20 }, (_, i) => table + i));
  for (const line of lines) if (line.op === 'grant') fixed.add(line.table);
  return fixed;
}

/** Whether a line touches neighbours of the gfns it names. */
function hasRuns(line: Line): boolean {
  switch (line.op) {
    case 'populate_physmap':
    case 'decrease_reservation':
      return line.order > 0;
    case 'add_to_physmap':
      return line.space === 3;
    case 'load':
    case 'store':
      return (line.address % 4096) + line.size > 4096;
    default:
      return line.op === 'create' || line.op === 'fetch';
  }
}

/** Whether a line is about a vcpu's registers and page tables, or names a linear address. */
function isOfPaging(line: Line): boolean {
  switch (line.op) {
    case 'load_linear':
    case 'store_linear':
    case 'cmpxchg_linear':
    case 'xadd_linear':
    case 'fetch_linear':
    case 'cr0':
    case 'cr3':
    case 'cr4':
    case 'efer':
    case 'pkru':
    case 'invlpg':
    case 'pte':
    case 'hypercall':
    case 'marshalled':
      return true;
    default:
      return false;
  }
}

/** [H5] Gfns of the control domain, and of those that it alone may name, are machine frames. */
const isOfFrames = (of: DomainId): boolean => of === CONTROL || of >= DOMID_SELF;

const isBootRam = (boot: readonly Boot[], of: DomainId, gfn: number): boolean =>
  boot.some(
    ({ domain, config }) =>
      domain === of && config.ram.some((run) => gfn >= run.gfn && gfn < run.gfn + run.count),
  );

/** New numbers in the order of asking, a row of its own for each kind. */
class Renumbering {
  readonly #rows = new Map<string, Map<number, number>>();

  numbered(kind: string, old: number, first: number): number {
    const row = this.#rows.get(kind) ?? new Map<number, number>();
    this.#rows.set(kind, row);
    const known = row.get(old) ?? first + row.size;
    row.set(old, known);
    return known;
  }
}

function permutations(ids: readonly DomainId[]): readonly (readonly DomainId[])[] {
  if (ids.length <= 1) return [ids];
  return ids.flatMap((first, at) =>
    permutations(ids.filter((_, i) => i !== at)).map((rest) => [first, ...rest]),
  );
}

/** Eight hexadecimal digits that two programs share when they are the same but for names. */
export function fingerprint(program: Program): string {
  const { lines, boot, machine } = canonical(program);
  const text = JSON.stringify([lines, boot, machine]);
  let hash = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
