#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/json.h"
#include "core/result.h"

// Page tokens are base64 of JSON (mlflow.md §9.1).
namespace tenure::tracking {

/// Base64 of {"offset": N}, byte for byte as MLflow writes it.
std::string page_token(std::int64_t offset);

/// The offset of a token, 0 for an empty one. Errors: kInvalidArgument in MLflow's words.
core::Result<std::int64_t> read_page_token(std::string_view token);

/// Any JSON as a token.
std::string encode_token(std::string_view json);
core::Result<core::Json> decode_token(std::string_view token);

}  // namespace tenure::tracking
