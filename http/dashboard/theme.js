// theme.js: the theme that was chosen, before anything is painted.  Loaded in the
// head, so that a dark page does not flash light first.

(() => {
  try {
    const theme = localStorage.getItem('kindly_theme');
    if (theme === 'light' || theme === 'dark') {
      document.documentElement.dataset.theme = theme;
    }
  } catch {
    // Storage may be switched off: then the system's theme it is.
  }
})();
