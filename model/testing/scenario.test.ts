import { describe, expect, test } from 'vitest';
import { demanded, play } from './scenario.js';

describe('scenarios', () => {
  test('show what the spec answers, where the script says something else', () => {
    const script = `
    0  d1  grant  ref=3 to=d2 gfn=0x1 ro  ok
    1  d2  map    d1/3 at=0x30 rw         ok`;
    expect(play(script).text).toBe(`
    0  d1  grant  ref=3 to=d2 gfn=0x1 ro  ok
    1  d2  map    d1/3 at=0x30 rw         general_error`);
  });

  test('show an answer where the script has none', () => {
    expect(play('0  d1  get_version  self').text).not.toBe('0  d1  get_version  self');
  });

  test('tell the rules that were reached, and the creation of domains first', () => {
    const { reached } = play('machine small domains=1\n0  d1  load  at=0x9 u8  0x000000ff');
    expect(reached).toEqual(['D1', 'A1']);
  });

  test('give mappings the handles they are told to, and then the lowest unused', () => {
    const script = `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw            ok
    1  d2  map    d1/3 at=0x30 ro ; d1/3 at=0x31 ro  ok ; ok
    2  d2  unmap  #5 at=0x30 ; #0 at=0x31            ok ; ok`;
    expect(play(script, [5]).text).toBe(script);
  });

  test('demand the ids of a title, but for principles', () => {
    expect(demanded('[G1] [G1.3] [P5] map at [gfn]')).toEqual(['G1', 'G1.3']);
  });
});
