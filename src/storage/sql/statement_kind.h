#pragma once

#include <string_view>

namespace tenure::storage {

/// What a statement does, told by its first word.
enum class StatementKind {
  kReads,  ///< SELECT, VALUES, EXPLAIN, SHOW, and WITH that changes nothing
  kWrites,
  kStandsAlone,  ///< what no transaction may hold, or what steers one: VACUUM, PRAGMA, BEGIN, ...
};

StatementKind kind_of_statement(std::string_view sql);

}  // namespace tenure::storage
