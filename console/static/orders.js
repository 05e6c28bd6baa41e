// The orders that the page knows: read once, kept up to date by the stream.
import { batch, computed, signal } from "./vendor/signals-core.mjs";
import { readLines } from "./server.js";
import { route } from "./route.js";

const known = new Map();
/** The orders, the newest first. */
export const all = signal([]);
/** Whether the list was read to its end once. Its orders stay in place while it is read anew. */
export const complete = signal(false);
/** Whether the stage has more orders than the list. */
export const more = signal(false);
/** Why the list could not be read, or null. */
export const failure = signal(null);
/** The orders that changed at the latest frame, by id. */
export const fresh = signal(new Set());

const newestFirst = (a, b) => (a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : a.order_id < b.order_id ? 1 : -1);
let waiting = [];
let isScheduled = false;
/** The ids of the orders that came by the stream since the list was last begun. */
let streamed = new Set();

/** Take in orders as the server has them now. They are drawn together, at the next frame. */
export function take(orders, { isLive = false } = {}) {
  for (const order of orders) {
    const earlier = known.get(order.order_id);
    if (!earlier || earlier.updated_at <= order.updated_at) known.set(order.order_id, order);
    if (!isLive) continue;
    waiting.push(order.order_id);
    streamed.add(order.order_id);
  }
  if (isScheduled) return;
  isScheduled = true;
  requestAnimationFrame(() => {
    isScheduled = false;
    batch(() => {
      all.value = [...known.values()].sort(newestFirst);
      fresh.value = new Set(waiting);
    });
    waiting = [];
  });
}

/** Forget the orders that a whole list does not have: the stage is another one, or was emptied. */
function forgetOthers(listed) {
  for (const id of known.keys()) if (!listed.has(id) && !streamed.has(id)) known.delete(id);
  take([]);
}

/** Read the list, or a part of it beside what is known: `{customer}` or `{number}`. */
export async function load(part) {
  failure.value = null;
  const listed = new Set();
  if (!part) streamed = new Set();
  try {
    await readLines(`/api/orders?${new URLSearchParams(part)}`, (values) => {
      const last = values.at(-1);
      if ("more" in last && !part) more.value = last.more;
      const orders = values.filter((value) => "order_id" in value);
      for (const { order_id: id } of orders) listed.add(id);
      take(orders);
    });
    if (!part && !more.value) forgetOthers(listed);
    complete.value = true;
  } catch (error) {
    failure.value = error;
  }
}

/** Return the begin of the ids with an order's number, or null: hyphens do not count, and 0, 1 and 8 are misread letters. */
export function beginOf(number) {
  const plain = number.toLowerCase().replace(/[\s-]/g, "").replace(/[018]/g, (digit) => "oi......b"[digit]);
  return /^[a-z2-7]{10}$/.test(plain) ? `ord-${plain}` : null;
}

const texts = new WeakMap();

/** Return the text of an order in which a search looks, made once. */
function text(order) {
  let found = texts.get(order);
  if (found === undefined) {
    const parts = [order.order_id, order.customer_id, order.channel, order.status, order.reason, order.waits?.why];
    found = parts.filter(Boolean).join(" ").toLowerCase();
    texts.set(order, found);
  }
  return found;
}

/** The orders that the search, the status and the reason of the address choose. */
export const chosen = computed(() => {
  const { q = "", status = "", reason = "" } = route.value.query;
  const parts = q.toLowerCase().split(/\s+/).filter(Boolean);
  const begin = beginOf(q);
  return all.value.filter((order) => {
    if (status && order.status !== status) return false;
    if (reason && order.reason !== reason) return false;
    const searched = parts.length ? text(order) : "";
    return parts.every((part) => searched.includes(part)) || order.order_id.startsWith(begin);
  });
});

const tally = (name) =>
  computed(() => {
    const counts = new Map();
    for (const order of all.value) if (order[name]) counts.set(order[name], (counts.get(order[name]) ?? 0) + 1);
    return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  });
/** How many orders have each status, and each reason. */
export const statuses = tally("status");
export const reasons = tally("reason");
