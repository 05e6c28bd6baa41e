// Dead letters: the queues that have some, the messages of one, and another try or the end for them.
import { batch, computed, effect, signal } from "../vendor/signals-core.mjs";
import { count, counted, shell } from "../format.js";
import { because, Command, Empty, Envelope, Failure, ReadOnly, Reason, Table, Time, Twice } from "../parts.js";
import { link, route } from "../route.js";
import { attempt, changeLines, read, stage } from "../server.js";
import { html } from "../view.js";

const LOOK_MS = 10_000;
const MOST_REASONS = 10;
const queues = signal(null);
const letters = signal(null);
const failure = signal(null);
const marked = signal(new Set());
const isAsked = signal(false);
const isBusy = signal(false);
const outcomes = signal(null);
const why = signal("");

const isHere = () => route.value.path[0] === "dead-letters";
/** The queue that the address names. */
const shown = computed(() => (isHere() ? (route.value.path[1] ?? "") : ""));
const depth = (name) => queues.value?.find((queue) => queue.name === name)?.messages ?? 0;

async function load(hasNews = true) {
  const name = shown.value;
  const before = depth(name);
  const isNow = () => name === shown.value;
  const found = await attempt(failure, async () => (queues.value = await read("/api/dead-letters")), "queues");
  if (!found || !name || !(hasNews || depth(name) !== before)) return;
  const inside = await attempt(failure, () => read(`/api/dead-letters/${name}`), "letters", isNow);
  if (inside && isNow()) letters.value = inside;
}

effect(() => {
  if (!isHere()) return;
  shown.value;
  batch(() => ((letters.value = null), (failure.value = null), (marked.value = new Set()), (isAsked.value = false), (why.value = "")));
  queueMicrotask(load); // outside of this effect, which follows the address only
});
setInterval(() => isHere() && !document.hidden && !isBusy.value && load(false), LOOK_MS);

let stopping = null;

/** Redrive or drop, and tally what became of the messages as the server says so. */
async function act(name) {
  const ids = [...marked.value];
  const queue = shown.value;
  const [counts, reasons] = [new Map(), new Set()];
  const tally = (more) => (outcomes.value = { queue, counts, reasons, ...more });
  stopping = new AbortController();
  batch(() => ((isAsked.value = false), (isBusy.value = true), tally()));
  const take = (values) => {
    for (const { outcome, why } of values) {
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      if (reasons.size < MOST_REASONS) reasons.add(`${outcome}: ${why}`);
    }
    tally();
  };
  try {
    const asked = { ...(ids.length ? { ids } : { all: true }), reason: why.value };
    await changeLines(`/api/dead-letters/${queue}/${name}`, asked, take, stopping.signal);
    tally({ isDone: true });
  } catch (error) {
    tally(stopping.signal.aborted ? { isDone: true, isStopped: true } : { error });
  }
  batch(() => ((isBusy.value = false), (marked.value = new Set())));
  load();
}

function mark(id, isMarked) {
  const next = new Set(marked.value);
  if (isMarked) next.add(id);
  else next.delete(id);
  marked.value = next;
}

const Queues = () => {
  const filled = queues.value.filter((queue) => queue.messages || queue.name === shown.value);
  if (!filled.length) {
    return html`<${Empty} why="No queue has a dead letter.">
      <p>The stage has ${queues.value.length} dead-letter queues. A message that fails at every attempt comes up here.</p>
    <//>`;
  }
  const isChosen = ({ name }) => name === shown.value;
  return html`<${Table} label="Queues" head=${["Queue", "#Messages", "What lands in it"]} items=${filled} id="name" isChosen=${isChosen} cells=${(queue) => [html`<a class="id" href=${link(["dead-letters", queue.name])} aria-current=${isChosen(queue) ? "true" : undefined}>${queue.name}</a>`, count(queue.messages), queue.holds]} />`;
};

