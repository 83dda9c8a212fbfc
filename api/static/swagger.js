// The API's own description, drawn by the vendored Swagger UI.
"use strict";
SwaggerUIBundle({ url: "/api/v1/openapi.json", dom_id: "#swagger", deepLinking: true, validatorUrl: null, supportedSubmitMethods: ["get"] });
