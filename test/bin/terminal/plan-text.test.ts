import { describe, expect, it } from 'vitest';
import type { PlannedJob } from '../../../bin/client/plan.ts';
import { jobText } from '../../../bin/terminal/plan-text.ts';

const planned = (changes: PlannedJob['changes']) =>
  jobText({
    name: 'x',
    job_type: 'scheduled',
    action: 'update',
    changes,
    effect: 'next_run',
    message: 'It holds from the next run on.',
    next_schedules: [],
    warnings: [],
    successor: null,
    refusal: null,
  });

describe('a planned change', () => {
  it('names each variable that differs, and no other', () => {
    const [from, to] = [
      { A: '1', WIKI: 'frwiki', OLD: '' },
      { A: '1', WIKI: 'de\u001bwiki', NEW: 'x' },
    ];
    expect(planned([{ field: 'parameters', from, to }])).toBe(
      'Change x (scheduled): It holds from the next run on.\n' +
        '  parameters WIKI: frwiki -> de\\x1bwiki\n  parameters OLD:  -> none\n  parameters NEW: none -> x',
    );
    expect(planned([{ field: 'parameters', from: null, to: { A: '1' } }])).toContain('  parameters A: none -> 1');
  });

  it('of several words says each of them', () => {
    const to = { note: 'the wiki\u001b moves', until: '2126-12-01T08:00:00Z' };
    expect(planned([{ field: 'suspend', from: true, to }])).toContain(
      '  suspend: true -> note the wiki\\x1b moves, until 2126-12-01T08:00:00Z',
    );
  });

  it('names the jobs that come first', () => {
    expect(planned([{ field: 'after', from: ['a', 'b'], to: null }])).toContain('  after: a, b -> none');
  });
});
