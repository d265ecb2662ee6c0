/** The report's style sheet. One type scale, one accent, the colours of `shared/palette.ts`. */
import { DARK, LIGHT } from '../../shared/palette.ts';

const variables = (theme: Readonly<Record<string, string>>): string =>
  Object.entries(theme)
    .map(([name, colour]) => `--${name}:${colour};`)
    .join('');

const series = Array.from({ length: 8 }, (_, i) => `.s${String(i)}{--c:var(--s${String(i)})}`).join('');

export const STYLE = `:root{color-scheme:light dark;${variables(LIGHT)}
--small:.8125rem;--base:.9375rem;--large:1.25rem;--huge:1.75rem}
@media (prefers-color-scheme:dark){:root{${variables(DARK)}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text);font:var(--base)/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
header,main,footer{max-width:1120px;margin:0 auto;padding:0 24px}
header{padding-top:40px}
h1{font-size:var(--huge);line-height:1.2;font-weight:650;letter-spacing:-.01em;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:var(--large);line-height:1.3;font-weight:650;margin:0 0 4px}
p{margin:0 0 12px;max-width:75ch}
a{color:var(--accent)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.quiet,.detail,.small,.subtitle,footer{color:var(--quiet)}
.subtitle{margin-bottom:16px;overflow-wrap:anywhere}
.headline{font-size:var(--large);line-height:1.45;margin:0 0 18px;max-width:68ch;overflow-wrap:anywhere}
.small,.detail,footer{font-size:var(--small)}
.detail{display:block;line-height:1.3;font-weight:400;white-space:nowrap}
.strong{font-weight:650}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:4px 20px;margin:0;padding:0 0 20px}
.note{border-left:3px solid var(--accent);background:var(--information);padding:10px 14px;margin:0 0 12px;border-radius:2px;max-width:none;overflow-wrap:anywhere}
.note.warning{border-color:var(--warningrule);background:var(--warning)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:1px;margin:16px 0 0;background:var(--rule);border:1px solid var(--rule);border-radius:6px;overflow:hidden}
.figures div{background:var(--surface);padding:14px 16px}
.figures dt{font-size:var(--small);color:var(--quiet)}
.figures dd{margin:0}
.figures .value{font-size:var(--huge);line-height:1.25;font-weight:600;overflow-wrap:anywhere}
.figures .detail{white-space:normal}
section{background:var(--surface);border:1px solid var(--rule);border-radius:6px;margin:20px 0;padding:22px 24px}
.row{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,310px),1fr));gap:8px 32px;align-items:start}
.chart{margin:14px 0 0;max-width:450px;min-width:0}
.row .chart{max-width:none}
.chart figcaption,caption{font-weight:600;text-align:left}
.chart svg[role]{display:block;width:100%;height:auto;margin-top:6px}
.chart .small{margin:6px 0 0}
svg text{fill:var(--quiet);font-size:14px}
svg .rowlabel,svg .rowvalue{fill:var(--text);font-size:15px}
.grid path{stroke:var(--rule);stroke-width:1}
.axis{stroke:var(--quiet);stroke-width:1;fill:none}
.reference{stroke:var(--quiet);stroke-width:1.2;stroke-dasharray:4 4;fill:none}
.line{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round}
.band{fill:var(--c);opacity:.18}
.whisker{stroke:var(--c);stroke-width:1.6;fill:none}
.bar{fill:var(--c)}
.spread{stroke:var(--text);stroke-width:1.1;fill:none;opacity:.75}
svg .barvalue{font-size:11px;fill:var(--text)}
.curve circle{fill:var(--c)}
.behind{--c:var(--s7)}.behind .line{stroke-width:1;opacity:.55}
${series}
.d1 .line{stroke-dasharray:7 3}.d2 .line{stroke-dasharray:2 3}.d3 .line{stroke-dasharray:9 3 2 3}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 16px;margin:6px 0 0;padding:0;font-size:var(--small)}
.legend li{display:flex;align-items:center;gap:6px;overflow-wrap:anywhere}
.legend svg{flex:none}
.scroll{overflow-x:auto;margin:14px 0 0}
.scroll .small{margin:6px 0 0}
table{border-collapse:collapse;min-width:min(100%,480px)}
.row table{width:100%}
.inline .detail{display:inline-block;margin-left:.5em}
.inline td.number{white-space:normal}
.inline th,.inline td{padding-right:26px}
caption{padding-bottom:6px}
th,td{padding:4px 16px 4px 0;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top;font-weight:400}
tr>:last-child{padding-right:4px}
thead th{font-size:var(--small);color:var(--quiet);vertical-align:bottom}
tbody tr:last-child>*{border-bottom:0}
.number{text-align:right;white-space:nowrap}
th[scope=row]{overflow-wrap:break-word;min-width:7em}
caption span{display:block;position:sticky;left:0;max-width:calc(100vw - 72px)}
th.strong,td.strong{font-weight:650}
.code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:var(--small);overflow-wrap:anywhere}
.heat th,.heat td{padding:6px 10px}
.heat thead .number{white-space:normal}
.heat th:first-child{padding-left:0}
.heat .over{text-align:center;border-bottom:0;padding-bottom:0}
.heat thead tr:first-child td{border:0}
.heat .cell{position:relative;isolation:isolate;min-width:64px;border:1px solid var(--surface)}
.heat .cell::before{content:"";position:absolute;inset:0;z-index:-1;background:var(--heat);opacity:var(--part);border-radius:2px}
.heat .cell .detail{color:inherit}
.images{margin:14px 0 0}.images figcaption{font-weight:600}
.images ul{list-style:none;display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,230px),1fr));gap:14px;margin:8px 0 0;padding:0}
.images img{display:block;width:100%;height:auto;image-rendering:pixelated;border-radius:3px}
details{margin-top:14px}
summary{cursor:pointer;font-weight:600;color:var(--accent)}
footer{padding-top:4px;padding-bottom:40px;overflow-wrap:anywhere}
@media (max-width:640px){header,main,footer{padding-left:16px;padding-right:16px}header{padding-top:24px}
section{padding:16px;margin:14px 0}.figures{grid-template-columns:1fr 1fr}:root{--huge:1.5rem}
th,td{padding-right:8px}th[scope=row]{min-width:5.6em}thead .number{white-space:normal}.inline th,.inline td{padding-right:10px}
.inline .detail,th .detail{white-space:normal;min-width:0;margin-left:0;display:block}.heat th,.heat td{padding:6px 5px}.heat .cell{min-width:46px}}
@media print{body{background:none}section{break-inside:avoid-page;border:0;padding:0}nav{display:none}}
`;
