#pragma once

#include <vector>

#include "api/docs/openapi.h"
#include "api/routes.h"
#include "net/http_message.h"

namespace tenure::api {

/// GET /openapi.json
void openapi(const Services& services, const std::vector<ListedRoute>& routes,
             const net::Request& request, net::Response& response);

/// GET /docs: Swagger UI over /openapi.json; its parts come from the program itself.
void docs_page(const net::Request& request, net::Response& response);
void docs_start(const net::Request& request, net::Response& response);
void docs_css(const net::Request& request, net::Response& response);
void docs_js(const net::Request& request, net::Response& response);

/// GET /: what this server is and where to go.
void index_page(const Services& services, const std::vector<ListedRoute>& routes,
                const net::Request& request, net::Response& response);

}  // namespace tenure::api
