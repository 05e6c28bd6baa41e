// Values in the form in which the page shows them.
import { signal } from "./vendor/signals-core.mjs";

/** The time now, in milliseconds; it moves on each second. */
export const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 1000);

const UNITS = [
  [60, "s"],
  [60, "min"],
  [24, "h"],
];

/** Return a duration in milliseconds in words: `350 ms`, `12 s`, `3 min`, `2 h`, `5 d`. */
export function duration(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  let amount = milliseconds / 1000;
  for (const [size, unit] of UNITS) {
    if (amount < size) return `${unit === "s" ? Math.floor(amount * 10) / 10 : Math.floor(amount)} ${unit}`;
    amount /= size;
  }
  return `${Math.floor(amount)} d`;
}

const two = (number) => String(number).padStart(2, "0");

/** Return a distance from a beginning: `0`, `+350 ms`, `+12.3 s`, `+2:05`, `+1:02:05`. */
export function offset(milliseconds) {
  if (milliseconds < 60_000) return milliseconds ? `+${duration(milliseconds)}` : "0";
  const seconds = Math.floor(milliseconds / 1000);
  const minutes = Math.floor(seconds / 60);
  const clock = minutes < 60 ? `${minutes}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}`;
  return `+${clock}:${two(seconds % 60)}`;
}

/** Return how long ago a time is, or how far ahead. */
export function relative(text, at) {
  const difference = at - Date.parse(text);
  if (Number.isNaN(difference)) return text;
  if (Math.abs(difference) < 1000) return "now";
  const whole = duration(Math.floor(Math.abs(difference) / 1000) * 1000);
  return difference > 0 ? `${whole} ago` : `in ${whole}`;
}

/** The digits of each currency's minor unit by ISO 4217, as the server states them. The browser's own differ for 16 of them. */
export const minorDigits = signal({});

/** Return the digits that the browser knows, until the server has answered, or null for a text that names no currency. */
function everydayDigits(currency) {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  } catch {
    return null;
  }
}

/** Return an amount `{amount, currency}`, in minor units, as `12.50 USD`. An event of a channel may name any currency. */
export function money(total) {
  if (!total) return "";
  const digits = minorDigits.value[total.currency] ?? everydayDigits(total.currency);
  if (digits === null) return `${total.amount} minor units of ${total.currency}`;
  const number = new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${number.format(total.amount / 10 ** digits)} ${total.currency}`;
}

/** Return the number of an order, as its customer reads it out: `AE2RY-IQQ5H`. */
export const number = (id) => id.slice(4, 14).toUpperCase().replace(/(.{5})/, "$1-");

/** Return a number with separators. */
export const count = (number) => number.toLocaleString("en");

/** Returns a number with its noun: `1 event`, `2 events`. */
export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** Return a word of a command line, in quotes if a shell would read it otherwise. */
export const shell = (word) => (/^[\w./:@=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** Return a status or reason in words: `PAYMENT_DECLINED` → `payment declined`. */
export const words = (code) => code.toLowerCase().replaceAll("_", " ");

/** Return a text with a capital first letter. */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
