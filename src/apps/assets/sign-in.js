'use strict';
// The token stands after '#', so that it reaches neither logs nor other hosts; it is used only when a person presses
// the button, so that a program that fetches links ahead does not use it up.
const token = new URLSearchParams(location.hash.slice(1)).get('token');
const problem = document.getElementById('problem');
const linkForm = document.getElementById('link');
const passwordForm = document.getElementById('password');
if (token) {
  linkForm.hidden = false;
  passwordForm.hidden = true;
}

async function signIn(path, body) {
  problem.textContent = '';
  try {
    const answer = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (answer.ok) {
      location.replace('/docs');
      return;
    }
    problem.textContent = (await answer.json()).detail || 'Signing in failed. Try again.';
  } catch {
    problem.textContent = 'The server cannot be reached. Is it running?';
  }
  passwordForm.hidden = false;
}

linkForm.addEventListener('submit', (event) => {
  event.preventDefault();
  signIn('/api/v1/session/link', { token });
});
passwordForm.addEventListener('submit', (event) => {
  event.preventDefault();
  const form = new FormData(passwordForm);
  signIn('/api/v1/session', { email: form.get('email'), password: form.get('password') });
});
