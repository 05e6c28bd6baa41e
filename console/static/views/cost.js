// Cost: what the orders that the search of the list chooses would have cost on AWS, by promise.
import { effect, signal } from "../vendor/signals-core.mjs";
import { count, counted } from "../format.js";
import { all, chosen, complete, failure as unread } from "../orders.js";
import { Command, Empty, Failure, Table } from "../parts.js";
import { link, route } from "../route.js";
import { attempt, read, stage } from "../server.js";
import { html } from "../view.js";

const prices = signal(null);
const failure = signal(null);

effect(() => {
  if (route.value.path[0] === "cost" && !prices.peek()) attempt(failure, async () => (prices.value = await read("/api/cost")));
});

const usd = (amount) => amount.toFixed(6);
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** The view. */
export const Cost = () => {
  const query = route.value.query;
  if (!complete.value) return html`<h1>Cost</h1>${unread.value ? html`<${Failure} error=${unread.value} />` : html`<${Empty} why="The orders are being read." />`}`;
  const counts = new Map();
  for (const order of chosen.value) counts.set(order.path, (counts.get(order.path) ?? 0) + 1);
  const { paths = {}, promises = {}, region } = prices.value ?? {};
  const went = Object.keys(paths).filter((name) => counts.has(name));
  const of = (promise, name) => (paths[name].promises[promise] ?? 0) * counts.get(name);
  const shares = Object.keys(promises).map((promise) => [promise, sum(went.map((name) => of(promise, name)))]).sort(([, a], [, b]) => b - a);
  const total = sum(shares.map(([, share]) => share));
  const others = counts.get(null) ?? 0;
  return html`
    <h1>Cost</h1>
    <p>${count(chosen.value.length)} of ${counted(all.value.length, "order")}, ${Object.keys(query).length ? "chosen by" : "without"} a search. <a href=${link(["orders"], query)}>See them, or choose others</a></p>
    ${failure.value ? html`<${Failure} error=${failure.value} />` : null}
    ${!prices.value || failure.value ? null : !went.length ? html`<${Empty} why="None of these orders has come to an end that is priced."><p>An order is priced once it is confirmed, or cancelled in a way that the simulation counts.</p><//>` : html`
      <p><strong>${usd(total)} USD</strong> on AWS in ${region}, or ${((total / sum(went.map((name) => counts.get(name)))) * 1e6).toFixed(2)} USD for a million of them. ${others ? `Not in the sum: ${counted(others, "order")} under way, or with an end that is not counted.` : ""}</p>
      <${Table} label="Cost by promise" head=${["Promise", "#USD", "#%", "What it buys"]} items=${shares.filter(([, share]) => share)} id="0" cells=${([promise, share]) => [promise, usd(share), ((100 * share) / total).toFixed(1), promises[promise]]} />
      <${Table} label="Cost by path" head=${["Path", "#Orders", "#USD", "What happened", "Command"]} items=${went} cells=${(name) => [name, count(counts.get(name)), usd(sum(Object.keys(promises).map((promise) => of(promise, name)))), paths[name].meaning, html`<${Command} text=${`${stage.value?.command} cost --path ${name} --orders ${counts.get(name)}`} />`]} />
      <p class="note">The simulation counts what an order of each path needs on a quiet stage; the prices are those on demand, without free tiers.</p>`}
  `;
};
