// Replay: the events that a window holds, the consumers that get them again, the plan, the start, and what it changed.
import { batch, computed, effect, signal } from "../vendor/signals-core.mjs";
import { count, counted, duration, money, shell } from "../format.js";
import { because, Command, Empty, Fact, Failure, ReadOnly, Reason, Table, Time, Twice } from "../parts.js";
import { link, route, setQuery } from "../route.js";
import { attempt, change, read, readResult, stage } from "../server.js";
import { html } from "../view.js";

const SPANS = { "15m": "15 minutes", "1h": "1 hour", "6h": "6 hours", "1d": "1 day", "7d": "7 days" };
const ENDED = new Set(["COMPLETED", "CANCELLED", "FAILED"]);
const FOLLOW_MS = 2000;

const overview = signal(null);
const histogram = signal(null);
const plan = signal(null);
const isPlanning = signal(false);
/** The hours of the journal that the plan, and the histogram, have read. */
const hoursRead = signal(0);
const hoursCounted = signal(0);
const isAsked = signal(false);
const followed = signal(null);
const failure = signal(null);
const refusal = signal(null);
const why = signal("");
/** Whether the rows are compared before and after a replay, or null for what the stage's size suggests. */
const isCompared = signal(null);
const compares = () => isCompared.value ?? stage.value.target === "laptop";

const isHere = () => route.value.path[0] === "replay";
const shown = computed(() => (isHere() ? (route.value.path[1] ?? "") : ""));
const span = computed(() => (route.value.query.span in SPANS ? route.value.query.span : "1h"));
const chosen = computed(() => (route.value.query.to ?? "").split(",").filter(Boolean));
/** The window that the address names, or the histogram's. */
const brushed = computed(() => {
  const { from, until } = route.value.query;
  return from ? { from, until: until ?? "" } : (histogram.value?.window ?? { from: "", until: "" });
});
const options = () => {
  const { from, until } = brushed.value;
  const catchUp = route.value.query.catch_up ? " --catch-up" : "";
  return ` --from ${shell(from)}${until ? ` --until ${shell(until)}` : ""}${chosen.value.map((service) => ` --to ${shell(service)}`).join("")}${catchUp}`;
};

const loadOverview = () => attempt(failure, async () => (overview.value = await read("/api/replays")), "overview");
const loadHistogram = () =>
  attempt(failure, async () => {
    const wanted = span.peek();
    const found = await readResult(`/api/replays/histogram?last=${wanted}`, ({ hours }) => wanted === span.peek() && (hoursCounted.value = hours));
    if (wanted === span.peek()) histogram.value = found;
  }, "histogram");

async function follow() {
  const name = shown.peek();
  if (!name) return;
  const found = await attempt(refusal, () => read(`/api/replays/${encodeURIComponent(name)}`), "follow");
  if (name !== shown.peek()) return;
  const isNew = found && found.replay.state !== followed.peek()?.replay.state;
  if (found) followed.value = found;
  if (isNew) loadOverview();
  if (found && (!ENDED.has(found.replay.state) || (found.compared && !found.changed))) setTimeout(follow, FOLLOW_MS);
}

const seen = computed(() => (isHere() ? span.value : ""));
effect(() => {
  if (seen.value) queueMicrotask(() => (loadOverview(), loadHistogram()));
});
effect(() => {
  shown.value;
  batch(() => ((followed.value = null), (refusal.value = null), (why.value = "")));
  queueMicrotask(follow);
});

/** Change what the plan is about. The plan is made again on request. */
function choose(changes) {
  batch(() => ((plan.value = null), (isAsked.value = false), (refusal.value = null)));
  setQuery(changes);
}