const Letters = () => html`<${Table}
  label="Messages"
  head=${["Choose", "Since", "Event", "Reason", "#Tries", "#Redriven", "Inside"]}
  items=${letters.value}
  id="id"
  cells=${(letter) => [
    html`<input type="checkbox" aria-label=${`Choose ${letter.id}`} checked=${marked.value.has(letter.id)} onChange=${(event) => mark(letter.id, event.currentTarget.checked)} />`,
    html`<${Time} at=${letter.first_seen} />`,
    html`${letter.event ?? html`<span class="muted">no event</span>`} ${letter.order_id ? html`<br /><a class="id" href=${link(["orders", letter.order_id])}>${letter.order_id}</a>` : null}`,
    html`<div class="reason">${letter.reason}${letter.violations.map((text) => html`<br /><span class="muted">${text}</span>`)}</div>`,
    letter.received,
    letter.redriven,
    html`<${Envelope} value=${letter.body} label="Body" />`,
  ]}
/>`;

const Outcomes = () => {
  const found = outcomes.value;
  if (found?.queue !== shown.value) return null;
  const done = [...found.counts].map(([outcome, number]) => `${count(number)} ${outcome}`).join(", ");
  return html`<div role="status">
      <p>${done || (found.isDone ? "The queue is empty." : "The messages are being received.")}${found.isStopped ? "; stopped, the others stay in the queue" : ""}
        ${isBusy.value ? html` <button type="button" onClick=${() => stopping.abort()}>Stop</button>` : null}</p>
      <ul>${[...found.reasons].map((reason) => html`<li>${reason}</li>`)}</ul>
    </div>
    ${found.error ? html`<${Failure} error=${found.error} />` : null}`;
};

const Actions = () => {
  const { actions, command } = stage.value;
  const name = shown.value;
  const number = marked.value.size;
  const which = number ? [...marked.value].map((id) => ` --id ${shell(id)}`).join("") : " --all";
  const label = number ? `${count(number)} chosen` : "all";
  if (!actions) return html`<${ReadOnly} to="redrive or drop messages" />`;
  const canRedrive = queues.value.find((queue) => queue.name === name)?.redrivable;
  return html`<section class="actions" aria-label="Actions">
    <${Reason} why=${why} />
    ${canRedrive
      ? html`<p><button type="button" disabled=${isBusy.value} onClick=${() => act("redrive")}>Redrive ${label}</button>
          <${Command} text=${`${command} dlq redrive ${shell(name)}${which}${because(why)}`} /></p>`
      : html`<p class="note">These messages have no queue to go back to, so they cannot be redriven.</p>`}
    <p>
      <${Twice} asked=${isAsked} first=${`Drop ${label}`} then=${`Drop ${label}`} not="Keep them" act=${() => act("drop")} disabled=${isBusy.value}><span>The page writes a copy of each to a file first. </span><//>
      ${" "}<${Command} text=${`${command} dlq drop ${shell(name)}${which}${because(why)}`} />
    </p>
  </section>`;
};

const Inside = () => {
  const name = shown.value;
  if (!name || !stage.value || !queues.value) return null;
  return html`<section aria-label=${`Queue ${name}`} class="stack">
    <h2 class="id">${name}</h2>
    ${!letters.value ? (failure.value ? null : html`<${Empty} why="The messages are being read." />`) : letters.value.length ? html`<${Actions} /><${Outcomes} /><${Letters} />` : html`<${Outcomes} /><${Empty} why="This queue has no message."><p>Messages that another command holds come back after two minutes.</p><//>`}
    ${letters.value && letters.value.length < depth(name) ? html`<p class="note">The table has ${count(letters.value.length)} of ${counted(depth(name), "message")}. An action on all takes every message that is in the queue when it begins.</p>` : null}
    <${Command} text=${`${stage.value.command} dlq show ${shell(name)}`} />
  </section>`;
};

/** The view. */
export const DeadLetters = () => {
  const found = queues.value;
  const filled = found?.filter((queue) => queue.messages) ?? [];
  const total = filled.reduce((sum, queue) => sum + queue.messages, 0);
  return html`
    <h1>Dead letters</h1>
    <div class="toolbar">
      <button type="button" onClick=${() => load()}>Read again</button>
      <p class="tally" role="status">${found ? `${counted(total, "message")} in ${filled.length} of ${counted(found.length, "queue")}` : "reading"}</p>
      <${Command} text=${`${stage.value?.command ?? "orderctl"} dlq list`} />
    </div>
    ${failure.value ? html`<${Failure} error=${failure.value} />` : null}
    ${found ? html`<${Queues} />` : failure.value ? null : html`<${Empty} why="The queues are being read." />`}
    <${Inside} />
  `;
};
