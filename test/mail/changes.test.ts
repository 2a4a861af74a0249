import { expect, it } from 'vitest';
import { parseRan } from '../../src/definition/what-ran.ts';
import type { WhatRan } from '../../src/domain.ts';
import { changesBetween } from '../../src/mail/changes.ts';
import { makeRan } from '../support/notices.ts';

const wiki = { name: 'WIKI', value: 'frwiki' };
const kept = (ran: WhatRan) => parseRan(JSON.parse(JSON.stringify(ran))) as WhatRan;

it('names the variables that were changed between two runs, also when they were kept meanwhile', () => {
  const before = { ...makeRan(), variables: [wiki, { name: 'MODE', value: 'fast' }] };
  const after = {
    ...makeRan(),
    variables: [
      { name: 'MODE', value: 'fast' },
      { ...wiki, value: 'dewiki' },
    ],
  };
  expect(changesBetween(kept(before), after)).toEqual(['its variables (WIKI)']);
  expect(changesBetween(kept(before), makeRan())).toEqual(['its variables (WIKI, MODE)']);
  expect(changesBetween(kept(before), before)).toEqual([]);
});
