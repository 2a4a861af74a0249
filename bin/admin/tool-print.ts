/** Reports about tools as text. */
import type { ToolReport } from './tool-list.ts';

/** Columns as wide as their widest cell; two blanks between. */
export function toolTable(tools: readonly ToolReport[]): string {
  const rows = tools.map((tool) => [
    tool.name,
    tool.state,
    certificateText(tool),
    quotaText(tool, 'pods'),
    quotaText(tool, 'requests.memory'),
  ]);
  const all = [['Tool', 'State', 'Certificate', 'Pods', 'Memory'], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function toolText(tool: ToolReport): string {
  const quota = Object.entries(tool.quota).map(([name, { used, hard }]) => `  ${name}: ${used} of ${hard}`);
  return [
    `Tool: ${tool.name}`,
    `Namespace: ${tool.namespace}`,
    `State: ${tool.state}`,
    `Certificate: ${certificateText(tool)}`,
    quota.length > 0 ? 'Quota:' : 'Quota: none',
    ...quota,
  ].join('\n');
}

function certificateText(tool: ToolReport): string {
  return tool.certificateEnds === undefined
    ? `none good (${tool.certificateProblem})`
    : `until ${tool.certificateEnds.slice(0, 10)}`;
}

function quotaText(tool: ToolReport, resource: string): string {
  const entry = tool.quota[resource];
  return entry ? `${entry.used}/${entry.hard}` : '-';
}
