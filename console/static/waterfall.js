// The picture of an order's course: one lane for each service, time to the right, long gaps compressed.
import { duration, offset } from "./format.js";
import { services } from "./server.js";
import { html } from "./view.js";

const ROW = 26;
const PAD = 8;
const AXIS = 28;
const MARGIN = 16;
const CHARACTER = 6.9;
/** The least distance of two moments, in pixels, so that each mark can be seen and hit. */
const LEAST = 14;
const TICK_DISTANCE = 76;

const laneOf = (service) => (services().includes(service) ? service : "order");
const time = (text) => Date.parse(text);

/** Return the moments of a course, in milliseconds, each once, the earliest first. */
function moments(course) {
  const found = new Set();
  for (const event of course.events) {
    found.add(time(event.occurred_at)).add(time(event.published_at));
    for (const delivery of event.deliveries) if (delivery.handled_at) found.add(time(delivery.handled_at));
  }
  for (const step of course.steps) found.add(time(step.begins)).add(time(step.ends));
  return [...found].sort((a, b) => a - b);
}

/** Return the pixels per millisecond with which the gaps fill the room, if a short one still gets its least distance. */
function rate(gaps, room) {
  let left = gaps.reduce((total, gap) => total + gap, 0);
  for (const gap of [...gaps].sort((a, b) => a - b)) {
    if (gap * room >= LEAST * left) break;
    room -= LEAST;
    left -= gap;
  }
  return left && room > 0 ? room / left : 0;
}

/**
 * Return the horizontal scale: `x` of a moment, the compressed gaps, and the whole width.
 * A gap is compressed if it is longer than eight usual ones.
 */
export function scaled(course, width, zoom) {
  const at = moments(course);
  const gaps = at.slice(1).map((moment, index) => moment - at[index]);
  const usual = [...gaps].sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0;
  const longest = Math.max(250, 8 * usual);
  const perMillisecond = rate(gaps.map((gap) => Math.min(gap, longest)), (width - 2 * MARGIN) * zoom);
  const places = new Map([[at[0], MARGIN]]);
  const breaks = [];
  let x = MARGIN;
  gaps.forEach((gap, index) => {
    const wide = Math.max(LEAST, Math.min(gap, longest) * perMillisecond);
    if (gap > longest) breaks.push({ x: x + wide / 2, gap });
    x += wide;
    places.set(at[index + 1], x);
  });
  return { at, x: (text) => places.get(time(text)) ?? MARGIN, breaks, width: Math.max(width, x + MARGIN) };
}

const tries = ({ tries: number }) => (number ? ` ×${number}` : "");

const remarks = (event) => [
  ...(event.times_put > 1 ? [["again", `×${event.times_put}`]] : []),
  ...(event.replays.length ? [["replayed", `↻${event.replays.length}`]] : []),
  ...(event.duplicates_dropped ? [["dropped", `⊘${event.duplicates_dropped}`]] : []),
];

/** Return the lanes with their marks: each in the first row of its lane where it covers no other. */
export function placed(course, scale) {
  const steps = new Map(course.steps.map((step) => [step.event_id, step]));
  const lanes = services().map((name) => ({ name, rows: [], marks: [] }));
  const place = (lane, mark) => {
    let row = lane.rows.findIndex((end) => end <= mark.from);
    if (row < 0) row = lane.rows.push(0) - 1;
    lane.rows[row] = mark.to + 6;
    lane.marks.push({ ...mark, row });
  };
  for (const event of course.events) {
    const step = steps.get(event.event_id);
    const x = scale.x(event.occurred_at);
    const notes = remarks(event);
    const wide = (event.event.length + notes.reduce((sum, [, note]) => sum + note.length + 1, 0)) * CHARACTER + 12;
    const begin = step ? scale.x(step.begins) : x;
    const end = scale.x(event.published_at);
    const isLeft = end + wide > scale.width;
    // A bar that begins near the edge leaves no room on its left: its label is on the bar then.
    const left = begin < wide ? x : begin;
    place(lanes.find(({ name }) => name === laneOf(event.service)), {
      event,
      step,
      notes,
      x,
      begin,
      end,
      isLeft,
      label: isLeft ? left - 11 : end + 11,
      from: isLeft ? Math.min(begin - 6, left - wide) : begin - 6,
      to: isLeft ? end + 8 : end + wide,
    });
  }
  for (const work of course.left) {
    const wide = (work.what.length + tries(work).length + 3) * CHARACTER;
    place(lanes.find(({ name }) => name === work.service), { work, x: scale.width - 10, from: scale.width - wide, to: scale.width });
  }
  let y = AXIS;
  for (const lane of lanes) {
    lane.y = y;
    lane.height = Math.max(1, lane.rows.length) * ROW + 2 * PAD;
    y += lane.height;
  }
  return { lanes, height: y };
}

const middle = (lane, mark) => lane.y + PAD + mark.row * ROW + ROW / 2;

function Deliveries({ mark, lane, lanes, scale, isChosen }) {
  const y = middle(lane, mark);
  const drawn = mark.event.deliveries.filter((delivery) => isChosen || delivery.handled_at);
  return drawn.map((delivery) => {
    const other = lanes.find(({ name }) => name === laneOf(delivery.service));
    const begin = mark.end;
    const end = delivery.handled_at ? scale.x(delivery.handled_at) : begin;
    const there = other === lane ? y + ROW / 2 : other.y + (other.y > y ? PAD : other.height - PAD);
    const path = `M${begin},${y} C${begin},${(y + there) / 2} ${end},${(y + there) / 2} ${end},${there}`;
    return html`<g class="delivery ${isChosen ? "chosen" : ""} ${delivery.handled_at ? "" : "unrecorded"}">
      <path d=${path} />
      <circle cx=${end} cy=${there} r="3" />
    </g>`;
  });
}

