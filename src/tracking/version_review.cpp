#include "tracking/version_review.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "core/time_format.h"
#include "tracking/audit.h"

namespace tenure::tracking {
namespace {

constexpr std::string_view kGateTag = "tenure.promotion";
constexpr std::string_view kContextTag = "mlflow.data.context";

/// One version with its run, if that is known here.
struct Candidate {
  ModelVersion version;
  std::optional<Run> run;
  ApprovalState approval;
};

/// The rows of one section: by key, a value for each version.
using Section = std::map<std::string, std::vector<core::Json>>;

core::Json number_or_null(double value) {
  return std::isfinite(value) ? core::Json(value) : core::Json(nullptr);
}

core::Result<std::optional<Run>> run_of(RunStore& runs, const ModelVersion& version) {
  if (version.run_id.empty()) return std::optional<Run>();
  auto run = runs.get(version.run_id);
  if (run) return std::optional(*std::move(run));
  // Another server may have made the run.
  if (run.error().code == core::ErrorCode::kNotFound) return std::optional<Run>();
  return std::move(run).error();
}

core::JsonArray texts(const std::vector<std::string>& list) {
  core::JsonArray array;
  for (const std::string& text : list) array.emplace_back(text);
  return array;
}

core::JsonObject describe(const Candidate& candidate) {
  const ModelVersion& version = candidate.version;
  core::JsonObject json{{"version", version.version},
                        {"stage", version.stage},
                        {"aliases", texts(version.aliases)},
                        {"created", core::format_utc(version.created_ms * 1000)},
                        {"registered_by", version.user},
                        {"description", version.description},
                        {"source", version.source},
                        {"run_id", version.run_id},
                        {"approval", to_json(candidate.approval)}};
  if (candidate.run) {
    json["run_name"] = candidate.run->name;
    json["run_status"] = run_status_name(candidate.run->status);
    json["experiment_id"] = candidate.run->experiment_id;
  }
  return json;
}

/// Collects the rows of sections from the candidates, one column each.
class SideBySide {
 public:
  explicit SideBySide(std::size_t columns) : columns_(columns) {}

  void put(Section& section, const std::string& key, std::size_t column, core::Json value) const {
    auto [row, is_new] = section.try_emplace(key);
    if (is_new) row->second.assign(columns_, nullptr);
    row->second[column] = std::move(value);
  }

  static core::JsonArray rows(Section& section) {
    core::JsonArray rows;
    for (auto& [key, values] : section) {
      const bool differs = std::ranges::any_of(
          values, [&first = values.front()](const core::Json& value) { return value != first; });
      core::JsonArray list;
      for (core::Json& value : values) list.push_back(std::move(value));
      rows.push_back(
          core::JsonObject{{"key", key}, {"values", std::move(list)}, {"differs", differs}});
    }
    return rows;
  }

 private:
  std::size_t columns_;
};

/// Data sets by what they were for and their name; the value is the digest.
std::map<std::string, std::string> datasets_of(const Run& run) {
  std::map<std::string, std::string> datasets;
  for (const DatasetInput& input : run.inputs.datasets) {
    const auto context = input.tags.find(std::string(kContextTag));
    const std::string key = context == input.tags.end()
                                ? input.dataset.name
                                : fmt::format("{} ({})", input.dataset.name, context->second);
    std::string& digest = datasets[key];
    digest += (digest.empty() ? "" : ", ") + input.dataset.digest;
  }
  return datasets;
}

core::Result<std::vector<Candidate>> read_candidates(Registry& registry, RunStore& runs,
                                                     std::string_view name,
                                                     std::span<const std::int64_t> versions) {
  std::vector<std::int64_t> numbers;
  for (const std::int64_t number : versions)
    if (std::ranges::find(numbers, number) == numbers.end()) numbers.push_back(number);
  if (numbers.size() < 2 || numbers.size() > kComparedMax) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("expected 2 to {} different versions to compare, got {}",
                                   kComparedMax, numbers.size())};
  }
  std::vector<Candidate> candidates;
  for (const std::int64_t number : numbers) {
    auto version = registry.get_version(name, number);
    if (!version) return std::move(version).error();
    auto run = run_of(runs, *version);
    if (!run) return std::move(run).error();
    auto approval = registry.approval_of(name, number);
    if (!approval) return std::move(approval).error();
    candidates.push_back({*std::move(version), *std::move(run), *std::move(approval)});
  }
  return candidates;
}

/// What the promotion gate said of a version last, newest first in the trail.
core::Result<core::Json> gate_result(Registry& registry, const ModelVersion& version) {
  constexpr std::size_t kLookedAt = 200;
  core::JsonObject gate;
  if (const auto tag = version.tags.find(std::string(kGateTag)); tag != version.tags.end())
    gate["verdict"] = tag->second;
  auto trail = registry.audit_of_model(version.name, version.version, kLookedAt);
  if (!trail) return std::move(trail).error();
  const auto proposed = std::ranges::find(*trail, "propose", &AuditEntry::action);
  if (proposed != trail->end()) {
    gate["verdict"] = proposed->reason;
    gate["evidence"] = std::move(proposed->evidence);
  }
  return gate.empty() ? core::Json(nullptr) : core::Json(std::move(gate));
}

}  // namespace

