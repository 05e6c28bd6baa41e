// Components that draw themselves again when a signal that they read changes.
import { h, Component } from "./vendor/preact.mjs";
import htm from "./vendor/htm.mjs";
import { effect } from "./vendor/signals-core.mjs";

export const html = htm.bind(h);

/** Return a component of a function that draws its properties, and that may read signals. */
export const view = (draw) =>
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
