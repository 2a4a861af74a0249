/** `images`: what a job can run in. */
import { prettyTable } from '../terminal/table.ts';
import type { Command } from './outcome.ts';

export const listImages: Command = async ({ client }) => {
  const images = await client.listImages();
  const rows = images.map(({ shortname, image }) => [String(shortname ?? 'Unknown'), String(image ?? 'Unknown')]);
  return { text: prettyTable(['Short name', 'Container image URL'], rows), data: images };
};
