import { describe, expect, it } from 'vitest';
import { envelopeOf } from '../../src/mail/address.ts';

const settings = { from: 'noreply@toolforge.org', toPrefix: 'tools', toDomain: 'toolforge.org' };

describe('the addresses of a mail', () => {
  it('are made of the tool and the settings', () => {
    expect(envelopeOf('alpha', settings)).toEqual({ from: 'noreply@toolforge.org', to: 'tools.alpha@toolforge.org' });
  });

  it.each(['Alpha', 'a,b', 'a@b', 'a b', '', '-a', 'a\r\nRCPT TO:<x@y>', 'x'.repeat(54), '"a"', '<a>'])(
    'are never made of a name that no tool has: %j',
    (tool) => {
      expect(() => envelopeOf(tool, settings)).toThrow('tool name');
    },
  );

  it.each([
    ['from', 'a@b.org,c@d.org'],
    ['from', '"a b"@c.org'],
    ['from', 'a@b.org\r\nBcc: x@y.org'],
    ['toDomain', 'b.org>, <x@y.org'],
    ['toDomain', 'localhost'],
    ['toPrefix', 'a b'],
    ['toPrefix', 'x'.repeat(300)],
  ])('are refused where %s is %j', (name, value) => {
    expect(() => envelopeOf('alpha', { ...settings, [name]: value })).toThrow('no address');
  });
});
