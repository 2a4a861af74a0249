/** The collection of a tool's jobs in the canonical dialect. */
export function jobsPath(tool: string): string {
  return `/v1/tool/${tool}/jobs`;
}
