// One order: its state, its course over the services, the chosen event, and the actions.
import { batch, computed, signal } from "../vendor/signals-core.mjs";
import { counted, money, number, offset, sentence, words } from "../format.js";
import { all } from "../orders.js";
import { because, Command, Copy, Empty, Fact, Failure, ReadOnly, Reason, Status, Table, Time, Twice, Waits } from "../parts.js";
import { link, route, setQuery } from "../route.js";
import { change, read, stage } from "../server.js";
import { LaneNames, Waterfall } from "../waterfall.js";
import { html } from "../view.js";

const OPEN = new Set(["PENDING", "BACKORDERED", "CONFIRMING", "CANCELLING"]);
/** Of a longer order, the lines are shown on request, so that its course stays in sight. */
const MOST_LINES = 5;
const CANCELLABLE = new Set(["PENDING", "BACKORDERED", "CONFIRMED"]);

const course = signal(null);
const failure = signal(null);
const loaded = signal("");
const zoom = signal(1);
const width = signal(800);
const asked = signal(false);
const done = signal(null);
const why = signal("");
/** The party that asked for the cancellation. The customer's mail states it. */
const asker = signal("OPERATOR");

/** The id of the order that the address names. */
const shown = computed(() => (route.value.path[0] === "orders" ? (route.value.path[1] ?? "") : ""));

async function load(id) {
  try {
    const found = await read(`/api/orders/${encodeURIComponent(id)}`);
    if (id === shown.value) batch(() => ((course.value = found), (failure.value = null), (loaded.value = id)));
  } catch (error) {
    if (id === shown.value) batch(() => ((failure.value = error), (loaded.value = id)));
  }
}

/** When an order is read once more after a change, in milliseconds: events reach the journal seconds or minutes late. */
const LATER = [3_000, 10_000, 30_000, 90_000, 180_000];
let timer = null;
let later = [];

/** Read the shown order again soon, and some times later, if `id` is its id. */
export function refresh(id) {
  if (!id || id !== shown.value || timer) return;
  timer = setTimeout(() => {
    timer = null;
    load(shown.value);
  }, 150);
  later.forEach(clearTimeout);
  later = LATER.map((milliseconds) => setTimeout(() => id === shown.value && load(id), milliseconds));
}

/** Read the order that the address names, if it is another one than before. */
export function open() {
  if (!shown.value || shown.value === loaded.value) return;
  batch(() => ((course.value = null), (failure.value = null), (asked.value = false), (done.value = null), (why.value = ""), (asker.value = "OPERATOR"), (zoom.value = 1)));
  load(shown.value);
}

async function act(name, reason, text) {
  asked.value = false;
  try {
    await change(`/api/orders/${encodeURIComponent(shown.value)}/${name}`, { reason });
    done.value = { text };
  } catch (error) {
    done.value = { error };
  }
  load(shown.value);
}

let observer = null;
function measure(element) {
  observer?.disconnect();
  if (!element) return;
  observer = new ResizeObserver(([entry]) => (width.value = Math.max(280, Math.floor(entry.contentRect.width))));
  observer.observe(element);
}

const curl = (id) => {
  const { api, region, target } = stage.value;
  const user = target === "laptop" ? "test:test" : '"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H "x-amz-security-token: $AWS_SESSION_TOKEN"';
  const direct = target === "laptop" ? " --noproxy '*'" : "";
  return `curl${direct} --aws-sigv4 aws:amz:${region}:execute-api --user ${user} ${api}/orders/${id}`;
};

const Actions = ({ order }) => {
  const { actions, command } = stage.value;
  if (!actions) return html`<${ReadOnly} to="cancel or resume orders" />`;
  const canCancel = CANCELLABLE.has(order.status) && order.fulfilment === "NONE";
  const canResume = OPEN.has(order.status);
  if (!canCancel && !canResume) return null;
  return html`<section class="actions" aria-label="Actions">
    ${canResume
      ? html`<${Reason} why=${why} />
          <p><button type="button" onClick=${() => act("resume", why.value, "The saga was started again.")}>Resume</button> <${Command} text=${`${command} orders resume ${order.order_id}${because(why)}`} /></p>`
      : null}
    ${canCancel
      ? html`<p>
          <${Twice} asked=${asked} first="Cancel" then="Cancel the order" not="Keep it" act=${() => act("cancel", asker.value, "The cancellation was requested.")}><span>The payment is refunded and the goods return to stock. </span>
            <label>Asked for by <select value=${asker.value} onChange=${(event) => (asker.value = event.currentTarget.value)}><option value="OPERATOR">us</option><option value="CUSTOMER">the customer</option></select></label><//>
          ${" "}<${Command} text=${`${command} orders cancel ${order.order_id}${asker.value === "OPERATOR" ? "" : ` --reason ${asker.value}`}`} />
        </p>`
      : null}
    ${done.value?.text ? html`<p role="status">${done.value.text}</p>` : null}
    ${done.value?.error ? html`<${Failure} error=${done.value.error} />` : null}
  </section>`;
};

