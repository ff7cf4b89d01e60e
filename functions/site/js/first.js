// Before the first paint: the visitor's colour theme. A classic script, so that nothing flashes.
try {
  document.documentElement.dataset.theme = localStorage.getItem("skysort-theme") || "auto";
} catch {
  // Storage may be disabled; then the system's setting applies.
}
