// The list of orders: search, filters, and a table that draws only the rows in sight.
import { batch, signal } from "../vendor/signals-core.mjs";
import { count, counted, money, shell, words } from "../format.js";
import { all, beginOf, chosen, complete, failure, fresh, load, more, reasons, statuses } from "../orders.js";
import { Command, Empty, Failure, Status, Time, Waits } from "../parts.js";
import { link, route, setQuery } from "../route.js";
import { stage } from "../server.js";
import { html } from "../view.js";

const OVERSCAN = 8;
const ORDER_ID = /^ord-[a-z2-7]{26}$/;
const CUSTOMER_ID = /^[A-Za-z0-9._-]{1,64}$/;
const isNarrow = matchMedia("(max-width: 720px)");
const rowHeight = signal(isNarrow.matches ? 76 : 40);
isNarrow.addEventListener("change", () => (rowHeight.value = isNarrow.matches ? 76 : 40));

const scroll = signal({ top: 0, height: 600 });
const active = signal(0);
let body = null;
let observer = null;

function attach(element) {
  if (element === body) return;
  observer?.disconnect();
  body = element;
  if (!element) return;
  observer = new ResizeObserver(() => (scroll.value = { top: element.scrollTop, height: element.clientHeight }));
  observer.observe(element);
  element.scrollTop = scroll.value.top;
}

const onScroll = (event) => (scroll.value = { top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight });

function moveTo(index) {
  const last = chosen.value.length - 1;
  const place = Math.max(0, Math.min(last, index));
  const top = place * rowHeight.value;
  if (top < body.scrollTop) body.scrollTop = top;
  if (top + rowHeight.value > body.scrollTop + body.clientHeight) body.scrollTop = top + rowHeight.value - body.clientHeight;
  batch(() => {
    active.value = place;
    scroll.value = { top: body.scrollTop, height: body.clientHeight };
  });
  requestAnimationFrame(() => requestAnimationFrame(() => body?.querySelector("[tabindex='0']")?.focus()));
}

function onKeyDown(event) {
  const page = Math.floor(scroll.value.height / rowHeight.value);
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
  if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  moveTo(active.value + steps[event.key]);
}

const Row = ({ order, index, isActive, isFresh }) => html`
  <div
    role="row"
    aria-rowindex=${index + 2}
    class="row ${isFresh ? "fresh" : ""}"
    style=${{ top: `${index * rowHeight.value}px`, height: `${rowHeight.value}px` }}
  >
    <span role="cell" class="id"><a href=${link(["orders", order.order_id])} tabindex=${isActive ? 0 : -1} onFocus=${() => (active.value = index)}>${order.order_id}</a></span>
    <span role="cell" class="state"><${Status} value=${order.status} /></span>
    <span role="cell" class="why">${order.waits ? html`<${Waits} waits=${order.waits} />` : order.reason ? words(order.reason) : order.fulfilment === "DELIVERED" ? "delivered" : ""}</span>
    <span role="cell" class="customer">${order.customer_id}</span>
    <span role="cell" class="channel">${order.channel}</span>
    <span role="cell" class="number" title=${money(order.total)}>${money(order.total)}</span>
    <span role="cell" class="when"><${Time} at=${order.created_at} /></span>
  </div>
`;

const Rows = () => {
  const orders = chosen.value;
  const first = Math.max(0, Math.floor(scroll.value.top / rowHeight.value) - OVERSCAN);
  const last = Math.min(orders.length, Math.ceil((scroll.value.top + scroll.value.height) / rowHeight.value) + OVERSCAN);
  const tabbable = Math.min(active.value, orders.length - 1);
  const shown = [];
  for (let index = first; index < last; index += 1) shown.push(index);
  if (tabbable >= 0 && (tabbable < first || tabbable >= last)) shown.push(tabbable);
  return html`<div role="rowgroup" class="rows" style=${{ height: `${orders.length * rowHeight.value}px` }}>
    ${shown.map(
      (index) =>
        html`<${Row} key=${orders[index].order_id} order=${orders[index]} index=${index} isActive=${index === tabbable} isFresh=${fresh.value.has(orders[index].order_id)} />`,
    )}
  </div>`;
};

