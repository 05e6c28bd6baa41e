// Home: the lamps, the picture of the system with the events on its edges, money and stock, and a form that places an order.
import { batch, computed, effect, signal } from "../vendor/signals-core.mjs";
import { count, counted, money, relative, sentence, shell, words } from "../format.js";
import { filled, Form } from "../form.js";
import { all, complete, failure as unread, more } from "../orders.js";
import { Command, Fact, Failure, ReadOnly } from "../parts.js";
import { link, route } from "../route.js";
import { attempt, change, read, readResult, services, stage } from "../server.js";
import { html } from "../view.js";

const FINISHED = new Set(["CONFIRMED", "CANCELLED"]);
const LOOK_MS = 15_000;
const FIRST = { customer_id: "alice", currency: "USD", lines: [{ sku: "MUG-BLUE", quantity: 1 }], payment_token: "pm_card_visa" };

const lamps = signal(null);
const audited = signal(null);
const isAuditing = signal(false);
const auditedRows = signal(0);
const latest = signal({ seen: 0, events: [] });
const catalogue = signal([]);
const failure = signal(null);
const form = signal(null);
const body = signal(FIRST);
const placed = signal(null);
const refusal = signal(null);

const isHere = computed(() => route.value.path[0] === "home");
const oldest = computed(() => all.value.filter((order) => !FINISHED.has(order.status)).at(-1));

const load = (place, path) => attempt(failure, async () => (place.value = await read(path)), path);
const loadLamps = () => load(lamps, "/api/lamps");
const loadEvents = () => load(latest, "/api/events");

async function audit() {
  batch(() => ((isAuditing.value = true), (auditedRows.value = 0)));
  const progress = ({ rows }) => (auditedRows.value = rows);
  await attempt(failure, async () => (audited.value = await readResult("/api/audit", progress)), "/api/audit");
  isAuditing.value = false;
}

let timer = null;
/** Read the latest events again soon, if the view is open. */
export function moved() {
  if (!isHere.value || timer) return;
  timer = setTimeout(() => {
    timer = null;
    loadEvents();
  }, 300);
}

effect(() => {
  if (!isHere.value) return;
  queueMicrotask(() => {
    loadLamps();
    loadEvents();
    if (!catalogue.value.length) load(catalogue, "/api/catalogue");
    if (!form.value) load(form, "/api/order-form");
  });
});
setInterval(() => isHere.value && !document.hidden && loadLamps(), LOOK_MS);

async function place() {
  placed.value = await attempt(refusal, () => change("/api/place", filled(form.value, body.value)));
}

const placeCommand = () => {
  const { customer_id: customer, currency, lines, payment_token: token, if_short: short } = body.value;
  const line = lines.map(({ sku, quantity }) => ` --line ${shell(`${sku}=${quantity}`)}`).join("");
  return `orders place --customer ${shell(customer)}${line} --currency ${shell(currency)} --token ${shell(token)}${short ? ` --if-short ${short.toLowerCase().replace("_", "-")}` : ""}`;
};

const Lamp = ({ tone, name, children }) => html`<li class="lamp ${tone}"><span class="sign" aria-hidden="true">${tone === "bad" ? "✕" : tone === "good" ? "✓" : "●"}</span><span>${name}</span><strong>${children}</strong></li>`;

const Lamps = () => {
  const found = lamps.value;
  const first = oldest.value;
  const open = all.value.filter((order) => !FINISHED.has(order.status)).length;
  const findings = audited.value?.findings;
  return html`<ul class="lamps" aria-label="State">
    <${Lamp} tone=${open || more.value ? "open" : "good"} name="Unfinished orders">${complete.value ? `${count(open)}${more.value ? ` of the ${count(all.value.length)} in the list; the stage has more` : ""}` : unread.value ? "could not be read" : "reading"}${first ? html`, the oldest <a href=${link(["orders", first.order_id])}>${relative(first.created_at, Date.now())}</a>` : null}<//>
    <${Lamp} tone=${!found ? "open" : found.dead_letters ? "bad" : "good"} name="Dead letters">${found ? html`<a href=${link(["dead-letters"])}>${count(found.dead_letters)}</a>` : "reading"}<//>
    <${Lamp} tone=${!found ? "open" : found.ringing.length ? "bad" : "good"} name="Alarms">${found ? `${found.ringing.length} of ${found.alarms} ring${found.ringing.length ? `: ${found.ringing.slice(0, 3).join(", ")}` : ""}` : "reading"}<//>
    <${Lamp} tone=${!findings ? "open" : findings.length ? "bad" : "good"} name="Audit">${findings ? counted(findings.length, "finding") : isAuditing.value ? `${counted(auditedRows.value, "row")} read` : "not run yet"}<//>
  </ul>`;
};

const amount = (currency, number) => money({ amount: number, currency });
const number = (kind, found) => `${count(found)} ${words(kind)}`;
const SUMS = { captured: amount, refunded: amount, kept: amount, stock: number, shipments: number, mails: number };
const Sum = ({ name, text, found }) => {
  const lines = Object.entries(found).map(([key, value]) => html`<span class="line">${text(key, value)}</span>`);
  return html`<${Fact} name=${sentence(name)}>${lines.length ? lines : "none"}<//>`;
};

