// Faults on the laptop: break something, and watch it heal. A banner above every view names those that are on.
import { batch, effect, signal } from "../vendor/signals-core.mjs";
import { Command, Empty, Failure, Table } from "../parts.js";
import { link, route } from "../route.js";
import { attempt, change, read, stage } from "../server.js";
import { html } from "../view.js";

const LOOK_MS = 5_000;
const faults = signal([]);
const failure = signal(null);
const refusal = signal(null);
const begun = signal(null);
const isBusy = signal(false);

const isHere = () => route.value.path[0] === "faults";
const isLaptop = () => stage.value?.target === "laptop" && stage.value.actions;
const load = () => attempt(failure, async () => (faults.value = await read("/api/faults")));

effect(() => {
  isHere();
  if (isLaptop()) queueMicrotask(load);
});
setInterval(() => isLaptop() && !document.hidden && load(), LOOK_MS);

async function act(path, body, name) {
  batch(() => ((isBusy.value = true), (begun.value = null)));
  const found = await attempt(refusal, () => change(`/api/faults/${path}`, body));
  batch(() => ((isBusy.value = false), (begun.value = name && found ? { ...found, name } : null)));
  load();
}
const start = (name) => act(`${name}/start`, {}, name);
const stop = (names) => act("stop", { names });

/** The faults that are on, above every view. */
export const Banner = () => {
  const on = faults.value.filter((fault) => fault.on).map(({ name }) => name);
  if (!on.length) return null;
  return html`<div class="banner" role="status"><span>Faults are on: <a href=${link(["faults"])}>${on.join(", ")}</a>.</span>
    <button type="button" disabled=${isBusy.value} onClick=${() => stop([])}>Switch all off</button>
    <${Command} text=${`${stage.value.command} faults stop`} /></div>`;
};

const Heal = ({ of: { name, order_id: id } }) => html`<p role="status">${name} began. ${id ? html`<a href=${link(["orders", id])}>Watch ${id} heal</a> or <a href=${link(["saga", id])}>its way through the saga</a>.` : html`<a href=${link(["dead-letters", "order/intake"])}>Watch the dead letters of order/intake</a>: the message is there, with its reason.`}</p>`;

/** The view. */
export const Faults = () => {
  if (!stage.value) return html`<h1>Faults</h1>`;
  if (!isLaptop()) {
    return html`<h1>Faults</h1>
      <${Empty} why="Faults are for the laptop's AWS only."><p>Start one, and break it:</p><${Command} text="orderctl up --open" /><//>`;
  }
  const { command } = stage.value;
  const isOn = (fault) => fault.on;
  return html`
    <h1>Faults</h1>
    <p>Each fault places an order that meets it, or publishes an event that no consumer can read. Those that last are on until you switch them off: then the system heals by itself.</p>
    ${failure.value ? html`<${Failure} error=${failure.value} />` : null}
    ${refusal.value ? html`<${Failure} error=${refusal.value} />` : null}
    ${begun.value ? html`<${Heal} of=${begun.value} />` : null}
    ${faults.value.length
      ? html`<${Table}
          label="Table of faults"
          head=${["Fault", "What happens", "How it heals", "Try it", "Command"]}
          items=${faults.value}
          id="name"
          isChosen=${isOn}
          cells=${(fault) => [
            html`<strong>${fault.name}</strong>${isOn(fault) ? html` <span class="again">● on</span>` : null}`,
            fault.what,
            fault.heals,
            isOn(fault)
              ? html`<button type="button" aria-label=${`Switch off ${fault.name}`} disabled=${isBusy.value} onClick=${() => stop([fault.name])}>Switch off</button>`
              : html`<button type="button" aria-label=${`${fault.lasts ? "Switch on" : "Try"} ${fault.name}`} disabled=${isBusy.value} onClick=${() => start(fault.name)}>${fault.lasts ? "Switch on" : "Try"}</button>`,
            html`<${Command} text=${`${command} faults ${isOn(fault) ? "stop" : "start"} ${fault.name}`} />`,
          ]}
        />`
      : failure.value
        ? null
        : html`<${Empty} why="The faults are being read." />`}
    <p class="note">The carrier and the gateway of the laptop are sandboxes, so the switches act at the edge of the functions that call them.</p>
  `;
};