function Mark({ mark, lane, isChosen, choose, first, next }) {
  const y = middle(lane, mark);
  const { event } = mark;
  const label = `${event.event}, ${event.service}, ${event.kind}, at ${event.occurred_at}`;
  const onKeyDown = (press) => {
    if (press.key === "Enter" || press.key === " ") choose(event.event_id);
    else if (press.key === "ArrowRight") next(event.event_id, 1);
    else if (press.key === "ArrowLeft") next(event.event_id, -1);
    else return;
    press.preventDefault();
  };
  return html`<g
    class="mark ${event.kind} ${isChosen ? "chosen" : ""} ${event.replays.length ? "was-replayed" : ""}"
    role="button"
    aria-pressed=${isChosen ? "true" : "false"}
    aria-label=${label}
    tabindex=${isChosen || first ? 0 : -1}
    data-event=${event.event_id}
    onClick=${() => choose(event.event_id)}
    onKeyDown=${onKeyDown}
  >
    <title>${label}</title>
    <rect class="hit" x=${mark.from} y=${y - ROW / 2} width=${mark.to - mark.from} height=${ROW} />
    ${mark.step ? html`<rect class="step" x=${mark.begin} y=${y - 5} width=${Math.max(2, mark.x - mark.begin)} height="10" rx="3" />` : null}
    ${mark.end > mark.x ? html`<line class="staged" x1=${mark.x} x2=${mark.end} y1=${y} y2=${y} />` : null}
    ${event.kind === "step"
      ? html`<circle class="sign" cx=${mark.x} cy=${y} r="6" />`
      : event.kind === "refusal"
        ? html`<path class="sign" d="M${mark.x - 6},${y - 6} l12,12 m0,-12 l-12,12" />`
        : html`<path class="sign" d="M${mark.x - 7},${y} l7,-7 l7,7 l-7,7 z" />`}
    <text x=${mark.label} y=${y + 4} text-anchor=${mark.isLeft ? "end" : "start"}>
      ${event.event}${mark.notes.map(([kind, note]) => html`<tspan class=${kind} dx="5">${note}</tspan>`)}
    </text>
  </g>`;
}

function Left({ mark, lane }) {
  const y = middle(lane, mark);
  return html`<g class="left">
    <title>${mark.work.what}${mark.work.due ? `, due ${mark.work.due}` : ""}${mark.work.tries ? `, after try ${mark.work.tries}` : ""}</title>
    <circle cx=${mark.x} cy=${y} r="5" />
    <text x=${mark.x - 11} y=${y + 4} text-anchor="end">${mark.work.what}<tspan class="again">${tries(mark.work)}</tspan></text>
  </g>`;
}

function Ticks({ scale, height }) {
  const begin = scale.at[0];
  let last = -Infinity;
  return scale.at.map((moment) => {
    const x = scale.x(new Date(moment).toISOString());
    if (x - last < TICK_DISTANCE || x > scale.width - 40) return null;
    last = x;
    return html`<g class="tick"><line x1=${x} x2=${x} y1=${AXIS - 6} y2=${height} /><text x=${x} y=${AXIS - 10}>${offset(moment - begin)}</text></g>`;
  });
}

/** The picture. `choose` is called with the id of an event. */
export const Waterfall = ({ course, width, zoom, chosen, choose }) => {
  const scale = scaled(course, width, zoom);
  const { lanes, height } = placed(course, scale);
  const ids = course.events.map((event) => event.event_id);
  const next = (id, by) => {
    const found = ids[ids.indexOf(id) + by];
    if (!found) return;
    document.querySelector(`[data-event="${CSS.escape(found)}"]`)?.focus(); // at once: the next key may come before the next frame
    choose(found);
  };
  return html`<svg width=${scale.width} height=${height} role="group" aria-label="Course of the order, by service and time">
    ${lanes.map((lane, index) => html`<rect class="lane ${index % 2 ? "odd" : ""}" x="0" y=${lane.y} width=${scale.width} height=${lane.height} />`)}
    <${Ticks} scale=${scale} height=${height} />
    ${scale.breaks.map(({ x, gap }) => html`<g class="break"><title>${duration(gap)} without an event</title><path d="M${x - 3},${AXIS} V${height} M${x + 3},${AXIS} V${height}" /><text x=${x} y=${height - 4}>${duration(gap)}</text></g>`)}
    ${lanes.map((lane) => lane.marks.filter(({ event }) => event).map((mark) => html`<${Deliveries} mark=${mark} lane=${lane} lanes=${lanes} scale=${scale} isChosen=${mark.event.event_id === chosen} />`))}
    ${lanes.map((lane) => lane.marks.map((mark) => (mark.work ? html`<${Left} mark=${mark} lane=${lane} />` : html`<${Mark} mark=${mark} lane=${lane} isChosen=${mark.event.event_id === chosen} first=${!chosen && mark.event.event_id === ids[0]} choose=${choose} next=${next} />`)))}
  </svg>`;
};

/** The names of the lanes, at the heights of the picture. */
export const LaneNames = ({ course, width, zoom }) => {
  const { lanes, height } = placed(course, scaled(course, width, zoom));
  return html`<div class="lane-names" style=${{ height: `${height}px` }} aria-hidden="true">
    ${lanes.map((lane) => html`<span style=${{ top: `${lane.y}px`, height: `${lane.height}px` }}>${lane.name}</span>`)}
  </div>`;
};