const Figures = () => {
  const command = `${stage.value.command} audit`;
  const found = audited.value;
  return html`<section class="stack" aria-label="Money and stock">
    <h2>Money and stock</h2>
    ${found
      ? html`<dl class="facts">${Object.entries(SUMS).map(([name, text]) => html`<${Sum} name=${name} text=${text} found=${found.figures[name]} />`)}</dl>
          ${found.findings.length ? html`<ul>${found.findings.map((text) => html`<li>${text}</li>`)}</ul>` : html`<p>The audit has no findings.</p>`}`
      : html`<p class="note">The audit reads all rows of all tables, and sums up money and stock.</p>`}
    <p class="buttons"><button type="button" disabled=${isAuditing.value} onClick=${audit}>${isAuditing.value ? `Reading all rows: ${count(auditedRows.value)} …` : "Audit"}</button><${Command} text=${command} /></p>
  </section>`;
};

const Place = () => {
  const { actions, command } = stage.value;
  if (!actions) return html`<${ReadOnly} to="place orders" />`;
  if (!form.value) return null;
  return html`<${Form}
    title="Place an order"
    button="Place the order"
    schema=${form.value}
    value=${body.value}
    change=${(value) => batch(() => ((body.value = value), (placed.value = refusal.value = null)))}
    submit=${place}
    command=${`${command} ${placeCommand()}`}
    refusal=${refusal.value}
    done=${placed.value ? html`Placed. <a href=${link(["orders", placed.value.order_id])}>${placed.value.order_id}</a>` : null}
  />`;
};

const WIDE = 150;
const GAP = 20;
const HEIGHT = 172;

const publisherOf = (source) => (source.startsWith("orderflow.channel.") ? "channels" : source.replace("orderflow.", ""));

/** Return how many of the events each box published, and how many were for it. An event counts once, in any version or replay. */
function tallied(events, catalogue) {
  const consumers = new Map(catalogue.map((entry) => [`${entry.publisher}.${entry.event}`, [...new Set(entry.consumers.map((name) => name.split("/")[0]))]]));
  const out = new Map();
  const into = new Map();
  const known = new Set();
  for (const event of events) {
    const publisher = publisherOf(event.source);
    const id = event.detail?.metadata?.event_id ?? event.id;
    if (known.has(id)) continue;
    known.add(id);
    out.set(publisher, (out.get(publisher) ?? 0) + 1);
    for (const name of consumers.get(`${publisher}.${event["detail-type"]}`) ?? []) into.set(name, (into.get(name) ?? 0) + 1);
  }
  return { out, into };
}

/** The picture of the system: channels and services above the bus, with the number of events on each edge. */
function Flow({ events, catalogue }) {
  const { out, into } = tallied(events, catalogue);
  const boxes = ["channels", ...services()];
  const width = boxes.length * (WIDE + GAP) - GAP;
  const text = boxes.map((name) => `${name}: ${out.get(name) ?? 0} published, ${into.get(name) ?? 0} to consume`).join("; ");
  const edge = (x, number, isOut) => html`<g class="edge ${number ? "busy" : ""}">
    <path d=${isOut ? `M${x},62 V122 m-5,-8 l5,8 l5,-8` : `M${x},128 V68 m-5,8 l5,-8 l5,8`} />
    <text x=${x + (isOut ? -8 : 8)} y="100" text-anchor=${isOut ? "end" : "start"}>${count(number)}</text>
  </g>`;
  return html`<svg class="flow" width=${width} height=${HEIGHT} viewBox="0 0 ${width} ${HEIGHT}" role="img" aria-label=${`Events on the bus. ${text}`}>
    ${boxes.map((name, index) => {
      const x = index * (WIDE + GAP);
      return html`<g class="box"><rect x=${x + 1} y="10" width=${WIDE - 2} height="48" rx="6" /><text x=${x + WIDE / 2} y="39" text-anchor="middle">${name}</text></g>
        ${edge(x + WIDE / 2 - 18, out.get(name) ?? 0, true)}
        ${name === "channels" ? null : edge(x + WIDE / 2 + 18, into.get(name) ?? 0, false)}`;
    })}
    <g class="bus"><rect x="1" y="130" width=${width - 2} height="40" rx="6" /><text x=${width / 2} y="155" text-anchor="middle">EventBridge bus</text></g>
  </svg>`;
}

/** The view. */
export const Home = () => {
  if (!stage.value) return html`<h1>Home</h1>`;
  return html`
    <h1>Home</h1>
    ${failure.value ? html`<${Failure} error=${failure.value} />` : null}
    <${Lamps} />
    <section class="stack" aria-label="System">
      <h2>System</h2>
      <div class="panel scroller" tabindex="0" role="region" aria-label="Picture of the system, scrolls sideways"><${Flow} events=${latest.value.events} catalogue=${catalogue.value} /></div>
      <p class="note">${stage.value.actions ? `The numbers count the last ${counted(latest.value.seen, "event")} since the page was opened.` : "This page is read-only, so the bus delivers nothing to it, and the edges have no numbers."}</p>
    </section>
    <${Place} />
    <${Figures} />
  `;
};
