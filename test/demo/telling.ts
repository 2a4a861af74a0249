/** How the demo speaks to who reads it. It looks at what comes back: what does not show what it says fails the demo. */
export function step(title: string): void {
  console.log(`\n=== ${title}`);
}

export function note(line: string): void {
  console.log(line);
}

export function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`expected: ${what}`);
}
