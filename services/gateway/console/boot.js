// Before the first paint: the language and the colours that were chosen, or those of the device.
(function () {
  const root = document.documentElement;
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  function kept(name) {
    try {
      return localStorage.getItem('qunli.' + name);
    } catch {
      return null;
    }
  }
  function paint() {
    const chosen = kept('theme');
    root.dataset.theme = chosen === 'dark' || chosen === 'light' ? chosen : dark.matches ? 'dark' : 'light';
  }
  const language = kept('language') || (navigator.language || 'en').slice(0, 2);
  root.lang = language === 'zh' ? 'zh-CN' : 'en';
  paint();
  dark.addEventListener('change', paint);
})();