const Lines = ({ order }) => order.lines.map((line) => html`<span class="line">${line.quantity} × ${line.sku} <span class="muted">at ${money({ amount: line.unit_price, currency: order.total.currency })}</span></span>`);

const Facts = ({ order }) => html`
  <dl class="facts">
    <${Fact} name="Number">${number(order.order_id)}<//>
    <${Fact} name="Customer"><a href=${link(["orders"], { q: order.customer_id })}>${order.customer_id}</a><//>
    <${Fact} name="Total">${money(order.total)}<//>
    <${Fact} name="Channel">${order.channel}<//>
    <${Fact} name="Parcel">${words(order.fulfilment)}<//>
    <${Fact} name="Placed"><${Time} at=${order.created_at} /><//>
    <${Fact} name="Changed"><${Time} at=${order.updated_at} /><//>
    <${Fact} name="Version">${order.version}<//>
    <${Fact} name="Saga"><a href=${link(["saga", order.order_id])}>its way</a><//>
    <${Fact} name="Lines">
      ${order.lines.length > MOST_LINES ? html`<details><summary>${counted(order.lines.length, "line")}</summary><${Lines} order=${order} /></details>` : html`<${Lines} order=${order} />`}
    <//>
  </dl>
`;

const Legend = () => html`<ul class="legend" aria-label="Legend">
  <li><svg width="16" height="16" aria-hidden="true"><g class="mark step"><circle class="sign" cx="8" cy="8" r="6" /></g></svg> step</li>
  <li><svg width="16" height="16" aria-hidden="true"><g class="mark refusal"><path class="sign" d="M2,2 l12,12 m0,-12 l-12,12" /></g></svg> refusal</li>
  <li><svg width="16" height="16" aria-hidden="true"><g class="mark compensation"><path class="sign" d="M1,8 l7,-7 l7,7 l-7,7 z" /></g></svg> compensation</li>
  <li><svg width="24" height="16" aria-hidden="true"><g class="mark step"><rect class="step" x="0" y="3" width="24" height="10" rx="3" /></g></svg> duration of a step</li>
  <li><span class="again">×2</span> tried or published again</li>
  <li><span class="replayed">↻</span> replayed</li>
  <li><span class="dropped">⊘</span> duplicates dropped</li>
</ul>`;

