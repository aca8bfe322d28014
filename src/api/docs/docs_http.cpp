#include "api/docs/docs_http.h"

#include <fmt/format.h>

#include "api/docs/swagger_assets.h"
#include "core/json.h"

namespace tenure::api {
namespace {

constexpr std::string_view kDocsPage = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tenure API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
)";

/// A file of its own, so that the page needs no scripts inside it.
constexpr std::string_view kDocsStart = R"(SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
  layout: "BaseLayout",
});
)";

// Swagger UI sets styles in its elements and draws its icons from data: URLs; nothing else than
// this server is loaded from or spoken to, and no other page may frame it.
constexpr std::string_view kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' "
    "data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

void add_page_headers(net::Response& response) {
  response.content_type = "text/html; charset=utf-8";
  response.add_header("Content-Security-Policy", kContentPolicy);
  response.add_header("X-Content-Type-Options", "nosniff");
  response.add_header("X-Frame-Options", "DENY");
  response.add_header("Referrer-Policy", "no-referrer");
}

void append_html(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
}

void answer_asset(std::string_view bytes, std::string_view type, net::Response& response) {
  response.content_type = type;
  response.body.assign(bytes);
  response.add_header("Cache-Control", "public, max-age=86400");
  response.add_header("X-Content-Type-Options", "nosniff");
}

}  // namespace

void openapi(const Services& services, const std::vector<ListedRoute>& routes, const net::Request&,
             net::Response& response) {
  const auto snapshot = services.predictor.snapshot();
  const bool has_auth = services.guard != nullptr && services.guard->options().is_enabled;
  response.body = core::to_text(openapi_document(routes, snapshot.get(), services.project,
                                                 services.program_version, has_auth));
}

void docs_page(const net::Request&, net::Response& response) {
  add_page_headers(response);
  response.body.assign(kDocsPage);
}

void docs_start(const net::Request&, net::Response& response) {
  answer_asset(kDocsStart, "text/javascript; charset=utf-8", response);
}

void docs_css(const net::Request&, net::Response& response) {
  answer_asset(swagger_css(), "text/css; charset=utf-8", response);
}

void docs_js(const net::Request&, net::Response& response) {
  answer_asset(swagger_js(), "text/javascript; charset=utf-8", response);
}

void index_page(const Services& services, const std::vector<ListedRoute>& routes,
                const net::Request&, net::Response& response) {
  add_page_headers(response);
  std::string& out = response.body;
  out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Tenure</title>"
      "\n<link rel=\"icon\" href=\"data:,\">\n</head>\n<body>\n<h1>Tenure: ";
  append_html(out, services.project);
  out += "</h1>\n<p>Version ";
  append_html(out, services.program_version);
  if (const auto snapshot = services.predictor.snapshot()) {
    out += ". Live model: ";
    append_html(out, snapshot->name);
    out += fmt::format(", version {}.</p>\n<ul>\n", snapshot->version);
  } else {
    out += ". No model is live yet.</p>\n<ul>\n";
  }
  for (const ListedRoute& route : routes) {
    out += "<li>";
    // A path with a part to fill in leads nowhere.
    const bool is_link =
        route.method == net::Method::kGet && route.path.find('{') == std::string_view::npos;
    if (is_link) out += fmt::format("<a href=\"{}\">", route.path);
    out += fmt::format("{} {}", net::method_name(route.method), route.path);
    if (is_link) out += "</a>";
    out += ": ";
    append_html(out, route.summary);
    out += "</li>\n";
  }
  out += "</ul>\n</body>\n</html>\n";
}

}  // namespace tenure::api
