import { describe, expect, it } from 'vitest';
import { deviceOf, parseMounts } from '../../src/homes/mounts.ts';

const table = `22 1 0:20 / / rw shared:1 - ext4 /dev/root rw
30 22 0:40 / /data rw - nfs server:/x rw
31 30 0:41 / /data/project/slow rw - fuse sshfs rw
32 30 0:42 / /data/with\\040blank rw - tmpfs none rw
33 22 0:43 / /data rw - nfs server:/y rw
`;

describe('the table of mounts', () => {
  it.each([
    ['/data/project/alpha', '0:43'],
    ['/data/project/slow', '0:41'],
    ['/data/project/slow/inside', '0:41'],
    ['/data/project/slower', '0:43'],
    ['/data/with blank/x', '0:42'],
    ['/datax', '0:20'],
    ['/', '0:20'],
  ])('says on which file system %s is', (path, device) => {
    expect(deviceOf(path, parseMounts(table))).toBe(device);
  });

  it('says nothing where there is none', () => {
    expect(deviceOf('/data', parseMounts(''))).toBe('');
  });
});
