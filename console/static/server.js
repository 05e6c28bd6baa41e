// The requests to the page's own server, and its stream of changes.
import { signal } from "./vendor/signals-core.mjs";

const TOKEN = document.querySelector("meta[name=orderflow-token]").content;

/** The stage that the page is about, or null until it is known. */
export const stage = signal(null);

const ON_THE_WAY = ["order", "payment", "inventory", "shipping", "notification"];

/** Return the names of the services, first those of this project in the order of an order's way. */
export const services = () => [...new Set([...ON_THE_WAY, ...(stage.value?.services ?? [])])];
/** `connecting`, `live`, or `broken`. */
export const connection = signal("connecting");
/** The latest trouble of the server's looks: `{message, hint}`, or null. */
export const trouble = signal(null);

/** The error that kept the latest change out of the trail, or null. */
export const unrecorded = signal(null);

/** An answer that is no success: what went wrong, the next step, and the field with its fault if it is about one. */
export class Refusal extends Error {
  constructor(message, hint, place) {
    super(message);
    Object.assign(this, place, { hint });
  }
}

async function answered(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refusal("The page's server does not answer.", "Start it again with `orderctl console`, then reload the page.");
  }
  if (options?.method) unrecorded.value = answer.headers.get("X-Orderflow-Unrecorded");
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new Refusal(said.message ?? `The server failed with status ${answer.status}.`, said.hint ?? "See the output of `orderctl console`.", { field: said.field, reason: said.reason });
}

/** Return the JSON at a path. Throws a Refusal. */
export const read = async (path) => (await answered(path)).json();

/** Send a change with what it is about, and return its JSON. Throws a Refusal. */
export const change = async (path, body = {}) =>
  (await answered(path, { method: "POST", headers: { "X-Orderflow-Token": TOKEN }, body: JSON.stringify(body) })).json();

/**
 * Return what the work returns, or undefined if it throws; `failure` has the error then. A success clears the error of its own
 * work only: `what` names it where requests share a `failure`. Once `isNow` says no, neither is shown.
 */
export async function attempt(failure, work, what, isNow = () => true) {
  try {
    const found = await work();
    if (isNow() && failure.value?.what === what) failure.value = null;
    return found;
  } catch (error) {
    if (isNow()) failure.value = Object.assign(error, { what });
    return undefined;
  }
}

/** Call `take` with the values of each piece of a stream of JSON lines. Throws a Refusal. */
export async function readLines(path, take) {
  const reader = (await answered(path)).body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const pieces = (rest + value).split("\n");
    rest = pieces.pop();
    if (pieces.length) take(pieces.map((piece) => JSON.parse(piece)));
  }
  if (rest) throw new Refusal("The list broke off.", "Reload the page.");
}

/** Follow the stream. `handlers` are functions by the type of the event; each is called with its data. */
export function follow(handlers) {
  const source = new EventSource("/api/stream");
  source.onopen = () => (connection.value = "live");
  source.onerror = () => (connection.value = "broken");
  for (const [kind, handle] of Object.entries(handlers)) {
    source.addEventListener(kind, (event) => handle(JSON.parse(event.data)));
  }
  source.addEventListener("trouble", (event) => (trouble.value = JSON.parse(event.data)));
  source.addEventListener("recovered", () => (trouble.value = null));
}