async function makePlan() {
  const { from, until } = brushed.value;
  const query = new URLSearchParams({ from, until, catch_up: Boolean(route.value.query.catch_up) });
  for (const service of chosen.value) query.append("to", service);
  batch(() => ((isPlanning.value = true), (hoursRead.value = 0), (plan.value = null), (refusal.value = null)));
  plan.value = (await attempt(refusal, () => readResult(`/api/replays/plan?${query}`, ({ hours }) => (hoursRead.value = hours)), "plan")) ?? null;
  isPlanning.value = false;
}

async function start() {
  const { from, until } = brushed.value;
  const asked = { from, until, to: chosen.value, catch_up: Boolean(route.value.query.catch_up), compare: compares(), reason: why.value };
  isAsked.value = false;
  const started = await attempt(refusal, () => change("/api/replays/start", asked), "start");
  if (started) location.hash = link(["replay", started.name]);
}

const cancel = (name) =>
  attempt(refusal, () => change(`/api/replays/${encodeURIComponent(name)}/cancel`, { reason: why.value }), "cancel").then(() => (loadOverview(), follow()));

const HEIGHT = 96;
const WIDTH = 1000;

/** Return the window of a choice between two places, 0 to 1, in whole seconds. */
function windowOf(found, from, until) {
  const [begin, end] = [found.window.from, found.window.until].map(Date.parse);
  const at = (place) => new Date(Math.round((begin + (end - begin) * place) / 1000) * 1000).toISOString();
  return { from: at(Math.min(from, until)), until: at(Math.max(from, until)) };
}

