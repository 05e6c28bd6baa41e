// A form that is made from a JSON Schema: objects, lists of objects, texts, whole numbers, and choices.
import { html } from "./view.js";

/** Return a value without its empty optional fields, as the schema wants it. */
export function filled(schema, value) {
  if (schema.type === "array") return value.map((item) => filled(schema.items, item));
  if (schema.type !== "object") return value;
  const kept = Object.entries(schema.properties).filter(([name]) => value[name] !== undefined && value[name] !== "");
  return Object.fromEntries(kept.map(([name, part]) => [name, filled(part, value[name])]));
}

/** Return an empty value of a schema, with the optional fields left out. */
function empty(schema) {
  if (schema.const !== undefined) return schema.const;
  if (schema.type === "array") return [empty(schema.items)];
  if (schema.type === "integer") return schema.minimum ?? 0;
  if (schema.type !== "object") return "";
  return Object.fromEntries((schema.required ?? []).map((name) => [name, empty(schema.properties[name])]));
}

const replaced = (list, index, item) => list.map((other, place) => (place === index ? item : other));

const Input = ({ schema, value = "", change, isRequired }) => {
  if (schema.enum) {
    return html`<select value=${value} onChange=${(event) => change(event.currentTarget.value)}>
      ${isRequired ? null : html`<option value="">not stated</option>`}
      ${schema.enum.map((choice) => html`<option value=${choice} selected=${choice === value}>${choice}</option>`)}
    </select>`;
  }
  if (schema.const !== undefined) return html`<input class="id" readonly value=${schema.const} />`;
  if (schema.type === "integer") {
    return html`<input type="number" min=${schema.minimum} max=${schema.maximum} value=${value} onInput=${(event) => change(event.currentTarget.valueAsNumber)} />`;
  }
  const isWrong = value !== "" && schema.pattern && !new RegExp(schema.pattern, "u").test(value);
  return html`<input class="id" autocomplete="off" spellcheck=${false} aria-invalid=${isWrong ? "true" : undefined} value=${value} onInput=${(event) => change(event.currentTarget.value)} />`;
};

/** The fields of a schema. `change` gets the whole value anew; `name` is that of the field, if it is a part of a form. */
export function Fields({ schema, value, change, name, isRequired = true }) {
  if (schema.type === "object") {
    const fields = Object.entries(schema.properties).map(
      ([key, part]) =>
        html`<${Fields} key=${key} schema=${part} name=${key} isRequired=${schema.required?.includes(key)} value=${value?.[key]} change=${(next) => change({ ...value, [key]: next })} />`,
    );
    return name ? html`<fieldset><legend>${name}</legend><div class="toolbar">${fields}</div></fieldset>` : html`<div class="toolbar">${fields}</div>`;
  }
  if (schema.type === "array") {
    const list = value ?? [];
    return html`<fieldset>
      <legend>${name}</legend>
      ${list.map(
        (item, index) => html`<div class="toolbar">
          <${Fields} schema=${schema.items} value=${item} change=${(next) => change(replaced(list, index, next))} />
          <button type="button" disabled=${list.length <= (schema.minItems ?? 0)} aria-label=${`Remove ${name} ${index + 1}`} onClick=${() => change(list.filter((_, place) => place !== index))}>Remove</button>
        </div>`,
      )}
      <button type="button" disabled=${list.length >= (schema.maxItems ?? Infinity)} onClick=${() => change([...list, empty(schema.items)])}>Add to ${name}</button>
    </fieldset>`;
  }
  return html`<label class="field grow" title=${schema.description}>
    <span>${name}${isRequired ? "" : " (optional)"}</span>
    <${Input} schema=${schema} value=${value} change=${change} isRequired=${isRequired} />
  </label>`;
}
