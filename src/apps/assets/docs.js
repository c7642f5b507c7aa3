'use strict';
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
