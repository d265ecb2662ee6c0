/** Files that the page itself makes. */
import { systemClock } from '../../clock.ts';

/** The browser has read the file by then. */
const RELEASE_MS = 10_000;

export function downloadBlob(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  systemClock.schedule(RELEASE_MS, () => {
    URL.revokeObjectURL(url);
  });
}

export function downloadText(text: string, name: string, mediaType: string): void {
  downloadBlob(new Blob([text], { type: `${mediaType};charset=utf-8` }), name);
}