core::Result<core::JsonObject> compare_versions(Registry& registry, RunStore& runs,
                                                std::string_view name,
                                                std::span<const std::int64_t> versions) {
  auto candidates = read_candidates(registry, runs, name, versions);
  if (!candidates) return std::move(candidates).error();
  Section attributes, params, metrics, tags, datasets;
  const SideBySide table(candidates->size());
  core::JsonArray described;
  for (std::size_t column = 0; column < candidates->size(); ++column) {
    const Candidate& candidate = (*candidates)[column];
    core::JsonObject facts = describe(candidate);
    for (const auto& [key, value] : facts) {
      if (key == "version") continue;
      table.put(attributes, key, column,
                key == "approval" ? core::Json(candidate.approval.standing()) : value);
    }
    described.push_back(std::move(facts));
    for (const auto& [key, value] : candidate.version.tags)
      table.put(tags, key, column, core::Json(value));
    if (!candidate.run) continue;
    for (const auto& [key, value] : candidate.run->params)
      table.put(params, key, column, core::Json(value));
    for (const auto& [key, metric] : candidate.run->metrics)
      table.put(metrics, key, column, number_or_null(metric.value));
    for (auto& [key, digest] : datasets_of(*candidate.run))
      table.put(datasets, key, column, core::Json(digest));
  }
  return core::JsonObject{{"model", name},
                          {"versions", std::move(described)},
                          {"attributes", SideBySide::rows(attributes)},
                          {"params", SideBySide::rows(params)},
                          {"metrics", SideBySide::rows(metrics)},
                          {"tags", SideBySide::rows(tags)},
                          {"datasets", SideBySide::rows(datasets)}};
}

core::Result<core::JsonObject> evidence_for(Registry& registry, RunStore& runs,
                                            const ModelVersion& version) {
  auto run = run_of(runs, version);
  if (!run) return std::move(run).error();
  const std::string& alias = registry.approval_policy().champion_alias;
  auto champion = registry.find_by_alias(version.name, alias);
  if (!champion) return std::move(champion).error();
  std::optional<Run> champion_run;
  core::Json champion_json = nullptr;
  if (*champion && (*champion)->version != version.version) {
    auto found = run_of(runs, **champion);
    if (!found) return std::move(found).error();
    champion_run = *std::move(found);
    champion_json = core::JsonObject{
        {"alias", alias}, {"version", (*champion)->version}, {"run_id", (*champion)->run_id}};
  }
  core::JsonArray metrics;
  if (*run) {
    for (const auto& [key, metric] : (*run)->metrics) {
      core::JsonObject row{{"key", key}, {"version", number_or_null(metric.value)}};
      const auto theirs = champion_run ? champion_run->metrics.find(key) : (*run)->metrics.end();
      if (champion_run && theirs != champion_run->metrics.end()) {
        row["champion"] = number_or_null(theirs->second.value);
        row["difference"] = number_or_null(metric.value - theirs->second.value);
      }
      metrics.push_back(std::move(row));
    }
  }
  auto gate = gate_result(registry, version);
  if (!gate) return std::move(gate).error();
  return core::JsonObject{{"run_id", version.run_id},
                          {"champion", std::move(champion_json)},
                          {"metrics", std::move(metrics)},
                          {"gate", *std::move(gate)}};
}

core::Result<core::JsonObject> decide_on_version(Registry& registry, RunStore& runs,
                                                 std::string_view name, std::int64_t version,
                                                 Decision decision, std::string_view actor,
                                                 std::string_view reason) {
  auto known = registry.get_version(name, version);
  if (!known) return std::move(known).error();
  auto evidence = evidence_for(registry, runs, *known);
  if (!evidence) return std::move(evidence).error();
  auto state = registry.decide(name, version, decision,
                               {std::string(actor), std::string(reason), *evidence});
  if (!state) return std::move(state).error();
  return core::JsonObject{{"model", name},
                          {"version", version},
                          {"decision", decision == Decision::kApprove ? "approve" : "reject"},
                          {"approval", to_json(*state)},
                          {"evidence", *std::move(evidence)}};
}

core::Result<core::JsonObject> history_of_model(Registry& registry, std::string_view name,
                                                std::optional<std::int64_t> version,
                                                std::size_t limit) {
  auto entries = registry.audit_of_model(name, version, limit);
  if (!entries) return std::move(entries).error();
  if (entries->empty()) {
    // A model or a version that another program made has no history.
    if (auto model = registry.get_model(name); !model) return std::move(model).error();
    if (version) {
      if (auto known = registry.get_version(name, *version); !known)
        return std::move(known).error();
    }
  }
  core::JsonArray list;
  for (const AuditEntry& entry : *entries) list.push_back(to_json(entry));
  return core::JsonObject{{"model", name}, {"entries", std::move(list)}};
}

core::Result<std::int64_t> find_version_number(Registry& registry, std::string_view name,
                                               std::string_view text) {
  std::int64_t number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status == std::errc{} && end == text.data() + text.size()) return number;
  const std::string_view alias = text.starts_with('@') ? text.substr(1) : text;
  auto found = registry.find_by_alias(name, alias);
  if (!found) return std::move(found).error();
  if (*found) return (*found)->version;
  if (auto model = registry.get_model(name); !model) return std::move(model).error();
  return core::Error{core::ErrorCode::kNotFound,
                     fmt::format("model '{}' has no version or alias '{}'", name, text)};
}

}  // namespace tenure::tracking
