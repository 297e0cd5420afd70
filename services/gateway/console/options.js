// What ECharts draws, made of answers of the API. Pure.
//
// `look`: colours and font of the page as it is painted; `words` and `formats`: of its language. Tooltips are drawn on
// the canvas (richText): as HTML they would need inline styles, which the page's policy forbids.

import { dayAfter } from './format.js';
import { direction, TIERS } from './tiers.js';

const SIDES = [...TIERS, 'none'];
const PHONE = 520; // pixels

function tooltip(look, more = {}) {
  return {
    renderMode: 'richText',
    confine: true,
    backgroundColor: look.raised,
    borderColor: look.strongLine,
    borderWidth: 1,
    padding: [8, 12],
    textStyle: { color: look.ink, fontFamily: look.font, fontSize: 13, lineHeight: 20 },
    ...more,
  };
}

function axis(look) {
  return {
    axisLine: { lineStyle: { color: look.strongLine } },
    axisTick: { show: false },
    axisLabel: { color: look.muted, fontFamily: look.font, hideOverlap: true },
    splitLine: { lineStyle: { color: look.line } },
  };
}

/** Members by tier yesterday, flowing into their tiers now. Those who stayed are drawn faintly. */
export function flowOption(cells, { look, words, formats }) {
  const flows = cells.filter(({ count }) => count > 0);
  const total = (side, tier) => flows.filter((cell) => (cell[side] || 'none') === tier).reduce((n, { count }) => n + count, 0);
  const isNarrow = look.width < PHONE;
  const name = (tier) => (tier === 'none' ? words.tiers.none : words.tiers[tier]);
  const node = (side, depth, position) => (tier) => ({
    name: `${side}:${tier}`,
    depth,
    itemStyle: { color: look.tiers[tier], borderWidth: 0 },
    label: { position, formatter: `${name(tier)}  {n|${formats.number(total(side, tier))}}` },
    told: `${side === 'from' ? words.today.before : words.today.now}: ${name(tier)} ${formats.number(total(side, tier))}`,
  });
  const seen = (side) => SIDES.filter((tier) => total(side, tier) > 0);
  return {
    animation: !look.still,
    animationDuration: 500,
    tooltip: tooltip(look, { trigger: 'item', formatter: ({ data }) => data.told }),
    series: {
      type: 'sankey',
      left: 4,
      right: 4,
      top: 12,
      bottom: 12,
      nodeWidth: 12,
      nodeGap: isNarrow ? 14 : 18,
      layoutIterations: 0, // in the order of the tiers
      draggable: false,
      emphasis: { focus: 'adjacency', lineStyle: { opacity: 0.75 } },
      label: {
        color: look.ink,
        fontFamily: look.font,
        fontSize: 13,
        rich: { n: { color: look.muted, fontFamily: look.font, fontSize: 13 } },
      },
      data: [...seen('from').map(node('from', 0, 'right')), ...seen('to').map(node('to', 1, 'left'))],
      links: flows.map((cell) => link(cell, { look, name, formats })),
    },
  };
}

function link({ from, to, count }, { look, name, formats }) {
  const way = from === to ? 0 : direction(from, to);
  const stayed = from === to;
  return {
    source: `from:${from || 'none'}`,
    target: `to:${to || 'none'}`,
    value: count,
    lineStyle: { color: look.tiers[to || 'none'], opacity: stayed ? 0.16 : 0.55, curveness: 0.5 },
    told: `${way > 0 ? '↑ ' : way < 0 ? '↓ ' : ''}${name(from || 'none')} → ${name(to || 'none')}: ${formats.number(count)}`,
  };
}

/** Each day's conversions from weekly to daily upwards, to monthly downwards, and the mean of 7 days. */
export function conversionsOption(days, { look, words, formats }) {
  const said = words.today;
  const bar = (name, color, value) => ({
    name,
    type: 'bar',
    stack: 'moves',
    barMaxWidth: 10,
    itemStyle: { color, borderRadius: 2 },
    data: days.map(value),
  });
  return {
    animation: !look.still,
    grid: { left: 8, right: 20, top: look.width < PHONE ? 60 : 36, bottom: 4, containLabel: true },
    legend: { top: 0, left: 0, itemWidth: 12, itemHeight: 8, textStyle: { color: look.muted, fontFamily: look.font }, icon: 'roundRect' },
    tooltip: tooltip(look, {
      trigger: 'axis',
      formatter: (rows) => toldOfDay(days[rows[0].dataIndex], said, formats),
    }),
    xAxis: { type: 'category', data: days.map(({ day }) => formats.day(day)), ...axis(look) },
    yAxis: { type: 'value', minInterval: 1, ...axis(look), axisLabel: { ...axis(look).axisLabel, formatter: (n) => formats.number(Math.abs(n)) } },
    series: [
      bar(said.toDaily, look.tiers.daily, (day) => day.weekly_to_daily),
      bar(said.toMonthly, look.tiers.monthly, (day) => -day.weekly_to_monthly),
      {
        name: said.mean,
        type: 'line',
        data: means(days.map((day) => day.weekly_to_daily)),
        showSymbol: false,
        lineStyle: { color: look.ink, width: 1.5 },
        itemStyle: { color: look.ink },
      },
    ],
  };
}

