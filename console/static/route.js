// The address of the page: `#/orders?status=CANCELLED` is a view and its parameters, so that each view has a link.
import { signal } from "./vendor/signals-core.mjs";

/** Return a part of the path without its escapes; one that is none, such as a lone `%`, stays as it is. */
function unescaped(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function parsed() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { path: path.split("/").map(unescaped), query: Object.fromEntries(new URLSearchParams(query)) };
}

/** The view's path in parts, and its parameters. */
export const route = signal(parsed());
addEventListener("hashchange", () => (route.value = parsed()));

/** Return the link to a view with parameters; empty ones are left out. */
export function link(path, query = {}) {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

/** Change parameters of the view without a new entry in the browser's history. */
export function setQuery(changes) {
  const { path, query } = route.value;
  history.replaceState(null, "", link(path, { ...query, ...changes }));
  route.value = parsed();
}
