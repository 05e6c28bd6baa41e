// The saga: its graph as the workflow has it, with the way of one order, or with the number of all orders on each edge.
import { effect, signal } from "../vendor/signals-core.mjs";
import { count, counted, duration } from "../format.js";
import { chosen, complete, failure as unread } from "../orders.js";
import { Command, Empty, Failure } from "../parts.js";
import { link, route } from "../route.js";
import { attempt, read, stage } from "../server.js";
import { html } from "../view.js";

const graph = signal(null);
const failure = signal(null);
const way = signal(null);
const shown = () => (route.value.path[0] === "saga" ? route.value.path[1] : undefined);

/** Read the way of the shown order again, if `id` is its id. */
export async function walk(id) {
  if (!id || id !== shown()) return;
  const isNow = () => id === shown();
  const found = await attempt(failure, () => read(`/api/saga/${encodeURIComponent(id)}`), "way", isNow);
  if (found && isNow()) way.value = found;
}

effect(() => {
  if (route.value.path[0] !== "saga") return;
  queueMicrotask(() => {
    if (!graph.value) attempt(failure, async () => (graph.value = await read("/api/saga")), "graph");
    way.value = failure.value = null;
    walk(shown());
  });
});

/** Return how many of the orders went over each edge, by its name. */
function tallied() {
  const counts = new Map();
  for (const order of chosen.value) for (const edge of graph.value.ways[order.way] ?? []) counts.set(edge, (counts.get(edge) ?? 0) + 1);
  return counts;
}

/** Scroll a frame that is narrower than the picture to the first state. */
const toStart = (picture) => (frame) => {
  if (!frame || frame.dataset.isShown) return;
  frame.dataset.isShown = "yes";
  frame.scrollLeft = picture.states[0].x + picture.wide / 2 - frame.clientWidth / 2;
};

const Picture = ({ picture, numbers, states }) => {
  const { width, height, wide, high } = picture;
  const passed = new Set([...numbers.keys()].flatMap((name) => name.split(">")));
  const text = [...numbers].map(([name, number]) => `${name.replace(">", " to ")}${states ? "" : `: ${count(number)}`}`).join("; ");
  return html`<svg class="saga" width=${width} height=${height} role="img" aria-label=${`The saga. ${text}`}>
    ${[...picture.edges].sort((a, b) => numbers.has(a.name) - numbers.has(b.name)).map((edge) => html`<path class="${edge.caught ? "caught" : ""} ${numbers.has(edge.name) ? "lit" : ""}" d=${edge.path} />`)}
    ${picture.states.map(({ name, kind, x, y }) => {
      const found = states?.get(name);
      return html`<g class="${kind} ${passed.has(name) ? "lit" : ""} ${found?.kind ?? ""}"><rect x=${x} y=${y} width=${wide} height=${high} rx=${kind === "choice" ? high / 2 : 4} />
        <text x=${x + wide / 2} y=${y + (found?.milliseconds != null ? 13 : 19)}>${name}</text>
        ${found?.milliseconds != null ? html`<text class="time" x=${x + wide / 2} y=${y + 25}>${duration(found.milliseconds)}</text>` : null}</g>`;
    })}
    ${states ? null : picture.edges.filter(({ name }) => numbers.has(name)).map(({ name, x, y }) => html`<text class="count" x=${x} y=${y + 4}>${count(numbers.get(name))}</text>`)}
  </svg>`;
};

/** The view. */
export const Saga = () => {
  const id = shown();
  const isReady = graph.value && stage.value && (id ? way.value : complete.value);
  const error = failure.value ?? (id ? null : unread.value);
  const states = id && way.value ? new Map(way.value.states.map((state) => [state.name, state])) : null;
  const numbers = !isReady ? null : id ? new Map(way.value.edges.map((edge) => [edge, 1])) : tallied();
  return html`
    <h1>Saga</h1>
    ${error ? html`<${Failure} error=${error} />` : null}
    ${!isReady ? (error ? null : html`<${Empty} why="The saga is being read." />`) : html`
      ${id
        ? html`<p>The way of <a class="id" href=${link(["orders", id])}>${id}</a>, with the time of each state. <a href=${link(["saga"])}>All orders</a></p><${Command} text=${`${stage.value.command} trace ${id}`} />`
        : numbers.size
          ? html`<p>${counted(chosen.value.length, "order")}, counted on each edge. <a href=${link(["orders"], route.value.query)}>See them, or choose others</a></p>`
          : html`<${Empty} why="No order is chosen, so no edge has a number."><p><a href=${link(["orders"])}>Choose orders, or place one</a></p><//>`}
      <div class="panel scroller" tabindex="0" role="region" aria-label="Picture of the saga, scrolls sideways" ref=${toStart(graph.value.picture)}><${Picture} picture=${graph.value.picture} numbers=${numbers} states=${states} /></div>
      <p class="note">AWS keeps no history of an Express workflow. The way follows from the order's row: its latest run, and the one before a wait. The times follow from its events.</p>`}
  `;
};
