#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tenure::storage {

/// A statement in the form PostgreSQL prepares.
struct PostgresqlStatement {
  std::string text;
  std::size_t parameter_count = 0;
};

/// Writes `:name` as `$1`, `$2`, ... by first appearance; a name used again keeps its number, and
/// each
/// `?` gets one of its own. What stands in quotes, comments or dollar quotes stays, and so do `::`
/// casts.
PostgresqlStatement number_parameters(std::string_view sql);

}  // namespace tenure::storage
