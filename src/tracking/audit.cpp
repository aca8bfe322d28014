#include "tracking/audit.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "core/time_format.h"
#include "tracking/registry_writes.h"

namespace tenure::tracking {
namespace {

std::int64_t to_version(const std::string& text) {
  std::int64_t version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

/// Of UTF-8 text, as SQL counts.
std::int64_t characters_of(std::string_view text) {
  return std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

core::Result<std::vector<AuditEntry>> query_audit(storage::SqlExecutor& sql,
                                                  std::string_view condition,
                                                  std::vector<storage::SqlValue> parameters,
                                                  std::size_t limit) {
  parameters.emplace_back(static_cast<std::int64_t>(std::min<std::size_t>(limit, 1'000'000'000)));
  auto rows = sql.query(
      fmt::format("SELECT id, time, actor, action, subject, old_value, new_value, reason, evidence "
                  "FROM tenure_audit WHERE {} ORDER BY id DESC LIMIT :limit",
                  condition),
      parameters);
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
  return query_audit(sql,
                     "substr(subject, 1, length(CAST(:prefix AS VARCHAR))) = CAST(:prefix AS "
                     "VARCHAR)",
                     {std::string(prefix)}, limit);
}

core::Result<std::vector<NameSpan>> names_of_model(storage::SqlExecutor& sql,
                                                   std::string_view name) {
  std::vector<NameSpan> names{{.name = std::string(name)}};
  for (;;) {
    NameSpan& span = names.back();
    // The newest rows that begin or end a model of this name.
    auto rows = sql.query(
        "SELECT id, action, old_value, new_value FROM tenure_audit WHERE subject = :subject AND "
        "action IN ('create_model', 'delete_model', 'rename') AND (id < :end OR :end = 0) ORDER BY "
        "id DESC LIMIT 2",
        {model_subject(span.name), span.end_id});
    if (!rows) return std::move(rows).error();
    auto row = rows->begin();
    // The end of an earlier name is the row with which it was renamed away.
    if (names.size() > 1 && row != rows->end()) {
      span.end_id = row->integer(0);
      ++row;
    }
    if (row == rows->end()) return names;
    span.first_id = row->integer(0);
    const bool came_by_renaming = row->text(1) == "rename" && row->text(3) == span.name;
    if (!came_by_renaming) return names;
    const std::int64_t end = span.first_id;
    names.push_back({.name = row->text(2), .end_id = end});
  }
}

std::string condition_on(const std::vector<NameSpan>& names,
                         const std::function<std::string(std::string_view)>& subject_of,
                         std::vector<storage::SqlValue>& parameters) {
  std::string condition;
  for (std::size_t i = 0; i < names.size(); ++i) {
    condition += fmt::format("{}(subject = :subject{}", i == 0 ? "(" : " OR ", i);
    parameters.emplace_back(subject_of(names[i].name));
    condition += fmt::format(" AND id >= :first{}", i);
    parameters.emplace_back(names[i].first_id);
    if (names[i].end_id != 0) {
      condition += fmt::format(" AND id < :end{}", i);
      parameters.emplace_back(names[i].end_id);
    }
    condition += ')';
  }
  return condition + ')';
}

core::Result<std::vector<AuditEntry>> read_audit_of_model(storage::SqlExecutor& sql,
                                                          std::string_view name,
                                                          std::optional<std::int64_t> version,
                                                          std::size_t limit) {
  auto names = names_of_model(sql, name);
  if (!names) return std::move(names).error();
  std::vector<storage::SqlValue> parameters;
  std::string condition;
  if (version) {
    condition = condition_on(
        *names, [&](std::string_view each) { return version_subject(each, *version); }, parameters);
  } else {
    for (std::size_t i = 0; i < names->size(); ++i) {
      const NameSpan& span = (*names)[i];
      const std::string prefix = model_subject(span.name);
      condition += fmt::format("{}(substr(subject, 1, {}) = CAST(:prefix{} AS VARCHAR)",
                               i == 0 ? "" : " OR ", characters_of(prefix), i);
      parameters.emplace_back(prefix);
      if (span.end_id != 0) {
        condition += fmt::format(" AND id <= :end{}", i);
        parameters.emplace_back(span.end_id);
      }
      condition += ')';
    }
  }
  return query_audit(sql, condition, std::move(parameters), limit);
}

core::JsonObject to_json(const AuditEntry& entry) {
  return {{"id", entry.id},
          {"time", core::format_utc(entry.time)},
          {"actor", entry.actor},
          {"action", entry.action},
          {"subject", entry.subject},
          {"from", entry.from},
          {"to", entry.to},
          {"reason", entry.reason},
          {"evidence", entry.evidence}};
}

core::Result<std::vector<std::int64_t>> earlier_versions(storage::SqlExecutor& sql,
                                                         std::string_view model,
                                                         std::string_view alias,
                                                         std::int64_t current) {
  auto names = names_of_model(sql, model);
  if (!names) return std::move(names).error();
  std::vector<storage::SqlValue> parameters;
  const std::string condition = condition_on(
      *names, [&](std::string_view name) { return alias_subject(name, alias); }, parameters);
  auto rows = sql.query(
      fmt::format("SELECT action, old_value, new_value FROM tenure_audit WHERE {} ORDER BY id",
                  condition),
      parameters);
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
