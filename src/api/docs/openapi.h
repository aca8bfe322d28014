#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/json.h"
#include "net/router.h"
#include "serving/predictor.h"

namespace tenure::api {

/// A row of the route table as the documentation shows it.
struct ListedRoute {
  net::Method method = net::Method::kGet;
  std::string path;
  std::string summary;
  net::Role role = net::Role::kAnyone;
};

/// The OpenAPI 3.1.0 document of the routes. With a model, the request bodies of /predict are
/// spelled out from its signature: one property per input with type, the categories training saw,
/// and an example; without one they stay general. With `has_auth` it says which routes want a
/// token, and how it is sent.
core::Json openapi_document(std::span<const ListedRoute> routes,
                            const serving::ModelSnapshot* snapshot, std::string_view project,
                            std::string_view version, bool has_auth);

}  // namespace tenure::api
