// Charts: ECharts comes after the first paint, draws on a canvas, and each chart has its figures as a table too.

import { useConsole } from './context.js';
import { html, useEffect, useRef, useState } from './html.js';
import { TIERS } from './tiers.js';

let loading = null;

/** ECharts, once the page has been painted. */
function echarts() {
  loading = loading || painted().then(() => import('./vendor/echarts.js'));
  return loading;
}

/** A tab in the background is not painted: it waits a moment. */
function painted() {
  return new Promise((resolve) => {
    setTimeout(resolve, 300);
    requestAnimationFrame(() => requestAnimationFrame(resolve));
  });
}

/** Colours and font as the page has them now. */
function lookOf(element) {
  const style = getComputedStyle(element);
  const value = (name) => style.getPropertyValue(name).trim();
  return {
    width: element.clientWidth,
    still: matchMedia('(prefers-reduced-motion: reduce)').matches,
    font: style.fontFamily,
    ink: value('--ink'),
    muted: value('--muted'),
    line: value('--line'),
    strongLine: value('--line-strong'),
    surface: value('--surface'),
    raised: value('--raised'),
    accent: value('--accent'),
    empty: value('--empty'),
    heat: [1, 2, 3, 4].map((step) => value(`--heat-${step}`)),
    tiers: Object.fromEntries([...TIERS, 'none'].map((tier) => [tier, value(`--tier-${tier}`)])),
  };
}

/**
 * `option({ look, words, formats })` gives what ECharts draws; `rows`: [head, ...lines], the same as a table;
 * `label`: what the picture shows, in a sentence.
 */
export function Chart({ option, rows, label, height = 280 }) {
  const { words, formats, colours } = useConsole();
  const place = useRef(null);
  const chart = useRef(null);
  const [width, setWidth] = useState(0);

  useEffect(() => {
    let isOver = false;
    const watch = new ResizeObserver(() => {
      if (!place.current) return;
      if (chart.current) chart.current.resize();
      setWidth(place.current.clientWidth);
    });
    echarts().then(({ init }) => {
      if (isOver) return;
      chart.current = init(place.current, null, { renderer: 'canvas' });
      watch.observe(place.current);
    });
    return () => {
      isOver = true;
      watch.disconnect();
      if (chart.current) chart.current.dispose();
      chart.current = null;
    };
  }, []);

  useEffect(() => {
    if (!chart.current || !width) return;
    chart.current.setOption(option({ look: lookOf(place.current), words, formats }), true);
    place.current.dataset.drawn = 'yes';
  }, [option, width, colours, words]);

  return html`<figure class="chart">
    <div ref=${place} class="canvas" role="img" aria-label=${label} style=${{ height: `${height}px` }}></div>
    ${rows && html`<${Figures} rows=${rows} label=${label} />`}
  </figure>`;
}

function Figures({ rows, label }) {
  const { words } = useConsole();
  const [head, ...lines] = rows;
  return html`<details class="figures">
    <summary>${words.table}</summary>
    <div class="scroll" tabindex="0" role="region" aria-label=${label}>
      <table>
        <thead><tr>${head.map((name, at) => html`<th key=${at} scope="col" class=${at ? 'end' : ''}>${name}</th>`)}</tr></thead>
        <tbody>${lines.map((line, at) => html`<tr key=${at}>${line.map((cell, n) => html`<td key=${n} class=${n ? 'end' : ''}>${cell}</td>`)}</tr>`)}</tbody>
      </table>
    </div>
  </details>`;
}
