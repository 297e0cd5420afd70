// What this browser remembers: language, colours, the chosen store.

export function kept(name) {
  try {
    return localStorage.getItem(`qunli.${name}`);
  } catch {
    return null; // the browser keeps nothing
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(`qunli.${name}`, value);
  } catch {
    // then it is forgotten with the page
  }
}

export function languageNow() {
  return document.documentElement.lang.startsWith('zh') ? 'zh' : 'en';
}

export function speak(language) {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  keep('language', language);
}

export function coloursNow() {
  return document.documentElement.dataset.theme;
}

export function paint(colours) {
  document.documentElement.dataset.theme = colours;
  keep('theme', colours);
}
