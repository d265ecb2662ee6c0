/** Pictures inside the report itself: PNG as data, so that nothing is fetched. */
import { markup, type Markup } from './markup.ts';
import type { ImageGrid } from './model.ts';

export function renderImageGrid({ caption, images }: ImageGrid): Markup {
  return markup`<figure class="images"><figcaption>${caption}</figcaption><ul>${images.map(
    ({ png, label }) =>
      markup`<li><img alt="${label}" src="data:image/png;base64,${Buffer.from(png).toString('base64')}"><span class="small">${label}</span></li>`,
  )}</ul></figure>
`;
}
