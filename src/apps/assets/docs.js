'use strict';
// Swagger UI has a dark theme, but leaves the choice to a top bar that is not shown here.
const dark = matchMedia('(prefers-color-scheme: dark)');
const followScheme = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', followScheme);
followScheme();

// A browser session must send its CSRF token with each change; an API key needs none.
let csrfToken = null;
fetch('/api/v1/session').then(async (answer) => {
  if (answer.ok) csrfToken = (await answer.json()).csrf_token;
}).finally(() => {
  window.SwaggerUIBundle({
    url: '/openapi.json',
    dom_id: '#reference',
    deepLinking: true,
    docExpansion: 'none',
    filter: true,
    tryItOutEnabled: true,
    persistAuthorization: false,
    requestInterceptor: (request) => {
      if (csrfToken && !['GET', 'HEAD'].includes(request.method)) request.headers['X-CSRF-Token'] = csrfToken;
      return request;
    },
  });
});
