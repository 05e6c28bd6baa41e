// Components that draw themselves again when a signal that they read changes.
import { h, Component } from "./vendor/preact.mjs";
import htm from "./vendor/htm.mjs";
import { effect } from "./vendor/signals-core.mjs";

/** Return the class of a component that draws by a function of its properties, and again when a signal that it read changes. */
const following = (draw) =>
  class extends Component {
    render(props) {
      let drawn;
      let isFirst = true;
      this.stop?.();
      this.stop = effect(() => {
        if (isFirst) {
          isFirst = false;
          drawn = draw(props);
        } else {
          this.setState({});
        }
      });
      return drawn;
    }

    componentWillUnmount() {
      this.stop?.();
    }
  };

const classes = new Map();

/** Return the class of a function, the same each time: Preact keeps the elements of a component by its class. */
function classOf(draw) {
  if (!classes.has(draw)) classes.set(draw, following(draw));
  return classes.get(draw);
}

/** The elements of a text. Each component, a function of its properties, may read signals: none can forget to follow one. */
export const html = htm.bind((type, ...rest) => h(typeof type === "function" ? classOf(type) : type, ...rest));
