// A form that is made from a JSON Schema: objects, lists of objects, texts, whole numbers, and choices.
import { Command, Failure } from "./parts.js";
import { html } from "./view.js";

/** Return a value without its empty optional fields, as the schema wants it. A required one stays, so that it is refused. */
export function filled(schema, value) {
  if (schema.type === "array") return value.map((item) => filled(schema.items, item));
  if (schema.type !== "object") return value;
  const kept = Object.entries(schema.properties).filter(([name]) => value[name] !== undefined && (value[name] !== "" || schema.required?.includes(name)));
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

const Input = ({ schema, value = "", change, isRequired, wrong }) => {
  const fault = wrong ? { "aria-invalid": "true", "aria-describedby": "wrong" } : {};
  if (schema.enum) {
    return html`<select ...${fault} value=${value} onChange=${(event) => change(event.currentTarget.value)}>
      ${isRequired ? null : html`<option value="">not stated</option>`}
      ${schema.enum.map((choice) => html`<option value=${choice} selected=${choice === value}>${choice}</option>`)}
    </select>`;
  }
  if (schema.const !== undefined) return html`<input class="id" readonly ...${fault} value=${schema.const} />`;
  if (schema.type === "integer") {
    return html`<input type="number" ...${fault} min=${schema.minimum} max=${schema.maximum} value=${value} onInput=${(event) => change(event.currentTarget.valueAsNumber)} />`;
  }
  if (value !== "" && schema.pattern && !new RegExp(schema.pattern, "u").test(value)) fault["aria-invalid"] = "true";
  return html`<input class="id" autocomplete="off" spellcheck=${false} ...${fault} value=${value} onInput=${(event) => change(event.currentTarget.value)} />`;
};

/**
 * The fields of a schema. `change` gets the whole value anew; `name` is that of the field, if it is a part of a form.
 * `path` is its place in the form's value, `data.lines[0].sku`; `wrong` is a refusal, shown at the place that it names.
 */
export function Fields({ schema, value, change, name, path = "", wrong, isRequired = true }) {
  if (schema.type === "object") {
    const fields = Object.entries(schema.properties).map(
      ([key, part]) =>
        html`<${Fields} key=${key} schema=${part} name=${key} path=${path ? `${path}.${key}` : key} wrong=${wrong} isRequired=${schema.required?.includes(key)} value=${value?.[key]} change=${(next) => change({ ...value, [key]: next })} />`,
    );
    return name ? html`<fieldset><legend>${name}</legend><div class="toolbar">${fields}</div></fieldset>` : html`<div class="toolbar">${fields}</div>`;
  }
  if (schema.type === "array") {
    const list = value ?? [];
    return html`<fieldset>
      <legend>${name}</legend>
      ${list.map(
        (item, index) => html`<div class="toolbar">
          <${Fields} schema=${schema.items} path=${`${path}[${index}]`} wrong=${wrong} value=${item} change=${(next) => change(replaced(list, index, next))} />
          <button type="button" disabled=${list.length <= (schema.minItems ?? 0)} aria-label=${`Remove ${name} ${index + 1}`} onClick=${() => change(list.filter((_, place) => place !== index))}>Remove</button>
        </div>`,
      )}
      <button type="button" disabled=${list.length >= (schema.maxItems ?? Infinity)} onClick=${() => change([...list, empty(schema.items)])}>Add to ${name}</button>
    </fieldset>`;
  }
  const isWrong = wrong?.field === path;
  return html`<div class="grow">
    <label class="field" title=${schema.description}>
      <span>${name}${isRequired ? "" : " (optional)"}</span>
      <${Input} schema=${schema} value=${value} change=${change} isRequired=${isRequired} wrong=${isWrong} />
    </label>
    ${isWrong ? html`<span class="wrong" id="wrong">${wrong.reason}</span>` : null}
  </div>`;
}

/** A form with its heading, its button, the command that it equals, and what became of it. `children` are further fields. */
export const Form = ({ title, button, schema, value, change, submit, command, refusal, done, children }) => html`<section class="stack" aria-label=${title}>
  <h2>${title}</h2>
  <form class="panel stack" novalidate onSubmit=${(event) => (event.preventDefault(), submit())}>
    ${children}
    <${Fields} schema=${schema} value=${value} change=${change} wrong=${refusal} />
    <p class="buttons"><button type="submit">${button}</button><${Command} text=${command} /></p>
    ${refusal ? html`<${Failure} error=${refusal} />` : null}
    ${done ? html`<p role="status">${done}</p>` : null}
  </form>
</section>`;
