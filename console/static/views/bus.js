// The bus: the latest events as they come, chosen by an EventBridge pattern, a form that publishes one, and the catalogue.
import { batch, effect, signal } from "../vendor/signals-core.mjs";
import { count, counted, shell } from "../format.js";
import { filled, Form } from "../form.js";
import { Command, Empty, Envelope, Failure, ReadOnly, Table, Time } from "../parts.js";
import { link, route, setQuery } from "../route.js";
import { attempt, change, read, stage } from "../server.js";
import { html } from "../view.js";

const EXAMPLES = {
  "cancelled orders": '{"detail-type": ["OrderCancelled"]}',
  "events of payment": '{"source": ["orderflow.payment"]}',
  "totals above 100": '{"detail": {"data": {"total": {"amount": [{"numeric": [">", 10000]}]}}}}',
};

/** The latest events that match a pattern, and how many there are in all. */
const latest = signal({ pattern: "", seen: 0, events: [] });
const failure = signal(null);
const catalogue = signal([]);
const draft = signal(null);
const published = signal(null);
const refusal = signal(null);
const isHere = () => route.value.path[0] === "bus";
const pattern = () => route.value.query.pattern ?? "";

/** Begin an event with ids of its own. */
const begin = () => attempt(failure, async () => edit(await read("/api/publish-form")), "form");
const edit = (changes) => batch(() => ((draft.value = { ...draft.value, ...changes }), (published.value = refusal.value = null)));
const detail = () => filled(draft.value.schema, draft.value.value);

async function publish() {
  published.value = await attempt(refusal, () => change("/api/publish", { channel: draft.value.channel, detail: detail() }));
}

async function load() {
  const text = pattern();
  const isNow = () => text === pattern();
  const found = await attempt(failure, () => read(`/api/events?pattern=${encodeURIComponent(text)}`), "events", isNow);
  if (found && isNow()) latest.value = { ...found, pattern: text };
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
  if (!draft.peek()) begin();
  if (!catalogue.peek().length) attempt(failure, async () => (catalogue.value = await read("/api/catalogue")), "catalogue");
});

const Publish = () => {
  if (!stage.value?.actions) return stage.value ? html`<${ReadOnly} to="publish events" />` : null;
  if (!draft.value) return null;
  const { schema, channel, value } = draft.value;
  return html`<${Form}
    title="Publish an event"
    button="Publish"
    schema=${schema}
    value=${value}
    change=${(next) => edit({ value: next })}
    submit=${publish}
    command=${`printf '%s\\n' ${shell(JSON.stringify(detail()))} | ${stage.value.command} events publish - --channel ${shell(channel)}`}
    refusal=${refusal.value}
    done=${published.value ? html`Published. <a href=${link(["orders", published.value.order_id])}>${published.value.order_id}</a> Publish it again, and the duplicate is dropped. <button type="button" onClick=${begin}>Begin another</button>` : null}
  >
    <p class="note">${schema.title}: ${schema.description}</p>
    <label class="field"><span>channel</span><input class="id" autocomplete="off" value=${channel} onInput=${(event) => edit({ channel: event.currentTarget.value })} /></label>
  <//>`;
};

const Nothing = () => {
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
};

const Tail = () => html`<${Table}
  label="Latest events"
  head=${["When", "Event", "From", "Order", "Envelope"]}
  items=${latest.value.events}
  id="id"
  cells=${(event) => {
    const metadata = event.detail?.metadata ?? {};
    return [
      html`<${Time} at=${metadata.occurred_at ?? event.time} />`,
      html`${event["detail-type"]} <span class="muted">v${metadata.event_version ?? 1}</span>${event["replay-name"] ? html` <span class="replayed">↻ ${event["replay-name"]}</span>` : null}`,
      event.source,
      metadata.order_id ? html`<a class="id" href=${link(["orders", metadata.order_id])}>${metadata.order_id}</a>` : "",
      html`<${Envelope} value=${event} label="Envelope" />`,
    ];
  }}
/>`;

const sourceOf = ({ publisher }) => (publisher === "channels" ? { prefix: "orderflow.channel." } : `orderflow.${publisher}`);
const Catalogue = () => html`<section aria-label="Catalogue">
  <h2>Catalogue</h2>
  <${Table}
    label="Table of the catalogue"
    head=${["Event", "Publisher", "Consumers", "Versions, with samples"]}
    items=${catalogue.value}
    cells=${(entry) => [
      html`<a href=${link(["bus"], { pattern: JSON.stringify({ source: [sourceOf(entry)], "detail-type": [entry.event] }) })}>${entry.event}</a>`,
      entry.publisher,
      entry.consumers.join(", ") || html`<span class="muted">no consumer</span>`,
      entry.versions.map(({ version, samples }) => html`<${Envelope} key=${version} value=${samples.length === 1 ? samples[0] : samples} label=${`v${version}`} />`),
    ]}
  />
</section>`;

/** The view. */
export const Bus = () => {
  const text = pattern();
  const { seen, events } = latest.value;
  const isRefused = failure.value && latest.value.pattern !== text;
  const command = `${stage.value?.command ?? "orderctl"} events tail${text ? ` --pattern ${shell(text)}` : ""}`;
  return html`
    <h1>Bus</h1>
    <form class="toolbar" role="search" onSubmit=${(event) => event.preventDefault()}>
      <label class="field grow">
        <span>EventBridge pattern</span>
        <input type="search" id="search" autocomplete="off" spellcheck=${false} class="id" placeholder='{"detail-type": ["OrderConfirmed"]}' value=${text} onInput=${(event) => setQuery({ pattern: event.currentTarget.value })} />
      </label>
      <p class="tally" role="status">matches ${count(events.length)} of the last ${counted(seen, "event")}</p>
    </form>
    <p class="buttons">${Object.entries(EXAMPLES).map(([name, example]) => html`<button type="button" onClick=${() => setQuery({ pattern: example })}>${name}</button>`)}</p>
    <${Command} text=${command} />
    ${failure.value ? html`<${Failure} error=${failure.value} />` : null}
    ${isRefused ? null : events.length ? html`<${Tail} />` : html`<${Nothing} />`}
    <${Publish} />
    <${Catalogue} />
  `;
};
