/**
 * Becomes somebody else for the time of one synchronous read. In bin/home-reader.ts only, which does one thing at a time: while it lasts the
 * whole process is the other one. Real and saved user stay root's, so that the other one can neither signal nor trace it, and the way back
 * is open.
 */

export interface Owner {
  readonly uid: bigint;
  readonly gid: bigint;
}

/**
 * @param use told whether this is the owner now. Where this is not root there is nobody to become: it is the owner already or reads as itself;
 *   root without the right to change (a container without CAP_SETUID) reads as root
 */
export function asOwner<T>({ uid, gid }: Owner, use: (isOwner: boolean) => T): T {
  const { geteuid, getegid, getgroups, seteuid, setegid, setgroups } = process;
  if (!geteuid || !getegid || !getgroups || !seteuid || !setegid || !setgroups) return use(false);
  if (geteuid() !== 0) return use(geteuid() === Number(uid));
  const before = { gid: getegid(), groups: getgroups() };
  const comeBack = () => {
    seteuid(0);
    setegid(before.gid);
    setgroups(before.groups);
  };
  try {
    setgroups([Number(gid)]);
  } catch {
    return use(false);
  }
  try {
    setegid(Number(gid));
    seteuid(Number(uid));
  } catch {
    comeBack();
    return use(false);
  }
  try {
    return use(true);
  } finally {
    comeBack();
  }
}
