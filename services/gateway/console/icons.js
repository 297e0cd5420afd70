// Line icons of 24 units. They mean nothing to a screen reader: the word stands beside them.

import { html } from './html.js';

const PATHS = {
  today: 'M4 13h4l2.5-7 4 13 2.5-6h3',
  matrix: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  plan: 'M9 6h11M9 12h11M9 18h11M4 6l1 1 2-2M4 12l1 1 2-2M4 18l1 1 2-2',
  member: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20c1-4 4-5.5 7.5-5.5s6.500 1.500 7.500 5.500',
  operations: 'M4 12h3M17 12h3M12 4v3M12 17v3M12 15.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM6.300 6.300l2 2M15.700 15.700l2 2M6.300 17.700l2-2M15.700 8.300l2-2',
  tasks: 'M8 5H5v15h14V5h-3M9 3.500h6v3H9zM8.500 13l2.500 2.500 4.500-5',
  settings: 'M4 7h8M17 7h3M4 17h3M12 17h8M14.500 9.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM9.500 19.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600l1.400 1.400M17 17l1.400 1.400M5.600 18.400L7 17M17 7l1.400-1.400',
  moon: 'M20 14.500A8 8 0 0 1 9.500 4a8 8 0 1 0 10.500 10.500z',
  out: 'M10 4H5v16h5M14 8l4 4-4 4M18 12H9',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4.500 4.500',
  open: 'M13 5h6v6M19 5l-9 9M17 14v5H5V7h5',
  up: 'M6 15l6-6 6 6',
  down: 'M6 9l6 6 6-6',
  right: 'M9 6l6 6-6 6',
  left: 'M15 6l-6 6 6 6',
  plus: 'M12 5v14M5 12h14',
  cross: 'M6 6l12 12M18 6L6 18',
  leaf: 'M5 19c0-9 5-14 14-14 0 9-5 14-14 14zM5 19l7-7',
  warn: 'M12 4l9 16H3zM12 10v4M12 17v.5',
};

export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>`;
}
