#pragma once

#include <functional>
#include <optional>
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

/// One name that a model had: from the row of the trail that begins it to the one that ends it.
struct NameSpan {
  std::string name;
  std::int64_t first_id = 0;  ///< of the row that made the model or gave it this name; 0 = none
  std::int64_t end_id = 0;    ///< rows from here on are not about this model; 0 = to the end
};

/// The names of the model that is called `name` now, newest first: renaming moves its history
/// along. A model that was deleted or renamed away earlier, and had the name, is not part of it.
core::Result<std::vector<NameSpan>> names_of_model(storage::SqlExecutor& sql,
                                                   std::string_view name);

/// A condition on tenure_audit for one subject under every name of a model: `subject_of(name)`
/// within each span. Adds its parameters.
std::string condition_on(const std::vector<NameSpan>& names,
                         const std::function<std::string(std::string_view)>& subject_of,
                         std::vector<storage::SqlValue>& parameters);

/// Entries about a model or one of its versions, under its earlier names, too, and with what an
/// earlier model of the present name left behind.
core::Result<std::vector<AuditEntry>> read_audit_of_model(storage::SqlExecutor& sql,
                                                          std::string_view name,
                                                          std::optional<std::int64_t> version,
                                                          std::size_t limit);

/// {"id", "time", "actor", "action", "subject", "from", "to", "reason", "evidence"}; the time as
/// RFC 3339 text.
core::JsonObject to_json(const AuditEntry& entry);

/// The versions an alias pointed at before its present one, oldest first, as the trail tells:
/// moves add one, a roll-back takes one away. `current` is 0 when the alias does not exist; a move
/// that left no audit row (another program made it) counts as one.
core::Result<std::vector<std::int64_t>> earlier_versions(storage::SqlExecutor& sql,
                                                         std::string_view model,
                                                         std::string_view alias,
                                                         std::int64_t current);

}  // namespace tenure::tracking
