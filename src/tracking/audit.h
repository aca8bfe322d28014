#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/registry.h"

// The audit trail: rows are added inside the transaction of the change they tell of, and never
// changed.
namespace tenure::tracking {

/// What happened to what.
struct AuditEvent {
  std::string_view action;
  std::string subject;
  std::string from;
  std::string to;
};

std::string version_subject(std::string_view model, std::int64_t version);  ///< "models/m/3"
std::string alias_subject(std::string_view model,
                          std::string_view alias);  ///< "models/m/@champion"

core::Result<> add_audit(storage::SqlExecutor& sql, core::Micros now, const AuditEvent& event,
                         const Change& change);

/// Entries of all subjects that start with `prefix`, newest first.
core::Result<std::vector<AuditEntry>> read_audit(storage::SqlExecutor& sql, std::string_view prefix,
                                                 std::size_t limit);

/// The versions an alias pointed at before its present one, oldest first, as the trail tells:
/// moves add one, a roll-back takes one away. `current` is 0 when the alias does not exist; a move
/// that left no audit row (another program made it) counts as one.
core::Result<std::vector<std::int64_t>> earlier_versions(storage::SqlExecutor& sql,
                                                         std::string_view model,
                                                         std::string_view alias,
                                                         std::int64_t current);

}  // namespace tenure::tracking
