#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace tenure::storage {

/// Checks a key by the rules of ObjectStore; every store calls it first, so no key can leave one.
/// Errors: kInvalidArgument, saying what is wrong.
core::Result<> check_object_key(std::string_view key);

/// Checks the prefix of a listing: empty, a key, a key with '/' at its end, or the start of a key.
core::Result<> check_object_prefix(std::string_view prefix);

/// The text with all but A-Z a-z 0-9 - . _ ~ and '/' as %XX (RFC 3986).
std::string percent_encode_path(std::string_view path);

}  // namespace tenure::storage
