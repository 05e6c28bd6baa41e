// The bus: the latest events as they come, chosen by an EventBridge pattern, and the catalogue of events.
import { batch, effect, signal } from "../vendor/signals-core.mjs";
import { count, shell } from "../format.js";
import { Command, Empty, Envelope, Failure, Time } from "../parts.js";
import { link, route, setQuery } from "../route.js";
import { read, stage } from "../server.js";
import { html, view } from "../view.js";

const EXAMPLES = {
  "cancelled orders": '{"detail-type": ["OrderCancelled"]}',
  "events of payment": '{"source": ["orderflow.payment"]}',
  "totals above 100": '{"detail": {"data": {"total": {"amount": [{"numeric": [">", 10000]}]}}}}',
};

const latest = signal({ seen: 0, events: [] });
const failure = signal(null);
const catalogue = signal([]);
const isHere = () => route.value.path[0] === "bus";
const pattern = () => route.value.query.pattern ?? "";

async function load() {
  const text = pattern();
  try {
    const found = await read(`/api/events?pattern=${encodeURIComponent(text)}`);
    if (text === pattern()) batch(() => ((latest.value = found), (failure.value = null)));
  } catch (error) {
    if (text === pattern()) failure.value = error;
  }
}

let timer = null;

/** Read the latest events again soon, if the view is open. */
export function arrived() {
  if (!isHere() || timer) return;
  timer = setTimeout(() => {
    timer = null;
    load();
  }, 150);
}

effect(() => {
  if (!isHere()) return;
  pattern();
  load();
  if (!catalogue.peek().length) read("/api/catalogue").then((found) => (catalogue.value = found), (error) => (failure.value = error));
});

const Nothing = view(() => {
  if (!stage.value) return null;
  if (!stage.value.actions) {
    return html`<${Empty} why="This page is read-only, so the bus delivers nothing to it.">
      <p>Start it with <code>--allow-actions</code>, or watch the bus in a terminal:</p>
      <${Command} text=${`${stage.value.command} events tail`} />
    <//>`;
  }
  if (latest.value.seen) return html`<${Empty} why="None of the latest events matches the pattern."><p><button type="button" onClick=${() => setQuery({ pattern: "" })}>Show all events</button></p><//>`;
  return html`<${Empty} why="No event was published since the page was opened.">
    <p>Place an order, and its events come up here:</p>
    <${Command} text=${`${stage.value.command} orders place --line MUG-BLUE=1`} />
  <//>`;
});

const Tail = view(
  () => html`<div class="scroller" tabindex="0" role="region" aria-label="Latest events">
    <table class="events">
      <thead><tr><th>When</th><th>Event</th><th>From</th><th>Order</th><th>Envelope</th></tr></thead>
      <tbody>
        ${latest.value.events.map((event) => {
          const metadata = event.detail?.metadata ?? {};
          return html`<tr key=${event.id}>
            <td><${Time} at=${metadata.occurred_at ?? event.time} /></td>
            <td>${event["detail-type"]} <span class="muted">v${metadata.event_version ?? 1}</span>${event["replay-name"] ? html` <span class="replayed">↻ ${event["replay-name"]}</span>` : null}</td>
            <td>${event.source}</td>
            <td class="id">${metadata.order_id ? html`<a href=${link(["orders", metadata.order_id])}>${metadata.order_id}</a>` : ""}</td>
            <td><${Envelope} value=${event} label="Envelope" /></td>
          </tr>`;
        })}
      </tbody>
    </table>
  </div>`,
);

const Catalogue = view(
  () => html`<section aria-label="Catalogue">
    <h2>Catalogue</h2>
    <div class="scroller" tabindex="0" role="region" aria-label="Table of the catalogue">
      <table class="events">
        <thead><tr><th>Event</th><th>Publisher</th><th>Versions</th><th>Consumers</th><th>Example</th></tr></thead>
        <tbody>
          ${catalogue.value.map(
            (entry) => html`<tr key=${`${entry.publisher}.${entry.event}`}>
              <td><a href=${link(["bus"], { pattern: JSON.stringify({ source: [entry.publisher === "channels" ? { prefix: "orderflow.channel." } : `orderflow.${entry.publisher}`], "detail-type": [entry.event] }) })}>${entry.event}</a></td>
              <td>${entry.publisher}</td>
              <td>${entry.versions.map((version) => `v${version}`).join(", ")}</td>
              <td>${entry.consumers.join(", ") || html`<span class="muted">no consumer</span>`}</td>
              <td><${Envelope} value=${entry.example} label="Example" /></td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`,
);

/** The view. */
export const Bus = view(() => {
  const text = pattern();
  const { seen, events } = latest.value;
  const command = `${stage.value?.command ?? "orderctl"} events tail${text ? ` --pattern ${shell(text)}` : ""}`;
  return html`
    <h1>Bus</h1>
    <form class="toolbar" role="search" onSubmit=${(event) => event.preventDefault()}>
      <label class="field grow">
        <span>EventBridge pattern</span>
        <input type="search" id="search" autocomplete="off" spellcheck=${false} class="id" placeholder='{"detail-type": ["OrderConfirmed"]}' value=${text} onInput=${(event) => setQuery({ pattern: event.currentTarget.value })} />
      </label>
      <p class="tally" role="status">matches ${count(events.length)} of the last ${count(seen)} events</p>
    </form>
    <p class="buttons">${Object.entries(EXAMPLES).map(([name, example]) => html`<button type="button" onClick=${() => setQuery({ pattern: example })}>${name}</button>`)}</p>
    <${Command} text=${command} />
    ${failure.value ? html`<${Failure} error=${failure.value} />` : events.length ? html`<${Tail} />` : html`<${Nothing} />`}
    <${Catalogue} />
  `;
});
