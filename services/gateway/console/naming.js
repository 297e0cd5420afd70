// Names of themes and areas as people read them.

const MOST_NAMED = 4; // districts of an area

/** An area by its districts; of many the first ones, and how many more there are. */
export function areaName({ districts }, words) {
  if (!districts.length) return words.matrix.rest;
  const named = districts.length > MOST_NAMED ? districts.slice(0, MOST_NAMED - 1) : districts;
  return words.matrix.area(named.join(' · '), districts.length - named.length);
}

export function themeName({ name, name_en: english }, language) {
  return language === 'en' && english ? english : name;
}
