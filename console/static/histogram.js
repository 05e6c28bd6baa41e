// A histogram of a stretch of time, with a part of it that the pointer chooses.
import { html } from "./view.js";

const HEIGHT = 96;
const WIDTH = 1000;

/** Return the window of a choice between two places, 0 to 1, in whole seconds. */
function windowOf(found, from, until) {
  const [begin, end] = [found.window.from, found.window.until].map(Date.parse);
  const at = (place) => new Date(Math.round((begin + (end - begin) * place) / 1000) * 1000).toISOString();
  return { from: at(Math.min(from, until)), until: at(Math.max(from, until)) };
}

/** The bars of `found`. `choose` gets the window `{from, until}` that the pointer draws; `chosen` is drawn above the bars. */
export function Histogram({ found, chosen, choose, label }) {
  const most = Math.max(1, ...found.counts);
  const wide = WIDTH / found.counts.length;
  const [begin, end] = [found.window.from, found.window.until].map(Date.parse);
  const placeOf = (text) => Math.max(0, Math.min(1, (Date.parse(text) - begin) / (end - begin)));
  const place = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  };
  const onPointerDown = (event) => {
    const from = place(event);
    const picture = event.currentTarget;
    picture.setPointerCapture(event.pointerId);
    picture.onpointermove = (move) => Math.abs(place(move) - from) > 0.005 && choose(windowOf(found, from, place(move)));
    picture.onpointerup = picture.onpointercancel = () => (picture.onpointermove = null);
  };
  const left = placeOf(chosen.from) * WIDTH;
  const right = placeOf(chosen.until) * WIDTH;
  return html`<svg class="histogram" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${label} onPointerDown=${onPointerDown}>
    ${found.counts.map((count, index) => html`<rect class="count" x=${index * wide + 1} width=${wide - 2} y=${HEIGHT - (count / most) * (HEIGHT - 4)} height=${(count / most) * (HEIGHT - 4)} />`)}
    ${right > left ? html`<rect class="brush" x=${left} width=${right - left} y="0" height=${HEIGHT} />` : null}
  </svg>`;
}
