import { describe, expect, test } from 'vitest';
import { FaultError } from './fault.js';
import { parseFault } from './parse.js';

const whole = `# told again
Title:   A mapping outlives its unmap.
Kin:     XSA-286
Breaks:  [G2] [I14]
In:      impl/hypercalls/unmap-grant.ts
Find:    removeEntry(gfn);
Put:
In:      impl/access.ts
Find:
  | if (a)
  |   b();

Put:
  | if (c)
  |   d();
`;

describe('parseFault', () => {
  test('reads the story and every change, texts of several lines as they are', () => {
    expect(parseFault('unmap-keeps-entry', whole)).toEqual({
      id: 'unmap-keeps-entry',
      title: 'A mapping outlives its unmap.',
      kin: 'XSA-286',
      breaks: ['G2', 'I14'],
      changes: [
        { file: 'impl/hypercalls/unmap-grant.ts', find: 'removeEntry(gfn);', put: '' },
        { file: 'impl/access.ts', find: 'if (a)\n  b();', put: 'if (c)\n  d();' },
      ],
    });
  });

  test.each([
    ['an unknown field', whole.replace('Kin:', 'Kind:'), /:3: expected one of Title/],
    ['no title', whole.replace(/Title:.*\n/, ''), /expected a field Title, found none/],
    ['two titles', `${whole}Title: x\n`, /expected one field Title/],
    ['an empty title', whole.replace(/Title:.*\n/, 'Title:\n'), /expected a Title, found nothing/],
    ['no rule id', whole.replace('[G2] [I14]', 'G2'), /rule ids such as/],
    ['no change', whole.replace(/In:[^]*/, ''), /at least one In, Find, Put/],
    ['a change without its end', whole.replace(/Put:\n {2}\| if[^]*/, ''), /expected a field Put/],
    ['nothing to find', whole.replace('removeEntry(gfn);', ''), /expected a text to find/],
    ['a file outside impl', whole.replace('impl/access.ts', 'model/x.ts'), /a file of impl/],
    ['prose', `${whole}\nand so on\n`, /found and so on/],
    ['a file without end', `${whole}${'#\n'.repeat(500)}`, /a short file/],
  ])('refuses %s with the line and what was expected', (_, text, message) => {
    expect(() => parseFault('x', text)).toThrow(FaultError);
    expect(() => parseFault('x', text)).toThrow(message);
  });
});
