/* Tooltips for drawings: shows the <title> of a mark at once, beside the pointer. Without this file the
   browser shows the same words itself, a moment later. */
(() => {
  "use strict";
  const tip = document.createElement("div");
  tip.className = "drawing-tip";
  tip.hidden = true;
  tip.setAttribute("role", "status");

  const wordsOf = (mark) => {
    const title = mark.querySelector(":scope > title");
    if (title) {
      mark.dataset.says = title.textContent;
      title.remove(); // or the browser would say it twice
    }
    return mark.dataset.says;
  };

  const place = (event) => {
    const { innerWidth, innerHeight } = window;
    const { width, height } = tip.getBoundingClientRect();
    const left = event.clientX + 16 + width > innerWidth ? event.clientX - width - 12 : event.clientX + 16;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - height - 4))}px`;
  };

  const show = (event) => {
    const mark = event.target.closest?.("svg.drawing g");
    const words = mark && wordsOf(mark);
    tip.hidden = !words;
    if (words) {
      tip.textContent = words;
      place(event);
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.body.append(tip);
    document.addEventListener("pointermove", show);
    document.addEventListener("pointerdown", show);
    document.addEventListener("pointerleave", () => { tip.hidden = true; });
  });
})();
