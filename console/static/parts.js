// Small parts that several views use.
import { signal } from "./vendor/signals-core.mjs";
import { duration, now, relative, shell, words } from "./format.js";
import { html } from "./view.js";

const SIGNS = { CONFIRMED: "✓", CANCELLED: "✕", BACKORDERED: "…", CANCELLING: "↶", REFUNDING: "↶", CANCEL_REQUESTED: "↶" };
const TONES = { CONFIRMED: "good", CANCELLED: "bad", CANCELLING: "back", REFUNDING: "back", CANCEL_REQUESTED: "back" };

/** A status: a sign, a word and a colour. */
export const Status = ({ value }) =>
  html`<span class="status ${TONES[value] ?? "open"}"><span aria-hidden="true">${SIGNS[value] ?? "●"}</span> ${words(value)}</span>`;

/** A time: how long ago, and the exact one on hover. */
export const Time = ({ at }) => (at ? html`<time datetime=${at} title=${at}>${relative(at, now.value)}</time>` : null);

/** The reason why an order waits, and when the sweeper tries again. */
export const Waits = ({ waits }) => {
  if (!waits) return null;
  const ahead = waits.next_try ? Date.parse(waits.next_try) - now.value : 0;
  const next = waits.next_try ? (ahead > 0 ? `; next try in ${duration(ahead)}` : "; next try is due") : "";
  const held = waits.ends_at ? `; the bank releases the money ${relative(waits.ends_at, now.value)}` : "";
  return html`<span title=${waits.next_try ?? ""}>${waits.why}${next}${held}</span>`;
};

const copied = signal(null);

/** A button that copies a text. */
export const Copy = ({ text, label, what = "" }) => {
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    copied.value = text;
    setTimeout(() => copied.value === text && (copied.value = null), 1500);
  };
  return html`<button type="button" class="copy" onClick=${copy} aria-label=${what ? `Copy ${what}` : undefined}>
    ${copied.value === text ? "Copied" : label}
  </button>`;
};

/** A command line that an action equals. */
export const Command = ({ text }) => html`<span class="command"><code>${text}</code><${Copy} text=${text} label="Copy" what=${`the command ${text}`} /></span>`;

/** A JSON value behind its label, with a button that copies it. */
export const Envelope = ({ value, label }) => html`<details><summary>${label}</summary>
  <p class="buttons"><${Copy} text=${JSON.stringify(value, null, 2)} label="Copy as JSON" /></p>
  <pre tabindex="0" role="region" aria-label=${label}>${JSON.stringify(value, null, 2)}</pre>
</details>`;

/**
 * A table with a row for each item: `cells` returns the contents of its row, `id` names the field that no other item has.
 * A column whose name begins with `#` has numbers.
 */
export const Table = ({ label, head, items, id, cells, isChosen }) => {
  const kind = head.map((name) => (name[0] === "#" ? "number" : ""));
  return html`<div class="scroller" tabindex="0" role="region" aria-label=${label}>
    <table class="events">
      <thead><tr>${head.map((name, at) => html`<th class=${kind[at]}>${name.replace("#", "")}</th>`)}</tr></thead>
      <tbody>${items.map((item) => html`<tr key=${item[id]} class=${isChosen?.(item) ? "chosen" : ""}>${cells(item).map((cell, at) => html`<td class=${kind[at]}>${cell}</td>`)}</tr>`)}</tbody>
    </table>
  </div>`;
};

/** The buttons of an action that asks once more: `asked` is a signal that says whether it did. `children` say what it does. */
export const Twice = ({ asked, first, then, not, act, disabled, children }) =>
  asked.value
    ? html`${children}<button type="button" class="danger" disabled=${disabled} onClick=${act}>${then}</button><button type="button" onClick=${() => (asked.value = false)}>${not}</button>`
    : html`<button type="button" disabled=${disabled} onClick=${() => (asked.value = true)}>${first} …</button>`;

/** The field for the reason of an action, which the trail keeps: `why` is a signal with the text. */
export const Reason = ({ why }) => html`<label class="field act"><span>Reason (optional)</span>
  <input autocomplete="off" placeholder="logged beside your identity" value=${why.value} onInput=${(event) => (why.value = event.currentTarget.value)} />
</label>`;

/** The option of a command line for a reason; empty without one. */
export const because = (why) => (why.value ? ` --reason ${shell(why.value)}` : "");

/** A fact with its name, in a list of facts. */
export const Fact = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;

/** A remark that the page changes nothing, and how it would. */
export const ReadOnly = ({ to }) => html`<p class="note">This page is read-only. Start it with <code>--allow-actions</code> to ${to}.</p>`;

/** An error: what went wrong, and the next step. */
export const Failure = ({ error }) =>
  html`<div class="failure" role="alert"><strong>${error.message}</strong>${error.hint ? html`<p>${error.hint}</p>` : null}</div>`;

/** An empty place: why it is empty, and what to do. */
export const Empty = ({ why, children }) => html`<div class="empty"><p><strong>${why}</strong></p>${children}</div>`;
