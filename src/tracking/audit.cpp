#include "tracking/audit.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace tenure::tracking {
namespace {

std::int64_t to_version(const std::string& text) {
  std::int64_t version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

}  // namespace

std::string version_subject(std::string_view model, std::int64_t version) {
  return fmt::format("models/{}/{}", model, version);
}

std::string alias_subject(std::string_view model, std::string_view alias) {
  return fmt::format("models/{}/@{}", model, alias);
}

core::Result<> add_audit(storage::SqlExecutor& sql, core::Micros now, const AuditEvent& event,
                         const Change& change) {
  storage::SqlValue evidence = nullptr;
  if (!change.evidence.is_null()) evidence = core::to_text(change.evidence);
  auto added = sql.execute(
      "INSERT INTO tenure_audit (time, actor, action, subject, old_value, new_value, reason, "
      "evidence) VALUES (:time, :actor, :action, :subject, :old, :new, :reason, :evidence)",
      {now, change.actor, std::string(event.action), event.subject, event.from, event.to,
       change.reason, std::move(evidence)});
  if (!added) return std::move(added).error().within("audit trail");
  return {};
}

core::Result<std::vector<AuditEntry>> read_audit(storage::SqlExecutor& sql, std::string_view prefix,
                                                 std::size_t limit) {
  auto rows = sql.query(
      "SELECT id, time, actor, action, subject, old_value, new_value, reason, evidence FROM "
      "tenure_audit WHERE substr(subject, 1, length(CAST(:prefix AS VARCHAR))) = "
      "CAST(:prefix AS VARCHAR) ORDER BY id DESC LIMIT :limit",
      {std::string(prefix),
       static_cast<std::int64_t>(std::min<std::size_t>(limit, 1'000'000'000))});
  if (!rows) return std::move(rows).error();
  std::vector<AuditEntry> entries;
  entries.reserve(rows->size());
  for (const storage::SqlRow& row : *rows) {
    AuditEntry entry{row.integer(0), row.integer(1), row.text(2), row.text(3), row.text(4),
                     row.text(5),    row.text(6),    row.text(7), nullptr};
    if (!row.is_null(8)) {
      auto evidence = core::parse_json(row.text(8));
      if (!evidence) {
        return core::Error{
            core::ErrorCode::kCorruption,
            fmt::format("tenure_audit row {}: evidence: {}", entry.id, evidence.error().message)};
      }
      entry.evidence = std::move(*evidence);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

core::Result<std::vector<std::int64_t>> earlier_versions(storage::SqlExecutor& sql,
                                                         std::string_view model,
                                                         std::string_view alias,
                                                         std::int64_t current) {
  auto rows = sql.query(
      "SELECT action, old_value, new_value FROM tenure_audit WHERE subject = :subject ORDER BY id",
      {alias_subject(model, alias)});
  if (!rows) return std::move(rows).error();
  std::vector<std::int64_t> earlier;
  std::int64_t last = 0;  // where the trail says the alias points
  const auto moved_from = [&](std::int64_t version) {
    if (version != 0) earlier.push_back(version);
  };
  for (const storage::SqlRow& row : *rows) {
    const std::int64_t from = to_version(row.text(1));
    const std::int64_t to = to_version(row.text(2));
    if (last != from) moved_from(last);
    if (row.text(0) == "roll_back") {
      // It went to an earlier version; those after it are forgotten.
      const auto target = std::find(earlier.rbegin(), earlier.rend(), to);
      if (target != earlier.rend()) earlier.erase(target.base() - 1, earlier.end());
    } else {
      moved_from(from);
    }
    last = to;
  }
  if (last != current) moved_from(last);
  return earlier;
}

}  // namespace tenure::tracking
