(function () {
  try {
    var theme = localStorage.getItem('rookery.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch {
    /* storage is closed to us: the system's choice holds */
  }
})();