const Table = () => html`
  <div role="table" aria-label="Orders" aria-rowcount=${chosen.value.length + 1} class="orders" onKeyDown=${onKeyDown}>
    <div role="rowgroup" class="head">
      <div role="row" aria-rowindex="1" class="row">
        <span role="columnheader" class="id">Order</span>
        <span role="columnheader" class="state">Status</span>
        <span role="columnheader" class="why">Reason, or why it waits</span>
        <span role="columnheader" class="customer">Customer</span>
        <span role="columnheader" class="channel">Channel</span>
        <span role="columnheader" class="number">Total</span>
        <span role="columnheader" class="when">Placed</span>
      </div>
    </div>
    <div class="body" role="presentation" ref=${attach} onScroll=${onScroll}><${Rows} /></div>
  </div>
`;

const Filter = ({ label, name, options }) => html`
  <label class="field">
    <span>${label}</span>
    <select value=${route.value.query[name] ?? ""} onChange=${(event) => setQuery({ [name]: event.currentTarget.value })}>
      <option value="">all</option>
      ${options.map(([value, number]) => html`<option value=${value} selected=${value === route.value.query[name]}>${words(value)} (${count(number)})</option>`)}
    </select>
  </label>
`;

const NothingFound = () => {
  const { q = "", status, reason } = route.value.query;
  const command = stage.value?.command ?? "orderctl";
  if (!complete.value) return failure.value ? null : html`<${Empty} why="The orders are being read." />`;
  if (!q && !status && !reason) {
    return html`<${Empty} why="This stage has no order yet.">
      <p>Place one. It appears here at once:</p>
      <${Command} text=${`${command} orders place --line MUG-BLUE=1`} />
    <//>`;
  }
  return html`<${Empty} why="No order matches the search and the filters.">
    ${more.value && beginOf(q) ? html`<p><button type="button" onClick=${() => load({ number: q })}>Read the whole stage for ${q}</button> <${Command} text=${`${command} orders list --number ${shell(q)}`} /></p>` : null}
    ${ORDER_ID.test(q) ? html`<p><a href=${link(["orders", q])}>Open ${q}</a></p>` : null}
    <p><button type="button" onClick=${() => setQuery({ q: "", status: "", reason: "" })}>Show all orders</button></p>
  <//>`;
};

/** The view. */
export const Orders = () => {
  const { q = "" } = route.value.query;
  return html`
    <h1>Orders</h1>
    <form class="toolbar" role="search" onSubmit=${(event) => event.preventDefault()}>
      <label class="field grow">
        <span>Search <kbd>/</kbd></span>
        <input
          id="search"
          type="search"
          autocomplete="off"
          spellcheck=${false}
          placeholder="order number or id, customer, reason"
          value=${q}
          onInput=${(event) => setQuery({ q: event.currentTarget.value })}
        />
      </label>
      <${Filter} label="Status" name="status" options=${statuses.value} />
      <${Filter} label="Reason" name="reason" options=${reasons.value} />
      <p class="tally" role="status">${count(chosen.value.length)} of ${counted(all.value.length, "order")}${complete.value || failure.value ? "" : ", reading"}</p>
      <p class="tally"><a href=${link(["saga"], route.value.query)}>saga</a> <a href=${link(["cost"], route.value.query)}>cost</a></p>
    </form>
    ${failure.value ? html`<${Failure} error=${failure.value} />` : null}
    ${more.value
      ? html`<p class="note">
          The stage has more orders than these ${count(all.value.length)}, which need not be the newest. Search by a whole order id, or
          <button type="button" disabled=${!CUSTOMER_ID.test(q)} onClick=${() => load({ customer: q })}>read all orders of customer ${q || "…"}</button>
          ${CUSTOMER_ID.test(q) ? html`<${Command} text=${`${stage.value?.command ?? "orderctl"} orders list --customer ${shell(q)}`} />` : null}
        </p>`
      : null}
    ${chosen.value.length ? html`<${Table} />` : html`<${NothingFound} />`}
  `;
};
