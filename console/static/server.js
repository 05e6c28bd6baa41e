// The requests to the page's own server, and its stream of changes.
import { signal } from "./vendor/signals-core.mjs";
import { minorDigits } from "./format.js";

const STAGE_MS = 3_000;

const tokenIn = (page) => page.querySelector("meta[name=orderflow-token]").content;
let token = tokenIn(document);

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

const posted = (body) => ({ method: "POST", headers: { "X-Orderflow-Token": token }, body: JSON.stringify(body) });

/** Send a change with what it is about, and return its JSON. Throws a Refusal. */
export const change = async (path, body = {}) => (await answered(path, posted(body))).json();

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

/** Call `take` with the values of each piece of a stream of JSON lines. Throws a Refusal, also for trouble within the stream. */
export async function readLines(path, take, options) {
  const reader = (await answered(path, options)).body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const pieces = (rest + value).split("\n");
      rest = pieces.pop();
      const values = pieces.map((piece) => JSON.parse(piece));
      const wrong = values.find((each) => each.trouble)?.trouble;
      if (values.length) take(wrong ? values.slice(0, -1) : values);
      if (wrong) throw new Refusal(wrong.message, wrong.hint, {});
    }
  } catch (error) {
    if (error instanceof Refusal || options?.signal?.aborted) throw error;
    rest = "broken";
  }
  if (rest) throw new Refusal("The answer broke off.", "Reload the page.");
}

/** Send a change, and call `take` with the values of each piece of its answer, until `signal` ends it. Throws a Refusal. */
export const changeLines = (path, body, take, signal) =>
  readLines(
    path,
    (values) => {
      for (const { unrecorded: error } of values) if (error) unrecorded.value = error;
      const others = values.filter((value) => !("unrecorded" in value));
      if (others.length) take(others);
    },
    { ...posted(body), signal },
  );

/** Return the result that the last line of a stream has. `progress` is called with each line before it. Throws a Refusal. */
export async function readResult(path, progress) {
  let result;
  await readLines(path, (values) => {
    const last = values.at(-1);
    if (last && "result" in last) result = last.result;
    else if (last) progress(last);
  });
  return result;
}

let again = null;

/** Read the stage, and the token for changes, which a server has for itself. While the stage is unknown, try again. */
export async function readStage() {
  clearTimeout(again);
  try {
    const [found, page] = await Promise.all([read("/api/stage"), answered("/").then((answer) => answer.text())]);
    token = tokenIn(new DOMParser().parseFromString(page, "text/html"));
    minorDigits.value = found.minor_digits;
    stage.value = found;
    if (trouble.value?.what === "stage") trouble.value = null;
  } catch (error) {
    if (stage.value) return;
    trouble.value = Object.assign(error, { what: "stage" });
    again = setTimeout(readStage, STAGE_MS);
  }
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
