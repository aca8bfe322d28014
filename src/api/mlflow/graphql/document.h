#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"

// The part of GraphQL that queries are written in: operations, fields with arguments and aliases,
// variables, fragments, and the directives @skip and @include (others are ignored).
namespace tenure::api::mlflow::graphql {

/// A field that is asked for; fragments are expanded.
struct Field {
  std::string key;             ///< in the answer: the alias, or the name
  std::string name;            ///< "mlflowGetRun", "__typename"
  core::JsonObject arguments;  ///< variables replaced by their values
  std::vector<Field> fields;   ///< asked of its value; empty for a scalar

  bool asks_for(std::string_view name_of_field) const;
};

// More is refused, so that a small request cannot ask for an answer that never ends.
inline constexpr std::size_t kDepthMax = 10;
inline constexpr std::size_t kSelectionsMax = 1000;
inline constexpr std::size_t kRootFieldsMax = 10;
inline constexpr std::size_t kAliasesMax = 10;  ///< of one object

/// The root fields of the query `operation` (of the only one when that is empty). Errors:
/// kInvalidArgument with the line of a mistake; kUnimplemented for mutations and subscriptions.
core::Result<std::vector<Field>> parse_query(std::string_view text, std::string_view operation,
                                             const core::JsonObject& variables);

}  // namespace tenure::api::mlflow::graphql
