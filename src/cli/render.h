#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace tenure::cli {

/// How the answers of commands look to people. Missing members print as "-".

/// A member of an object as text; numbers with up to `digits` after the point.
std::string field(const core::Json& object, std::string_view key, int digits = 4);
std::string field(const core::JsonObject& object, std::string_view key, int digits = 4);

/// "1 row", "1,234 rows": a member that counts, and the word for one of what it counts.
std::string count_of(const core::JsonObject& object, std::string_view key, std::string_view one);

/// "1,234,567".
std::string with_thousands(std::int64_t number);

/// "key   value" lines, keys aligned.
std::string key_values(const std::vector<std::pair<std::string, std::string>>& rows);

/// A table of an array of objects: one column per (key, title).
std::string table_of(const core::JsonArray& rows,
                     const std::vector<std::pair<std::string, std::string>>& columns);

}  // namespace tenure::cli
