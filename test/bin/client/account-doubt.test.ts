import { describe, expect, it } from 'vitest';
import { accountDoubt } from '../../../bin/client/account-doubt.ts';

const warning = 'not running as the tool account? Likely to fail. Perhaps you forgot `become quick`?';

describe('whether this is the account of the tool', () => {
  it.each([
    ['tools.quick', 'tools', undefined],
    ['alice', 'tools', warning],
    ['tools.other', 'tools', warning],
    ['toolsbeta.quick', 'tools', warning],
    ['alice', undefined, undefined],
    ['root', undefined, undefined],
    ['tools.quick', undefined, undefined],
    ['tools.other', undefined, warning],
    [undefined, 'tools', undefined],
  ])('is told by the name %j on a machine of %j', (userName, project, doubt) => {
    expect(accountDoubt('quick', { userName, project })).toBe(doubt);
  });
});
