#pragma once

#include <string_view>

namespace tenure::api {

/// Swagger UI (Apache License 2.0, npm package swagger-ui-dist) as it is linked into the program,
/// so that /docs works without a network.
std::string_view swagger_css();
std::string_view swagger_js();

}  // namespace tenure::api
