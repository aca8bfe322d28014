#pragma once

#include <string>
#include <string_view>

#include "net/http_message.h"

namespace tenure::api::mlflow {

/// A parameter of the path, percent-decoded; as it is when it cannot be.
inline std::string path_text(const net::Request& request, std::string_view name) {
  const std::string_view raw = request.path_parameter(name);
  auto decoded = net::percent_decode(raw);
  return decoded ? *std::move(decoded) : std::string(raw);
}

}  // namespace tenure::api::mlflow