function toldOfDay({ day, weekly_to_daily: up, weekly_to_monthly: down }, said, formats) {
  return `${formats.longDay(day)}\n${said.toDaily}  ${formats.number(up)}\n${said.toMonthly}  ${formats.number(down)}`;
}

/** The mean of each value and the six before it, to two digits. */
export function means(values, width = 7) {
  return values.map((_, at) => {
    const some = values.slice(Math.max(0, at - width + 1), at + 1);
    return Math.round((some.reduce((sum, value) => sum + value, 0) / some.length) * 100) / 100;
  });
}

/** The active days of a member as a calendar that ends on `last`. */
export function calendarOption(calendar, last, { look, words, formats }) {
  const isNarrow = look.width < PHONE;
  return {
    animation: false,
    tooltip: tooltip(look, { formatter: ({ data }) => `${formats.longDay(data[0])}\n${words.member.hours(data[1])}` }),
    visualMap: { show: false, min: 0, max: 4, inRange: { color: look.heat } },
    calendar: {
      range: [dayAfter(last, -89), last],
      left: 28,
      right: 6,
      top: 26,
      bottom: 4,
      cellSize: ['auto', isNarrow ? 17 : 22],
      splitLine: { show: false },
      itemStyle: { color: look.empty, borderColor: look.surface, borderWidth: 3, borderRadius: 4 },
      dayLabel: { firstDay: 1, nameMap: formats.weekdays, color: look.muted, fontFamily: look.font },
      monthLabel: { nameMap: formats.months, color: look.muted, fontFamily: look.font },
      yearLabel: { show: false },
    },
    series: { type: 'heatmap', coordinateSystem: 'calendar', data: calendar.map(({ day, occasions }) => [day, occasions]) },
  };
}

/** A member's score by day. */
export function scoreOption(days, { look, words, formats }) {
  return {
    animation: !look.still,
    grid: { left: 8, right: 20, top: 16, bottom: 4, containLabel: true },
    tooltip: tooltip(look, {
      trigger: 'axis',
      formatter: ([{ dataIndex }]) => `${formats.longDay(days[dataIndex].day)}\n${words.member.score}  ${formats.score(days[dataIndex].score)}`,
    }),
    xAxis: { type: 'category', boundaryGap: false, data: days.map(({ day }) => formats.day(day)), ...axis(look) },
    yAxis: { type: 'value', ...axis(look), splitNumber: 3 },
    series: {
      type: 'line',
      data: days.map(({ score }) => Math.round(score * 10) / 10),
      showSymbol: days.length === 1,
      smooth: 0.2,
      lineStyle: { color: look.accent, width: 2 },
      itemStyle: { color: look.accent },
      areaStyle: { color: look.accent, opacity: 0.12 },
    },
  };
}

/** A group's messages, writers and share of active members, day by day. */
export function groupOption(days, { look, words, formats }) {
  const said = words.group;
  return {
    animation: !look.still,
    grid: { left: 8, right: 20, top: look.width < PHONE ? 60 : 36, bottom: 4, containLabel: true },
    legend: { top: 0, left: 0, itemWidth: 12, itemHeight: 8, textStyle: { color: look.muted, fontFamily: look.font }, icon: 'roundRect' },
    tooltip: tooltip(look, {
      trigger: 'axis',
      formatter: ([{ dataIndex }]) => toldOfGroup(days[dataIndex], said, formats),
    }),
    xAxis: { type: 'category', data: days.map(({ day }) => formats.day(day)), ...axis(look) },
    yAxis: [
      { type: 'value', minInterval: 1, ...axis(look) },
      { type: 'value', max: 1000, min: 0, ...axis(look), splitLine: { show: false }, axisLabel: { color: look.muted, fontFamily: look.font, formatter: (n) => formats.perMille(n) } },
    ],
    series: [
      { name: said.messages, type: 'bar', barMaxWidth: 14, itemStyle: { color: look.tiers.monthly, borderRadius: 2 }, data: days.map((day) => day.messages) },
      { name: said.writers, type: 'bar', barMaxWidth: 14, itemStyle: { color: look.tiers.weekly, borderRadius: 2 }, data: days.map((day) => day.writers) },
      { name: said.share, type: 'line', yAxisIndex: 1, showSymbol: days.length === 1, lineStyle: { color: look.accent, width: 2 }, itemStyle: { color: look.accent }, data: days.map((day) => day.active_share) },
    ],
  };
}

function toldOfGroup(day, said, formats) {
  const rows = [
    [said.messages, formats.number(day.messages)],
    [said.writers, formats.number(day.writers)],
    [said.share, formats.perMille(day.active_share)],
    [said.heads, formats.number(day.heads)],
  ];
  return [formats.longDay(day.day), ...rows.map(([name, value]) => `${name}  ${value}`)].join('\n');
}