/** The bars of `found`. `choose` gets the window `{from, until}` that the pointer draws; `chosen` is drawn above the bars. */
function Histogram({ found, chosen, choose, label }) {
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

const Picture = () => {
  const found = histogram.value;
  const { from, until } = brushed.value;
  const total = found?.counts.reduce((sum, number) => sum + number, 0) ?? 0;
  const field = (name, value) => html`<label class="field">
    <span>${name === "from" ? "From" : "Until"} (UTC)</span>
    <input class="id" size="24" spellcheck=${false} value=${value} onChange=${(event) => choose({ from, until, [name]: event.currentTarget.value.trim() })} />
  </label>`;
  return html`<section class="stack" aria-label="Window">
    <h2>1. Which events?</h2>
    <div class="toolbar">
      <label class="field"><span>The last</span>
        <select value=${span.value} onChange=${(event) => choose({ span: event.currentTarget.value, from: "", until: "" })}>
          ${Object.entries(SPANS).map(([value, name]) => html`<option value=${value} selected=${value === span.value}>${name}</option>`)}
        </select>
      </label>
      ${field("from", from)}${field("until", until)}
    </div>
    ${!found
      ? failure.value ? null : html`<p class="note" role="status">The journal is being read: ${counted(hoursCounted.value, "hour")}.</p>`
      : total
        ? html`<div class="panel"><${Histogram} found=${found} chosen=${brushed.value} choose=${choose} label=${`${counted(total, "event")} of the last ${SPANS[span.value]}`} />
            <p class="ends"><${Time} at=${found.window.from} /><span>${counted(total, "event")}; drag over the part to replay</span><${Time} at=${found.window.until} /></p></div>
            ${found.counted_from > found.window.from ? html`<p class="note">The journal has too many events to count them all. Those before ${found.counted_from} are not in the picture.</p>` : null}`
        : html`<${Empty} why=${`The journal has no event of the last ${SPANS[span.value]}.`}><p>Choose a longer time. The journal gets each event a moment after its publication.</p><//>`}
  </section>`;
};

const Consumers = () => {
  const { catch_up: catchUp = "" } = route.value.query;
  const effects = (service) => {
    const rows = overview.value.effects.filter(({ consumer }) => consumer.startsWith(`${service}/`));
    return [...new Set(rows.map((row) => (catchUp ? row.catch_up : row.replay)))].join("; ");
  };
  const toggle = (service, isChosen) => choose({ to: [...chosen.value.filter((other) => other !== service), ...(isChosen ? [service] : [])].sort().join(",") });
  return html`<section class="stack" aria-label="Consumers">
    <h2>2. Which services get them again?</h2>
    <ul class="choices">
      ${overview.value.services.map(
        (service) => html`<li><label><input type="checkbox" checked=${chosen.value.includes(service)} onChange=${(event) => toggle(service, event.currentTarget.checked)} /> ${service}</label> <span class="muted">${effects(service)}</span></li>`,
      )}
      <li><label><input type="checkbox" checked=${Boolean(catchUp)} onChange=${(event) => choose({ catch_up: event.currentTarget.checked ? "yes" : "" })} /> Catch up</label>
        <span class="muted">creates the orders, mails and parcels that a service missed; without it, none</span></li>
    </ul>
  </section>`;
};

const Plan = () => {
  const { events, consumers, would_create: create, missed, dead_letters: dead, new_tables: tables, estimate } = plan.value;
  const letters = Object.entries(dead).filter(([, number]) => number);
  return html`
    <dl class="facts">
      <${Fact} name="Events">${count(events.in_window)}${events.put_again ? `, and ${counted(events.put_again, "repeat")}` : ""}<//>
      <${Fact} name="Deliveries">${count(consumers.reduce((sum, each) => sum + each.deliveries, 0))}<//>
      <${Fact} name="Orders that catching up creates">${create ? `${count(create.orders)}${create.worth.length ? ` worth ${create.worth.map(money).join(" and ")}` : ""}` : "none: order is not chosen"}<//>
      <${Fact} name="Mails">${missed.mails === null ? "none" : `up to ${count(missed.mails)}`}<//>
      <${Fact} name="Parcels">${missed.parcels === null ? "none" : `up to ${count(missed.parcels)}`}<//>
      <${Fact} name="Cost">about ${estimate.usd.toFixed(6)} USD<//>
      <${Fact} name="Duration">${estimate.seconds === null ? "unknown: there is no earlier replay" : duration(1000 * estimate.seconds)}<//>
    </dl>
    ${letters.length ? html`<p class="note">Dead letters: ${letters.map(([name, number], index) => html`${index ? ", " : ""}<a href=${link(["dead-letters", name])}>${count(number)} in ${name}</a>`)}. Redrive them first.</p>` : null}
    ${tables.map((table) => html`<p class="note">The table of ${table.service} is younger than the window. With catching up, the service could repeat earlier actions, so the page does not start that; the command does, with <code>--despite-new-table ${table.service}</code>.</p>`)}
    <${Table} label="Effects" head=${["Consumer", "Event", "#Deliveries", "Effect"]} items=${consumers.filter((each) => each.deliveries)} cells=${(each) => [each.consumer, each.event, count(each.deliveries), each.does]} />
  `;
};

const Start = () => {
  const { actions, command } = stage.value;
  return html`<section class="stack" aria-label="Plan">
    <h2>3. What would it do?</h2>
    <p class="buttons"><button type="button" disabled=${isPlanning.value || !chosen.value.length || !brushed.value.from} onClick=${makePlan}>${isPlanning.value ? `Reading the journal: ${counted(hoursRead.value, "hour")} …` : "Make the plan"}</button>
      ${chosen.value.length ? html`<${Command} text=${`${command} replay plan${options()}`} />` : html`<span class="note">Choose a service first.</span>`}</p>
    ${refusal.value ? html`<${Failure} error=${refusal.value} />` : null}
    ${plan.value ? html`<${Plan} />` : null}
    ${plan.value && !actions ? html`<${ReadOnly} to="start a replay" />` : null}
    ${plan.value && actions
      ? html`<${Reason} why=${why} />
          <p><label><input type="checkbox" checked=${compares()} onChange=${(event) => (isCompared.value = event.currentTarget.checked)} /> Compare all rows before and after</label> <span class="muted">reads every table twice, so it costs time and money on a large stage</span></p>
          <p class="buttons">
          <${Twice} asked=${isAsked} first="Start" then="Start the replay" not="Not now" act=${start} />
          <${Command} text=${`${command} replay start${options()}${because(why)}`} /></p>`
      : null}
  </section>`;
};

const difference = (found) => found.map((each) => `${each.table}: ${["new", "changed", "gone"].filter((how) => each[how]).map((how) => `${counted(each[how], "row")} ${how}`).join(", ")}`).join("; ");

const Effect = ({ found }) => {
  if (!ENDED.has(found.replay.state)) return "The replay runs.";
  if (!found.compared) return "The rows from before the replay are unknown: the page compares them for a replay that it starts, if you choose so.";
  if (!found.changed) return `${found.left ? `In flight: ${counted(found.left, "thing")}` : "The rows are being read"}; the rows are compared when all is at rest.`;
  if (!found.changed.length) return "Nothing changed: no row of any table.";
  return html`Since the start: ${difference(found.changed)}. Orders that went on meanwhile count too.
    <ul>${found.changed.map(({ table, keys }) => html`<li>${table}: ${keys.join(", ")}</li>`)}</ul>`;
};

const Follow = () => {
  const found = followed.value;
  if (!found || !stage.value) return refusal.value ? html`<${Failure} error=${refusal.value} />` : null;
  const { replay } = found;
  const canStop = stage.value.actions && !ENDED.has(replay.state);
  const [from, until, reached] = [replay.from, replay.until, replay.replayed_until].map((text) => (text ? Date.parse(text) : null));
  const part = replay.state === "COMPLETED" ? 1 : reached ? (reached - from) / (until - from) : 0;
  return html`<section class="panel stack" aria-label="Replay">
    <h2 class="id">${replay.name}</h2>
    <progress max="1" value=${part} aria-label="Progress"></progress>
    <dl class="facts"><${Fact} name="State">${replay.state}${replay.reason ? `: ${replay.reason}` : ""}<//><${Fact} name="To">${replay.to.join(", ")}<//><${Fact} name="From">${replay.from}<//><${Fact} name="Until">${replay.until}<//></dl>
    <div role="status"><strong><${Effect} found=${found} /></strong></div>
    ${refusal.value ? html`<${Failure} error=${refusal.value} />` : null}
    ${canStop ? html`<${Reason} why=${why} />` : null}
    <p class="buttons">${canStop ? html`<button type="button" onClick=${() => cancel(replay.name)}>Stop it</button><${Command} text=${`${stage.value.command} replay cancel ${replay.name}${because(why)}`} />` : html`<${Command} text=${`${stage.value.command} replay status ${replay.name}`} />`}</p>
    <p><a href=${link(["replay"])}>Plan another replay</a></p>
  </section>`;
};

const Earlier = () => {
  const found = overview.value.replays;
  return html`<section class="stack" aria-label="Replays">
    <h2>Replays</h2>
    ${found.length
      ? html`<${Table} label="Table of replays" head=${["Replay", "State", "Started", "From", "Until"]} items=${found} id="name" isChosen=${({ name }) => name === shown.value} cells=${({ name, state, started, from, until }) => [html`<a class="id" href=${link(["replay", name])}>${name}</a>`, state, html`<${Time} at=${started} />`, from, until]} />`
      : html`<${Empty} why="There is no replay yet."><p>Choose a window and a service above. The plan starts nothing.</p><//>`}
    <${Command} text=${`${stage.value.command} replay list`} />
  </section>`;
};

/** The view. */
export const Replay = () => {
  const isReady = overview.value && stage.value;
  return html`
    <h1>Replay</h1>
    ${failure.value ? html`<${Failure} error=${failure.value} />` : null}
    ${!isReady && !failure.value ? html`<${Empty} why="The replays are being read." />` : null}
    ${isReady ? (shown.value ? html`<${Follow} />` : html`<${Picture} /><${Consumers} /><${Start} />`) : null}
    ${isReady ? html`<${Earlier} />` : null}
  `;
};
