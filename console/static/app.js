// The shell of the page: the bar on top, the view that the address names, and the start.
import { render } from "./vendor/preact.mjs";
import { effect } from "./vendor/signals-core.mjs";
import { load, take } from "./orders.js";
import { Empty, Failure } from "./parts.js";
import { link, route } from "./route.js";
import { connection, follow, readStage, stage, trouble, unrecorded } from "./server.js";
import { open, refresh, Order } from "./views/order.js";
import { Bus, arrived } from "./views/bus.js";
import { Cost } from "./views/cost.js";
import { DeadLetters } from "./views/dead_letters.js";
import { Banner, Faults } from "./views/faults.js";
import { Home, moved } from "./views/home.js";
import { Orders } from "./views/orders.js";
import { Replay } from "./views/replay.js";
import { Saga, walk } from "./views/saga.js";
import { html } from "./view.js";

const VIEWS = [
  ["home", "Home", Home],
  ["orders", "Orders", Orders],
  ["saga", "Saga", Saga],
  ["bus", "Bus", Bus],
  ["replay", "Replay", Replay],
  ["dead-letters", "Dead letters", DeadLetters],
  ["cost", "Cost", Cost],
  ["faults", "Faults", Faults],
];
const CONNECTIONS = { connecting: "connecting", live: "live", broken: "connection lost, trying again" };

const Bar = () => {
  const here = stage.value;
  return html`<header class="top">
    <a class="brand" href="#/home">Orderflow</a>
    ${here ? html`<span class="stage ${here.target}">${here.target} · ${here.stage}${here.actions ? "" : " · read-only"}</span>` : null}
    <nav aria-label="Views">
      ${VIEWS.map(([path, name]) => html`<a href=${link([path])} aria-current=${route.value.path[0] === path ? "page" : undefined}>${name}</a>`)}
    </nav>
    <span class="connection ${connection.value}" role="status">${connection.value === "live" && here && !here.actions ? "read every minute" : CONNECTIONS[connection.value]}</span>
  </header>`;
};

const View = () => {
  const [path, id] = route.value.path;
  const found = path === "orders" && id ? Order : VIEWS.find(([name]) => name === path)?.[2];
  if (found) return html`<${found} />`;
  return html`<h1>No such view</h1>
    <${Empty} why="The page has no view at this address."><p><a href=${link(["orders"])}>Orders</a></p><//>`;
};

const App = () => html`
  <a class="skip" href="#content" onClick=${(event) => (event.preventDefault(), document.querySelector("main").focus())}>Skip to the content</a>
  <${Bar} />
  <main id="content" tabindex="-1">
    <${Banner} />
    ${trouble.value ? html`<${Failure} error=${trouble.value} />` : null}
    ${unrecorded.value ? html`<p class="note" role="status">The change is done, but it is not in the trail: ${unrecorded.value}.</p>` : null}
    <${View} />
  </main>
`;

if (!route.value.path[0]) location.replace(link(["home"]));
const root = document.querySelector("#app");
root.textContent = "";
render(html`<${App} />`, root);

effect(() => {
  const [name, id] = route.value.path;
  document.title = `${id ?? VIEWS.find(([path]) => path === name)?.[1] ?? "Home"} · Orderflow`;
  open();
});
addEventListener("keydown", (event) => {
  const search = document.querySelector("#search");
  if (event.key === "/" && search && !event.target.closest("input, select, textarea")) {
    event.preventDefault();
    search.focus();
  }
});
follow({
  order: (order) => (take([order], { isLive: true }), refresh(order.order_id), walk(order.order_id)),
  published: ({ order_id: id }) => (refresh(id), walk(id), arrived(), moved()),
  reset: () => (readStage(), load(), refresh(route.value.path[1]), walk(route.value.path[1]), arrived(), moved()),
});
readStage();
load();
