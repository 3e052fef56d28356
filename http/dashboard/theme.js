// theme.js: the theme that was chosen, before anything is painted.  Loaded in the
// head, so that a dark page does not flash light first.
//
// It is in a cookie, which is here sooner than what is in the browser's storage; the
// page reads its cookies anyway.

(() => {
  try {
    const theme = /(?:^|; )kindly_theme=(light|dark)(?:;|$)/.exec(document.cookie)?.[1];
    if (theme !== undefined) {
      document.documentElement.dataset.theme = theme;
    }
  } catch {
    // Cookies may be switched off: then the system's theme it is.
  }
})();