const Picture = () => {
  const found = course.value;
  const choose = (id) => setQuery({ event: id });
  return html`<section class="picture" aria-label="Course">
    <div class="bar">
      <h2>Course</h2>
      <div class="zoom" role="group" aria-label="Zoom">
        <button type="button" aria-label="Zoom out" disabled=${zoom.value <= 1} onClick=${() => (zoom.value = Math.max(1, zoom.value / 1.5))}>−</button>
        <button type="button" disabled=${zoom.value === 1} onClick=${() => (zoom.value = 1)}>Fit</button>
        <button type="button" aria-label="Zoom in" disabled=${zoom.value > 20} onClick=${() => (zoom.value *= 1.5)}>+</button>
      </div>
    </div>
    ${found.events.length
      ? html`<div class="frame">
            <${LaneNames} course=${found} width=${width.value} zoom=${zoom.value} />
            <div class="canvas" ref=${measure} tabindex="0" role="region" aria-label="Waterfall, scrolls sideways">
              <${Waterfall} course=${found} width=${width.value} zoom=${zoom.value} chosen=${route.value.query.event} choose=${choose} />
            </div>
          </div>
          <${Legend} />`
      : html`<${Empty} why="The journal has no event of this order.">
          <p>It gets each event a moment after its publication, and keeps it as long as the archive. Work that is left:</p>
          ${found.left.length ? html`<ul>${found.left.map((work) => html`<li>${work.service}: ${work.what}</li>`)}</ul>` : html`<p>none.</p>`}
        <//>`}
  </section>`;
};

const Events = () => {
  const found = course.value;
  const begin = found.events.length ? Date.parse(found.events[0].occurred_at) : 0;
  if (!found.events.length) return null;
  return html`<section aria-label="Events">
    <h2>Events</h2>
    <${Table}
      label="Table of events"
      head=${["#After", "Event", "From", "Delivered to"]}
      items=${found.events}
      id="event_id"
      isChosen=${(event) => event.event_id === route.value.query.event}
      cells=${(event) => [
        html`<time datetime=${event.occurred_at} title=${event.occurred_at}>${offset(Date.parse(event.occurred_at) - begin)}</time>`,
        html`<a href=${link(["orders", shown.value], { event: event.event_id })}>${event.event}</a> <span class="muted">v${event.version}</span>
          ${event.times_put > 1 ? html` <span class="again">×${event.times_put}</span>` : null}
          ${event.replays.length ? html` <span class="replayed">↻ ${event.replays.join(", ")}</span>` : null}
          ${event.duplicates_dropped ? html` <span class="dropped">⊘ ${event.duplicates_dropped}</span>` : null}`,
        event.service,
        event.deliveries.length ? event.deliveries.map((delivery) => delivery.consumer).join(", ") : html`<span class="muted" title=${event.untaken}>no consumer</span>`,
      ]}
    />
  </section>`;
};

const Json = ({ value, label }) => html`<pre tabindex="0" role="region" aria-label=${label}>${JSON.stringify(value, null, 2)}</pre>`;

/** The decisions of the rules that take an event, or that could have. */
const Decisions = ({ event }) => html`<ul>
  ${event.decisions.map(({ rule, takes, why }) => html`<li class=${takes ? "" : "muted"}>${takes ? "✓" : "✕"} ${rule} ${takes ? "takes it" : html`does not take it: ${why}`}</li>`)}
  <li class="muted">${counted(event.other_rules, "rule")} for other events</li>
</ul>`;

const value = (found) => (found === null ? html`<span class="muted">none</span>` : found.currency ? money(found) : typeof found === "object" ? JSON.stringify(found) : found);

/** The attributes of a row that an event states, with the values from before it. No table keeps what a row was. */
const RowChange = ({ row }) => html`<ul aria-label="The row before and after the event">
  ${row.map(({ name, before, after }) =>
    JSON.stringify(before) === JSON.stringify(after)
      ? html`<li class="muted">${name}: ${value(after)}, as before</li>`
      : html`<li><strong>${name}</strong>: ${value(before)} → ${value(after)}</li>`,
  )}
</ul>
<p class="note">As the events of the row state it.</p>`;

const Inspector = () => {
  const found = course.value;
  const { order } = found;
  const event = found.events.find(({ event_id: id }) => id === route.value.query.event) ?? found.events.at(-1);
  const service = event && found.rows[event.service] ? event.service : "order";
  const { command, api } = stage.value;
  return html`<aside class="inspector" aria-label="Chosen event">
    ${event
      ? html`<h2>${event.event} <span class="muted">v${event.version}</span></h2>
          <dl class="facts">
            <${Fact} name="From">${event.service}<//>
            <${Fact} name="Occurred"><time datetime=${event.occurred_at}>${event.occurred_at}</time><//>
            <${Fact} name="On the bus"><time datetime=${event.published_at}>${event.published_at}</time><//>
            <${Fact} name="Cause">${event.caused_by ?? "not stated"}<//>
          </dl>
          <h3>Deliveries</h3>
          ${event.deliveries.length
            ? html`<ul>${event.deliveries.map((delivery) => html`<li>${delivery.consumer}: ${delivery.handled_at ? html`handled at <time datetime=${delivery.handled_at}>${delivery.handled_at}</time>` : "matched by its rule; the handling leaves no time of its own"}</li>`)}</ul>`
            : html`<p>${sentence(event.untaken)}.</p>`}
          <h3>Rule decisions</h3>
          <${Decisions} event=${event} />
          ${event.row.length ? html`<h3>The row before and after</h3><${RowChange} row=${event.row} />` : null}
          <h3>Envelope</h3>
          <p class="buttons"><${Copy} text=${JSON.stringify(event.envelope, null, 2)} label="Copy as JSON" /></p>
          <${Json} value=${event.envelope} label="Envelope" />`
      : null}
    <h3>Row${found.rows[service].length > 1 ? "s" : ""} of ${service}, now</h3>
    ${found.rows[service].length ? found.rows[service].map((row) => html`<${Json} value=${row} label=${`Row ${row.pk}`} />`) : html`<p>${service} has no row of this order.</p>`}
    ${found.not_deployed.length ? html`<p class="note">Not deployed: ${found.not_deployed.join(", ")}.</p>` : null}
    <h3>The same elsewhere</h3>
    <p class="buttons">
      <${Copy} text=${JSON.stringify(found, null, 2)} label="Copy the order as JSON" />
      ${api ? html`<${Copy} text=${curl(order.order_id)} label="Copy as curl" />` : null}
    </p>
    <${Command} text=${`${command} orders show ${order.order_id}`} />
    <${Command} text=${`${command} trace ${order.order_id}`} />
  </aside>`;
};

/** The view. */
export const Order = () => {
  const id = shown.value;
  const found = course.value;
  const listed = all.value.find((order) => order.order_id === id);
  const order = found?.order ?? listed;
  return html`
    <p class="back"><a href=${link(["orders"])}>← Orders</a></p>
    <header class="title">
      <h1 class="id">${id}</h1>
      <${Copy} text=${id} label="Copy id" />
    </header>
    ${order
      ? html`<p class="summary"><${Status} value=${order.status} />${order.reason ? html` <span>${words(order.reason)}</span>` : null}${(found?.waits ?? listed?.waits) ? html` <${Waits} waits=${found?.waits ?? listed.waits} />` : null}</p>`
      : null}
    ${failure.value ? html`<${Failure} error=${failure.value} />` : null}
    ${!found && !failure.value ? html`<${Empty} why="The order is being read." />` : null}
    ${found && stage.value
      ? html`<${Facts} order=${found.order} /><${Actions} order=${found.order} />
          <div class="halves"><div><${Picture} /><${Events} /></div><${Inspector} /></div>`
      : null}
  `;
};
