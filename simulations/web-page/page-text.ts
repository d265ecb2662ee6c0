/** The exported page's document and style sheet. */
import { markup } from '../report/markup.ts';
import { DARK, LIGHT } from '../../shared/palette.ts';
import type { PageModel } from './page-model.ts';

/**
 * Nothing may be loaded but the page's own files, and nothing may be sent: `connect-src 'none'` forbids every connection,
 * and there is no inline script. WebAssembly needs its own word.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'none'",
  "connect-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** @param notes in plain language, such as that the training images were synthetic */
export function pageHtml(model: PageModel, notes: readonly string[]): string {
  return markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${CONTENT_SECURITY_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${model.title}</title>
<link rel="stylesheet" href="style.css">
<script defer src="runtime.js"></script><script defer src="model.js"></script><script defer src="app.js"></script>
</head><body><main>
<h1>${model.title}</h1>
<p class="quiet">Classes: ${model.classNames.join(', ')}. The image is looked at in this browser only: no request leaves this page.</p>
${notes.map((note) => markup`<p class="note">${note}</p>`)}
<div id="drop"><label>Drop an image here, or choose one: <input id="file" type="file" accept="image/*" disabled></label></div>
<p id="status" role="status" data-state="busy">Loading …</p>
<section id="result" hidden aria-live="polite">
<canvas id="picture" role="img" aria-label="The image as the model sees it"></canvas>
<div><p id="answer"></p>
<table><caption>Probability of each class${model.calibrated ? '' : ' (not calibrated)'}</caption><tbody id="rows"></tbody></table>
<button id="explain" type="button" disabled>Show where</button></div>
</section>
<footer>For research. Not a medical device: no decision about a patient may rest on it.<br>
Weights (SHA-512): <code>${model.weightsDigest}</code></footer>
</main></body></html>
`.text;
}

const variables = (theme: Readonly<Record<string, string>>): string =>
  Object.entries(theme)
    .map(([name, colour]) => `--${name}:${colour};`)
    .join('');

export const PAGE_STYLE = `:root{color-scheme:light dark;${variables(LIGHT)}}
@media (prefers-color-scheme:dark){:root{${variables(DARK)}}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
main{max-width:760px;margin:0 auto;padding:32px 20px}
h1{font-size:1.6rem;line-height:1.2;margin:0 0 4px;overflow-wrap:anywhere}
.quiet,footer{color:var(--quiet)}
footer{font-size:.8125rem;margin-top:32px;overflow-wrap:anywhere}
.note{border-left:3px solid var(--warningrule);background:var(--warning);padding:10px 14px;border-radius:2px}
#drop{border:2px dashed var(--rule);border-radius:8px;background:var(--surface);padding:32px 20px;text-align:center}
#drop.over{border-color:var(--accent)}
#status[data-state=error]{color:var(--warningrule);font-weight:600}
#result:not([hidden]){display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,260px),1fr));gap:20px;background:var(--surface);border:1px solid var(--rule);border-radius:8px;padding:20px}
#picture{width:100%;height:auto;image-rendering:pixelated;border-radius:4px}
#answer{font-size:1.25rem;font-weight:650;margin:0 0 12px;overflow-wrap:anywhere}
table{width:100%;border-collapse:collapse}
caption{text-align:left;color:var(--quiet);font-size:.8125rem}
th,td{text-align:left;font-weight:400;padding:4px 8px 4px 0;overflow-wrap:anywhere}
td:last-child{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
meter{width:100%;min-width:70px}
button,input{font:inherit}
button{margin-top:14px;padding:8px 16px;border:1px solid var(--accent);border-radius:6px;background:var(--surface);color:var(--accent);cursor:pointer}
button:disabled{opacity:.5;cursor:default}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
`;
