// Fills in answers that take time, cancels them, copies text, asks before deleting. Pages work without it,
// except that answers which are not kept have to be asked for by a link.
'use strict';

const MOST_AT_ONCE = 2;
const waiting = [];
let running = 0;

function token() {
  const field = document.querySelector('input[name=csrfmiddlewaretoken]');
  return field ? field.value : '';
}

function newName() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return 'page-' + Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function ask(box, url) {
  waiting.push([box, url]);
  box.classList.add('loading');
  next();
}

function next() {
  while (running < MOST_AT_ONCE && waiting.length) {
    running += 1;
    fill(...waiting.shift()).finally(() => { running -= 1; next(); });
  }
}

async function fill(box, url) {
  const name = newName();
  box.setAttribute('aria-busy', 'true');
  const stop = box.querySelector('[data-cancel]');
  if (stop) {
    stop.hidden = false;
    stop.onclick = () => cancel(box.dataset.project, name);
  }
  try {
    const response = await fetch(url + (url.includes('?') ? '&' : '?') + 'client_query_id=' + name, {
      credentials: 'same-origin', headers: { Accept: 'text/html' },
    });
    const html = await response.text();
    if (!response.ok && box.querySelector('svg, table')) {
      box.querySelectorAll('.note').forEach((note) => note.remove());
      box.insertAdjacentHTML('afterbegin', html);  // what was shown is still the best that is known
    } else {
      box.innerHTML = html;
    }
  } catch (error) {
    if (!box.querySelector('svg, table')) box.textContent = 'The server does not answer. Reload the page to try again.';
  }
  box.classList.remove('loading');
  box.removeAttribute('aria-busy');
}

function cancel(project, name) {
  fetch(`/api/projects/${project}/insights/cancel/`, {
    method: 'POST', credentials: 'same-origin', body: JSON.stringify({ client_query_id: name }),
    headers: { 'Content-Type': 'application/json', 'X-CSRFToken': token() },
  });
}

function anew(url) {
  return url + (url.includes('?') ? '&' : '?') + 'anew=1';
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = 'Copied';
  } catch (error) {
    getSelection().selectAllChildren(source);
    button.textContent = document.execCommand('copy') ? 'Copied' : 'Press Ctrl+C';
  }
  setTimeout(() => { button.textContent = before; }, 2000);
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-copy]');
  if (button) copy(button);
  const refresh = event.target.closest('[data-refresh]');
  if (refresh && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    document.querySelectorAll('[data-source]').forEach((box) => ask(box, anew(box.dataset.source)));
  }
});

document.addEventListener('submit', (event) => {
  const question = event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});

// A row for one more event as soon as the last one is used.
document.querySelectorAll('[data-grows]').forEach((group) => {
  group.addEventListener('input', () => {
    const fields = group.querySelectorAll('input');
    const last = fields[fields.length - 1];
    if (!last.value || fields.length >= 20) return;
    const more = last.cloneNode();
    more.value = '';
    more.setAttribute('aria-label', last.getAttribute('aria-label').replace(/\d+$/, fields.length + 1));
    group.append(more);
  });
});

// An interval that was not chosen, an empty date: not worth a place in the address.
document.querySelectorAll('form[method=get]').forEach((form) => {
  form.addEventListener('submit', () => {
    for (const field of form.elements) if (field.name && field.value === '') field.disabled = true;
  });
});
addEventListener('pageshow', () => {
  document.querySelectorAll('form[method=get] :disabled').forEach((field) => { field.disabled = false; });
});

document.querySelectorAll('[data-fill]').forEach((box) => ask(box, box.dataset.fill));
